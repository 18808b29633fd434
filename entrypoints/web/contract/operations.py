"""What an endpoint of the API is: what it takes and what it may answer, declared once, at its handler.

`operation` makes one of a handler. The query is checked by what it declares, bodies are read by the models it names,
and the OpenAPI document and the page of the API are made from it. Where it lies and what it asks of its caller stands
in the route table.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from entrypoints.web.requests.bodies import RequestBody
from entrypoints.web.requests.parameters import QUERY, Parameter, Query

JSON = "application/json"
# What follows from the rest: no operation repeats it.
_ALWAYS = ("bad_request", "bad_parameter", "wrong_host", "store_unavailable", "internal_error")
_NOT_PUBLIC = ("unauthenticated", "forbidden")
_OF_CHANGES = ("cross_site", "too_large", "request_timeout", "wrong_content_type")
_OF_BODIES = ("malformed_json", "invalid_input")
_OF_KEYS = ("bad_header", "idempotency_key_in_flight", "idempotency_key_reused")
_OF_CONDITIONS = ("bad_header", "stale_version", "task_changed")
_OF_PATHS = {
    "{": ("not_found",),
    "{task_id}": ("task_not_found", "task_unreadable"),
    "{execution_id}": ("execution_not_found",),
    "{version}": ("version_not_found",),
    "{name}": ("user_not_found",),
    "{token_id}": ("token_not_found",),
}


@dataclass(frozen=True, slots=True)
class Answer:
    """A good answer: its status, what it means, and the type of its document (None: it has no body).

    `headers` names those it may have. What is no JSON has another `content_type`; a mere text is the document `str`.
    """

    status: int
    meaning: str
    document: Any = None
    headers: tuple[str, ...] = ()
    content_type: str = JSON


@dataclass(frozen=True, slots=True, eq=False)
class Operation:
    """A handler with its declaration; the server calls it as any other handler.

    `is_keyed` takes Idempotency-Key, `is_conditional` takes If-Match. `problems` are kinds of the catalogue that do not
    follow from anything else here.
    """

    handler: Handler
    summary: str
    answers: tuple[Answer, ...]
    query: tuple[Parameter[Any], ...]
    body: RequestBody[Any] | None
    is_keyed: bool
    is_conditional: bool
    problems: tuple[str, ...]

    @property
    def name(self) -> str:
        """Its id among the operations: the name of its handler."""
        return self.handler.__name__

    @property
    def description(self) -> str:
        """What its handler says of itself."""
        return " ".join((self.handler.__doc__ or "").split())

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        """Answer a request whose query is as declared. Raises RequestError `bad_parameter`."""
        request[QUERY] = Query(request, *(each.name for each in self.query))
        return await self.handler(request)

    def problems_at(self, *, method: str, path: str, is_public: bool) -> Iterator[str]:
        """Every kind of problem it may answer with; some come more than once."""
        yield from _ALWAYS
        yield from self.problems
        yield from () if is_public else _NOT_PUBLIC
        yield from () if method == "GET" else _OF_CHANGES
        yield from _OF_BODIES if self.body else ()
        yield from _OF_KEYS if self.is_keyed else ()
        yield from _OF_CONDITIONS if self.is_conditional else ()
        for part, kinds in _OF_PATHS.items():
            yield from kinds if part in path else ()


def operation(
    summary: str,
    *answers: Answer,
    query: tuple[Parameter[Any], ...] = (),
    body: RequestBody[Any] | None = None,
    is_keyed: bool = False,
    is_conditional: bool = False,
    problems: tuple[str, ...] = (),
) -> Callable[[Handler], Operation]:
    """Declare what a handler takes and answers."""

    def declared(handler: Handler) -> Operation:
        return Operation(handler, summary, answers, query, body, is_keyed, is_conditional, problems)

    return declared


def ok(document: Any, meaning: str, *headers: str) -> Answer:
    """200 with a document."""
    return Answer(200, meaning, document, headers)


def created(document: Any, meaning: str, *headers: str) -> Answer:
    """201 with a document; Location says where it is from now on."""
    return Answer(201, meaning, document, ("Location", *headers))


def accepted(document: Any, meaning: str) -> Answer:
    """202 with a document; Location says where to follow what was begun."""
    return Answer(202, meaning, document, ("Location", "Idempotency-Replayed"))


def nothing(meaning: str) -> Answer:
    """204: it is done, and there is nothing to tell."""
    return Answer(204, meaning)
