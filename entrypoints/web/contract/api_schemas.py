"""The JSON Schemas of what the API takes and answers, from the types its handlers are written with."""

from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode
from pydantic_core import CoreSchema, core_schema

from application.scheduling.documents import Document
from entrypoints.web.contract.operations import Answer, Operation
from entrypoints.web.contract.problem_documents import ProblemDocument
from entrypoints.web.requests.bodies import RequestBody

PLACE = "#/components/schemas/"
_NULL = {"type": "null"}


class _WithoutTitles(GenerateJsonSchema):
    """A field's title would be its name over again."""

    def field_title_should_be_set(
        self,
        schema: core_schema.ModelField  # noqa: ARG002 - the signature is pydantic's
        | core_schema.DataclassField
        | core_schema.TypedDictField
        | CoreSchema,
    ) -> bool:
        return False


@dataclass(frozen=True, slots=True)
class Schemas:
    """The named schemas, and which of them stands for what."""

    PROBLEM: ClassVar[Document] = {"$ref": f"{PLACE}{ProblemDocument.__name__}"}

    components: Document
    _of: dict[tuple[Any, JsonSchemaMode], Any]

    @classmethod
    def of(cls, operations: Iterable[Operation]) -> Self:
        """The schemas of everything these operations take and answer."""
        known = list(operations)
        bodies = [each.body for each in known if each.body is not None]
        wanted: dict[tuple[Any, JsonSchemaMode], TypeAdapter[Any]] = {
            (body.model, "validation"): TypeAdapter(body.model) for body in bodies
        }
        answered = {answer.document for each in known for answer in each.answers}
        for document in sorted(answered - {None, str} | {ProblemDocument}, key=lambda each: str(each.__name__)):
            wanted[document, "serialization"] = TypeAdapter(document)
        inputs = [(key, key[1], adapter) for key, adapter in wanted.items()]
        found, definitions = TypeAdapter.json_schemas(
            inputs, ref_template=f"{PLACE}{{model}}", schema_generator=_WithoutTitles
        )
        components = definitions["$defs"]
        for body in bodies:
            if body.is_partial:
                components[_partial_name(body)] = _partial(components[body.model.__name__])
        return cls(components, {key: found[key, key[1]] for key in wanted})

    def of_body(self, body: RequestBody[Any]) -> Any:
        """What a body has to be."""
        return {"$ref": f"{PLACE}{_partial_name(body)}"} if body.is_partial else self._of[body.model, "validation"]

    def of_answer(self, answer: Answer) -> Any:
        """What an answer is; a mere text is `str`."""
        return {"type": "string"} if answer.document is str else self._of[answer.document, "serialization"]


def _partial_name(body: RequestBody[Any]) -> str:
    return f"{body.model.__name__}Patch"


def _partial(whole: Document) -> Document:
    """The schema with every field one that may be missing, or null, which takes its value away."""
    part = deepcopy(whole)
    part.pop("required", None)
    for name, told in part["properties"].items():
        told.pop("default", None)
        if _NULL not in told.get("anyOf", ()):
            part["properties"][name] = {"anyOf": [told, _NULL]}
    return part
