"""One observer in front of several."""

from application.scheduling.ports.observer import Observer
from domain.scheduling.events import Event


class EveryObserver:
    """`Observer` that tells each of these, in their order."""

    def __init__(self, *observers: Observer) -> None:
        self._observers = observers

    def observe(self, event: Event) -> None:
        """See the port."""
        for each in self._observers:
            each.observe(event)
