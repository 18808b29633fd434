"""What is kept of an execution that ended when it is forgotten itself: one more in a count by the hour."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from domain.scheduling.durations import run_time, step_of
from domain.scheduling.execution import ExecutionState
from domain.scheduling.work import Work


@dataclass(frozen=True, slots=True)
class Finish:
    """The kind of end an execution had: in which hour of UTC, of what type, how, and within which step of duration."""

    hour: datetime
    task_type: str
    state: ExecutionState
    step: int


def finishes(work: Work) -> Iterator[Finish]:
    """The end of each execution that ends with this work; the type is that of its task now."""
    task_type = work.task.definition.task_type
    moved = (work.executions[each] for each in work.created | work.changed)
    return (
        finish_of(task_type, each.state, each.started_at, each.finished_at)
        for each in moved
        if each.finished_at is not None
    )


def finish_of(task_type: str, state: ExecutionState, started_at: datetime | None, at: datetime) -> Finish:
    """The end, at an instant and in this state, of an execution whose last attempt began then."""
    hour = at.replace(minute=0, second=0, microsecond=0)
    return Finish(hour, task_type, state, step_of(run_time(state, started_at, at)))
