"""The page of the API: each endpoint with what it takes and answers, told from its OpenAPI document."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from aiohttp import web

from application.scheduling import json_text
from application.scheduling.documents import Document
from entrypoints.web.catalogue import KINDS
from entrypoints.web.contract.api_schemas import PLACE
from entrypoints.web.contract.openapi import PROBLEM, openapi_document
from entrypoints.web.contract.operations import JSON
from entrypoints.web.keys import SETTINGS
from entrypoints.web.rendering import render
from entrypoints.web.requests.parameters import Query
from entrypoints.web.route import TABLE
from entrypoints.web.words.terminal import curl_call

_NAMES = {"string": "text", "integer": "whole number", "boolean": "true or false", "array": "list", "null": "null"}
_LIMITS = {"format": "({})", "minimum": "from {}", "maximum": "to {}", "maxLength": "of at most {} characters"}


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of what a type is called; `shape` names the shape it leads to."""

    text: str
    shape: str | None = None


@dataclass(frozen=True, slots=True)
class Field:
    """A member of a document, or a parameter of an endpoint; `place` says where a parameter stands."""

    name: str
    kind: tuple[Part, ...]
    is_required: bool
    description: str
    place: str = ""


@dataclass(frozen=True, slots=True)
class Shape:
    """A kind of document, or an enumeration, which has no fields."""

    name: str
    description: str
    kind: tuple[Part, ...]
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Answered:
    """What may be answered under one status."""

    status: str
    description: str
    kind: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One endpoint."""

    method: str
    path: str
    told: Document
    parameters: tuple[Field, ...]
    body: tuple[Part, ...]
    example: Any
    answers: tuple[Answered, ...]
    problems: tuple[tuple[str, tuple[str, ...]], ...]
    """The kinds of problems by their status, where a status has nothing else."""


async def api(request: web.Request) -> web.Response:
    """Every endpoint, by group; the shapes of their documents behind them."""
    Query(request)
    document = openapi_document(request.app[TABLE], request.app[SETTINGS].prefix)
    context = {
        "document": document,
        "groups": endpoints_of(request.app[TABLE], request.app[SETTINGS].prefix),
        "kinds": KINDS,
        "shapes": [_shape(name, schema) for name, schema in sorted(document["components"]["schemas"].items())],
        "curl_of": lambda each: curl_call(request, each.method, each.path, each.example),
    }
    return render(request, "api.html", context)


@cache
def endpoints_of(table: Any, prefix: str) -> dict[str, list[Endpoint]]:
    """The endpoints by the names of their groups, each in the order of the table."""
    document = openapi_document(table, prefix)
    groups: dict[str, list[Endpoint]] = {tag["name"]: [] for tag in document["tags"]}
    for path, methods in document["paths"].items():
        for method, told in methods.items():
            groups[told["tags"][0]].append(_endpoint(method.upper(), path, told))
    return groups


def _endpoint(method: str, path: str, told: Document) -> Endpoint:
    body = _first(told.get("requestBody", {}).get("content", {}))
    example = _first(body.get("examples", {})).get("value")
    return Endpoint(
        method=method,
        path=path,
        told=told,
        parameters=tuple(_parameter(each) for each in told["parameters"]),
        body=tuple(_kind(body["schema"])) if body else (),
        example=example,
        answers=tuple(_answered(status, each) for status, each in told["responses"].items() if not _is_problem(each)),
        problems=tuple(
            # The description of a problem has each kind in such quotes, with its title behind.
            (status, tuple(each["description"].split("`")[1::2]))
            for status, each in told["responses"].items()
            if _is_problem(each)
        ),
    )


def _is_problem(answer: Document) -> bool:
    return list(answer.get("content", ())) == [PROBLEM]


def _first(of: Mapping[str, Document]) -> Document:
    """The first of several, whatever it is called; nothing of nothing."""
    return next(iter(of.values()), {})


def _parameter(told: Document) -> Field:
    return Field(
        told["name"], tuple(_kind(told["schema"])), told.get("required", False), told["description"], told["in"]
    )


def _answered(status: str, told: Document) -> Answered:
    content = told.get("content", {})
    if JSON in content:
        return Answered(status, told["description"], tuple(_kind(content[JSON]["schema"])))
    other = [name for name in content if name != PROBLEM]
    return Answered(status, told["description"], (Part(", ".join(other)),) if other else ())


def _shape(name: str, schema: Document) -> Shape:
    required = schema.get("required", ())
    fields = tuple(
        Field(field, tuple(_kind(each)), field in required, each.get("description", ""))
        for field, each in schema.get("properties", {}).items()
    )
    return Shape(name, schema.get("description", ""), () if fields else tuple(_kind(schema)), fields)


def _kind(schema: Document) -> Iterator[Part]:
    """What a type is called, in pieces."""
    if "$ref" in schema:
        name = schema["$ref"].removeprefix(PLACE)
        yield Part(name, name)
    elif "anyOf" in schema:
        for number, alternative in enumerate(schema["anyOf"]):
            yield from (Part(" or "),) if number else ()
            yield from _kind(alternative)
    elif "items" in schema:
        yield Part("list of ")
        yield from _kind(schema["items"])
    else:
        yield Part(_plain(schema))


def _plain(schema: Document) -> str:
    if "enum" in schema:
        return ", ".join(f"“{each}”" for each in schema["enum"])
    if "const" in schema:
        return f"“{schema['const']}”"
    kind = str(schema.get("type", "anything"))
    limits = [said.format(schema[key]) for key, said in _LIMITS.items() if key in schema]
    otherwise = f"; otherwise {json_text.write(schema['default'])}" if "default" in schema else ""
    return " ".join([_NAMES.get(kind, kind), *limits]) + otherwise
