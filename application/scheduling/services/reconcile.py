"""The slow second look: what comes next by the store and by the schedule, and what waits for a handler in vain."""

from dataclasses import dataclass

from application.scheduling.ports.clock import Clock
from application.scheduling.ports.execution_store import ExecutionStore
from application.scheduling.ports.task_store import Applied, TaskStore, Unreadable
from application.scheduling.ports.wakeup import Wakeup
from application.scheduling.services.errors import UNDECIDABLE
from domain.scheduling.change import Change, ChangeAction
from domain.scheduling.cron.zone import tzdata_version
from domain.scheduling.identifiers import TaskId
from domain.scheduling.mutation import Mutation, rederive, system_change
from domain.scheduling.task import ScheduledTask

SLICE_MAX = 1_000


@dataclass(slots=True)
class Reconcile:
    """Goes through all tasks in slices, from one pass to the next, and repairs what new zone data has moved.

    Each pass also gives up executions whose handler nobody has had for an hour.
    """

    tasks: TaskStore
    executions: ExecutionStore
    clock: Clock
    wakeup: Wakeup
    _after: TaskId | None = None

    async def catch_up(self) -> int:
        """Check every task if the zone data are not those of the last time, before anything fires by the old ones.

        Returns how many tasks were given another next occurrence.
        """
        version, repaired = tzdata_version(), 0
        if await self.tasks.tzdata() == version:
            return 0
        self._after = None
        while True:
            repaired += await self._rederive_slice()
            if self._after is None:
                break
        await self.tasks.keep_tzdata(version)
        return repaired

    async def run_once(self) -> int:
        """Check one slice; return how many tasks were given another next occurrence."""
        await self.executions.expire_unknown(SLICE_MAX)
        return await self._rederive_slice()

    async def _rederive_slice(self) -> int:
        found = await self.tasks.scan(after=self._after, limit=SLICE_MAX)
        change = system_change(ChangeAction.REDERIVE, self.clock.now(), "the next occurrence was computed afresh")
        mutations = [mutation for each in found if (mutation := _rederived(each, change)) is not None]
        answers = await self.tasks.mutate(mutations) if mutations else ()
        # Only now: a slice whose repair met a silent store is looked at again.
        last = found[-1] if len(found) == SLICE_MAX else None
        self._after = None if last is None else last.id if isinstance(last, ScheduledTask) else last.task_id
        repaired = [answer.task.id for answer in answers if isinstance(answer, Applied)]
        if repaired:
            self.wakeup.scheduler()
            self.wakeup.changed(repaired)
        return len(repaired)


def _rederived(found: ScheduledTask | Unreadable, change: Change) -> Mutation | None:
    if isinstance(found, Unreadable):
        return None
    try:
        return rederive(found, change)
    except UNDECIDABLE:
        # A task that can't be decided is quarantined when it is due; it must not keep the others from their repair.
        return None
