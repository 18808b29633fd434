"""`Holds` in Redis: a field beside the revision of access, as it goes on the same record in the same step."""

from dataclasses import dataclass

from adapters.records.hold import hold_of, hold_row
from adapters.redis.access_reading import Reading, Sought
from adapters.redis.access_steps import AccessSteps, Decision
from adapters.redis.codec import pack, value_of
from adapters.redis.script import script
from application.scheduling.ports.hold import Hold
from domain.access import deeds
from domain.access.record import Doer


@dataclass(frozen=True, slots=True)
class RedisHolds(AccessSteps):
    """`Holds` in one Redis."""

    async def current(self) -> Hold | None:
        """See the port."""
        (found,) = (await self.server.call(script("hold", only_reads=True))).readings
        return value_of(found, hold_of)

    async def hold(self, reason: str, *, by: Doer) -> Hold:
        """See the port."""

        def decide(found: Reading) -> Decision[Hold]:
            if found.hold is not None:
                return Decision(found.hold)
            made = Hold(by.actor, reason, found.now)
            return Decision(made, [("access", "hold", pack(hold_row(made)), 0)], deeds.firing_held(reason, by))

        return await self._change("hold", Sought(), decide)

    async def release(self, reason: str, *, by: Doer) -> Hold | None:
        """See the port."""

        def decide(found: Reading) -> Decision[Hold | None]:
            if found.hold is None:
                return Decision(None)
            return Decision(found.hold, [("access", "hold", False, 0)], deeds.firing_released(reason, by))

        return await self._change("release", Sought(), decide)
