"""Giving up executions whose handler nobody has had for an hour, though no worker may be there to put them back."""

from dataclasses import dataclass

from application.scheduling.ports.execution_store import ExecutionStore
from application.scheduling.ports.observer import Observer
from application.scheduling.ports.wakeup import Wakeup
from application.scheduling.services.watch_clock import WatchClock
from domain.scheduling.events import ExecutionsExpired

BATCH_MAX = 1_000


@dataclass(frozen=True, slots=True)
class ExpireUnknown:
    """One look at what was put back for its handler."""

    executions: ExecutionStore
    watch: WatchClock
    wakeup: Wakeup
    observer: Observer

    async def run_once(self) -> int:
        """Give up what has waited too long, BATCH_MAX at most; return how many. By a clock that has leapt, none."""
        if self.watch.now() is None:
            return 0
        expired = await self.executions.expire_unknown(BATCH_MAX)
        if expired:
            self.observer.observe(ExecutionsExpired(len(expired)))
            for each in expired:
                if each.stopped is not None:
                    self.observer.observe(each.stopped)
            self.wakeup.changed(each.task_id for each in expired)
            # What waited behind one of them may run now.
            self.wakeup.workers()
        return len(expired)
