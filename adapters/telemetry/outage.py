"""What to tell of a store that does not answer: that it began, now and then that it goes on, and that it is over."""

from dataclasses import dataclass, field
from datetime import timedelta
from threading import Lock

from application.scheduling.ports.clock import Clock

REMIND_AFTER = timedelta(seconds=10)
REMIND_EVERY_MAX = timedelta(minutes=10)


@dataclass(slots=True)
class StoreOutage:
    """One outage at a time, as all loops of a process meet it; it is over when each that it met goes on again.

    One alone is no proof: a heartbeat that has nothing left to name does not ask the store, and does not fail.
    Told are its beginning, then what comes REMIND_AFTER later, twice as long after that, and so on up to
    REMIND_EVERY_MAX. Safe in every thread.
    """

    clock: Clock
    _began: float | None = None
    _doing: set[str] = field(default_factory=set)
    _remind_at: float = 0.0
    _gap: timedelta = REMIND_AFTER
    _lock: Lock = field(default_factory=Lock)

    def failed(self, doing: str) -> timedelta | None:
        """A loop was not answered: for how long that is so, if it is to be told now (0: it begins); None: it is not."""
        with self._lock:
            self._doing.add(doing)
            now = self.clock.monotonic()
            if self._began is None:
                self._began, self._gap = now, REMIND_AFTER
            elif now < self._remind_at:
                return None
            else:
                self._gap = min(self._gap * 2, REMIND_EVERY_MAX)
            self._remind_at = now + self._gap.total_seconds()
            return timedelta(seconds=now - self._began)

    def recovered(self, doing: str) -> timedelta | None:
        """A loop goes on again: how long the outage was; None: others still fail, or there was none."""
        with self._lock:
            self._doing.discard(doing)
            if self._doing:
                return None
            began, self._began = self._began, None
            return None if began is None else timedelta(seconds=self.clock.monotonic() - began)
