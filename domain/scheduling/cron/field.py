"""Reading one field of a cron expression: a list of `*`, `a` and `a-b`, each with an optional `/n`."""

from typing import NamedTuple

from domain.errors import InvalidScheduleError

MONTH_NAMES = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
WEEKDAY_NAMES = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")

_SIGNS_OUT_OF_PLACE = "?#*"
_LETTERS_OUT_OF_PLACE = ("L", "W", "LW", "WL", "H", "R")


class Piece(NamedTuple):
    """A part of an expression, in upper case, and where it begins in the text as `given` (of a macro: empty)."""

    text: str
    at: int
    given: str = ""

    @property
    def shown(self) -> str:
        """The part as it was written, in quotes."""
        return repr(self.given[self.at : self.at + len(self.text)] or self.text)

    def split(self, mark: str) -> "list[Piece]":
        pieces, at = [], self.at
        for part in self.text.split(mark):
            pieces.append(Piece(part, at, self.given))
            at += len(part) + len(mark)
        return pieces

    def error(self, code: str, detail: str, *, hint: str | None = None) -> InvalidScheduleError:
        return InvalidScheduleError(detail, code=code, position=self.at, hint=hint)


class Unit(NamedTuple):
    """The rules of one field: `top` is where `*` and `a/n` end, `size` the largest step."""

    name: str
    low: int
    high: int
    top: int
    size: int
    names: tuple[str, ...] = ()

    @property
    def span(self) -> str:
        return f"{self.name} is {self.low}-{self.high}"


SECOND = Unit("second", 0, 59, 59, 60)
MINUTE = Unit("minute", 0, 59, 59, 60)
HOUR = Unit("hour", 0, 23, 23, 24)
DAY_OF_MONTH = Unit("day-of-month", 1, 31, 31, 31)
MONTH = Unit("month", 1, 12, 12, 12, MONTH_NAMES)
# Sunday is 0 and 7; `*` and open steps must not count it twice.
DAY_OF_WEEK = Unit("day-of-week", 0, 7, 6, 7, WEEKDAY_NAMES)


def read_values(unit: Unit, field: Piece) -> tuple[int, ...]:
    """The values a whole field names, ascending and without repeats."""
    items = field.split(",")
    if len(items) == 1:
        return tuple(read_item(unit, field))
    return tuple(sorted({value for item in items for value in read_item(unit, item)}))


def read_item(unit: Unit, item: Piece) -> range:
    """The values of one item of a list; a weekday 7 is still 7."""
    base, *steps = item.split("/")
    if len(steps) > 1:
        raise steps[1].error("unsupported", "one step is enough", hint=f"{base.text}/{steps[0].text}")
    first, last = _bounds(unit, base, stepped=bool(steps))
    return range(first, last + 1, _step(unit, steps[0]) if steps else 1)


def read_number(unit: Unit, piece: Piece) -> int:
    """The value of a number or, where the field has names, of a name."""
    text = piece.text
    if text.isdigit():
        if len(text) > 2:
            raise piece.error("bad_number", "numbers have one or two digits", hint=unit.span)
        value = int(text)
        if not unit.low <= value <= unit.high:
            raise piece.error("out_of_range", f"{unit.name} {value} is out of range", hint=unit.span)
        return value
    if text in unit.names:
        return unit.names.index(text) + unit.low
    raise _unreadable(unit, piece)


def _bounds(unit: Unit, base: Piece, *, stepped: bool) -> tuple[int, int]:
    if base.text == "*":
        return unit.low, unit.top
    ends = base.split("-")
    if len(ends) > 2:
        raise ends[2].error("unsupported", "a range has two ends", hint=f"{ends[0].text}-{ends[1].text}")
    first = read_number(unit, ends[0])
    if len(ends) == 1:
        if stepped and first > unit.top:
            raise base.error("reversed_range", f"{first} with a step ends before it begins", hint="Sunday is 0 here")
        return first, unit.top if stepped else first
    if ends[0].text == ends[1].text:
        return first, first
    # Sunday as the end of a range is the 7 of `MON-SUN`.
    last = 7 if ends[1].text == "SUN" and unit is DAY_OF_WEEK else read_number(unit, ends[1])
    if first > last:
        raise base.error("reversed_range", f"the range {base.text} runs backwards", hint=_split_in_two(unit, *ends))
    return first, last


def _split_in_two(unit: Unit, first: Piece, last: Piece) -> str:
    """How a range is written that goes over the end of its field, in the words or numbers it was written in."""
    top, low = str(unit.top), str(unit.low)
    if unit.names and not last.text.isdigit():
        top, low = unit.names[-1], unit.names[0]
    ranges = ((first.text, top), (low, last.text))
    return "write " + ",".join(begin if begin == end else f"{begin}-{end}" for begin, end in ranges)


def _step(unit: Unit, piece: Piece) -> int:
    if not piece.text:
        raise piece.error("missing_value", "a step is missing after /", hint="*/5")
    if not piece.text.isdigit():
        raise piece.error("bad_number", f"the step {piece.shown} is not a whole number", hint="*/5")
    step = int(piece.text)
    if step == 0:
        raise piece.error("out_of_range", "a step is at least 1", hint="*/5")
    if step > unit.size:
        detail = f"a step of {piece.text} does not fit in the {unit.size} values of the {unit.name} field"
        raise piece.error("step_too_big", detail, hint="use an interval schedule, such as 90m")
    return step


def _unreadable(unit: Unit, piece: Piece) -> InvalidScheduleError:
    text = piece.text
    if not text:
        return piece.error("missing_value", f"a {unit.name} value is missing", hint=unit.span)
    if any(sign in text for sign in _SIGNS_OUT_OF_PLACE) or text in _LETTERS_OUT_OF_PLACE:
        hint = "? stands alone, in the day fields only" if "?" in text else unit.span
        return piece.error("unsupported", f"{piece.shown} cannot stand in the {unit.name} field", hint=hint)
    if text.isalpha():
        hint = " ".join(unit.names) if unit.names else unit.span
        return piece.error("unknown_name", f"{piece.shown} is no {unit.name}", hint=hint)
    return piece.error("bad_number", f"{piece.shown} is no {unit.name}", hint=unit.span)
