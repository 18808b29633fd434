"""The machine's clock, for commands that need nothing else: the container brings every driver along, for a second."""

from adapters.system.clock import SystemClock
from application.scheduling.ports.clock import Clock


def clock() -> Clock:
    """The clock that the container gives to everybody."""
    return SystemClock()
