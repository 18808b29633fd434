"""Taking executions from holders that have fallen silent.

A deadline in the store would be judged by clocks that step; so silence is observed: a claim whose beat has not moved
for a lease's length on this observer's own stop-watch has lost its holder (client-go's rule for leader election). Time
in which the store did not answer this observer proves nothing: it may not have answered the holders either.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from application.scheduling.ports.clock import Clock
from application.scheduling.ports.errors import PortError
from application.scheduling.ports.execution_store import ExecutionStore, Held, Rescued
from application.scheduling.ports.observer import Observer
from application.scheduling.ports.wakeup import Wakeup
from domain.scheduling.identifiers import ClaimToken, ExecutionId, NodeId

LEASE = timedelta(seconds=30)


def trusted(lease: timedelta) -> float:
    """For how many seconds after its last sign of life a holder may take a claim for its own (River's trust window)."""
    return lease.total_seconds() * 3 / 4


@dataclass(slots=True)
class RescueStuck:
    """Watches every claim; remembers, for each, the beat it saw and when it saw it first.

    A claim is an execution and its token: a request that was delivered twice has claimed two with one token.
    """

    executions: ExecutionStore
    clock: Clock
    wakeup: Wakeup
    observer: Observer
    lease: timedelta = LEASE
    _seen: dict[tuple[ExecutionId, ClaimToken], tuple[int, float]] = field(default_factory=dict)
    _looked: float = 0.0
    _is_blind: bool = False

    async def run_once(self) -> int:
        """Look at all claims once and rescue the silent ones; return how many were rescued."""
        asked = self.clock.monotonic()
        try:
            held = await self.executions.held()
        except PortError:
            self._is_blind = True
            raise
        # A beat is seen by the end of the call and stands still since its beginning: silence is never overrated.
        seen = self.clock.monotonic()
        unseen = asked - self._looked if self._is_blind else 0.0
        self._looked, self._is_blind = asked, False
        self._seen = {(each.execution_id, each.token): self._sighting(each, seen, unseen) for each in held}
        lease = self.lease.total_seconds()
        silent = [each for each in held if asked - self._seen[each.execution_id, each.token][1] >= lease]
        if not silent:
            return 0
        return self._told(await self.executions.rescue(silent))

    async def rescue_all(self) -> int:
        """Rescue every claim there is, for whoever knows that no holder can be left; return how many."""
        count = 0
        while (held := await self.executions.held()) and (rescued := await self.executions.rescue(held)):
            count += self._told(rescued)
        return count

    async def worker_died(self, worker_id: NodeId) -> int:
        """Rescue everything of a worker that is known to be dead, at once."""
        return self._told(await self.executions.rescue_worker(worker_id))

    def _sighting(self, held: Held, now: float, unseen: float) -> tuple[int, float]:
        """The beat of a claim, and since when it stands still, without the time in which it could not be seen."""
        seen = self._seen.get((held.execution_id, held.token))
        return (held.beat, seen[1] + unseen) if seen is not None and seen[0] == held.beat else (held.beat, now)

    def _told(self, rescued: Sequence[Rescued]) -> int:
        for each in rescued:
            self.observer.observe(each.event)
            if each.stopped is not None:
                self.observer.observe(each.stopped)
        if rescued:
            self.wakeup.workers()
        return len(rescued)
