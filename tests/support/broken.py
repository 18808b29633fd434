"""Tasks that cannot be decided any more."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from domain.errors import DomainError
from domain.scheduling.task import ScheduledTask
from tests.support.house import House


@dataclass(frozen=True, slots=True)
class Broken:
    """A schedule that can't be computed any more, like one in a zone that is gone."""

    error: Exception = field(default_factory=lambda: DomainError("no such zone"))

    def next_after(self, instant: datetime) -> datetime | None:
        """Raise the error."""
        raise self.error

    previous_before = next_after


def break_(house: House, task: ScheduledTask, error: Exception | None = None) -> None:
    """Let the task have such a schedule."""
    kept = house.stores.state.tasks[task.id]
    schedule: Any = Broken(error or DomainError("no such zone"))
    kept.task = replace(kept.task, definition=replace(kept.task.definition, schedule=schedule))
