"""The slow second look: what the store says comes next is compared with what the schedule says."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from application.scheduling.ports.clock import Clock
from application.scheduling.ports.task_store import Applied, Moved, MutateAnswer, TaskStore, TooEarly, Unreadable
from application.scheduling.ports.wakeup import Wakeup
from application.scheduling.services.errors import UNDECIDABLE
from domain.scheduling.change import Change, ChangeAction
from domain.scheduling.cron.zone import tzdata_version
from domain.scheduling.identifiers import TaskId
from domain.scheduling.mutation import Mutation, rederive, system_change
from domain.scheduling.task import ScheduledTask

SLICE_MAX = 1_000
REFUSALS_MAX = 20
EARLY_WAIT_MAX = timedelta(seconds=1)


@dataclass(slots=True)
class Reconcile:
    """Goes through all tasks in slices, from one pass to the next, and repairs what new zone data has moved.

    A slice some of whose repairs were refused, because a task had moved or the store's clock was behind, is gone
    through again.
    """

    tasks: TaskStore
    clock: Clock
    wakeup: Wakeup
    _after: TaskId | None = None
    _refusals: int = 0

    async def catch_up(self) -> int:
        """Check every task if the zone data are not those of the last time, before anything fires by the old ones.

        Returns how many tasks were given another next occurrence. If repairs are refused again and again, the data
        are not taken for caught up with: the next start checks every task again.
        """
        version, repaired = tzdata_version(), 0
        if await self.tasks.tzdata() == version:
            return 0
        self._after, self._refusals = None, 0
        while self._refusals < REFUSALS_MAX:
            refusals = self._refusals
            repaired += await self.run_once()
            if refusals == self._refusals and self._after is None:
                await self.tasks.keep_tzdata(version)
                break
        return repaired

    async def run_once(self) -> int:
        """Check one slice; return how many tasks were given another next occurrence."""
        found = await self.tasks.scan(after=self._after, limit=SLICE_MAX)
        change = system_change(ChangeAction.REDERIVE, self.clock.now(), "the next occurrence was computed afresh")
        mutations = [mutation for each in found if (mutation := _rederived(each, change)) is not None]
        answers = await self._mutate(mutations) if mutations else ()
        # Only now: a slice whose repair met a silent store is looked at again.
        if any(isinstance(answer, Moved | TooEarly) for answer in answers):
            self._refusals += 1
        else:
            last = found[-1] if len(found) == SLICE_MAX else None
            self._after = None if last is None else last.id if isinstance(last, ScheduledTask) else last.task_id
        repaired = [answer.task.id for answer in answers if isinstance(answer, Applied)]
        if repaired:
            self.wakeup.scheduler()
            self.wakeup.changed(repaired)
        return len(repaired)

    async def _mutate(self, mutations: Sequence[Mutation]) -> Sequence[MutateAnswer]:
        answers = await self.tasks.mutate(mutations)
        early = max((answer.by for answer in answers if isinstance(answer, TooEarly)), default=None)
        if early is not None:
            # By then the store's clock has come to where ours was.
            await asyncio.sleep(min(early, EARLY_WAIT_MAX).total_seconds())
            again = iter(
                await self.tasks.mutate(
                    [each for each, answer in zip(mutations, answers, strict=True) if isinstance(answer, TooEarly)]
                )
            )
            answers = [next(again) if isinstance(answer, TooEarly) else answer for answer in answers]
        return answers


def _rederived(found: ScheduledTask | Unreadable, change: Change) -> Mutation | None:
    if isinstance(found, Unreadable):
        return None
    try:
        return rederive(found, change)
    except UNDECIDABLE:
        # A task that can't be decided is quarantined when it is due; it must not keep the others from their repair.
        return None
