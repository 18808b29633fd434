"""When there has to be a second lane: as long as an execution waits that may be what kills its workers.

Whoever is rescued as often as that is claimed by nobody but a worker child of its own lane, which runs one at a time:
if it dies again, it dies alone. Meanwhile the main lane goes on with everything else.
"""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta

from application.scheduling.ports.execution_store import ExecutionStore
from application.scheduling.ports.observer import Observer
from entrypoints.loop import repeat

LOOK_EVERY = timedelta(seconds=5)


@dataclass(slots=True)
class SuspectWatch:
    """Looks for suspects every LOOK_EVERY, and at once after `look_now`."""

    executions: ExecutionStore
    observer: Observer
    _rescued: asyncio.Event = field(default_factory=asyncio.Event)

    def look_now(self) -> None:
        """Something was rescued."""
        self._rescued.set()

    async def found(self) -> None:
        """Return once a suspect may be claimed; a store that does not answer is asked again."""
        found = asyncio.Event()

        async def look() -> timedelta:
            if await self.executions.is_suspect_pending():
                found.set()
            return LOOK_EVERY

        await repeat(look, name="look for suspects", stop=found, observer=self.observer, wake=self._rescued)
