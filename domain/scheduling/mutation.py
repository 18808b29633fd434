"""Changes by people and programs: what each decides, what it compares, what it leaves behind (protocol 4).

What a mutation writes, it compares: the definition goes with `version`, the watermark with `decided_until`, the
status with `status`, executions with `open_seq`. So a change made on what was read can never undo a firing or a
settlement that came between.
"""

from dataclasses import dataclass, fields, replace
from datetime import datetime
from enum import StrEnum
from functools import reduce
from typing import Any

from domain.errors import InvalidScheduleError, InvalidTaskError, TaskStateError
from domain.scheduling.change import Change, ChangeAction, Via
from domain.scheduling.cron.zone import zone
from domain.scheduling.execution import TASK_KINDS, CancelRequest, Execution
from domain.scheduling.firing import Firing, catching_up, passing_over
from domain.scheduling.identifiers import MICROSECOND, TaskId
from domain.scheduling.policy import Misfire
from domain.scheduling.schedule import OneTimeSchedule
from domain.scheduling.task import Definition, Pause, PauseMode, ScheduledTask, Skip, SkipReason, TaskStatus
from domain.scheduling.work import Work


class Compared(StrEnum):
    """What must be as read, besides the version."""

    DECIDED_UNTIL = "decided_until"
    STATUS = "status"
    OPEN_SEQ = "open_seq"


@dataclass(frozen=True, slots=True)
class Mutation:
    """One change of one task, to be carried out whole or not at all.

    `before` is the task as read (None: `after` is created); where `after` differs from it, the mutation writes, and
    only there. `skips` go on record; `firing`, `runs` and `cancel_open` say what becomes of executions.
    """

    change: Change
    before: ScheduledTask | None
    after: ScheduledTask
    compares: frozenset[Compared] = frozenset()
    skips: tuple[Skip, ...] = ()
    firing: Firing | None = None
    runs: tuple[Execution, ...] = ()
    cancel_open: bool = False

    @property
    def changes_nothing(self) -> bool:
        """True if it finds everything as it is to become: no more than its own record would be written."""
        is_idle = self.firing is None and not (self.skips or self.runs or self.cancel_open)
        return self.before == self.after and is_idle

    @property
    def good_until(self) -> datetime | None:
        """From when on a store no longer takes it (None: it always does): the end of the pause that it begins."""
        # Somebody who asked for the same again may have been refused by then, as that end lay in the past.
        begun = self.after.pause if self.before is None or self.before.pause != self.after.pause else None
        return None if begun is None else begun.until

    def holds_for(self, current: ScheduledTask | None) -> bool:
        """True if what this mutation was decided on is still so."""
        before = self.before
        if before is None or current is None:
            return before is current
        if (current.version, current.deleted_at) != (before.version, before.deleted_at):
            return False
        return all(getattr(current, each) == getattr(before, each) for each in self.compares)

    def apply(self, current: Work) -> Work:
        """The work after the change, for a store whose current state passed `holds_for`.

        `current` of a task to be created is the work of `after`.
        """
        at = self.change.at
        work = current if self.before is None else replace(current, task=self._overlaid(self.before, current.task))
        if self.firing is not None:
            work = work.commit(self.firing, at)
        if self.cancel_open:
            request = CancelRequest(at, self.change.actor, self.change.reason or self.change.action)
            work = work.cancel(tuple(work.executions), request)
        if self.runs:
            return reduce(lambda done, run: done.run_now(run, at), self.runs, work)
        # Closing also completes a task that the change left without anything to do.
        return work.cancel((), CancelRequest(at, self.change.actor, ""))

    def then(self, following: "Mutation") -> "Mutation":
        """Both as one change, recorded as the first; `following` was decided on what the first leaves."""
        runs = self.firing or self.runs
        assert not runs, "what runs is decided last, on what every other change leaves"
        # One that begins where another did has grown out of it.
        skips = {skip.first_at: skip for skip in (*self.skips, *following.skips)}
        return replace(
            following,
            change=self.change,
            before=self.before,
            compares=self.compares | following.compares,
            skips=tuple(skips.values()),
            cancel_open=self.cancel_open or following.cancel_open,
        )

    def _overlaid(self, before: ScheduledTask, current: ScheduledTask) -> ScheduledTask:
        written: dict[str, Any] = {
            each.name: getattr(self.after, each.name)
            for each in fields(ScheduledTask)
            if getattr(self.after, each.name) != getattr(before, each.name)
        }
        # What leaves a task as it was makes no other version of it, save where the system looks at it afresh.
        is_renewed = bool(written) or self.change.action is ChangeAction.REDERIVE
        if self.change.action.moves_version and is_renewed:
            written |= {"version": current.version + 1, "updated_at": self.change.at, "quarantine": None}
        return replace(current, **written)


_TIMELINE = frozenset({Compared.DECIDED_UNTIL, Compared.STATUS})
_LIFECYCLE = frozenset({Compared.STATUS})
# Why a task that is not active runs nothing: truer of what it owed than the change that decides it.
_IDLE_REASONS = {TaskStatus.PAUSED: SkipReason.PAUSED, TaskStatus.FAILED: SkipReason.FAILED}


def create(task_id: TaskId, definition: Definition, change: Change, *, run_if_past: bool = False) -> Mutation:
    """A new active task whose first occurrence lies after now, or, for a one-time task that says so, before.

    Raises InvalidTaskError, InvalidScheduleError (`in_the_past`, `exhausted`).
    """
    definition.check()
    decided_until = change.at
    if isinstance(definition.schedule, OneTimeSchedule) and definition.schedule.at <= change.at:
        if not run_if_past:
            hint = 'give a later instant, or say "if_past": "run_now"'
            raise _in_the_past(definition.schedule, definition.timezone, hint)
        decided_until = definition.schedule.at - MICROSECOND
    task = ScheduledTask(
        id=task_id,
        definition=definition,
        status=TaskStatus.ACTIVE,
        version=1,
        created_at=change.at,
        updated_at=change.at,
        decided_until=decided_until,
        next_occurrence=None,
    )
    after = _looking_ahead(task)
    if after.next_occurrence is None:
        raise _exhausted_bounds()
    return Mutation(change, before=None, after=after)


def edit(task: ScheduledTask, definition: Definition, change: Change) -> Mutation:
    """Another definition. One that moves occurrences decides what was owed under the old one in the same step.

    Raises InvalidTaskError, InvalidScheduleError (`in_the_past`, `exhausted`).
    """
    definition.check()
    if not _moves_occurrences(task.definition, definition):
        return Mutation(change, before=task, after=replace(task, definition=definition))
    renewed = task.definition.schedule != definition.schedule
    if renewed and isinstance(definition.schedule, OneTimeSchedule) and definition.schedule.at <= change.at:
        hint = "an edit needs a later instant; what has passed can be run by hand"
        raise _in_the_past(definition.schedule, definition.timezone, hint)
    decided, skips = passing_over(task, _IDLE_REASONS.get(task.status, SkipReason.EDITED), change.at)
    after = _looking_ahead(replace(decided, definition=definition, auto_runs=0 if renewed else task.auto_runs))
    if after.next_occurrence is None and (renewed or task.next_occurrence is not None):
        raise _exhausted_bounds()
    if renewed or (task.status is TaskStatus.COMPLETED and after.next_occurrence is not None):
        after = _revived(after)
    return Mutation(change, before=task, after=after, compares=_TIMELINE, skips=skips)


def pause(task: ScheduledTask, pause_: Pause, change: Change) -> Mutation:
    """Paused, or paused for another reason or time. Mode `now` also ends what is open.

    Raises TaskStateError for a task that is completed or failed.
    """
    if task.status not in (TaskStatus.ACTIVE, TaskStatus.PAUSED):
        raise TaskStateError(
            f"the task is {task.status} and cannot be paused",
            code=task.status,
            hint="it runs nothing by itself until it is resumed or given a new schedule",
        )
    if pause_.until is not None and pause_.until <= change.at:
        hint = "give a later instant, or none: then the pause lasts until somebody ends it"
        raise InvalidTaskError("this end lies in the past", code="in_the_past", pointer="/until", hint=hint)
    after = replace(task, status=TaskStatus.PAUSED, pause=pause_)
    now = pause_.mode is PauseMode.NOW
    compares = _LIFECYCLE | {Compared.OPEN_SEQ} if now else _LIFECYCLE
    return Mutation(change, before=task, after=after, compares=compares, cancel_open=now)


def resume(task: ScheduledTask, change: Change, *, missed: Misfire = Misfire.SKIP) -> Mutation:
    """Active again; what was owed meanwhile is passed over, or run as `missed` says (latest, earliest, all).

    Raises TaskStateError: `completed`, or `exhausted` if nothing would be left to run.
    """
    if task.status not in (TaskStatus.PAUSED, TaskStatus.FAILED):
        is_over = task.status is TaskStatus.COMPLETED
        hint = "give it a new schedule, which makes it active, or run it by hand" if is_over else None
        raise TaskStateError(f"the task is {task.status} and cannot be resumed", code=task.status, hint=hint)
    mutation = _resumed(task, change, change.at) if missed is Misfire.SKIP else _caught_up(task, change, missed)
    runs = mutation.firing is not None and mutation.firing.run
    if mutation.after.next_occurrence is None and not runs and not any(each.kind in TASK_KINDS for each in task.open):
        raise TaskStateError(
            "nothing is left to run: every occurrence lies in the past",
            code="exhausted",
            hint="give it a new schedule, or resume with missed=latest to run what was passed over",
        )
    return mutation


def end_pause(task: ScheduledTask, change: Change) -> Mutation:
    """The end of a pause that had one. What lies at or after that end is owed, however late the end was noticed.

    A task that has nothing left then is completed, or failed if one-time.
    """
    until = task.pause.until if task.pause else None
    return _resumed(task, change, change.at if until is None else until - MICROSECOND)


def delete(task: ScheduledTask, change: Change) -> Mutation:
    """Gone from every list, its open executions ended or asked to; kept for 30 days."""
    after = replace(task, deleted_at=change.at)
    return Mutation(change, before=task, after=after, compares=_LIFECYCLE | {Compared.OPEN_SEQ}, cancel_open=True)


def undelete(task: ScheduledTask, change: Change) -> Mutation:
    """Back as it was; what was owed meanwhile is passed over. The store refuses a name that is taken by now."""
    decided, skips = passing_over(task, SkipReason.DELETED, change.at)
    after = replace(_looking_ahead(decided), deleted_at=None)
    return Mutation(change, before=task, after=after, compares=_TIMELINE, skips=skips)


def rederive(task: ScheduledTask, change: Change) -> Mutation | None:
    """The next occurrence computed afresh, after new time zone data; None if it is what the task says already."""
    after = _looking_ahead(task)
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


def _looking_ahead(task: ScheduledTask) -> ScheduledTask:
    return replace(task, next_occurrence=task.occurrence_after(task.decided_until))


def _revived(task: ScheduledTask) -> ScheduledTask:
    """Active, if it was at an end; a paused task stays paused."""
    if task.status in (TaskStatus.ACTIVE, TaskStatus.PAUSED):
        return task
    return replace(task, status=TaskStatus.ACTIVE, pause=None, error_count=0)


def _resumed(task: ScheduledTask, change: Change, until: datetime) -> Mutation:
    """Active from `until` on; what was owed up to then is passed over."""
    decided, skips = passing_over(task, _IDLE_REASONS.get(task.status, SkipReason.PAUSED), until)
    return Mutation(change, before=task, after=_looking_ahead(_unpaused(decided)), compares=_TIMELINE, skips=skips)


def _caught_up(task: ScheduledTask, change: Change, missed: Misfire) -> Mutation:
    """Active, and what was owed run as `missed` says, however late it is."""
    # Nobody derives afresh what comes next for a task that has failed: new zone data may have moved it since.
    firing = catching_up(_looking_ahead(task), missed, _IDLE_REASONS[task.status], change.at)
    after = replace(_unpaused(task), next_occurrence=firing.next_occurrence)
    compares = _TIMELINE | {Compared.OPEN_SEQ}
    return Mutation(change, before=task, after=after, compares=compares, skips=firing.skips, firing=firing)


def _unpaused(task: ScheduledTask) -> ScheduledTask:
    return replace(_revived(task), status=TaskStatus.ACTIVE, pause=None)


def _exhausted_bounds() -> InvalidScheduleError:
    return InvalidScheduleError(
        "no occurrence is left within its bounds",
        code="exhausted",
        hint="move end_at, raise max_runs or give another schedule",
    )


def _in_the_past(schedule: OneTimeSchedule, timezone: str, hint: str) -> InvalidScheduleError:
    local = schedule.at.astimezone(zone(timezone))
    shown = f"{local.replace(tzinfo=None).isoformat(' ')} {local:%Z}"
    return InvalidScheduleError(f"{shown} lies in the past", code="in_the_past", hint=hint)
