"""A time as people ask about it: an instant, or what a wall clock shows, for as long as the text leaves open."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import NamedTuple

from domain.errors import DomainError, InvalidScheduleError
from domain.scheduling.cron.zone import EPOCH, ZoneClock, zone_clock
from domain.scheduling.schedule_text import INSTANT_HINT, wall_time_from

_SECOND = timedelta(seconds=1)
_PRECISION = re.compile(r".{10}(?P<clock>.[0-9]{2}:[0-9]{2}(?P<second>:[0-9]{2}(?P<fraction>\.[0-9]+)?)?)?.*")
# The longest of these that the text says is the last; what lies beneath it is left open.
_WIDTHS = (
    ("fraction", timedelta(microseconds=1)),
    ("second", timedelta(seconds=1)),
    ("clock", timedelta(minutes=1)),
)


@dataclass(frozen=True, slots=True)
class Span:
    """From an instant, included, to a later one, excluded."""

    since: datetime
    until: datetime

    def __contains__(self, instant: datetime) -> bool:
        return self.since <= instant < self.until


class Shown(StrEnum):
    """How often a wall clock shows the time that was asked about."""

    ONCE = "once"
    NEVER = "never"
    TWICE = "twice"


class AskedSpans(NamedTuple):
    """The spans that are meant, ascending and apart: one, or, where a clock shows a time again, one for each time."""

    spans: tuple[Span, ...]
    shown: Shown


@dataclass(frozen=True, slots=True)
class AskedTime:
    """`wall` is labelled UTC, whatever clock shows it; `offset` None: it is wall time in the zone of the task.

    It lasts for `width`: a minute, if no second is said; a day, if no time is.
    """

    text: str
    wall: datetime
    offset: timedelta | None
    width: timedelta

    @classmethod
    def parse(cls, text: str) -> "AskedTime":
        """Read ISO 8601: a day, or a time to the minute or finer, with or without an offset. Raises DomainError."""
        try:
            wall, offset = wall_time_from(text)
        except InvalidScheduleError as error:
            raise DomainError(
                error.detail, code=error.reason, pointer="/at", position=error.position, hint=error.hint or INSTANT_HINT
            ) from error
        found = _PRECISION.fullmatch(text)
        assert found is not None, "what is a time has these parts"
        width = next((width for part, width in _WIDTHS if found[part]), timedelta(days=1))
        return cls(text, wall, offset, width)

    def in_zone(self, timezone: str) -> AskedSpans:
        """What is meant where clocks show the time of `timezone`. Raises InvalidTimezoneError.

        For a time that the clocks there skip it is the second that begins where they go on: a schedule runs what it
        has among the skipped times then, if it runs them at all.
        """
        if self.offset is not None:
            since = self.wall - self.offset
            return AskedSpans((Span(since, since + self.width),), Shown.ONCE)
        clock = zone_clock(timezone)
        spans = _joined(_showing(clock, self.wall, self.width))
        if not spans:
            since = EPOCH + clock.instant_of((self.wall - EPOCH) // _SECOND) * _SECOND
            return AskedSpans((Span(since, since + _SECOND),), Shown.NEVER)
        return AskedSpans(spans, Shown.ONCE if len(spans) == 1 else Shown.TWICE)


def _showing(clock: ZoneClock, wall: datetime, width: timedelta) -> list[Span]:
    """In each period of the zone, the part in which its clock shows a time in [wall, wall + width)."""
    found = []
    for (start, following), offset in zip(pairwise(clock.starts), clock.offsets, strict=True):
        since = max(wall - offset * _SECOND, EPOCH + start * _SECOND)
        until = min(wall + width - offset * _SECOND, EPOCH + following * _SECOND)
        if since < until:
            found.append(Span(since, until))
    return found


def _joined(spans: list[Span]) -> tuple[Span, ...]:
    """The spans, those that touch made one: a day with a change in it is one day."""
    joined: list[Span] = []
    for span in spans:
        if joined and joined[-1].until == span.since:
            joined[-1] = Span(joined[-1].since, span.until)
        else:
            joined.append(span)
    return tuple(joined)
