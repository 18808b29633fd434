"""`Holds` in memory."""

from dataclasses import dataclass

from adapters.memory.state import State
from application.scheduling.ports.hold import Hold
from domain.access import deeds
from domain.access.record import Doer


@dataclass(frozen=True, slots=True)
class MemoryHolds:
    """`Holds` over the shared state."""

    state: State

    async def current(self) -> Hold | None:
        """See the port."""
        self.state.now()
        return self.state.hold

    async def hold(self, reason: str, *, by: Doer) -> Hold:
        """See the port."""
        now = self.state.now()
        if self.state.hold is None:
            self.state.hold = Hold(by.actor, reason, now)
            self.state.chain.add(deeds.firing_held(reason, by), now)
        return self.state.hold

    async def release(self, reason: str, *, by: Doer) -> Hold | None:
        """See the port."""
        now, ended = self.state.now(), self.state.hold
        if ended is not None:
            self.state.hold = None
            self.state.chain.add(deeds.firing_released(reason, by), now)
        return ended
