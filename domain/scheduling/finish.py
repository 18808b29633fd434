"""What is kept of an execution that ended when it is forgotten itself: one more in a count by the hour."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from domain.scheduling.durations import run_time, step_of
from domain.scheduling.execution import Execution, ExecutionState
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
    return (_finish(each, task_type, each.finished_at) for each in moved if each.finished_at is not None)


def _finish(execution: Execution, task_type: str, at: datetime) -> Finish:
    hour = at.replace(minute=0, second=0, microsecond=0)
    step = step_of(run_time(execution.state, execution.started_at, at))
    return Finish(hour, task_type, execution.state, step)
