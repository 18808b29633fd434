"""What changes of a zone's offset do to a cron expression, told of single occurrences and of the days to come.

The rules are those of `zone`, which fires; here they are only put into words that people can be warned with. The cost
is that of the changes looked at, a few a year, never that of the occurrences between them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from domain.scheduling.cron.compiled import compiled_cron
from domain.scheduling.cron.expression import parse
from domain.scheduling.cron.matcher import CronMatcher
from domain.scheduling.cron.zone import EPOCH, ZoneClock, zone_clock


class ClockEffect(StrEnum):
    """How an occurrence is affected."""

    MOVED = "dst_moved"
    """Its wall time is skipped; it fires at the first instant after the gap."""
    FIRST_OF_TWO_ONLY = "dst_first_of_two_only"
    """Its wall time comes twice; it fires the first time only."""
    FIRST_OF_TWO = "dst_first_of_two"
    """Its wall time comes twice; this is the first, and it fires again."""
    SECOND_OF_TWO = "dst_second_of_two"
    """Its wall time came before already, and it fires again."""


@dataclass(frozen=True, slots=True)
class AffectedOccurrence:
    """An occurrence beside a change: `at` is its instant, `wall` the wall time it is for, labelled UTC.

    `fires_wall` is what the clocks show when it fires: another time than `wall` only after a gap.
    """

    effect: ClockEffect
    at: datetime
    wall: datetime
    fires_wall: datetime

    @property
    def told(self) -> str:
        """What happens, in English: `the clocks skip 02:30: what is due then runs once, at 03:00`."""
        wall = _time(self.wall)
        match self.effect:
            case ClockEffect.MOVED:
                day = "" if self.wall.date() == self.fires_wall.date() else f" on {self.fires_wall:%Y-%m-%d}"
                return f"the clocks skip {wall}: what is due then runs once, at {_time(self.fires_wall)}{day}"
            case ClockEffect.FIRST_OF_TWO_ONLY:
                return f"the clocks show {wall} twice: it runs the first time only"
            case ClockEffect.FIRST_OF_TWO:
                return f"the clocks show {wall} twice: it runs both times"
            case ClockEffect.SECOND_OF_TWO:
                return f"the clocks show {wall} for the second time: it runs again"


class ClockChanges:
    """The changes of one zone as one expression meets them. Raises as `parse` and `zone_clock`."""

    __slots__ = ("_clock", "_compiled", "_matcher", "_once")

    def __init__(self, expression: str, timezone: str) -> None:
        self._matcher = CronMatcher(parse(expression))
        self._clock = zone_clock(timezone)
        self._compiled = compiled_cron(expression, timezone)
        self._once = not self._matcher.expression.repeats

    def effect_on(self, occurrence: datetime) -> AffectedOccurrence | None:
        """How this occurrence is affected; None if no change comes near it. It must be one of the expression's."""
        at = _second_of(occurrence)
        clock, period = self._clock, self._clock.period_at(at)
        if at == clock.starts[period]:
            moved = self._moved_to_start(period)
            if moved is not None:
                return moved
        wall = at + clock.offsets[period]
        if period + 1 < len(clock.offsets) and wall >= clock.starts[period + 1] + clock.offsets[period + 1]:
            return _affected(ClockEffect.FIRST_OF_TWO_ONLY if self._once else ClockEffect.FIRST_OF_TWO, at, wall)
        if period > 0 and wall < clock.starts[period] + clock.offsets[period - 1]:
            return _affected(ClockEffect.SECOND_OF_TWO, at, wall)
        return None

    def ahead(self, after: datetime, until: datetime) -> Iterator[AffectedOccurrence]:
        """Yield the first affected occurrence of each change in (after, until], in order of the changes.

        Silent about an expression that covers every hour: it keeps its beat whatever the clocks do.
        """
        if self._matcher.expression.covers_every_hour:
            return
        for period in changes_between(self._clock, after, until):
            found = self._moved_to_start(period) or self._repeated_before(period)
            if found is not None:
                yield found

    def _moved_to_start(self, period: int) -> AffectedOccurrence | None:
        """What the gap before a period moved to its first instant."""
        clock = self._clock
        if period == 0 or self._matcher.expression.covers_every_hour:
            return None
        start = clock.starts[period]
        skipped = clock.shown[period] if self._once else start + clock.offsets[period - 1]
        opens = start + clock.offsets[period]
        wall = self._matcher.first_from(skipped) if skipped < opens else opens
        return _affected(ClockEffect.MOVED, start, wall, opens) if wall < opens else None

    def _repeated_before(self, period: int) -> AffectedOccurrence | None:
        """The first occurrence before a period whose wall time its fold shows again."""
        clock = self._clock
        start = clock.starts[period]
        repeated = max(clock.offsets[period - 1] - clock.offsets[period], 0)
        found = self._compiled.next_after(EPOCH + timedelta(seconds=start - repeated - 1))
        at = start if found is None else _second_of(found)
        if at >= start:
            return None
        effect = ClockEffect.FIRST_OF_TWO_ONLY if self._once else ClockEffect.FIRST_OF_TWO
        return _affected(effect, at, at + clock.offsets[clock.period_at(at)])


def changes_between(clock: ZoneClock, after: datetime, until: datetime) -> range:
    """The periods that begin in (after, until]; the first period of all begins with no change."""
    return range(clock.period_at(_second_of(after)) + 1, clock.period_at(_second_of(until)) + 1)


def _affected(effect: ClockEffect, at: int, wall: int, fires_wall: int | None = None) -> AffectedOccurrence:
    shown = wall if fires_wall is None else fires_wall
    return AffectedOccurrence(effect, *(datetime.fromtimestamp(second, UTC) for second in (at, wall, shown)))


def _time(wall: datetime) -> str:
    return f"{wall:%H:%M:%S}" if wall.second else f"{wall:%H:%M}"


def _second_of(instant: datetime) -> int:
    since = instant - EPOCH
    return since.days * 86_400 + since.seconds
