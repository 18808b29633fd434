"""What a schedule would do: its next instants, from the one engine that fires it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from application.scheduling.drafts import TaskBody, define
from application.scheduling.ports.clock import Clock
from domain.scheduling.identifiers import TaskId
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

    def of_body(self, body: TaskBody, count: int) -> Sequence[Occurrence]:
        """The next `count` (at most 100) occurrences of a task with this body. Raises InvalidInputError."""
        now = self.clock.now()
        definition = define(body, now=now)
        policy = definition.policy
        timeline = Timeline(TaskId("preview"), definition.schedule, policy.start_at, policy.end_at, policy.jitter)
        return _next(timeline, now, count if policy.max_runs is None else min(count, policy.max_runs))


def _next(timeline: Timeline, after: datetime, count: int) -> Sequence[Occurrence]:
    found: list[Occurrence] = []
    while len(found) < min(count, COUNT_MAX) and (following := timeline.after(after)) is not None:
        found.append(following)
        after = following.nominal_at
    return found
