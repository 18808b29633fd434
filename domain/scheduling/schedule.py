"""When a task is due: a cron expression in a time zone, a fixed interval, or one instant.

A schedule is a fixed set of instants, its occurrences, from 1970 to the end of 2199 UTC; it does not depend on who
asks, when, or on which machine. All three kinds answer the same questions in aware UTC datetimes. A naive datetime
as a question is a bug of the caller and raises TypeError.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Self

from domain.errors import InvalidScheduleError
from domain.scheduling.cron.compiled import compiled_cron
from domain.scheduling.cron.zone import END_OF_TIME, EPOCH, zone_clock
from domain.scheduling.schedule_text import INTERVAL_MAX, INTERVAL_MIN, interval_from, text_of, wall_time_from

_MICROSECOND = timedelta(microseconds=1)
_SECOND = timedelta(seconds=1)


class ScheduleType(StrEnum):
    """The kinds of schedule, as the API and the stores name them."""

    CRON = "cron"
    INTERVAL = "interval"
    ONE_TIME = "one_time"


@dataclass(frozen=True, slots=True)
class CronSchedule:
    """Every wall clock time in `timezone` that `expression` matches; rules at offset changes: `cron/zone.py`.

    The text is kept as given, trimmed. Raises InvalidScheduleError or InvalidTimezoneError when it is made; nothing is
    raised later.
    """

    expression: str
    timezone: str = "UTC"

    def __post_init__(self) -> None:
        trimmed = compiled_cron(self.expression, self.timezone).text
        if trimmed != self.expression:
            object.__setattr__(self, "expression", trimmed)

    @property
    def kind(self) -> ScheduleType:
        """Which of the three it is."""
        return ScheduleType.CRON

    def next_after(self, instant: datetime) -> datetime | None:
        """The first occurrence strictly later than `instant`; None if there is none before 2200."""
        return compiled_cron(self.expression, self.timezone).next_after(instant)

    def previous_before(self, instant: datetime) -> datetime | None:
        """The last occurrence strictly earlier than `instant`; None if there is none since 1970."""
        return compiled_cron(self.expression, self.timezone).previous_before(instant)

    def count_between(self, after: datetime, until: datetime, *, at_most: int) -> int:
        """How many occurrences lie in (after, until], or `at_most` if there are more."""
        return compiled_cron(self.expression, self.timezone).count_between(after, until, at_most=at_most)


@dataclass(frozen=True, slots=True)
class IntervalSchedule:
    """Every `interval` of elapsed time from `anchor` on, whatever a zone's clocks do: `anchor + k * interval`, k >= 0.

    The rate is fixed: neither run times nor missed occurrences shift it. `interval` is whole seconds, from one second
    to ten years; the default anchor is the same in every process, so that weeks begin on Thursdays, 00:00 UTC.
    """

    interval: timedelta
    anchor: datetime = EPOCH

    def __post_init__(self) -> None:
        if not INTERVAL_MIN <= self.interval <= INTERVAL_MAX:
            raise InvalidScheduleError("an interval lasts from one second to ten years", code="out_of_range")
        if self.interval.microseconds:
            raise InvalidScheduleError("an interval is a whole number of seconds", code="bad_interval")
        object.__setattr__(self, "anchor", _in_utc(self.anchor))

    @classmethod
    def parse(cls, text: str, *, anchor: datetime | None = None) -> Self:
        """Read `5m`, `1h30m`, `1w` or ISO 8601 (`PT5M`, `P1DT12H`, `P1W`), counted from `anchor` or the epoch."""
        return cls(interval_from(text), EPOCH if anchor is None else anchor)

    @property
    def text(self) -> str:
        """The shortest text that reads back as this interval, such as `1h30m`."""
        return text_of(self.interval)

    @property
    def kind(self) -> ScheduleType:
        """Which of the three it is."""
        return ScheduleType.INTERVAL

    def next_after(self, instant: datetime) -> datetime | None:
        """The first occurrence strictly later than `instant`; None if there is none before 2200."""
        instant = max(instant, EPOCH - _MICROSECOND)
        if instant >= END_OF_TIME:
            return None
        following = self.anchor + max((instant - self.anchor) // self.interval + 1, 0) * self.interval
        return following if following < END_OF_TIME else None

    def previous_before(self, instant: datetime) -> datetime | None:
        """The last occurrence strictly earlier than `instant`; None if there is none since 1970."""
        instant = min(instant, END_OF_TIME)
        if instant <= self.anchor:
            return None
        preceding = self.anchor + (instant - _MICROSECOND - self.anchor) // self.interval * self.interval
        return preceding if preceding >= EPOCH else None

    def count_between(self, after: datetime, until: datetime, *, at_most: int) -> int:
        """How many occurrences lie in (after, until], or `at_most` if there are more; always one subtraction."""
        passed = self._passed(min(until, END_OF_TIME - _MICROSECOND)) - self._passed(max(after, EPOCH - _MICROSECOND))
        return max(min(passed, at_most), 0)

    def _passed(self, instant: datetime) -> int:
        """How many occurrences lie at or before `instant`, counted from the anchor."""
        return max((instant - self.anchor) // self.interval + 1, 0)


@dataclass(frozen=True, slots=True)
class OneTimeSchedule:
    """A single occurrence, `at`: an aware datetime of the years 1970 to 2199, kept in UTC."""

    at: datetime

    def __post_init__(self) -> None:
        object.__setattr__(self, "at", _in_utc(self.at))
        if not EPOCH <= self.at < END_OF_TIME:
            raise InvalidScheduleError(
                "the instant lies outside the years 1970 to 2199 UTC", code="out_of_range", position=0
            )

    @classmethod
    def parse(cls, text: str, timezone: str) -> Self:
        """Read ISO 8601; without an offset it is wall time in `timezone`, and a date alone is its midnight.

        A wall time that `timezone` skips means the first instant after the gap, one it repeats the first of the two.
        """
        clock = zone_clock(timezone)
        wall, offset = wall_time_from(text)
        if offset is not None:
            return cls(wall - offset)
        shown = (wall - EPOCH) // _SECOND
        second = clock.instant_of(shown)
        skipped = second + clock.offsets[clock.period_at(second)] != shown
        fraction = 0 if skipped else wall.microsecond
        return cls(EPOCH + timedelta(seconds=second, microseconds=fraction))

    @property
    def kind(self) -> ScheduleType:
        """Which of the three it is."""
        return ScheduleType.ONE_TIME

    def next_after(self, instant: datetime) -> datetime | None:
        """The instant if it is strictly later than `instant`, else None."""
        return self.at if self.at > instant else None

    def previous_before(self, instant: datetime) -> datetime | None:
        """The instant if it is strictly earlier than `instant`, else None."""
        return self.at if self.at < instant else None

    def count_between(self, after: datetime, until: datetime, *, at_most: int) -> int:
        """1 if the instant lies in (after, until], else 0; never more than `at_most`."""
        return max(min(int(after < self.at <= until), at_most), 0)


Schedule = CronSchedule | IntervalSchedule | OneTimeSchedule


def _in_utc(instant: datetime) -> datetime:
    if instant.tzinfo is UTC:
        return instant
    if instant.utcoffset() is None:
        raise InvalidScheduleError("the instant has no time zone", code="naive", hint="give an aware datetime")
    try:
        return instant.astimezone(UTC)
    except OverflowError as error:
        raise InvalidScheduleError("the instant lies outside the years 1 to 9999", code="out_of_range") from error
