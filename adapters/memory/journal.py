"""The last changes of the memory store, in their order, each under a number of its own."""

from collections import deque
from dataclasses import dataclass, field

from application.scheduling.ports.news import KEPT
from domain.scheduling.identifiers import ExecutionId, TaskId


@dataclass(frozen=True, slots=True)
class Entry:
    """One change; its number and what it names tell it from every other."""

    number: int
    task_id: TaskId
    execution_id: ExecutionId | None

    @property
    def mark(self) -> str:
        """The name of the place behind it."""
        return f"{self.number}-{self.execution_id or self.task_id}"


@dataclass(slots=True)
class Journal:
    """The last KEPT entries; numbers begin with 1 and none is left out."""

    entries: deque[Entry] = field(default_factory=lambda: deque(maxlen=KEPT))
    written: int = 0

    def tell(self, task_id: TaskId, execution_id: ExecutionId | None = None) -> None:
        """Write down that a task changed, or one of its executions."""
        self.written += 1
        self.entries.append(Entry(self.written, task_id, execution_id))
