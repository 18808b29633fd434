"""What to know before a schedule is saved and it does not tell alone: its company, its runs, a second opinion."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from application.scheduling.explanations.words import span
from application.scheduling.services.second_opinion import SecondOpinion
from application.scheduling.services.statistics import ReadStatistics
from domain.scheduling.cron.lint import Finding, Severity
from domain.scheduling.cron.zone import zone
from domain.scheduling.schedule import Schedule
from domain.scheduling.task import ScheduledTask, TaskStatus

CROWD_MIN = 20
"""From this many tasks of one minute on, another minute is worth a thought."""
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Advise:
    """Findings about occurrences that are shown to whoever writes a schedule."""

    statistics: ReadStatistics
    opinion: SecondOpinion

    async def on(
        self, schedule: Schedule, timezone: str, shown: Sequence[datetime], present: ScheduledTask | None = None
    ) -> tuple[Finding, ...]:
        """Findings of `shown`, the next nominal instants; `present` is the task that is edited, if one is.

        Codes: crowded_minute, slower_than_interval, and those of SecondOpinion. Raises StoreUnavailableError.
        """
        if not shown:
            return ()
        return (
            *await self._crowded(shown[0], timezone, present),
            *await self._too_slow(shown, present),
            *await self.opinion.on(schedule, shown),
        )

    async def _crowded(self, at: datetime, timezone: str, present: ScheduledTask | None) -> Sequence[Finding]:
        crowd = await self.statistics.crowd(at)
        others = crowd.tasks - _counts_itself(crowd.at, present)
        if others < CROWD_MIN or crowd.quietest_tasks >= others:
            return ()
        here, there = (f"{each.astimezone(zone(timezone)):%H:%M}" for each in (at, crowd.quietest_at))
        detail = f"{others:,} other tasks run at {here} as well"
        hint = f"the quietest minute near it is {there}, with {crowd.quietest_tasks:,}"
        return (Finding("crowded_minute", Severity.INFO, detail, hint, at=at),)

    async def _too_slow(self, shown: Sequence[datetime], present: ScheduledTask | None) -> Sequence[Finding]:
        gaps = [later - earlier for earlier, later in pairwise(shown)]
        measured = await self.statistics.measured(present.id) if present is not None and gaps else None
        if measured is None or measured.almost_all <= min(gaps):
            return ()
        took, gap = span(measured.almost_all), span(min(gaps))
        detail = f"95 % of its last {measured.count:,} runs took at most {took}, and the next may come after {gap}"
        hint = "the policy for overlaps decides what becomes of a run that finds another one open"
        return (Finding("slower_than_interval", Severity.WARNING, detail, hint),)


def _counts_itself(minute: datetime, present: ScheduledTask | None) -> bool:
    """True if the task that is edited is one of those that run in that minute: active and sound, as they are."""
    if present is None or present.status is not TaskStatus.ACTIVE or present.quarantine is not None:
        return False
    following = present.next_occurrence
    return following is not None and minute <= following.run_at < minute + _MINUTE
