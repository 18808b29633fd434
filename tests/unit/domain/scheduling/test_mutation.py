"""What changes compare and write, and the smaller ones: deleting, running now, new time zone data."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from domain.errors import TaskStateError
from domain.scheduling.change import ChangeAction, Via
from domain.scheduling.execution import CancelRequest, ExecutionKind
from domain.scheduling.firing import fire
from domain.scheduling.identifiers import TaskId
from domain.scheduling.mutation import (
    Mutation,
    create,
    delete,
    edit,
    end_pause,
    pause,
    rederive,
    resume,
    system_change,
    undelete,
)
from domain.scheduling.outcome import Succeeded
from domain.scheduling.policy import Misfire, Overlap
from domain.scheduling.runs import run_now
from domain.scheduling.schedule import OneTimeSchedule
from domain.scheduling.task import Delivery, PauseMode, Quarantine, ScheduledTask, SkipReason, TaskStatus
from domain.scheduling.work import Work
from tests.support.builders import HOUR, a_definition, a_pause, a_task
from tests.support.changes import EVERY_QUARTER, a_job, applied, change, edited, redefined, written
from tests.support.drawings import DELIVERED, EVERY_TEN, PENDING, RUNNING, WAITING, minute, occurrence, opened, skip_of
from tests.support.manual_clock import NOON
from tests.support.works import CANCELLED, a_work, execution, states


def test_a_deletion_ends_open_work_and_leaves_the_watermark() -> None:
    kinds = [execution(RUNNING), execution(PENDING, 10), execution(WAITING, 20)]
    task = a_work(*kinds, task=a_job(overlap=Overlap.ALLOW)).task
    mutation = delete(task, change(ChangeAction.DELETE, 35))

    work = mutation.apply(Work.of(task, kinds))

    assert states(work) == [RUNNING, CANCELLED, CANCELLED]
    assert (work.task.deleted_at, work.task.look_at, work.task.version) == (minute(35), None, 6)
    assert (work.task.decided_until, work.task.status, mutation.skips) == (NOON, TaskStatus.ACTIVE, ())
    assert not mutation.holds_for(work.task)


@pytest.mark.parametrize(("reason", "told"), [("", "delete"), ("wrong numbers", "wrong numbers")])
def test_whoever_deletes_a_task_is_named_in_what_that_ends(reason: str, told: str) -> None:
    pending = execution(PENDING)
    task = a_work(pending, task=a_job()).task
    mutation = delete(task, replace(change(ChangeAction.DELETE, 35), reason=reason))

    ended = mutation.apply(Work.of(task, [pending])).executions[pending.id]

    assert ended.cancel == CancelRequest(minute(35), "ana", told)


def test_an_undeletion_passes_over_what_was_owed_and_goes_on() -> None:
    gone = applied(delete(a_job(), change(ChangeAction.DELETE, 5)))

    mutation = undelete(gone, change(ChangeAction.UNDELETE, 35))

    after = applied(mutation)
    assert mutation.skips == (skip_of(SkipReason.DELETED, 10, 30, 3),)
    assert (after.deleted_at, after.decided_until, after.look_at) == (None, minute(35), minute(40))
    assert after.version == 7
    assert not mutation.holds_for(a_job())


def test_an_undeleted_task_with_nothing_left_is_at_its_end() -> None:
    gone = applied(delete(a_task(schedule=OneTimeSchedule(minute(10))), change(ChangeAction.DELETE, 5)))

    assert applied(undelete(gone, change(ChangeAction.UNDELETE, 35))).status is TaskStatus.FAILED


@pytest.mark.parametrize("status", TaskStatus)
def test_run_now_runs_whatever_the_status_and_touches_nothing_else(status: TaskStatus) -> None:
    task = a_job(status=status)
    mutation = run_now(task, change(ChangeAction.RUN, 35), key="k", payload_json='{"a":1}')

    work = mutation.apply(Work(task))

    (run,) = work.executions.values()
    assert (run.kind, run.key, run.state, run.version) == (ExecutionKind.MANUAL, "k", PENDING, 5)
    assert (run.task_id, run.payload_json, run.scheduled_at) == (task.id, '{"a":1}', minute(35))
    assert written(mutation) == {"open", "open_seq", "run_count", "last_run_at"}


def test_run_now_counts_as_open() -> None:
    after = applied(run_now(a_job(), change(ChangeAction.RUN, 5), key="k"))

    assert fire(after, minute(10)).skips == (skip_of(SkipReason.OVERLAP, 10, 10, 1),)


@pytest.mark.parametrize("overlap", Overlap)
@pytest.mark.parametrize("allow", [True, False])
def test_run_now_beside_open_work_must_be_allowed(overlap: Overlap, allow: bool) -> None:
    task = a_job(overlap=overlap).with_open(*opened(WAITING))

    if allow or overlap is Overlap.ALLOW:
        assert run_now(task, change(ChangeAction.RUN, 5), key="k", allow_overlap=allow).runs
    else:
        with pytest.raises(TaskStateError) as refused:
            run_now(task, change(ChangeAction.RUN, 5), key="k", allow_overlap=allow)
        assert refused.value.reason == "already_running"


def test_run_now_of_an_external_task_is_delivered_and_over() -> None:
    task = a_task(schedule=EVERY_TEN, delivery=Delivery.EXTERNAL)

    work = run_now(task, change(ChangeAction.RUN, 5), key="k").apply(Work(task))

    (run,) = work.executions.values()
    assert (run.state, run.finished_at, work.task.open, work.task.open_seq) == (DELIVERED, minute(5), (), 1)


def test_new_zone_data_computes_the_next_occurrence_afresh_and_nothing_else() -> None:
    stale = replace(a_job(), next_occurrence=occurrence(11), decided_until=minute(5))

    mutation = rederive(stale, change(ChangeAction.REDERIVE, 35))

    assert mutation is not None
    assert written(mutation) == {"next_occurrence", "version", "updated_at"}
    # It is late by now, and the next firing will find it so.
    assert (applied(mutation).next_occurrence, mutation.skips) == (occurrence(10), ())


def test_new_zone_data_that_changes_nothing_changes_nothing() -> None:
    assert rederive(a_job(), change(ChangeAction.REDERIVE, 35)) is None
    for status in (TaskStatus.COMPLETED, TaskStatus.FAILED):
        stale = replace(a_job(status=status), next_occurrence=occurrence(11))
        assert rederive(stale, change(ChangeAction.REDERIVE, 35)) is None


def test_system_changes_are_signed_by_the_scheduler() -> None:
    signed = system_change(ChangeAction.REDERIVE, NOON, "new tzdata")

    assert (signed.actor, signed.via, signed.reason) == ("scheduler", Via.SYSTEM, "new tzdata")
    assert (signed.action, signed.at) == (ChangeAction.REDERIVE, NOON)


PAUSED, STALE = a_job(status=TaskStatus.PAUSED), replace(a_job(), next_occurrence=occurrence(11))
GONE = applied(delete(a_job(), change(ChangeAction.DELETE, 5)))


def rederived() -> Mutation:
    mutation = rederive(STALE, change(ChangeAction.REDERIVE, 5))
    assert mutation is not None
    return mutation


# Which of version, decided_until, status and open_seq each compares.
COMPARED: dict[str, tuple[Callable[[], Mutation], str]] = {
    "edit of another field": (lambda: edited(a_job(), redefined(a_job(), grace=HOUR), 35), "v"),
    "edit of the schedule": (lambda: edited(a_job(), redefined(a_job(), EVERY_QUARTER), 35), "vds"),
    "pause": (lambda: pause(a_job(), a_pause(), change(ChangeAction.PAUSE, 5)), "vs"),
    "pause now": (lambda: pause(a_job(), a_pause(mode=PauseMode.NOW), change(ChangeAction.PAUSE, 5)), "vso"),
    "resume": (lambda: resume(PAUSED, change(ChangeAction.RESUME, 35)), "vds"),
    "resume, latest": (lambda: resume(PAUSED, change(ChangeAction.RESUME, 35), missed=Misfire.LATEST), "vdso"),
    "resume, all": (lambda: resume(PAUSED, change(ChangeAction.RESUME, 35), missed=Misfire.ALL), "vdso"),
    "end of a pause": (lambda: end_pause(PAUSED, change(ChangeAction.PAUSE_ENDED, 35)), "vds"),
    "delete": (lambda: delete(a_job(), change(ChangeAction.DELETE, 5)), "vso"),
    "undelete": (lambda: undelete(GONE, change(ChangeAction.UNDELETE, 35)), "vds"),
    "run now": (lambda: run_now(a_job(), change(ChangeAction.RUN, 5), key="k"), "vo"),
    "run now, allowed": (lambda: run_now(a_job(), change(ChangeAction.RUN, 5), key="k", allow_overlap=True), "vo"),
    "new zone data": (rederived, "vds"),
}
MOVES: dict[str, dict[str, Any]] = {
    "v": {"version": 99},
    "d": {"decided_until": minute(1)},
    "s": {"status": TaskStatus.COMPLETED},
    "o": {"open_seq": 99},
    "e": {
        "error_count": 99,
        "last_error": "x",
        "run_count": 99,
        "last_run_at": NOON,
        "quarantine": Quarantine("", NOON),
    },
}


@pytest.mark.parametrize(("change_of", "compared"), COMPARED.values(), ids=COMPARED)
def test_a_change_holds_exactly_while_what_it_compares_is_as_read(
    change_of: Callable[[], Mutation], compared: str
) -> None:
    mutation = change_of()
    before = mutation.before
    assert before is not None
    assert mutation.holds_for(before)
    assert not mutation.holds_for(None)
    assert not mutation.holds_for(replace(before, deleted_at=None if before.deleted_at else NOON))

    for letter, moved in MOVES.items():
        assert mutation.holds_for(replace(before, **moved)) == (letter not in compared)


WRITES = {
    "d": {"decided_until", "next_occurrence", "trailing_skip", "auto_runs"},
    "s": {"status", "pause", "error_count"},
    "v": {"definition", "version", "updated_at", "deleted_at", "quarantine"},
    "o": {"open", "open_seq", "run_count", "last_run_at"},
}


@pytest.mark.parametrize(("change_of", "compared"), COMPARED.values(), ids=COMPARED)
def test_a_change_writes_only_what_it_compares(change_of: Callable[[], Mutation], compared: str) -> None:
    assert written(change_of()) <= set().union(*(WRITES[letter] for letter in compared))


def test_what_came_between_and_is_not_compared_is_kept() -> None:
    running = execution(RUNNING)
    task = a_work(running, task=a_job()).task
    mutation = edited(task, redefined(task, EVERY_QUARTER), 35)
    settled = Work.of(task, [running]).settle(running.id, Succeeded(), minute(34)).task
    assert mutation.holds_for(settled)

    after = mutation.apply(Work(settled)).task

    assert (after.error_count, after.open, after.open_seq) == (0, (), settled.open_seq)


def test_an_edit_and_a_pause_make_one_change() -> None:
    first = edited(a_job(), redefined(a_job(), EVERY_QUARTER), 35)
    both = first.then(pause(first.after, a_pause(mode=PauseMode.NOW), change(ChangeAction.PAUSE, 35)))

    after = applied(both)
    assert (both.change.action, after.version) == (ChangeAction.EDIT, 6)
    assert (after.status, after.definition.schedule, after.decided_until) == (
        TaskStatus.PAUSED,
        EVERY_QUARTER,
        minute(35),
    )
    assert (both.skips, both.cancel_open) == (first.skips, True)
    assert both.compares == {"decided_until", "status", "open_seq"}


def test_what_the_first_of_two_changes_ends_stays_ended() -> None:
    first = pause(a_job(), a_pause(mode=PauseMode.NOW), change(ChangeAction.PAUSE, 5))
    both = first.then(edited(first.after, redefined(first.after, grace=HOUR), 5))

    assert applied(both, execution(PENDING)).open == ()


def test_an_edit_and_a_resume_skip_what_was_owed_once() -> None:
    first = edited(PAUSED, redefined(PAUSED, EVERY_QUARTER), 35)
    both = first.then(resume(first.after, change(ChangeAction.RESUME, 35)))

    assert both.skips == (skip_of(SkipReason.PAUSED, 10, 30, 3),)
    assert (applied(both).status, applied(both).next_occurrence) == (TaskStatus.ACTIVE, occurrence(45))


def test_a_skip_that_grows_by_the_second_change_is_recorded_as_it_has_grown() -> None:
    first = edited(PAUSED, redefined(PAUSED, EVERY_QUARTER), 35)
    both = first.then(resume(first.after, change(ChangeAction.RESUME, 50)))

    assert both.skips == (skip_of(SkipReason.PAUSED, 10, 45, 4),)


def test_a_change_that_runs_something_comes_last() -> None:
    caught_up = resume(PAUSED, change(ChangeAction.RESUME, 35), missed=Misfire.LATEST)

    with pytest.raises(AssertionError):
        caught_up.then(edited(caught_up.after, redefined(PAUSED, EVERY_QUARTER), 35))


def test_an_edit_and_a_resume_may_run_what_was_missed() -> None:
    first = edited(PAUSED, redefined(PAUSED, grace=HOUR), 35)
    both = first.then(resume(first.after, change(ChangeAction.RESUME, 35), missed=Misfire.LATEST))

    work = both.apply(Work(PAUSED))

    assert [each.nominal_at for each in work.executions.values()] == [minute(30)]
    assert (work.task.decided_until, work.task.definition.policy.grace, work.task.version) == (minute(35), HOUR, 6)


def test_a_task_can_be_created_paused() -> None:
    first = create(TaskId("t1"), a_definition(schedule=EVERY_TEN), change(ChangeAction.CREATE, 0))
    both = first.then(pause(first.after, a_pause(), change(ChangeAction.PAUSE, 0)))

    after = applied(both)
    assert (both.before, both.change.action) == (None, ChangeAction.CREATE)
    assert (after.version, after.status, after.next_occurrence) == (1, TaskStatus.PAUSED, occurrence(10))


@pytest.mark.parametrize(
    ("decide", "changes_nothing"),
    [
        (lambda task: edit(task, task.definition, change(ChangeAction.EDIT, 5)), True),
        (lambda task: edit(task, redefined(task, max_runs=5), change(ChangeAction.EDIT, 5)), False),
        (lambda task: run_now(task, change(ChangeAction.RUN, 5), key="k"), False),
        (lambda task: delete(task, change(ChangeAction.DELETE, 5)), False),
        (lambda task: create(task.id, task.definition, change(ChangeAction.CREATE, 5)), False),
    ],
)
def test_a_mutation_knows_whether_it_leaves_everything_as_it_is(
    decide: Callable[[ScheduledTask], Mutation], changes_nothing: bool
) -> None:
    assert decide(a_job()).changes_nothing is changes_nothing


def test_a_pause_that_says_the_same_changes_nothing_unless_it_ends_what_is_open() -> None:
    paused = applied(pause(a_job(), a_pause(mode=PauseMode.NOW), change(ChangeAction.PAUSE, 5)))
    again = pause(paused, a_pause(mode=PauseMode.NOW), change(ChangeAction.PAUSE, 6))

    assert not again.changes_nothing
    assert replace(again, cancel_open=False).changes_nothing
