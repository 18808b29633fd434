"""What a schedule would do: its next instants, from the one engine that fires it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from application.scheduling.drafts import TaskBody, define
from application.scheduling.ports.clock import Clock
from domain.scheduling.identifiers import MICROSECOND, TaskId
from domain.scheduling.schedule import OneTimeSchedule
from domain.scheduling.task import ScheduledTask, TaskStatus
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

    def of_body(self, body: TaskBody, count: int, *, present: ScheduledTask | None = None) -> Sequence[Occurrence]:
        """The next `count` (at most 100) occurrences of a task with this body. Raises InvalidInputError.

        `present` is the task the body is to replace: it lends what a body leaves out, and its identity to the jitter.
        """
        now = self.clock.now()
        definition = define(body, now=now, present=present.definition if present else None)
        policy, schedule = definition.policy, definition.schedule
        task_id = present.id if present else TaskId("preview")
        timeline = Timeline(task_id, schedule, policy.start_at, policy.end_at, policy.jitter)
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
