"""The reading of time: the calendar's and a stop-watch's."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Time as one process sees it."""

    def now(self) -> datetime:
        """The present instant, aware UTC; may step either way when the machine's clock is set."""

    def monotonic(self) -> float:
        """Seconds on a stop-watch that never goes back and never jumps; only differences mean anything."""

    def uptime(self) -> float:
        """Seconds since the machine started, on a stop-watch that goes on while it is suspended."""

    async def sleep_until(self, instant: datetime) -> None:
        """Return as soon after `instant` as the machine can; at once if it has passed. Never early."""


class Listener(Protocol):
    """Who learns the store's clock from what each reply tells, and how long it took on this process's stop-watch."""

    def uptime(self) -> float:
        """See `Clock`."""

    def heard(self, at: datetime, *, sent: float, received: float) -> None:
        """Take note that the store's clock showed `at` between two readings of `uptime`; from any thread."""


class Entropy(Protocol):
    """The only source of randomness."""

    def identifier(self) -> str:
        """A new random UUID, as text."""

    def token(self) -> str:
        """128 random bits in hexadecimal."""
