"""Holding all firing for maintenance, and letting it go on."""

from dataclasses import dataclass

from application.scheduling.ports.access import AccessLog
from application.scheduling.ports.hold import Hold, Holds
from application.scheduling.ports.wakeup import Wakeup
from application.scheduling.services.reasons import checked_reason
from domain.access.events import AccessChanged
from domain.access.record import Doer


@dataclass(frozen=True, slots=True)
class HoldFiring:
    """The switch, as people throw it: a hold has a reason, a release may have one, of at most TEXT_MAX characters."""

    holds: Holds
    wakeup: Wakeup
    log: AccessLog

    async def current(self) -> Hold | None:
        """The hold there is; None: there is none."""
        return await self.holds.current()

    async def hold(self, reason: str, by: Doer) -> Hold:
        """Let nothing fire and nothing new start from a second from now on; answers the hold that stands then.

        Somebody else's stays as it is. Raises InvalidTaskError for a reason that is none.
        """
        made = await self.holds.hold(checked_reason(reason, least=1), by=by)
        self.log.observe(AccessChanged(made.actor, f"holds all firing: {made.reason}"))
        return made

    async def release(self, reason: str, by: Doer) -> Hold | None:
        """Let it all go on; answers the hold that was ended, None if there was none. Raises as `hold` does.

        What was due meanwhile is decided at once, each task by its own misfire policy.
        """
        ended = await self.holds.release(checked_reason(reason, least=0), by=by)
        if ended is not None:
            self.log.observe(AccessChanged(by.actor, "lets firing go on"))
            self.wakeup.scheduler()
            self.wakeup.workers()
        return ended
