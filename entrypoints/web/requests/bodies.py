"""The bodies of requests: bounded, of the type they say they are, and read by the one JSON reader.

A body that is compressed is refused unread, so that nothing small can become large in here.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Any, Generic, Literal, TypeVar
from urllib.parse import parse_qsl

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from application.scheduling import json_text
from application.scheduling.drafts import Instant, Payload, Reason, faults_of
from domain.errors import DomainError, InvalidInputError
from domain.scheduling.policy import Misfire
from domain.scheduling.task import PauseMode
from entrypoints.web.requests.errors import RequestError

BODY_BYTES_MAX = json_text.BYTES_MAX
BODY_SECONDS_MAX = 10
FORM_FIELDS_MAX = 20
JSON_TYPES = frozenset({"application/json"})
PATCH_TYPES = frozenset({"application/json", "application/merge-patch+json"})
FORM_TYPES = frozenset({"application/x-www-form-urlencoded"})
_STRICT = ConfigDict(extra="forbid", strict=True)
Body = TypeVar("Body", bound=BaseModel)
Choice = TypeVar("Choice", bound=StrEnum)
OneOf = Annotated[Choice, Field(strict=False)]
"""A value of an enumeration in a strict body: JSON has only its text."""


class ReasonBody(BaseModel):
    """Why something is asked for."""

    model_config = _STRICT
    reason: Reason = ""


class PauseBody(ReasonBody):
    """What may be said about a pause; what is left out stays as it is, and `until: null` takes an end away."""

    until: Instant | None = None
    mode: OneOf[PauseMode] = PauseMode.DRAIN


class ResumeBody(ReasonBody):
    """What becomes of the occurrences a pause has passed over."""

    missed: OneOf[Misfire] = Misfire.SKIP


class RunBody(ReasonBody):
    """How a manual run differs from the scheduled ones."""

    payload: Payload = None
    overlap: Literal["allow"] | None = None


class RedriveBody(ReasonBody):
    """How a dead execution is to be redriven."""

    overlap: Literal["allow"] | None = None


class BackfillBody(ReasonBody):
    """Which occurrences of the past are to be run, both ends of the span included."""

    begin: Instant = Field(alias="from")
    until: Instant
    overlap: Literal["allow"] | None = None
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class RequestBody(Generic[Body]):
    """What an endpoint takes as its body: declared once for clients and for reading.

    A body that is not required may be left out as a whole, which stands for the defaults. `is_partial` lets any field
    be left out or null, as in a merge patch. Each of `examples` has a name that says what it is.
    """

    model: type[Body]
    is_required: bool = True
    is_partial: bool = False
    types: frozenset[str] = JSON_TYPES
    examples: Mapping[str, Any] = field(default_factory=dict)

    async def read(self, request: web.Request) -> Body:
        """The body of a request. Raises as `json_body`, and InvalidInputError."""
        if not self.is_required and not await _read(request):
            return self.model()
        document = await json_body(request, self.types)
        if not isinstance(document, Mapping):
            raise InvalidInputError((DomainError("the body is a JSON object", code="wrong_type"),))
        try:
            return self.model.model_validate(document)
        except ValidationError as error:
            raise InvalidInputError(faults_of(error, self.model)) from None


async def json_body(request: web.Request, types: frozenset[str] = JSON_TYPES) -> Any:
    """The value of the body. Raises RequestError for its type or size, MalformedJsonError for its content."""
    return json_text.read(await typed_body(request, types))


async def form_body(request: web.Request, *, fields_max: int = FORM_FIELDS_MAX) -> dict[str, str]:
    """The fields of a form, each at most once, `fields_max` in all. Raises RequestError."""
    raw = await typed_body(request, FORM_TYPES)
    try:
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=fields_max)
    except ValueError:
        raise RequestError("bad_request", "the form cannot be read") from None
    fields = dict(pairs)
    if len(fields) < len(pairs) or any("\x00" in value for value in fields.values()):
        raise RequestError("bad_request", "the form cannot be read")
    return fields


async def typed_body(request: web.Request, types: frozenset[str]) -> bytes:
    """The bytes of a body that is of one of these types. Raises RequestError for its type or size."""
    _check_type(request, types)
    return await _read(request)


async def raw_body(request: web.Request) -> bytes:
    """The bytes of the body, for telling whether two requests are one. Raises RequestError."""
    return await _read(request)


def _check_type(request: web.Request, types: frozenset[str]) -> None:
    charset = (request.charset or "utf-8").lower()
    if request.headers.get("Content-Type") is None or request.content_type not in types or charset != "utf-8":
        raise RequestError(
            "wrong_content_type", f"Content-Type must be {' or '.join(sorted(types))}", header="Content-Type"
        )


async def _read(request: web.Request) -> bytes:
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise RequestError("wrong_content_type", "the body must not be compressed", header="Content-Encoding")
    if (request.content_length or 0) > BODY_BYTES_MAX:
        raise RequestError("too_large", f"a body has at most {BODY_BYTES_MAX:,} bytes")
    try:
        async with asyncio.timeout(BODY_SECONDS_MAX):
            return await request.read()
    except TimeoutError:
        raise RequestError("request_timeout", "the body took too long to arrive") from None
