"""Tasks with their executions, as a step of `Work` reads them: due every ten minutes, an hour has passed since noon."""

from dataclasses import replace
from typing import Any

from domain.scheduling.execution import CancelRequest, Execution, ExecutionState, manual
from domain.scheduling.task import ScheduledTask
from domain.scheduling.work import Work
from tests.support.builders import HOUR, MINUTE, a_failure, a_task, an_execution, an_open_execution
from tests.support.drawings import EVERY_TEN, RUNNING, minute
from tests.support.manual_clock import NOON

SUCCEEDED, DEAD, CANCELLED = ExecutionState.SUCCEEDED, ExecutionState.DEAD, ExecutionState.CANCELLED
DELIVERED = ExecutionState.DELIVERED
LATER = NOON + HOUR
BY_ANA = CancelRequest(LATER, "ana", "wrong")
DIED = a_failure()
RETRIED = a_failure(retry_at=LATER + MINUTE)


def a_work(*executions: Execution, task: ScheduledTask | None = None) -> Work:
    task = (task or a_task(schedule=EVERY_TEN)).with_open(*(an_open_execution(each) for each in executions))
    return Work.of(task, executions)


def execution(state: ExecutionState, minutes: int = 0, **fields: Any) -> Execution:
    """The execution of the occurrence so many minutes after noon; one that runs has started once."""
    starts = 1 if state is RUNNING else 0
    return replace(an_execution(nominal_at=minute(minutes), state=state), **{"starts": starts, **fields})


def a_manual(state: ExecutionState = RUNNING) -> Execution:
    return replace(manual(a_task().id, 1, key="k", at=NOON, payload_json=None), state=state, starts=1)


def states(work: Work) -> list[ExecutionState]:
    """In order of creation."""
    return [each.state for each in work.executions.values()]
