"""What a schedule would do: its next instants, from the one engine that fires it, and what there is to know of them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from application.scheduling.drafts import TaskBody, define
from application.scheduling.ports.clock import Clock
from application.scheduling.services.forecast import Forecast, forecast
from domain.scheduling.identifiers import MICROSECOND, TaskId
from domain.scheduling.lint import lint_wall_time
from domain.scheduling.resuming import Resumption, missed_so_far, resumptions
from domain.scheduling.schedule import OneTimeSchedule
from domain.scheduling.task import Definition, ScheduledTask, Skip, TaskStatus
from domain.scheduling.timeline import Occurrence, Timeline

COUNT_MAX = 100


@dataclass(frozen=True, slots=True)
class Preview:
    """The next occurrences of a task that exists, or of one that is being written."""

    clock: Clock

    def of_task(self, task: ScheduledTask, count: int) -> Sequence[Occurrence]:
        """The next `count` (at most 100) occurrences if it stays as it is; a paused one is taken as resumed now."""
        if task.status in (TaskStatus.COMPLETED, TaskStatus.FAILED):
            return ()
        after = task.decided_until if task.status is TaskStatus.ACTIVE else max(self.clock.now(), task.decided_until)
        left = count if task.runs_left is None else min(count, task.runs_left)
        return _next(task.timeline, after, left)

    def missed(self, task: ScheduledTask) -> Skip | None:
        """What a paused or failed task has missed so far; None: nothing, or it is neither."""
        return missed_so_far(task, self.clock.now())

    def resumptions(self, task: ScheduledTask) -> Sequence[Resumption]:
        """What each way of resuming a paused or failed task would do now."""
        return resumptions(task, self.clock.now())

    def of_body(self, body: TaskBody, count: int, *, present: ScheduledTask | None = None) -> Sequence[Occurrence]:
        """The next `count` (at most 100) occurrences of a task with this body. Raises InvalidInputError.

        `present` is the task the body is to replace: it lends what a body leaves out, and its identity to the jitter.
        """
        now = self.clock.now()
        return _of_definition(_defined(body, now, present), body, count, now=now, present=present)

    def forecast_of_task(self, task: ScheduledTask, count: int) -> Forecast:
        """As `of_task`, with everything there is to know of them."""
        definition = task.definition
        return forecast(definition.schedule, definition.timezone, self.of_task(task, count), now=self.clock.now())

    def forecast_of_body(self, body: TaskBody, count: int, *, present: ScheduledTask | None = None) -> Forecast:
        """As `of_body`, with everything there is to know of them."""
        now = self.clock.now()
        definition = _defined(body, now, present)
        occurrences = _of_definition(definition, body, count, now=now, present=present)
        told = forecast(definition.schedule, definition.timezone, occurrences, now=now)
        if not isinstance(definition.schedule, OneTimeSchedule):
            return told
        # Only the text knows of a wall time that the clocks skip.
        moved = lint_wall_time(definition.schedule_text, definition.timezone)
        return replace(told, findings=(*told.findings, *moved))


def _defined(body: TaskBody, now: datetime, present: ScheduledTask | None) -> Definition:
    return define(body, now=now, present=present.definition if present else None)


def _of_definition(
    definition: Definition, body: TaskBody, count: int, *, now: datetime, present: ScheduledTask | None
) -> Sequence[Occurrence]:
    policy, schedule = definition.policy, definition.schedule
    task_id = present.id if present else TaskId("preview")
    timeline = Timeline.bounded(task_id, schedule, policy)
    after = now if present is None else max(now, present.decided_until)
    if present is None and body.if_past == "run_now" and isinstance(schedule, OneTimeSchedule):
        after = min(after, schedule.at - MICROSECOND)
    return _next(timeline, after, count if policy.max_runs is None else min(count, policy.max_runs))


def _next(timeline: Timeline, after: datetime, count: int) -> Sequence[Occurrence]:
    found: list[Occurrence] = []
    while len(found) < min(count, COUNT_MAX) and (following := timeline.after(after)) is not None:
        found.append(following)
        after = following.nominal_at
    return found
