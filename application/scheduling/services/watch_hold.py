"""Looking at the maintenance switch often enough, and no more often."""

from dataclasses import dataclass
from datetime import timedelta

from application.scheduling.ports.clock import Clock
from application.scheduling.ports.hold import Hold, Holds

LOOK_EVERY = timedelta(milliseconds=500)
"""What was seen is trusted for so long. With the time that one batch takes, a hold has come everywhere in a second."""


@dataclass(slots=True)
class WatchHold:
    """The hold as one process last saw it, by its own stop-watch."""

    holds: Holds
    clock: Clock
    _looked_at: float | None = None

    async def current(self) -> Hold | None:
        """Return the hold there is, or None if there was none at most LOOK_EVERY ago. Raises StoreUnavailableError.

        A store that is held is asked every time: so a release is seen at once.
        """
        now = self.clock.monotonic()
        if self._looked_at is not None and now - self._looked_at < LOOK_EVERY.total_seconds():
            return None
        hold = await self.holds.current()
        # Counted from before the question, as the answer may have been true only then.
        self._looked_at = now if hold is None else None
        return hold
