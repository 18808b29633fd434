"""A clock that stands still until a test moves it."""

import asyncio
from datetime import UTC, datetime, timedelta

NOON = datetime(2024, 1, 15, 12, 0, tzinfo=UTC)


class ManualClock:
    """`Clock` whose calendar and stop-watch move only by `advance` (both) and `step` (the calendar alone)."""

    def __init__(self, start: datetime = NOON) -> None:
        self._now = start
        self._elapsed = timedelta(0)
        self._sleepers: list[tuple[datetime, asyncio.Event]] = []

    def now(self) -> datetime:
        """See the port."""
        return self._now

    def monotonic(self) -> float:
        """See the port."""
        return self._elapsed.total_seconds()

    def uptime(self) -> float:
        """See the port."""
        return self._elapsed.total_seconds()

    async def sleep_until(self, instant: datetime) -> None:
        """See the port. The sleeper wakes in the turn of the loop after the clock has been moved there."""
        if instant <= self._now:
            return
        sleeper = (instant, asyncio.Event())
        self._sleepers.append(sleeper)
        try:
            await sleeper[1].wait()
        finally:
            self._sleepers.remove(sleeper)

    @property
    def wakes_at(self) -> datetime | None:
        """The earliest instant somebody sleeps until; None: nobody sleeps."""
        return min((instant for instant, _ in self._sleepers), default=None)

    def advance(self, by: timedelta) -> datetime:
        """Let time pass; returns the new now."""
        assert by >= timedelta(0), "time does not go back; step the calendar instead"
        self._elapsed += by
        return self.step(by)

    def advance_to(self, instant: datetime) -> datetime:
        """Let time pass until `instant`."""
        return self.advance(instant - self._now)

    def step(self, by: timedelta) -> datetime:
        """Set the calendar forward or back, as an operator or NTP does; the stop-watch does not notice."""
        self._now += by
        for instant, event in self._sleepers:
            if instant <= self._now:
                event.set()
        return self._now
