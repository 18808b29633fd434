"""Schedules as simple forms put them: every so often, at times on days, or at one date and time.

A recipe says less than the texts do, and therefore stands for a text only where it says the very same: then both fire
at the same instants, also where clocks change. Whatever no recipe can say has none, and nobody's text is rewritten for
being looked at: `kept_or_written` goes on with the text at hand as long as the recipe is still that of it.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import product
from typing import ClassVar, Self

from domain.errors import InvalidScheduleError
from domain.scheduling.cron.expression import CronExpression, parse
from domain.scheduling.schedule import ScheduleType
from domain.scheduling.schedule_text import interval_from, wall_time_from

TIMES_MAX = 24
_SECOND = timedelta(seconds=1)
_UNITS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
_COUNT = re.compile(r"[0-9]{1,9}", re.ASCII)
_TIME = re.compile(r"([0-9]{1,2}):([0-9]{2})", re.ASCII)
_MOMENT = re.compile(r"([0-9-]{10})(?:[Tt ]([0-9:.]+)(.*))?", re.ASCII)
_DATE = re.compile(r"\s*[0-9]{4}-", re.ASCII)


def kind_of(text: str) -> ScheduleType:
    """Which kind of schedule a text is meant to be, right or wrong: an instant, a cron expression, else an interval."""
    if _DATE.match(text):
        return ScheduleType.ONE_TIME
    if len(text.split()) > 1 or text.strip().startswith("@"):
        return ScheduleType.CRON
    return ScheduleType.INTERVAL


@dataclass(frozen=True, slots=True)
class Every:
    """An interval as a number of one unit: `w`, `d`, `h`, `m` or `s`."""

    UNITS: ClassVar[tuple[str, ...]] = tuple(_UNITS)

    count: int
    unit: str

    @classmethod
    def read(cls, count: str, unit: str) -> Self:
        """What stands in a form. Raises InvalidScheduleError, its pointer `/count` or `/unit`."""
        if not _COUNT.fullmatch(count.strip()) or not int(count):
            raise _fault("/count", "a whole number from 1 on")
        if unit not in _UNITS:
            raise _fault("/unit", f"one of {', '.join(_UNITS)}")
        return cls(int(count), unit)

    @classmethod
    def of(cls, text: str) -> Self | None:
        """The recipe of an interval, its unit the largest that does; None for a text that is no interval."""
        try:
            seconds = interval_from(text) // _SECOND
        except InvalidScheduleError:
            return None
        unit = next(unit for unit, length in _UNITS.items() if not seconds % length)
        return cls(seconds // _UNITS[unit], unit)

    def says(self, text: str) -> bool:
        """True if the text is the same interval."""
        other = self.of(text)
        return other is not None and self.count * _UNITS[self.unit] == other.count * _UNITS[other.unit]

    @property
    def text(self) -> str:
        """The interval as a schedule's text."""
        return f"{self.count}{self.unit}"


@dataclass(frozen=True, slots=True)
class Moment:
    """One date and time as they are written; without an offset from UTC it is wall time in the task's zone."""

    date: str
    time: str
    offset: str = ""

    @classmethod
    def read(cls, date: str, time: str, offset: str) -> Self:
        """What stands in a form. Raises InvalidScheduleError, its pointer `/date` or `/time`."""
        if not date.strip():
            raise _fault("/date", "a date, such as 2026-12-24", code="missing_value")
        if not time.strip():
            raise _fault("/time", "a time, such as 18:00", code="missing_value")
        return cls(date.strip(), time.strip(), offset.strip())

    @classmethod
    def of(cls, text: str) -> Self | None:
        """The recipe of an instant; None for a text that is none."""
        found = _MOMENT.fullmatch(text.strip())
        try:
            wall_time_from(text.strip())
        except InvalidScheduleError:
            return None
        return None if found is None else cls(found[1], found[2] or "00:00", found[3] or "")

    def says(self, text: str) -> bool:
        """True if the text is the same instant."""
        return self.of(text) == self

    @property
    def text(self) -> str:
        """The instant as a schedule's text."""
        return f"{self.date}T{self.time}{self.offset}"


@dataclass(frozen=True, slots=True)
class DayTimes:
    """Some times of day, on every day, on some weekdays, or on some days of the month.

    `times` are minutes of the day, ascending. `weekdays` count from Sunday, 0; both they and the days of the month,
    `month_days` and `last_day`, are empty where every day is meant, and never both given.
    """

    times: tuple[int, ...]
    weekdays: tuple[int, ...] = ()
    month_days: tuple[int, ...] = ()
    last_day: bool = False

    @classmethod
    def read(cls, times: str, weekdays: Iterable[int] | None = None, month_days: str | None = None) -> Self:
        """What stands in a form: `09:00, 17:00` and `1, 15, L`. Raises InvalidScheduleError.

        Its pointer is `/times`, `/weekdays` or `/month_days`; also for times that no one cron expression can say.
        """
        chosen = tuple(sorted(weekdays)) if weekdays is not None else ()
        if weekdays is not None and not chosen:
            raise _fault("/weekdays", "choose a weekday at least", code="missing_value")
        days, last = _month_days(month_days) if month_days is not None else ((), False)
        recipe = cls(_times(times), chosen if len(chosen) < 7 else (), days, last)
        _check_crossing(recipe.times)
        return recipe

    @classmethod
    def of(cls, text: str) -> Self | None:
        """The recipe of a cron expression; None if it says what times on days cannot say."""
        try:
            parsed = parse(text)
        except InvalidScheduleError:
            return None
        if not _is_plain(parsed):
            return None
        times = tuple(hour * 60 + minute for hour, minute in product(parsed.hour.values, parsed.minute.values))
        by_date, by_weekday = parsed.day_of_month, parsed.day_of_week
        weekdays = by_weekday.values if len(by_weekday.values) < 7 else ()
        recipe = cls(times, weekdays, by_date.values if by_date.restricted else (), by_date.last)
        # Fields that begin with a star repeat where clocks are set back; the times of a recipe do not.
        return recipe if parse(recipe.text).repeats == parsed.repeats else None

    def says(self, text: str) -> bool:
        """True if the text is an expression that fires at the same instants."""
        return self.of(text) == self

    @property
    def text(self) -> str:
        """The cron expression."""
        hours, minutes = _crossing(self.times)
        dates = ",".join([*_spans(self.month_days), *(["L"] if self.last_day else [])])
        return f"{_listed(minutes)} {_listed(hours)} {dates or '*'} * {_listed(self.weekdays) or '*'}"

    @property
    def month_days_text(self) -> str:
        """The days of the month as a form's field holds them."""
        return ", ".join([*map(str, self.month_days), *(["L"] if self.last_day else [])])

    @property
    def times_text(self) -> str:
        """The times as a form's field holds them."""
        return ", ".join(_clock(time) for time in self.times)


Recipe = Every | Moment | DayTimes


def kept_or_written(recipe: Recipe, present: str) -> str:
    """The present text if the recipe says the same, to the letter as it was written; else the recipe's own text."""
    return present if present and recipe.says(present) else recipe.text


def _is_plain(parsed: CronExpression) -> bool:
    """True if its fields name nothing but at most TIMES_MAX times, in all months, on days of one sort."""
    by_date, by_weekday = parsed.day_of_month, parsed.day_of_week
    return (
        (parsed.second is None or parsed.second.values == (0,))
        and len(parsed.month.values) == 12
        and len(parsed.hour.values) * len(parsed.minute.values) <= TIMES_MAX
        and not (by_date.restricted and by_weekday.restricted)
        and not (by_date.last_workday or by_date.nearest_workday or by_weekday.nth)
    )


def _times(text: str) -> tuple[int, ...]:
    words = [word for word in re.split(r"[,;\s]+", text) if word]
    if not words:
        raise _fault("/times", "a time at least, such as 09:00", code="missing_value")
    if len(words) > TIMES_MAX:
        raise _fault("/times", f"at most {TIMES_MAX} times")
    return tuple(sorted({_time(word) for word in words}))


def _time(word: str) -> int:
    found = _TIME.fullmatch(word)
    if found is None or int(found[1]) > 23 or int(found[2]) > 59:
        raise _fault("/times", f"{word[:20]!r} is no time of day", hint="00:00 to 23:59, commas in between")
    return int(found[1]) * 60 + int(found[2])


def _month_days(text: str) -> tuple[tuple[int, ...], bool]:
    words = [word.upper() for word in re.split(r"[,;\s]+", text) if word]
    if not words:
        raise _fault("/month_days", "a day at least, such as 1 or L", code="missing_value")
    for word in words:
        if word != "L" and not (re.fullmatch(r"[0-9]{1,2}", word, re.ASCII) and 1 <= int(word) <= 31):
            raise _fault("/month_days", f"{word[:20]!r} is no day of a month", hint="1 to 31, or L for the last day")
    return tuple(sorted({int(word) for word in words if word != "L"})), "L" in words


def _crossing(times: Sequence[int]) -> tuple[list[int], list[int]]:
    """The hours and the minutes that occur."""
    return sorted({time // 60 for time in times}), sorted({time % 60 for time in times})


def _check_crossing(times: Sequence[int]) -> None:
    """Raise for times that are not the same minutes of each hour: that takes more than one cron expression."""
    hours, minutes = _crossing(times)
    besides = sorted({hour * 60 + minute for hour, minute in product(hours, minutes)} - set(times))
    if besides:
        shown = ", ".join(_clock(time) for time in besides[:4]) + (" …" if len(besides) > 4 else "")
        detail = f"one cron expression has the same minutes in each of its hours: it would run at {shown} as well"
        raise _fault("/times", detail, code="unsupported", hint="make a task of each, or add these times")


def _listed(values: Sequence[int]) -> str:
    return ",".join(_spans(values))


def _spans(values: Sequence[int]) -> list[str]:
    """Ascending values, three and more in a row as a range."""
    rows: list[list[int]] = []
    for value in values:
        if rows and rows[-1][-1] == value - 1:
            rows[-1].append(value)
        else:
            rows.append([value])
    return [part for row in rows for part in ([f"{row[0]}-{row[-1]}"] if len(row) > 2 else map(str, row))]


def _clock(time: int) -> str:
    return f"{time // 60:02}:{time % 60:02}"


def _fault(pointer: str, detail: str, *, code: str = "out_of_range", hint: str | None = None) -> InvalidScheduleError:
    return InvalidScheduleError(detail, code=code, pointer=pointer, hint=hint)
