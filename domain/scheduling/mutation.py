"""Changes by people and programs: what each decides, what it compares, what it leaves behind (protocol 4).

What a mutation writes, it compares: the definition goes with `version`, the watermark with `decided_until`, the
status with `status`, executions with `open_seq`. So a change made on what was read can never undo a firing or a
settlement that came between.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from domain.errors import InvalidScheduleError, InvalidTaskError, TaskStateError
from domain.scheduling.change import Change, ChangeAction, Via
from domain.scheduling.execution import CancelRequest, Execution, manual
from domain.scheduling.firing import Firing, fire, joined, skip_of
from domain.scheduling.identifiers import MICROSECOND, TaskId
from domain.scheduling.policy import Misfire, Overlap
from domain.scheduling.schedule import OneTimeSchedule
from domain.scheduling.task import (
    Definition,
    Pause,
    PauseMode,
    ScheduledTask,
    Skip,
    SkipReason,
    TaskStatus,
)
from domain.scheduling.work import Work


class Compared(StrEnum):
    """What must be as read, besides the version."""

    DECIDED_UNTIL = "decided_until"
    STATUS = "status"
    OPEN_SEQ = "open_seq"


@dataclass(frozen=True, slots=True)
class Mutation:
    """One change of one task, to be carried out whole or not at all.

    `before` is the task as read (None: `after` is created). `skips` go on record; `firing`, `run` and `cancel_open`
    say what becomes of executions.
    """

    change: Change
    before: ScheduledTask | None
    after: ScheduledTask
    compares: frozenset[Compared] = frozenset()
    skips: tuple[Skip, ...] = ()
    firing: Firing | None = None
    run: Execution | None = None
    cancel_open: bool = False

    def holds_for(self, current: ScheduledTask | None) -> bool:
        """True if what this mutation was decided on is still so."""
        before = self.before
        if before is None or current is None:
            return before is current
        if current.deleted_at is not None or current.version != before.version:
            return False
        return all(getattr(current, each) == getattr(before, each) for each in self.compares)

    def apply(self, current: Work) -> Work:
        """The work after the change, for a store whose current state passed `holds_for`."""
        at = self.change.at
        work = replace(current, task=self._overlaid(current.task))
        if self.firing is not None:
            work = work.commit(self.firing, at)
        if self.cancel_open:
            request = CancelRequest(at, self.change.actor, self.change.reason or self.change.action)
            work = work.cancel(tuple(work.executions), request)
        if self.run is not None:
            return work.run_now(self.run, at)
        # Closing also completes a task that the change left without anything to do.
        return work.cancel((), CancelRequest(at, self.change.actor, ""))

    def then(self, following: "Mutation") -> "Mutation":
        """Both as one change, recorded as the first; `following` was decided on what the first leaves."""
        return replace(
            following,
            change=self.change,
            before=self.before,
            after=replace(following.after, version=self.after.version),
            compares=self.compares | following.compares,
            skips=(*self.skips, *following.skips),
            cancel_open=self.cancel_open or following.cancel_open,
        )

    def _overlaid(self, current: ScheduledTask) -> ScheduledTask:
        after = self.after
        task = current
        if self.change.action.moves_version:
            task = replace(
                task,
                definition=after.definition,
                version=current.version + 1,
                updated_at=self.change.at,
                quarantine=None,
            )
        if Compared.DECIDED_UNTIL in self.compares and self.firing is None:
            task = replace(
                task,
                decided_until=after.decided_until,
                next_occurrence=after.next_occurrence,
                trailing_skip=after.trailing_skip,
                auto_runs=after.auto_runs,
            )
        if Compared.STATUS in self.compares:
            task = replace(
                task,
                status=after.status,
                pause=after.pause,
                deleted_at=after.deleted_at,
                error_count=after.error_count,
            )
        return task


_TIMELINE = frozenset({Compared.DECIDED_UNTIL, Compared.STATUS})
_LIFECYCLE = frozenset({Compared.STATUS})


def create(task_id: TaskId, definition: Definition, change: Change, *, run_if_past: bool = False) -> Mutation:
    """A new active task whose first occurrence lies after now, or, for a one-time task that says so, before.

    Raises InvalidTaskError, InvalidScheduleError (`in_the_past`, `exhausted`).
    """
    definition.check()
    now = change.at
    decided_until = now
    if isinstance(definition.schedule, OneTimeSchedule) and definition.schedule.at <= now:
        if not run_if_past:
            raise _in_the_past(definition.schedule)
        decided_until = definition.schedule.at - MICROSECOND
    task = ScheduledTask(
        id=task_id,
        definition=definition,
        status=TaskStatus.ACTIVE,
        version=1,
        created_at=now,
        updated_at=now,
        decided_until=decided_until,
        next_occurrence=None,
    )
    following = task.occurrence_after(decided_until)
    if following is None:
        raise _exhausted_bounds()
    return Mutation(change, before=None, after=replace(task, next_occurrence=following))


def edit(task: ScheduledTask, definition: Definition, change: Change) -> Mutation:
    """Another definition. One that moves occurrences decides what was owed under the old one in the same step.

    Raises InvalidTaskError, InvalidScheduleError (`in_the_past`, `exhausted`).
    """
    definition.check()
    after = replace(task, definition=definition)
    if not _moves_occurrences(task.definition, definition):
        return Mutation(change, before=task, after=after)
    if isinstance(definition.schedule, OneTimeSchedule) and definition.schedule.at <= change.at:
        raise _in_the_past(definition.schedule)
    decided = _owed_skipped(task, SkipReason.EDITED, change.at)
    after = replace(after, decided_until=decided.decided_until, trailing_skip=decided.trailing_skip)
    renewed = task.definition.schedule != definition.schedule
    if renewed:
        after = replace(after, auto_runs=0)
    if task.status is TaskStatus.COMPLETED or (renewed and task.status is TaskStatus.FAILED):
        after = replace(after, status=TaskStatus.ACTIVE, error_count=0)
    after = replace(after, next_occurrence=after.occurrence_after(after.decided_until))
    if after.next_occurrence is None and after.status is not TaskStatus.FAILED:
        raise _exhausted_bounds()
    return Mutation(change, before=task, after=after, compares=_TIMELINE, skips=decided.skips)


def pause(task: ScheduledTask, pause_: Pause, change: Change) -> Mutation:
    """Paused, or paused for another reason or time. Mode `now` also ends what is open.

    Raises TaskStateError for a task that is completed or failed.
    """
    if task.status not in (TaskStatus.ACTIVE, TaskStatus.PAUSED):
        raise TaskStateError(f"a {task.status} task cannot be paused", code=task.status)
    if pause_.until is not None and pause_.until <= change.at:
        raise InvalidTaskError("until lies in the past", code="in_the_past", pointer="/until")
    after = replace(task, status=TaskStatus.PAUSED, pause=pause_)
    now = pause_.mode is PauseMode.NOW
    compares = _LIFECYCLE | {Compared.OPEN_SEQ} if now else _LIFECYCLE
    return Mutation(change, before=task, after=after, compares=frozenset(compares), cancel_open=now)


def resume(task: ScheduledTask, change: Change, *, missed: Misfire = Misfire.SKIP) -> Mutation:
    """Active again; what was owed meanwhile is passed over, or run as `missed` says (latest, earliest, all).

    Raises TaskStateError: `completed`, or `exhausted` if nothing would be left to run.
    """
    if task.status not in (TaskStatus.PAUSED, TaskStatus.FAILED):
        raise TaskStateError(f"a {task.status} task cannot be resumed", code=task.status)
    mutation = _resumed(task, change, missed)
    runs = mutation.firing is not None and mutation.firing.run
    if mutation.after.next_occurrence is None and not runs and not task.open:
        raise TaskStateError(
            "nothing is left to run: every occurrence lies in the past",
            code="exhausted",
            hint="give it a new schedule, or resume with missed=latest to run what was passed over",
        )
    return mutation


def end_pause(task: ScheduledTask, change: Change) -> Mutation:
    """The end of a pause with an `until`; a task that has nothing left then is completed, or failed if one-time."""
    return _resumed(task, change, Misfire.SKIP)


def delete(task: ScheduledTask, change: Change) -> Mutation:
    """Gone from every list, its open executions ended or asked to; kept for 30 days."""
    after = replace(task, deleted_at=change.at)
    return Mutation(change, before=task, after=after, compares=_LIFECYCLE | {Compared.OPEN_SEQ}, cancel_open=True)


def run_now(
    task: ScheduledTask, change: Change, *, key: str, payload_json: str | None = None, allow_overlap: bool = False
) -> Mutation:
    """A manual execution, whatever the task's status. Raises TaskStateError `already_running` if others are open."""
    if task.open and task.definition.policy.overlap is not Overlap.ALLOW and not allow_overlap:
        raise TaskStateError(
            "an execution of this task is still open",
            code="already_running",
            hint="wait for it, cancel it, or send overlap=allow to run beside it",
        )
    execution = manual(task.id, task.version, key=key, at=change.at, payload_json=payload_json)
    return Mutation(change, before=task, after=task, compares=frozenset({Compared.OPEN_SEQ}), run=execution)


def rederive(task: ScheduledTask, change: Change) -> Mutation | None:
    """The next occurrence computed afresh, after new time zone data; None if it is what the task says already."""
    after = replace(task, next_occurrence=task.occurrence_after(task.decided_until))
    if after.next_occurrence == task.next_occurrence or task.status not in (TaskStatus.ACTIVE, TaskStatus.PAUSED):
        return None
    return Mutation(change, before=task, after=after, compares=_TIMELINE)


def system_change(action: ChangeAction, at: datetime, reason: str) -> Change:
    """A change nobody asked for by hand."""
    return Change(action, actor="scheduler", via=Via.SYSTEM, at=at, reason=reason)


def _moves_occurrences(old: Definition, new: Definition) -> bool:
    before, after = old.policy, new.policy
    return (
        old.schedule != new.schedule
        or old.timezone != new.timezone
        or (before.start_at, before.end_at, before.jitter, before.max_runs)
        != (after.start_at, after.end_at, after.jitter, after.max_runs)
    )


@dataclass(frozen=True, slots=True)
class _Decided:
    decided_until: datetime
    skips: tuple[Skip, ...]
    trailing_skip: Skip | None


def _owed_skipped(task: ScheduledTask, reason: SkipReason, now: datetime) -> _Decided:
    """What is owed up to max(now, watermark) passed over as one Skip, which joins the last one of that reason."""
    until = max(now, task.decided_until)
    oldest = task.occurrence_after(task.decided_until)
    newest = task.timeline.newest(after=task.decided_until, until=until)
    if oldest is None or newest is None:
        return _Decided(until, (), task.trailing_skip)
    skip = skip_of(task.timeline, reason, oldest, newest)
    if task.trailing_skip is not None and task.trailing_skip.reason is reason:
        skip = joined(task.trailing_skip, skip)
    return _Decided(until, (skip,), skip)


def _resumed(task: ScheduledTask, change: Change, missed: Misfire) -> Mutation:
    reason = SkipReason.FAILED if task.status is TaskStatus.FAILED else SkipReason.PAUSED
    active = replace(task, status=TaskStatus.ACTIVE, pause=None, error_count=0)
    if missed is not Misfire.SKIP:
        policy = replace(task.definition.policy, misfire=missed, grace=None)
        firing = fire(replace(active, definition=replace(task.definition, policy=policy)), change.at)
        skips = tuple(
            replace(each, reason=reason) if each.reason is SkipReason.MISFIRE else each for each in firing.skips
        )
        firing = replace(firing, skips=skips)
        after = replace(active, next_occurrence=firing.next_occurrence)
        return Mutation(
            change, before=task, after=after, compares=_TIMELINE | {Compared.OPEN_SEQ}, skips=skips, firing=firing
        )
    decided = _owed_skipped(task, reason, change.at)
    after = replace(active, decided_until=decided.decided_until, trailing_skip=decided.trailing_skip)
    after = replace(after, next_occurrence=after.occurrence_after(after.decided_until))
    return Mutation(change, before=task, after=after, compares=_TIMELINE, skips=decided.skips)


def _exhausted_bounds() -> InvalidScheduleError:
    return InvalidScheduleError(
        "no occurrence is left within its bounds",
        code="exhausted",
        hint="move end_at, raise max_runs or give another schedule",
    )


def _in_the_past(schedule: OneTimeSchedule) -> InvalidScheduleError:
    return InvalidScheduleError(
        f"{schedule.at.isoformat()} lies in the past",
        code="in_the_past",
        hint='give a later instant, or create the task with "if_past": "run_now"',
    )
