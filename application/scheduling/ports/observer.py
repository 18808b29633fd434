"""Facts go out, nothing comes back: what happened, for logs and metrics."""

from typing import Protocol

from domain.scheduling.events import Event


class Observer(Protocol):
    """Hears every event. Never blocks for long and never raises."""

    def observe(self, event: Event) -> None:
        """Take note of one event."""
