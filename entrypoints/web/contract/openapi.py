"""The API as an OpenAPI 3.1 document, made from the route table and the types of its bodies and answers.

JSON Schema 2020-12, which pydantic writes, is the dialect of OpenAPI 3.1: schemas go in as they are.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import groupby
from operator import attrgetter
from typing import Any

from application.scheduling.documents import Document
from entrypoints.web.catalogue import KINDS
from entrypoints.web.contract.api_schemas import Schemas
from entrypoints.web.contract.operations import Answer, Operation
from entrypoints.web.doors.access import Permission
from entrypoints.web.doors.cookies import NAME as SESSION_COOKIE
from entrypoints.web.requests.parameters import Parameter
from entrypoints.web.route import Route

API = "/api/"
NO_REQUEST = 400
VERSION = "1"
PROBLEM = "application/problem+json"
INTRODUCTION = (
    "Tasks are scheduled by cron expressions, intervals or single instants; their runs are executions. Instants are "
    "RFC 3339 in UTC, durations ISO 8601, lists come in pages with opaque cursors. A refusal is a problem (RFC 9457) "
    "whose `type` ends in its kind. Changes take an Idempotency-Key, under which asking twice counts once, and edits "
    "If-Match with the ETag of what was read."
)
GROUPS = {
    "scheduled-tasks": "Tasks",
    "executions": "Executions",
    "dead-letters": "Executions",
    "users": "People and tokens",
    "tokens": "People and tokens",
    "me": "People and tokens",
}
OTHER_GROUP = "The scheduler"
PATH_PARAMETERS = {
    "task_id": "The id of a task, not its name.",
    "execution_id": "The id of an execution.",
    "version": "The number of a version.",
    "name": "The name of a user.",
    "token_id": "The id of a token.",
}
HEADERS = {
    "ETag": "The version of the task, as an entity tag.",
    "Location": "Where to find what was made.",
    "Idempotency-Replayed": "`true`: the request had been carried out before, under the same Idempotency-Key.",
    "Retry-After": "After how many seconds to ask again.",
    "WWW-Authenticate": "What would be taken: a bearer token.",
}
HEADERS_OF_PROBLEMS = {401: ("WWW-Authenticate",), 412: ("ETag",), 429: ("Retry-After",), 503: ("Retry-After",)}
KEY_PARAMETER = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Names the request for ever: sent again, it is answered as before and does nothing.",
    "schema": {"type": "string", "pattern": "^[\\x20-\\x7e]{1,200}$"},
}
CONDITION_PARAMETER = {
    "name": "If-Match",
    "in": "header",
    "description": "The ETag of what was read: the change is refused if there is another version by now.",
    "schema": {"type": "string", "pattern": '^("[0-9]{1,18}"|\\*)$'},
}
SECURITY_SCHEMES = {
    "token": {"type": "http", "scheme": "bearer", "description": "A token of a user, or of the installation."},
    "session": {"type": "apiKey", "in": "cookie", "name": SESSION_COOKIE, "description": "The session of the pages."},
}


_IN_PATH = re.compile(r"\{([a-z_]+)\}")


def operations_of(table: Iterable[Route]) -> Iterator[tuple[Route, Operation]]:
    """The lines of the table that are the API's, with what their handlers declare."""
    for route in table:
        if isinstance(route.handler, Operation) and route.path.startswith(API):
            yield route, route.handler


def group_of(route: Route) -> str:
    """Under which heading an endpoint stands."""
    return GROUPS.get(route.path.removeprefix(API).split("/")[0].split(":")[0], OTHER_GROUP)


@cache
def openapi_document(table: tuple[Route, ...], prefix: str) -> Document:
    """The description of the API beneath `prefix`; it is made once and must not be changed."""
    described = list(operations_of(table))
    schemas = Schemas.of(operation for _, operation in described)
    paths: dict[str, Document] = {}
    rows: Counter[str] = Counter()
    for route, operation in described:
        rows[operation.name] += 1
        document = _operation(route, operation, schemas)
        if rows[operation.name] > 1:
            # An operation that has another address as well needs an id for each.
            document["operationId"] += f"_{rows[operation.name]}"
        paths.setdefault(route.path, {})[route.method.lower()] = document
    used = {group_of(route) for route, _ in described}
    groups = [group for group in dict.fromkeys((*GROUPS.values(), OTHER_GROUP)) if group in used]
    return {
        "openapi": "3.1.0",
        "info": {"title": "PeachPie scheduler", "version": VERSION, "description": INTRODUCTION},
        "servers": [{"url": prefix, "description": "This server."}],
        "tags": [{"name": group} for group in groups],
        "security": [{name: []} for name in SECURITY_SCHEMES],
        "paths": paths,
        "components": {"schemas": schemas.components, "securitySchemes": SECURITY_SCHEMES},
    }


def _operation(route: Route, operation: Operation, schemas: Schemas) -> Document:
    document: Document = {
        "operationId": operation.name,
        "summary": operation.summary,
        "description": operation.description,
        "tags": [group_of(route)],
        "parameters": list(_parameters(route, operation)),
        "responses": _responses(route, operation, schemas),
        "x-permission": route.permission.value,
    }
    if route.by_action:
        document["x-permission-by-action"] = {
            action: permission.value for action, permission in route.by_action.items()
        }
    if operation.body is not None:
        content = {
            "schema": schemas.of_body(operation.body),
            "examples": {name: {"value": value} for name, value in operation.body.examples.items()},
        }
        types = sorted(operation.body.types)
        document["requestBody"] = {
            "required": operation.body.is_required,
            "content": dict.fromkeys(types, content),
        }
    return document


def _parameters(route: Route, operation: Operation) -> Iterator[Document]:
    for name in _IN_PATH.findall(route.path):
        schema = {"type": "string", "minLength": 1}
        yield {"name": name, "in": "path", "required": True, "description": PATH_PARAMETERS[name], "schema": schema}
    for parameter in operation.query:
        yield _query_parameter(parameter)
    if operation.is_keyed:
        yield KEY_PARAMETER
    if operation.is_conditional:
        yield CONDITION_PARAMETER


def _query_parameter(parameter: Parameter[Any]) -> Document:
    told: Document = {
        "name": parameter.name,
        "in": "query",
        "required": parameter.is_required,
        "description": parameter.description,
        "schema": parameter.schema,
    }
    # Several values stand in one parameter, commas between them.
    return told | ({"style": "form", "explode": False} if parameter.schema["type"] == "array" else {})


def _responses(route: Route, operation: Operation, schemas: Schemas) -> Document:
    answers: dict[int, Document] = {}
    for status, same in groupby(sorted(operation.answers, key=attrgetter("status")), key=attrgetter("status")):
        answers[status] = _good(list(same), schemas)
    is_public = route.permission is Permission.PUBLIC
    kinds = set(operation.problems_at(method=route.method, path=route.path, is_public=is_public))
    for status in sorted({KINDS[kind].status for kind in kinds}):
        refusal = _refusal(status, [kind for kind in KINDS if kind in kinds and KINDS[kind].status == status])
        good = answers.get(status, {"content": {}})
        answers[status] = {**refusal, **good, "content": {**good["content"], **refusal["content"]}}
    return {str(status): answer for status, answer in answers.items()}


def _good(answers: list[Answer], schemas: Schemas) -> Document:
    """What is answered under one status: one meaning, but perhaps in several types of content."""
    content = {each.content_type: {"schema": schemas.of_answer(each)} for each in answers if each.document is not None}
    headers = {name: _header(name) for each in answers for name in each.headers}
    return {"description": " ".join(dict.fromkeys(each.meaning for each in answers)), "headers": headers} | (
        {"content": content} if content else {}
    )


def _refusal(status: int, kinds: list[str]) -> Document:
    """The problems under one status; which kinds there are is part of the schema."""
    known = f"/problems/({'|'.join(kinds)})$"
    # What is no HTTP at all is refused before anything is known of its address.
    named = {"type": "string", "pattern": f"^about:blank$|{known}" if status == NO_REQUEST else known}
    schema = {"allOf": [Schemas.PROBLEM, {"properties": {"type": named, "status": {"const": status}}}]}
    return {
        "description": " ".join(f"`{kind}`: {KINDS[kind].title}." for kind in kinds),
        "headers": {name: _header(name) for name in HEADERS_OF_PROBLEMS.get(status, ())},
        "content": {PROBLEM: {"schema": schema}},
    }


def _header(name: str) -> Document:
    return {"description": HEADERS[name], "schema": {"type": "string"}}
