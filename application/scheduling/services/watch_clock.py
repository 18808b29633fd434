"""Watching the calendar against a stop-watch: nothing is decided by a leap ahead before it has stood for a while.

A calendar that is set an hour ahead by mistake would run an hour's work early, and none for the hour after it is set
right: the watermark never goes back. So a leap is told at once, and followed only after HOLD. A step back needs no
such care: what is decided stays decided.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from application.scheduling.ports.clock import Clock
from application.scheduling.ports.observer import Observer
from domain.scheduling.events import ClockLeapt

LEAP_MIN = timedelta(seconds=30)
HOLD = timedelta(seconds=60)


@dataclass(slots=True)
class WatchClock:
    """Compares both clocks at every look; `_leapt` is how far the calendar is ahead while it is not yet followed."""

    clock: Clock
    observer: Observer
    _now: datetime | None = None
    _uptime: float = 0.0
    _leapt: timedelta = timedelta(0)
    _held_since: float = 0.0

    @property
    def is_held(self) -> bool:
        """True while nothing is decided, as of the last look."""
        return bool(self._leapt)

    def now(self) -> datetime | None:
        """The present instant, if it may be decided by: whoever decides asks here, and takes no other for now."""
        by = self._leap()
        if abs(by) > LEAP_MIN:
            self._leapt = max(timedelta(0), self._leapt + by)
            self._held_since = self._uptime
            held = HOLD if self._leapt > LEAP_MIN else timedelta(0)
            self.observer.observe(ClockLeapt(by, held))
        if self._leapt <= LEAP_MIN or self._uptime - self._held_since >= HOLD.total_seconds():
            self._leapt = timedelta(0)
        return None if self._leapt else self._now

    def _leap(self) -> timedelta:
        """How much further the calendar has gone than the stop-watch since the last look."""
        before, uptime_before = self._now, self._uptime
        self._now, self._uptime = self.clock.now(), self.clock.uptime()
        if before is None:
            return timedelta(0)
        return self._now - before - timedelta(seconds=self._uptime - uptime_before)
