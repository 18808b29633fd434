"""What a valid cron expression may do that its author did not have in mind: findings, never errors.

Findings are values: pure functions of the expression, the zone and an instant to look ahead from.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import NamedTuple

from domain.scheduling.cron.clock_change import ClockChanges, ClockEffect
from domain.scheduling.cron.compiled import compiled_cron
from domain.scheduling.cron.expression import MACROS, CronExpression, DaysOfMonth, parse
from domain.scheduling.cron.field import DAY_OF_MONTH, DAY_OF_WEEK, HOUR, MINUTE, MONTH, SECOND, Unit
from domain.scheduling.cron.zone import zone

# A year and the weeks by which the Sundays of clock changes may move.
LOOK_AHEAD = timedelta(days=400)
DAY_MINUTES = 1_440
_FEBRUARY, _LEAP_DAY = 2, 29
_DAYS_MIN = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
# What comes once a year comes up to 371 days apart, if it is a weekday; what leaves out a year, much more.
_YEAR_MAX = timedelta(days=400)
_OPEN_STEP = re.compile(r"(?:\*|[0-9A-Z]+)/([0-9]+)")
_FIFTH = 5
_DST_HINT = "an hour that clock changes leave alone avoids this, and so does UTC"


class Severity(StrEnum):
    """How likely a finding is a mistake."""

    INFO = "info"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing worth knowing before a schedule is saved.

    `code` is a stable name, `pointer` the JSON pointer of the field it is about, `position` the 0-based character in
    the trimmed expression (None: no single place), `at` the instant it speaks of, if it speaks of one.
    """

    code: str
    severity: Severity
    detail: str
    hint: str | None = None
    pointer: str = "/schedule"
    position: int | None = None
    at: datetime | None = None


class _Field(NamedTuple):
    """A field, what one of its values is called and when they begin again, and where its text stands."""

    unit: Unit
    noun: str
    round: str
    text: str
    values: tuple[int, ...]
    position: int


def lint_cron(expression: str, timezone: str, now: datetime) -> list[Finding]:
    """Findings of an expression in a zone, looking LOOK_AHEAD from `now` for clock changes.

    Codes: day_fields_or, uneven_step, runs_often, leap_day_only, not_every_month, rare, dst_gap, dst_fold.
    Errors as `parse` and `zone_clock`.
    """
    parsed = parse(expression)
    places = _positions(parsed)
    return [
        *_either_day(parsed, places),
        *_uneven_steps(parsed, places),
        *runs_often(_runs_a_day(parsed)),
        *_not_every_month(parsed, places),
        *_rare(parsed, timezone, now),
        *_clock_changes(expression, timezone, now, places),
    ]


def runs_often(a_day: int) -> Iterator[Finding]:
    """A load that is felt: every minute or more, all day long."""
    if a_day == DAY_MINUTES:
        yield Finding("runs_often", Severity.INFO, f"it runs {a_day:,} times a day")
    elif a_day > DAY_MINUTES:
        hint = "work that never rests is better one task that runs all the time"
        yield Finding("runs_often", Severity.WARNING, f"it runs {a_day:,} times a day", hint)


def _positions(parsed: CronExpression) -> tuple[int, ...]:
    """Where each field begins, the last five being minute to day of week; a macro's are all at its beginning."""
    if parsed.text.upper() in MACROS:
        return (0,) * 5
    return tuple(found.start() for found in re.finditer(r"[^ \t]+", parsed.text))


def _either_day(parsed: CronExpression, places: tuple[int, ...]) -> Iterator[Finding]:
    if not (parsed.day_of_month.restricted and parsed.day_of_week.restricted):
        return
    yield Finding(
        "day_fields_or",
        Severity.WARNING,
        "day of month and day of week are both set: it fires on a day that matches either of them",
        "leave one of them *; the first Monday of a month is MON#1",
        position=places[-3],
    )


def _uneven_steps(parsed: CronExpression, places: tuple[int, ...]) -> Iterator[Finding]:
    for field in _stepped_fields(parsed, places):
        step = _OPEN_STEP.fullmatch(field.text)
        if step is None or len(field.values) < 2:
            continue
        width, rest = int(step[1]), field.values[0] + field.unit.size - field.values[-1]
        if width == rest or field.values[0] - field.unit.low >= width:
            continue
        where = " after a month of 31 days" if field.unit is DAY_OF_MONTH else ""
        noun = field.noun if rest == 1 else f"{field.noun}s"
        yield Finding(
            "uneven_step",
            Severity.WARNING,
            f"/{width} begins again {field.round}: from its last {field.noun} to the next it is {rest} {noun}{where}",
            "an interval keeps its distance" if field.unit in (SECOND, MINUTE, HOUR) else None,
            position=field.position,
        )


def _stepped_fields(parsed: CronExpression, places: tuple[int, ...]) -> Iterator[_Field]:
    """The fields of which one round is followed by the next: after the one hour of a day, no minutes begin again."""
    second, minute, hour, month = parsed.second, parsed.minute, parsed.hour, parsed.month
    days, week = parsed.day_of_month, parsed.day_of_week
    if second is not None and _has_neighbours(minute.values):
        yield _Field(SECOND, "second", "every minute", second.text, second.values, places[0])
    if _has_neighbours(hour.values):
        yield _Field(MINUTE, "minute", "every hour", minute.text, minute.values, places[-5])
    if not (days.restricted or week.restricted) or any(map(_has_neighbours, _restricted_days(parsed))):
        yield _Field(HOUR, "hour", "every day", hour.text, hour.values, places[-4])
    if _has_neighbours(month.values):
        yield _Field(DAY_OF_MONTH, "day", "every month", days.text, days.values, places[-3])
    yield _Field(MONTH, "month", "every year", month.text, month.values, places[-2])
    yield _Field(DAY_OF_WEEK, "day", "every week", week.text, week.values, places[-1])


def _restricted_days(parsed: CronExpression) -> list[tuple[int, ...]]:
    return [field.values for field in (parsed.day_of_month, parsed.day_of_week) if field.restricted]


def _has_neighbours(values: tuple[int, ...]) -> bool:
    return any(following - value == 1 for value, following in pairwise(values))


def _runs_a_day(parsed: CronExpression) -> int:
    seconds = 1 if parsed.second is None else len(parsed.second.values)
    return seconds * len(parsed.minute.values) * len(parsed.hour.values)


def _not_every_month(parsed: CronExpression, places: tuple[int, ...]) -> Iterator[Finding]:
    """Days that some of the months do not have."""
    by_date, by_weekday = parsed.day_of_month, parsed.day_of_week
    if by_date.restricted and not by_weekday.restricted:
        earliest = _earliest_day(by_date)
        if _is_leap_day(parsed):
            hint = "L is the last day of every February"
            yield Finding("leap_day_only", Severity.WARNING, "it runs in leap years only", hint, position=places[-3])
        elif any(earliest > _DAYS_MIN[month - 1] for month in parsed.month.values):
            detail = f"day {earliest} does not come in each of its months: it does not run in those without"
            yield Finding("not_every_month", Severity.WARNING, detail, "L is the last day", position=places[-3])
    fifth_only = by_weekday.nth and not by_weekday.values and all(nth == _FIFTH for _, nth in by_weekday.nth)
    if fifth_only and not by_date.restricted:
        detail = "not every month has a fifth of that weekday: it does not run in those without"
        hint = "MON#L is the last Monday"
        yield Finding("not_every_month", Severity.WARNING, detail, hint, position=places[-1])


def _is_leap_day(parsed: CronExpression) -> bool:
    by_date, by_weekday = parsed.day_of_month, parsed.day_of_week
    if parsed.month.values != (_FEBRUARY,) or not by_date.restricted or by_weekday.restricted:
        return False
    return _earliest_day(by_date) == _LEAP_DAY


def _earliest_day(days: DaysOfMonth) -> int:
    """The day that a month must reach for it to run in it."""
    if days.last or days.last_workday:
        return 1
    return days.nearest_workday or days.values[0]


def _rare(parsed: CronExpression, timezone: str, now: datetime) -> Iterator[Finding]:
    """Less than one run a year; that of leap days has been said."""
    if _is_leap_day(parsed):
        return
    compiled = compiled_cron(parsed.text, timezone)
    first = compiled.next_after(now)
    second = None if first is None else compiled.next_after(first)
    if first is not None and second is not None and second - first > _YEAR_MAX:
        days = [f"{at.astimezone(zone(timezone)):%Y-%m-%d}" for at in (first, second)]
        detail = f"it runs less than once a year: on {days[0]} and then on {days[1]}"
        yield Finding("rare", Severity.WARNING, detail, at=first)


def _clock_changes(expression: str, timezone: str, now: datetime, places: tuple[int, ...]) -> Iterator[Finding]:
    """The first gap and the first fold ahead that it meets."""
    told: set[str] = set()
    for affected in ClockChanges(expression, timezone).ahead(now, now + LOOK_AHEAD):
        code = "dst_gap" if affected.effect is ClockEffect.MOVED else "dst_fold"
        if code not in told:
            told.add(code)
            severity = Severity.WARNING if code == "dst_gap" else Severity.INFO
            detail = f"in {timezone} on {affected.wall:%Y-%m-%d}, {affected.told}"
            yield Finding(code, severity, detail, _DST_HINT, position=places[-4], at=affected.at)
