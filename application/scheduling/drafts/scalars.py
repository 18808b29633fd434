"""Durations, instants and payloads as they stand in JSON, read strictly and told apart by stable codes."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from domain.errors import DomainError, InvalidTaskError
from domain.scheduling.schedule_text import wall_time_from

CODE_PREFIX = "fault."
"""What the type of our own findings starts with; the stable code follows."""
REASON_MAX = 500

_SHORT = re.compile(r"(?:(\d{1,6})w)?(?:(\d{1,6})d)?(?:(\d{1,6})h)?(?:(\d{1,8})m)?(?:(\d{1,9})s)?", re.ASCII)
# Months and years are no durations: they differ in length.
_ISO = re.compile(
    r"P(?=\d|T\d)(?:(\d{1,6})W)?(?:(\d{1,6})D)?"
    r"(?:T(?=\d)(?:(\d{1,6})H)?(?:(\d{1,8})M)?(?:(\d{1,9}(?:\.\d{1,6})?)S)?)?",
    re.ASCII,
)


# Here nothing says whose wall time a text without an offset would be.
_INSTANT_HINT = "write 2026-12-24T18:00:00Z, or an offset such as +01:00 for the Z"
_UNREADABLE = frozenset({"bad_instant", "unsupported"})


def reason_from(text: str) -> str:
    """Why something is asked for, as a form or a command says it. Raises InvalidTaskError for too much of it."""
    reason = text.strip()
    if len(reason) > REASON_MAX:
        raise InvalidTaskError(f"at most {REASON_MAX} characters", code="out_of_range", pointer="/reason")
    return reason


def _duration(value: object) -> object:
    """ISO 8601 without months and years (`PT15M`, `P1DT0.5S`), or numbers with units (`15m`, `1h30m`)."""
    if isinstance(value, timedelta):
        return value
    found = (_ISO if value.startswith("P") else _SHORT).fullmatch(value) if isinstance(value, str) and value else None
    if found is None:
        raise _fault("invalid_duration", "a duration is a text such as PT15M or 15m")
    weeks, days, hours, minutes, seconds = (part or "0" for part in found.groups())
    whole, _, fraction = seconds.partition(".")
    return timedelta(
        weeks=int(weeks),
        days=int(days),
        hours=int(hours),
        minutes=int(minutes),
        seconds=int(whole),
        microseconds=int(fraction.ljust(6, "0")),
    )


def _instant(value: object) -> object:
    """ISO 8601 with an offset, in UTC."""
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str):
        raise _fault("wrong_type", "an instant is a text", hint=_INSTANT_HINT)
    try:
        wall, offset = wall_time_from(value)
    except DomainError as error:
        hint = _INSTANT_HINT if error.reason in _UNREADABLE else error.hint
        raise _fault(error.reason, error.detail, position=error.position, hint=hint) from error
    if offset is None:
        raise _fault("no_offset", "an instant needs its offset", hint=_INSTANT_HINT)
    return wall - offset


def _payload(value: object) -> object:
    # Judged before the union below, whose own findings name its branches instead of the field.
    if (
        value is None
        or isinstance(value, str)
        or (isinstance(value, Mapping) and all(isinstance(k, str) for k in value))
    ):
        return value
    raise _fault("wrong_type", "a payload is a JSON object, or the JSON text of one")


def _fault(code: str, detail: str, *, position: int | None = None, hint: str | None = None) -> PydanticCustomError:
    # Nothing of the detail may be taken for a template: it can quote what a person wrote.
    return PydanticCustomError(
        f"{CODE_PREFIX}{code}", "{detail}", {"detail": detail, "position": position, "hint": hint}
    )


_TOLD_DURATION = {
    "type": "string",
    "description": "ISO 8601 without months and years, or numbers with units, as in 1h30m.",
    "examples": ["PT15M", "15m"],
}
_TOLD_INSTANT = {"type": "string", "format": "date-time", "description": "ISO 8601 with an offset."}
_TOLD_PAYLOAD = {
    "anyOf": [{"type": "object"}, {"type": "string"}],
    "description": "A JSON object, or the text of one; 64 kB at most.",
}
Duration = Annotated[timedelta, BeforeValidator(_duration), Field(strict=False), WithJsonSchema(_TOLD_DURATION)]
Instant = Annotated[datetime, BeforeValidator(_instant), Field(strict=False), WithJsonSchema(_TOLD_INSTANT)]
Payload = Annotated[dict[str, Any] | str | None, BeforeValidator(_payload), WithJsonSchema(_TOLD_PAYLOAD)]
Reason = Annotated[str, Field(max_length=REASON_MAX)]
"""Why something is asked for, for the record."""
