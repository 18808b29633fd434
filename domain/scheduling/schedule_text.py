"""How people write intervals and instants: a strict reading of both, with the position of what is wrong."""

import re
from datetime import UTC, datetime, timedelta

from domain.errors import InvalidScheduleError
from domain.scheduling.cron.zone import END_OF_TIME, EPOCH

TEXT_MAX = 64
INTERVAL_MIN = timedelta(seconds=1)
# Ten years, with as many leap days as ten years can have.
INTERVAL_MAX = timedelta(days=3_653)

_UNITS = (("w", 604_800), ("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))
_SHORT = re.compile(r"(?:([0-9]+)w)?(?:([0-9]+)d)?(?:([0-9]+)h)?(?:([0-9]+)m)?(?:([0-9]+)s)?")
_ISO = re.compile(
    r"P(?=[0-9]|T[0-9])"
    r"(?:([0-9]+)W|(?:([0-9]+)D)?(?:T(?=[0-9])(?:([0-9]+)H)?(?:([0-9]+)M)?(?:([0-9]+)S)?)?)"
)
_MONTHS_OR_YEARS = re.compile(r"[0-9]+(?:mo|y).*|P.*Y.*|P[^T]*M.*", re.IGNORECASE)
_INTERVAL_HINT = "units w d h m s in that order, such as 5m or 1h30m, or ISO 8601, such as PT5M"
_CALENDAR_HINT = "months and years differ in length: use a cron expression, such as 0 0 1 * *"

_INSTANT = re.compile(
    r"(?P<year>[0-9]{4})-(?P<month>[0-9]{2})-(?P<day>[0-9]{2})"
    r"(?:[Tt ](?P<hour>[0-9]{2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:\.(?P<fraction>[0-9]{1,6}))?)?"
    r"(?P<offset>[Zz]|[+-][0-9]{2}(?::?[0-9]{2})?)?)?"
)
_WEEK_OR_ORDINAL = re.compile(r"[0-9]{4}-?(?:[Ww][0-9]{2}.*|[0-9]{3}(?:[Tt ].*)?)")
INSTANT_HINT = "write 2026-03-29T02:30, with Z or +02:00 if it is not wall time in the task's zone"
_RANGES = (
    ("year", EPOCH.year, END_OF_TIME.year - 1, "a year from 1970 to 2199"),
    ("month", 1, 12, "01 to 12"),
    ("hour", 0, 23, "midnight at the end of a day is 00:00 of the next"),
    ("minute", 0, 59, "00 to 59"),
    ("second", 0, 59, "leap seconds are not counted: 00 to 59"),
)


def text_of(interval: timedelta) -> str:
    """The canonical text of a positive number of whole seconds, largest units first: `1h30m`, `1w1d`."""
    text, rest = "", interval // timedelta(seconds=1)
    for unit, seconds in _UNITS:
        count, rest = divmod(rest, seconds)
        text += f"{count}{unit}" if count else ""
    return text


def interval_from(text: str) -> timedelta:
    """Read `5m`, `1h30m`, `1w` or ISO 8601 (`PT5M`, `P1DT12H`, `P1W`); the sum lies in the range of intervals.

    Raises InvalidScheduleError: too_long, not_ascii, missing_value, missing_unit, unsupported, bad_interval or
    out_of_range.
    """
    _check_characters(text)
    found = (_ISO if text.startswith("P") else _SHORT).fullmatch(text)
    if not text or found is None:
        raise _unreadable_interval(text)
    counts = [int(count or 0) for count in found.groups()]
    total = sum(count * seconds for count, (_, seconds) in zip(counts, _UNITS, strict=True))
    if not INTERVAL_MIN.total_seconds() <= total <= INTERVAL_MAX.total_seconds():
        raise InvalidScheduleError("an interval lasts from one second to ten years", code="out_of_range", position=0)
    return timedelta(seconds=total)


def _unreadable_interval(text: str) -> InvalidScheduleError:
    if not text:
        return InvalidScheduleError("the interval is missing", code="missing_value", position=0, hint=_INTERVAL_HINT)
    if text.isdigit():
        hint = f"{text}s is that many seconds, {text}m that many minutes"
        return InvalidScheduleError("an interval needs a unit", code="missing_unit", position=len(text), hint=hint)
    if _MONTHS_OR_YEARS.fullmatch(text):
        return InvalidScheduleError("no months or years", code="unsupported", position=0, hint=_CALENDAR_HINT)
    if _SHORT.fullmatch(text.lower()):
        return InvalidScheduleError("units are lower case", code="bad_interval", position=0, hint=text.lower())
    understood = _SHORT.match(text)
    assert understood is not None, "every part of it is optional"
    detail = f"{text!r} is not an interval"
    return InvalidScheduleError(detail, code="bad_interval", position=understood.end(), hint=_INTERVAL_HINT)


def wall_time_from(text: str) -> tuple[datetime, timedelta | None]:
    """The wall time that ISO 8601 `text` names, labelled UTC, and its offset from UTC if the text says one.

    Raises InvalidScheduleError: too_long, not_ascii, unsupported (week dates, day numbers), bad_instant or
    out_of_range (24:00 and leap seconds too).
    """
    _check_characters(text)
    found = _INSTANT.fullmatch(text)
    if found is None:
        raise _unreadable_instant(text)
    parts = {name: int(part) for name, part in found.groupdict().items() if part and name != "offset"}
    for name, low, high, hint in _RANGES:
        if not low <= parts.get(name, low) <= high:
            detail = f"{name} {found[name]} is out of range"
            raise InvalidScheduleError(detail, code="out_of_range", position=found.start(name), hint=hint)
    microsecond = int((found["fraction"] or "").ljust(6, "0"))
    hour, minute, second = parts.get("hour", 0), parts.get("minute", 0), parts.get("second", 0)
    try:
        wall = datetime(parts["year"], parts["month"], parts["day"], hour, minute, second, microsecond, tzinfo=UTC)
    except ValueError as error:
        position = found.start("day")
        raise InvalidScheduleError("the month has no such day", code="out_of_range", position=position) from error
    return wall, _offset_from(found)


def _unreadable_instant(text: str) -> InvalidScheduleError:
    if _WEEK_OR_ORDINAL.fullmatch(text):
        detail = "week dates and day numbers are not read"
        return InvalidScheduleError(detail, code="unsupported", position=0, hint=INSTANT_HINT)
    detail = f"{text!r} is not a date and time"
    return InvalidScheduleError(detail, code="bad_instant", position=0, hint=INSTANT_HINT)


def _offset_from(found: re.Match[str]) -> timedelta | None:
    text = found["offset"]
    if text is None:
        return None
    if text in "Zz":
        return timedelta(0)
    hours, minutes = int(text[1:3]), int(text[3:].removeprefix(":") or 0)
    if hours > 23 or minutes > 59:
        detail = f"there is no offset {text}"
        raise InvalidScheduleError(detail, code="out_of_range", position=found.start("offset"))
    offset = timedelta(hours=hours, minutes=minutes)
    return -offset if text.startswith("-") else offset


def _check_characters(text: str) -> None:
    if len(text) > TEXT_MAX:
        raise InvalidScheduleError(f"at most {TEXT_MAX} characters", code="too_long", position=TEXT_MAX)
    for position, character in enumerate(text):
        if not character.isascii():
            detail = f"character U+{ord(character):04X} is not ASCII"
            raise InvalidScheduleError(detail, code="not_ascii", position=position)
