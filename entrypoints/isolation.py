"""When there have to be more lanes: as long as an execution waits that may be what kills its workers.

What was rescued as often as that is claimed by nobody but the worker children of lanes of their own, each of which runs
one at a time: if it kills again, it dies alone. Meanwhile the main lane goes on with everything else. Most suspects are
innocent and many come at once, so a lane that still finds some waiting after its patience helps out.
"""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta

from application.scheduling.ports.execution_store import ExecutionStore
from application.scheduling.ports.observer import Observer
from entrypoints.loop import repeat

LOOK_EVERY = timedelta(seconds=5)
LANES_MAX = 3
# Longer than it takes a child of the lane before to be there and to claim.
PATIENCE = timedelta(seconds=5)


@dataclass(slots=True)
class SuspectWatch:
    """Looks for suspects every LOOK_EVERY, and at once after `look_now`; leaves them to others for its `patience`."""

    executions: ExecutionStore
    observer: Observer
    patience: timedelta = timedelta(0)
    _rescued: asyncio.Event = field(default_factory=asyncio.Event)

    def look_now(self) -> None:
        """Something was rescued."""
        self._rescued.set()

    async def found(self) -> None:
        """Return once some suspect may be claimed, and still may some other or the same after the patience.

        A store that does not answer is asked again.
        """
        found = asyncio.Event()

        async def look() -> timedelta:
            if await self.executions.is_suspect_pending():
                await asyncio.sleep(self.patience.total_seconds())
                if not self.patience or await self.executions.is_suspect_pending():
                    found.set()
            return LOOK_EVERY

        await repeat(look, name="look for suspects", stop=found, observer=self.observer, wake=self._rescued)
