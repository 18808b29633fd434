"""Ports that write down what they are told, and randomness that counts."""

from collections.abc import Iterable
from typing import TypeVar

from domain.scheduling.events import Event

Kind = TypeVar("Kind")


class CountingEntropy:
    """`Entropy` that counts, so that every run of a test names things alike. `seed` keeps two of them apart."""

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed
        self._drawn = 0

    def identifier(self) -> str:
        """See the port."""
        self._drawn += 1
        return f"{self._seed:08x}-0000-4000-8000-{self._drawn:012x}"

    def token(self) -> str:
        """See the port."""
        self._drawn += 1
        return f"{self._seed:08x}{self._drawn:024x}"


class RecordingObserver:
    """`Observer` that keeps every event in order."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def observe(self, event: Event) -> None:
        """See the port."""
        self.events.append(event)

    def seen(self, kind: type[Kind]) -> list[Kind]:
        """The events of one kind, in order."""
        return [event for event in self.events if isinstance(event, kind)]


class RecordingWakeup:
    """`Wakeup` that counts the hints and keeps the ids it heard of, in order."""

    def __init__(self) -> None:
        self.scheduler_hints = 0
        self.worker_hints = 0
        self.changed_ids: list[str] = []

    def scheduler(self) -> None:
        """See the port."""
        self.scheduler_hints += 1

    def workers(self) -> None:
        """See the port."""
        self.worker_hints += 1

    def changed(self, task_ids: Iterable[str]) -> None:
        """See the port."""
        self.changed_ids.extend(task_ids)
