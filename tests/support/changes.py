"""Changes of a task that is due every ten minutes, and what they leave behind."""

from dataclasses import fields, replace
from typing import Any

from domain.scheduling.change import Change, ChangeAction
from domain.scheduling.execution import Execution
from domain.scheduling.mutation import Mutation, edit
from domain.scheduling.policy import ExecutionPolicy
from domain.scheduling.schedule import IntervalSchedule, Schedule
from domain.scheduling.task import Definition, ScheduledTask, TaskStatus
from domain.scheduling.work import Work
from tests.support.builders import MINUTE, a_change, a_pause, a_task
from tests.support.drawings import EVERY_TEN, minute

EVERY_QUARTER = IntervalSchedule(15 * MINUTE)


def change(action: ChangeAction, minutes: float) -> Change:
    return a_change(action, at=minute(minutes))


def a_job(*, status: TaskStatus = TaskStatus.ACTIVE, **policy: Any) -> ScheduledTask:
    """A task that is due every ten minutes, in version 5, with a failure behind it."""
    task = a_task(schedule=EVERY_TEN, policy=ExecutionPolicy(**policy), status=status)
    held = a_pause() if status is TaskStatus.PAUSED else None
    return replace(task, version=5, error_count=1, pause=held)


def redefined(task: ScheduledTask, schedule: Schedule | None = None, **policy: Any) -> Definition:
    definition = replace(task.definition, policy=replace(task.definition.policy, **policy))
    return definition if schedule is None else replace(definition, schedule=schedule)


def edited(task: ScheduledTask, definition: Definition, minutes: float) -> Mutation:
    return edit(task, definition, change(ChangeAction.EDIT, minutes))


def applied(mutation: Mutation, *executions: Execution) -> ScheduledTask:
    """The task after the change, if nothing came between."""
    assert mutation.holds_for(mutation.before)
    return mutation.apply(Work.of(mutation.before or mutation.after, executions)).task


def written(mutation: Mutation) -> set[str]:
    """The fields in which the task after the change is another one."""
    assert mutation.before is not None
    after = applied(mutation)
    names = (each.name for each in fields(ScheduledTask))
    return {name for name in names if getattr(after, name) != getattr(mutation.before, name)}
