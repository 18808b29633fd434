"""When it is told that a task has stopped, and what a task keeps of the last end."""

from dataclasses import replace

import pytest

from domain.scheduling.events import TaskStopped
from domain.scheduling.execution import ExecutionState
from domain.scheduling.outcome import Outcome, Succeeded
from domain.scheduling.policy import ExecutionPolicy
from domain.scheduling.schedule import OneTimeSchedule
from domain.scheduling.task import ScheduledTask, TaskStatus
from tests.support.builders import a_task
from tests.support.drawings import EVERY_TEN, RUNNING
from tests.support.manual_clock import NOON
from tests.support.works import DIED, LATER, a_work, execution

FRAGILE = ExecutionPolicy(fail_after=1)
RECURRING = a_task(schedule=EVERY_TEN, policy=FRAGILE)
AT_ITS_END = replace(a_task(schedule=OneTimeSchedule(NOON), policy=FRAGILE), next_occurrence=None)


@pytest.mark.parametrize(
    ("task", "outcome", "errors"),
    [
        (RECURRING, DIED, 1),
        (RECURRING, Succeeded(), None),
        (replace(RECURRING, status=TaskStatus.FAILED), DIED, None),
        (AT_ITS_END, DIED, None),
    ],
    ids=["it stops", "it goes on", "it was stopped before", "nothing was left of it"],
)
def test_a_stop_is_told_by_the_step_that_stops_what_had_occurrences_left(
    task: ScheduledTask, outcome: Outcome, errors: int | None
) -> None:
    before = a_work(running := execution(RUNNING), task=task)

    told = before.settle(running.id, outcome, LATER).stopped(before)

    assert told == (None if errors is None else TaskStopped(task.id, task.definition.name, errors))


def test_the_last_end_is_kept_whichever_it_was() -> None:
    before = a_work(running := execution(RUNNING), task=RECURRING)

    assert before.settle(running.id, Succeeded(), LATER).task.last_state is ExecutionState.SUCCEEDED
    assert before.settle(running.id, DIED, LATER).task.last_state is ExecutionState.DEAD
    assert before.task.last_state is None
