"""A schedule as it is told: in a sentence, its next occurrences, and what its author might not have had in mind."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.scheduling.cron.clock_change import AffectedOccurrence, ClockChanges
from domain.scheduling.cron.lint import Finding
from domain.scheduling.description import described
from domain.scheduling.lint import lint
from domain.scheduling.schedule import CronSchedule, Schedule
from domain.scheduling.timeline import Occurrence


@dataclass(frozen=True, slots=True)
class ComingOccurrence:
    """An occurrence, and the clock change that touches it, if one does."""

    occurrence: Occurrence
    affected: AffectedOccurrence | None


@dataclass(frozen=True, slots=True)
class Forecast:
    """A schedule in a sentence, its next occurrences, and what its author might not have had in mind."""

    timezone: str
    sentence: str
    coming: tuple[ComingOccurrence, ...]
    findings: tuple[Finding, ...]


def forecast(schedule: Schedule, timezone: str, occurrences: Sequence[Occurrence], *, now: datetime) -> Forecast:
    """What there is to know of `occurrences` of a schedule, and of the schedule as of `now`."""
    return Forecast(
        timezone=timezone,
        sentence=described(schedule, timezone),
        coming=_with_changes(schedule, occurrences),
        findings=tuple(lint(schedule, timezone, now)),
    )


def _with_changes(schedule: Schedule, occurrences: Sequence[Occurrence]) -> tuple[ComingOccurrence, ...]:
    if not isinstance(schedule, CronSchedule):
        # Intervals are elapsed time and an instant is an instant, whatever the clocks show.
        return tuple(ComingOccurrence(each, None) for each in occurrences)
    changes = ClockChanges(schedule.expression, schedule.timezone)
    return tuple(ComingOccurrence(each, changes.effect_on(each.nominal_at)) for each in occurrences)
