"""What a cron expression says: five or six fields, read strictly into sets of integers.

The language is Vixie cron's with the common extensions (`L`, `LW`, `15W`, `MON#2`, `5L`, macros, seconds first), minus
everything that does not mean what it seems to say: reversed ranges, steps larger than their field, a year field, `R`.
Each error carries its code, the position in the text as given, and what to write instead.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from domain.errors import InvalidScheduleError
from domain.scheduling.cron.field import (
    DAY_OF_MONTH,
    DAY_OF_WEEK,
    HOUR,
    MINUTE,
    MONTH,
    SECOND,
    Piece,
    Unit,
    read_item,
    read_number,
    read_values,
)

LENGTH_MAX = 1_000
PARSED_MAX = 4_096
LAST_IN_MONTH = 0

MACROS = {
    "@HOURLY": "0 * * * *",
    "@DAILY": "0 0 * * *",
    "@MIDNIGHT": "0 0 * * *",
    "@WEEKLY": "0 0 * * 0",
    "@MONTHLY": "0 0 1 * *",
    "@YEARLY": "0 0 1 1 *",
    "@ANNUALLY": "0 0 1 1 *",
}

# Not `str.strip()`: that would also swallow a no-break space, which is an error worth naming.
_BLANKS = " \t\n\r\f\v"
_DAYS_MAX = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_FIVE_FIELDS = "minute hour day-of-month month day-of-week"
_WORD = re.compile(r"[^ \t]+")
_FOREIGN = re.compile(r"[^A-Za-z0-9 \t*,/#?@-]")
_EVERY = re.compile(r"\*(?:/0?1)?|\?")
_NEAREST_WORKDAY = re.compile(r"([0-9]+)W")


@dataclass(frozen=True, slots=True)
class CronField:
    """A time field or the month: its text in upper case, and the values it names, ascending."""

    text: str
    values: tuple[int, ...]

    @property
    def begins_with_star(self) -> bool:
        return self.text.startswith("*")


@dataclass(frozen=True, slots=True)
class DaysOfMonth:
    """The day-of-month field; it is restricted unless it reads `*`, `?` or `*/1`.

    `last_workday` is the last Monday to Friday, `nearest_workday` the one nearest to that day without leaving the
    month; a month without that day does not match it.
    """

    text: str
    restricted: bool
    values: tuple[int, ...]
    last: bool = False
    last_workday: bool = False
    nearest_workday: int | None = None


@dataclass(frozen=True, slots=True)
class DaysOfWeek:
    """The day-of-week field, Sunday being 0; restricted as the days of the month are.

    `nth` holds (weekday, n): its n-th appearance in the month, 1 to 5, or LAST_IN_MONTH.
    """

    text: str
    restricted: bool
    values: tuple[int, ...]
    nth: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class CronExpression:
    """An expression that was read whole and can fire; `text` is as written, trimmed.

    `second` is None when the text has five fields: then it fires at second 0.
    """

    text: str
    second: CronField | None
    minute: CronField
    hour: CronField
    day_of_month: DaysOfMonth
    month: CronField
    day_of_week: DaysOfWeek

    @property
    def covers_every_hour(self) -> bool:
        """Whether the hour field names all 24 hours."""
        return len(self.hour.values) == 24

    @property
    def repeats(self) -> bool:
        """Whether it means "every so often" rather than "at this time".

        The rule is cron's own (cronie: MIN_STAR, HR_STAR): a time field begins with `*`; or all hours are named.
        """
        starred = self.minute.begins_with_star or self.hour.begins_with_star
        return starred or self.covers_every_hour or (self.second is not None and self.second.begins_with_star)


@lru_cache(maxsize=PARSED_MAX)
def parse(text: str) -> CronExpression:
    """Read `text`, white space around it allowed; positions in errors count from the start of `text` as given.

    Raises InvalidScheduleError with one of the codes too_long, not_ascii, bad_character, field_count, missing_value,
    bad_number, unknown_name, out_of_range, reversed_range, step_too_big, unsupported, never_fires.
    """
    whole = _checked(text)
    words = _expanded(whole)
    fields = [Piece(found.group(), words.at + found.start(), words.given) for found in _WORD.finditer(words.text)]
    if len(fields) not in (5, 6):
        raise _wrong_count(whole, len(fields))
    minute, hour, day_of_month, month, day_of_week = fields[-5:]
    expression = CronExpression(
        text=text.strip(_BLANKS),
        second=_time_field(SECOND, fields[0]) if len(fields) == 6 else None,
        minute=_time_field(MINUTE, minute),
        hour=_time_field(HOUR, hour),
        day_of_month=_days_of_month(day_of_month),
        month=_time_field(MONTH, month),
        day_of_week=_days_of_week(day_of_week),
    )
    if not _can_fire(expression):
        detail = "no such day ever comes in the given months, so this would never fire"
        raise day_of_month.error("never_fires", detail, hint="L is the last day of a month")
    return expression


def _checked(text: str) -> Piece:
    """The text trimmed and in upper case, once it is short and ASCII: `str.upper` would make an S of `ſ`."""
    if len(text) > LENGTH_MAX:
        raise Piece(text, LENGTH_MAX).error("too_long", f"a cron expression has at most {LENGTH_MAX:,} characters")
    if not text.isascii():
        at = next(position for position, character in enumerate(text) if not character.isascii())
        raise Piece(text, at).error("not_ascii", f"character U+{ord(text[at]):04X} is not ASCII", hint="use plain 0-9")
    trimmed = text.strip(_BLANKS)
    lead = text.find(trimmed)
    foreign = _FOREIGN.search(trimmed)
    if foreign:
        shown = foreign.group() if foreign.group().isprintable() else f"U+{ord(foreign.group()):04X}"
        raise Piece(text, lead + foreign.start()).error("bad_character", f"{shown} has no meaning in a cron expression")
    return Piece(trimmed.upper(), lead, text)


def _expanded(whole: Piece) -> Piece:
    """The five fields of a macro, all of them positioned at its start; anything without `@` as it is."""
    if "@" not in whole.text:
        return whole
    if whole.text in MACROS:
        return Piece(MACROS[whole.text], whole.at)
    if whole.text == "@REBOOT":
        raise whole.error("unsupported", "@reboot is not a time", hint="use a start-up hook of the application")
    if whole.text.startswith("@EVERY"):
        raise whole.error("unsupported", "@every is not a cron expression", hint="use an interval schedule, such as 5m")
    raise whole.error("unsupported", "there is no such macro", hint=" ".join(MACROS).lower())


def _wrong_count(whole: Piece, count: int) -> InvalidScheduleError:
    detail = f"a cron expression has five fields, or six with seconds first; this has {count}"
    if count == 7:
        detail += " (there is no year field: use the start and end of the task)"
    return whole.error("field_count", detail, hint=_FIVE_FIELDS)


def _can_fire(expression: CronExpression) -> bool:
    """Whether any day of any year matches; weekdays, even fifth ones, come in every month sooner or later."""
    days = expression.day_of_month
    if expression.day_of_week.restricted or days.last or days.last_workday:
        return True
    earliest = days.nearest_workday or days.values[0]
    return any(earliest <= _DAYS_MAX[month - 1] for month in expression.month.values)


def _time_field(unit: Unit, field: Piece) -> CronField:
    return CronField(field.text, read_values(unit, field))


def _days_of_month(field: Piece) -> DaysOfMonth:
    if _EVERY.fullmatch(field.text):
        return DaysOfMonth(field.text, restricted=False, values=tuple(range(1, 32)))
    nearest = _NEAREST_WORKDAY.fullmatch(field.text)
    if nearest:
        day = read_number(DAY_OF_MONTH, field._replace(text=nearest.group(1)))
        return DaysOfMonth(field.text, restricted=True, values=(), nearest_workday=day)
    values: set[int] = set()
    items = field.split(",")
    for item in items:
        if _NEAREST_WORKDAY.fullmatch(item.text):
            raise item.error("unsupported", f"{item.text} stands alone in its field", hint="make it a task of its own")
        if item.text not in ("L", "LW"):
            values.update(read_item(DAY_OF_MONTH, item))
    return DaysOfMonth(
        field.text,
        restricted=True,
        values=tuple(sorted(values)),
        last=any(item.text == "L" for item in items),
        last_workday=any(item.text == "LW" for item in items),
    )


def _days_of_week(field: Piece) -> DaysOfWeek:
    if _EVERY.fullmatch(field.text):
        return DaysOfWeek(field.text, restricted=False, values=tuple(range(7)))
    values: set[int] = set()
    nth: set[tuple[int, int]] = set()
    for item in field.split(","):
        found = _weekday_in_month(item)
        if found is None:
            values.update(value % 7 for value in read_item(DAY_OF_WEEK, item))
        else:
            nth.add(found)
    return DaysOfWeek(field.text, restricted=True, values=tuple(sorted(values)), nth=tuple(sorted(nth)))


def _weekday_in_month(item: Piece) -> tuple[int, int] | None:
    """Read `d#n`, `d#L`, `dL` and `Ld`; None for an ordinary item."""
    if "#" in item.text:
        return _numbered_weekday(*item.split("#"))
    if item.text == "L":
        raise item.error("unsupported", "L alone names no weekday", hint="SATL is the last Saturday, 6 every Saturday")
    if item.text.endswith("L"):
        return _weekday(item._replace(text=item.text[:-1])), LAST_IN_MONTH
    if item.text.startswith("L"):
        return _weekday(item._replace(text=item.text[1:], at=item.at + 1)), LAST_IN_MONTH
    return None


def _numbered_weekday(weekday: Piece, number: Piece, *more: Piece) -> tuple[int, int]:
    if more:
        raise more[0].error("unsupported", "one # is enough", hint="MON#1,MON#3 are the first and third Monday")
    if number.text == "L":
        return _weekday(weekday), LAST_IN_MONTH
    if not number.text:
        raise number.error("missing_value", "a number is missing after #", hint="MON#1 to MON#5, or MON#L")
    if number.text not in ("1", "2", "3", "4", "5"):
        detail = f"a month has no weekday number {number.text}"
        raise number.error("out_of_range", detail, hint="MON#1 to MON#5, or MON#L")
    return _weekday(weekday), int(number.text)


def _weekday(piece: Piece) -> int:
    if "-" in piece.text or "/" in piece.text:
        raise piece.error("unsupported", "# and L go with a single weekday", hint="list them: MON#1,TUE#1")
    return read_number(DAY_OF_WEEK, piece) % 7
