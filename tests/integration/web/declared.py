"""What the API's description promises of its answers, held against every answer a test gets."""

import json
import re
from collections.abc import Mapping
from copy import deepcopy
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from application.scheduling.documents import Document
from entrypoints.web.contract.openapi import openapi_document
from entrypoints.web.routes import ROUTES

PLACE = "urn:api"


def check_declared(prefix: str, method: str, asked_path: str, status: int, content_type: str, text: str) -> None:
    """Fail if the API may not answer this; addresses and methods beside its description are not its business."""
    found = _operation(prefix, method, asked_path)
    if found is None:
        return
    path, operation = found
    asked = f"{method} {path} -> {status} {content_type}"
    assert str(status) in operation["responses"], f"{asked}: this status is not declared: {text[:500]}"
    content = operation["responses"][str(status)].get("content", {})
    assert (content_type in content) if text else not content, f"{asked}: this content is not declared: {text[:500]}"
    if content_type.endswith("json"):
        keys = ("paths", path, method.lower(), "responses", str(status), "content", content_type, "schema")
        faults = [
            f"{error.json_path}: {error.message}" for error in _validator(prefix, keys).iter_errors(json.loads(text))
        ]
        assert not faults, f"{asked}: {faults[:5]}"


def _operation(prefix: str, method: str, asked_path: str) -> tuple[str, Document] | None:
    for pattern, path in _patterns(prefix):
        if pattern.fullmatch(asked_path):
            operation: Document | None = _closed(prefix)["paths"][path].get(method.lower())
            return None if operation is None else (path, operation)
    return None


@cache
def _patterns(prefix: str) -> list[tuple[re.Pattern[str], str]]:
    """Each path as a pattern, those without parameters first, as the router has it."""
    paths = sorted(_closed(prefix)["paths"], key=lambda path: path.count("{"))
    return [(re.compile(prefix + re.sub(r"\\\{[^}]*\\\}|\{[^}]*\}", "[^/]+", re.escape(path))), path) for path in paths]


@cache
def _closed(prefix: str) -> Document:
    """The description with every object closed, so that a member nobody has declared is found."""
    document = deepcopy(openapi_document(ROUTES, prefix))
    for schema in document["components"]["schemas"].values():
        if "properties" in schema:
            schema.setdefault("additionalProperties", False)
    return document


@cache
def _validator(prefix: str, keys: tuple[str, ...]) -> Draft202012Validator:
    resource: Resource[Mapping[str, Any]] = Resource.from_contents(_closed(prefix), default_specification=DRAFT202012)
    registry: Registry[Any] = Registry().with_resource(PLACE, resource)
    pointer = "/".join(key.replace("~", "~0").replace("/", "~1") for key in keys)
    return Draft202012Validator({"$ref": f"{PLACE}#/{pointer}"}, registry=registry)
