"""Executions people ask for by hand: now, once more after one died, and for occurrences of the past (protocol 4).

All of them count as open and are refused where others are, unless they may overlap. None touches schedule, watermark
or status, and none counts for `max_runs` or `fail_after`.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from domain.errors import InvalidTaskError, TaskStateError
from domain.scheduling.change import Change
from domain.scheduling.cron.zone import zone
from domain.scheduling.execution import Execution, ExecutionState, backfilled, manual, redrive_key
from domain.scheduling.identifiers import EPOCH, MICROSECOND
from domain.scheduling.mutation import Compared, Mutation
from domain.scheduling.policy import Overlap
from domain.scheduling.task import Delivery, ScheduledTask
from domain.scheduling.timeline import Occurrence

BACKFILL_MAX = 100


def run_now(
    task: ScheduledTask, change: Change, *, key: str, payload_json: str | None = None, allow_overlap: bool = False
) -> Mutation:
    """A manual execution, whatever the task's status. Raises TaskStateError `already_running` if others are open."""
    _check_overlap(task, 1, allow_overlap=allow_overlap)
    return _running(task, change, [manual(task.id, task.version, key=key, at=change.at, payload_json=payload_json)])


def redrive(task: ScheduledTask, dead: Execution, change: Change, *, allow_overlap: bool = False) -> Mutation:
    """A manual execution in place of a dead one of this task; its key is that of `dead`, so there is only ever one.

    It runs the task as it is now, with the payload of `dead` if that was given for it alone. Raises TaskStateError:
    `not_dead`, or as `run_now`.
    """
    if dead.state is not ExecutionState.DEAD:
        raise TaskStateError(
            f"the execution is {dead.state}, and only a dead one is redriven",
            code="not_dead",
            hint="run the task now instead",
        )
    return run_now(task, change, key=redrive_key(dead.id), payload_json=dead.payload_json, allow_overlap=allow_overlap)


def backfill(
    task: ScheduledTask, occurrences: Sequence[Occurrence], change: Change, *, key: str, allow_overlap: bool = False
) -> Mutation:
    """An execution for each of these occurrences, whether or not it ran in its time; claimed in their order.

    Raises TaskStateError `already_running` as `run_now`, and `runs_overlap` for several at once if they may not.
    """
    _check_overlap(task, len(occurrences), allow_overlap=allow_overlap)
    runs = [
        backfilled(task.id, task.version, backfill=key, nominal_at=each.nominal_at, at=change.at, place=place)
        for place, each in enumerate(occurrences)
    ]
    return _running(task, change, runs)


def occurrences_to_backfill(
    task: ScheduledTask, begin: datetime, until: datetime, now: datetime
) -> tuple[Occurrence, ...]:
    """The occurrences of the present schedule with nominal instants in [begin, until], 1 to BACKFILL_MAX of them.

    `max_runs` limits what runs by itself, so not these. Raises InvalidTaskError: `in_the_future`, `out_of_range`,
    `no_occurrence`, `too_many`.
    """
    shown_in = zone(task.definition.timezone)
    if until > now:
        hint = f"it is {now.astimezone(shown_in).isoformat(timespec='seconds')}"
        raise _refused("/until", "in_the_future", "a backfill is for the past: its end lies ahead of now", hint)
    if begin > until:
        raise _refused("/until", "out_of_range", "the end lies before the beginning", "swap the two")
    found: list[Occurrence] = []
    # Nothing is scheduled before the epoch, and a microsecond before the first of all years there is nothing at all.
    following = task.timeline.after(max(begin, EPOCH) - MICROSECOND)
    while following is not None and following.nominal_at <= until:
        if len(found) == BACKFILL_MAX:
            last = found[-1].nominal_at.astimezone(shown_in).isoformat()
            hint = f"the first {BACKFILL_MAX} end at {last}"
            raise _refused("/until", "too_many", f"more than {BACKFILL_MAX} occurrences lie in there", hint)
        found.append(following)
        following = task.timeline.after(following.nominal_at)
    if not found:
        raise _refused("/from", "no_occurrence", "the schedule has no occurrence in there")
    return tuple(found)


def overlap_refusal(task: ScheduledTask, count: int, *, allow_overlap: bool) -> TaskStateError | None:
    """Why `count` more executions may not be open now: `already_running`, `runs_overlap`; None if they may."""
    if allow_overlap or task.definition.policy.overlap is Overlap.ALLOW:
        return None
    if task.open:
        return TaskStateError(
            "an execution of this task is still open",
            code="already_running",
            hint='wait for it, cancel it, or let them overlap: "overlap": "allow"',
        )
    if count > 1:
        return TaskStateError(
            f"{count} executions of this task would be open at once",
            code="runs_overlap",
            hint='let them overlap, "overlap": "allow", or ask for one occurrence at a time',
        )
    return None


def _check_overlap(task: ScheduledTask, count: int, *, allow_overlap: bool) -> None:
    refusal = overlap_refusal(task, count, allow_overlap=allow_overlap)
    if refusal is not None:
        raise refusal


def _running(task: ScheduledTask, change: Change, executions: Sequence[Execution]) -> Mutation:
    if task.definition.delivery is Delivery.EXTERNAL:
        executions = [replace(each, state=ExecutionState.DELIVERED, finished_at=change.at) for each in executions]
    return Mutation(change, before=task, after=task, compares=frozenset({Compared.OPEN_SEQ}), runs=tuple(executions))


def _refused(pointer: str, code: str, detail: str, hint: str | None = None) -> InvalidTaskError:
    return InvalidTaskError(detail, code=code, pointer=pointer, hint=hint)
