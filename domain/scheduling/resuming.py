"""What a task that runs nothing has missed so far, and what resuming it would do about that, before anybody does."""

from dataclasses import dataclass, replace
from datetime import datetime

from domain.errors import TaskStateError
from domain.scheduling.change import Change, ChangeAction, Via
from domain.scheduling.firing import skip_of, undecided_until
from domain.scheduling.mutation import resume
from domain.scheduling.policy import Misfire
from domain.scheduling.task import ScheduledTask, Skip, SkipReason, TaskStatus


@dataclass(frozen=True, slots=True)
class Resumption:
    """What resuming with `missed` would do: start `runs` executions, pass over `skipped` occurrences (or more).

    `refusal` is why it would be refused instead; None: it would not.
    """

    missed: Misfire
    runs: int = 0
    skipped: int = 0
    at_least: bool = False
    refusal: TaskStateError | None = None


def missed_so_far(task: ScheduledTask, now: datetime) -> Skip | None:
    """What a paused or failed task owes up to `now` and has not run; None: nothing, or it is not one of these."""
    reason = {TaskStatus.PAUSED: SkipReason.PAUSED, TaskStatus.FAILED: SkipReason.FAILED}.get(task.status)
    owed = None if reason is None else undecided_until(task, now)
    return None if reason is None or owed is None else skip_of(task.timeline, reason, owed.oldest, owed.newest)


def resumptions(task: ScheduledTask, now: datetime) -> tuple[Resumption, ...]:
    """Each way of resuming a paused or failed task, as it would turn out at `now`, in the order of Misfire.

    It is decided as the resuming itself decides it, and nothing is kept of that.
    """
    change = Change(ChangeAction.RESUME, actor="", via=Via.SYSTEM, at=now)
    # Without an earlier Skip to grow out of, what is passed over is what would be passed over now.
    alone = replace(task, trailing_skip=None)
    return tuple(_resumption(alone, change, missed) for missed in Misfire)


def _resumption(task: ScheduledTask, change: Change, missed: Misfire) -> Resumption:
    try:
        mutation = resume(task, change, missed=missed)
    except TaskStateError as refusal:
        return Resumption(missed, refusal=refusal)
    return Resumption(
        missed,
        runs=0 if mutation.firing is None else len(mutation.firing.run),
        skipped=sum(each.count for each in mutation.skips),
        at_least=any(each.at_least for each in mutation.skips),
    )
