"""The machine's clocks, and a sleep that ends within a millisecond of the instant asked for."""

import asyncio
import time
from datetime import UTC, datetime, timedelta

# Long sleeps are cut, so that a calendar clock that is set forward meanwhile is noticed.
NAP_MAX = timedelta(seconds=1)
# An event loop rounds its timers to whole milliseconds and wakes a moment late; the last two are spent asking.
SPIN = timedelta(milliseconds=2)
UPTIME = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class SystemClock:
    """`Clock` of this machine."""

    def now(self) -> datetime:
        """See the port."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """See the port."""
        return time.monotonic()

    def uptime(self) -> float:
        """See the port. Only Linux has two stop-watches; elsewhere the one there is goes on while suspended."""
        return time.clock_gettime(UPTIME)

    async def sleep_until(self, instant: datetime) -> None:
        """See the port. Other tasks run meanwhile, also during the last two milliseconds."""
        while (left := instant - self.now()) > timedelta(0):
            nap = max(timedelta(0), min(left - SPIN, NAP_MAX))
            await asyncio.sleep(nap.total_seconds())
