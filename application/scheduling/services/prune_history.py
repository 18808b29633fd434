"""Forgetting records that are older than anybody asked to keep."""

from dataclasses import dataclass, field

from application.scheduling.ports.history import History, Retention
from application.scheduling.ports.observer import Observer
from application.scheduling.services.watch_clock import WatchClock
from domain.scheduling.events import RecordsPruned

BATCH_MAX = 1_000
BATCHES_MAX = 100


@dataclass(frozen=True, slots=True)
class PruneHistory:
    """Deletes in small steps, so that no writer waits long behind one."""

    history: History
    observer: Observer
    watch: WatchClock
    retention: Retention = field(default_factory=Retention)

    async def run_once(self) -> bool:
        """Prune until nothing is left to prune, at most BATCHES_MAX steps; True if more may be left.

        By a clock that has leapt nothing is old: what is forgotten cannot be taken back.
        """
        if self.watch.now() is None:
            return False
        pruned, step = 0, BATCH_MAX
        for _ in range(BATCHES_MAX):
            step = await self.history.prune(self.retention, limit=BATCH_MAX)
            pruned += step
            if step < BATCH_MAX:
                break
        if pruned:
            self.observer.observe(RecordsPruned(pruned))
        return step >= BATCH_MAX
