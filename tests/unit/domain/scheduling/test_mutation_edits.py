"""Creating and editing a task."""

from dataclasses import replace
from datetime import datetime

import pytest

from domain.errors import InvalidScheduleError, InvalidTaskError
from domain.scheduling.change import ChangeAction
from domain.scheduling.firing import Start, fire
from domain.scheduling.identifiers import MICROSECOND, TaskId
from domain.scheduling.mutation import create
from domain.scheduling.policy import ExecutionPolicy, Misfire, Overlap
from domain.scheduling.retry import RetryPolicy
from domain.scheduling.schedule import CronSchedule, IntervalSchedule, OneTimeSchedule
from domain.scheduling.task import Definition, Quarantine, SkipReason, TaskStatus
from domain.scheduling.timeline import Occurrence
from domain.scheduling.work import Work
from tests.support.builders import DAY, HOUR, MINUTE, SECOND, a_definition, a_task, an_open_execution
from tests.support.changes import EVERY_QUARTER, a_job, applied, change, edited, redefined, written
from tests.support.drawings import EVERY_TEN, PENDING, RUNNING, WAITING, minute, occurrence, skip_of
from tests.support.manual_clock import NOON
from tests.support.works import a_work, execution, states


def test_a_new_task_is_active_and_owes_nothing_yet() -> None:
    mutation = create(TaskId("t1"), a_definition(schedule=EVERY_TEN), change(ChangeAction.CREATE, 3))

    task = applied(mutation)
    assert task == mutation.after
    assert (task.version, task.status, task.created_at, task.updated_at) == (1, TaskStatus.ACTIVE, minute(3), minute(3))
    assert (task.decided_until, task.next_occurrence, task.open_seq) == (minute(3), occurrence(10), 0)
    assert (mutation.before, mutation.skips) == (None, ())


def test_an_occurrence_at_the_very_instant_of_creation_lies_in_the_past() -> None:
    mutation = create(TaskId("t1"), a_definition(schedule=EVERY_TEN), change(ChangeAction.CREATE, 10))

    assert mutation.after.next_occurrence == occurrence(20)


@pytest.mark.parametrize("at", [NOON - DAY, NOON])
def test_a_one_time_instant_in_the_past_must_be_asked_for(at: datetime) -> None:
    definition, now = a_definition(schedule=OneTimeSchedule(at)), change(ChangeAction.CREATE, 0)

    with pytest.raises(InvalidScheduleError) as refused:
        create(TaskId("t1"), definition, now)
    task = create(TaskId("t1"), definition, now, run_if_past=True).after

    assert refused.value.reason == "in_the_past"
    assert (task.decided_until, task.look_at) == (at - MICROSECOND, at)
    assert fire(task, NOON).run == (Start(Occurrence(at, at), PENDING),)


def test_a_future_one_time_task_is_no_other_for_allowing_the_past() -> None:
    mutation = create(
        TaskId("t1"),
        a_definition(schedule=OneTimeSchedule(minute(5))),
        change(ChangeAction.CREATE, 0),
        run_if_past=True,
    )

    assert mutation.after.decided_until == NOON


@pytest.mark.parametrize(
    "policy",
    [{"end_at": minute(-1)}, {"end_at": minute(9)}, {"start_at": minute(11), "end_at": minute(19)}],
)
def test_a_task_that_could_never_run_is_refused(policy: dict[str, datetime]) -> None:
    definition = a_definition(schedule=EVERY_TEN, policy=ExecutionPolicy(**policy))  # type: ignore[arg-type]

    with pytest.raises(InvalidScheduleError) as refused:
        create(TaskId("t1"), definition, change(ChangeAction.CREATE, 0))

    assert refused.value.reason == "exhausted"


def test_creating_and_editing_check_the_definition() -> None:
    wrong = replace(a_definition(schedule=EVERY_TEN), name="")

    with pytest.raises(InvalidTaskError):
        create(TaskId("t1"), wrong, change(ChangeAction.CREATE, 0))
    with pytest.raises(InvalidTaskError):
        edited(a_job(), wrong, 0)


def test_a_task_created_twice_is_moved() -> None:
    mutation = create(TaskId("t1"), a_definition(), change(ChangeAction.CREATE, 0))

    assert mutation.holds_for(None)
    assert not mutation.holds_for(mutation.after)
    assert not edited(a_job(), a_definition(), 0).holds_for(None)


def test_an_edit_that_says_what_is_so_already_makes_no_version() -> None:
    task = a_job()

    assert applied(edited(task, task.definition, 35)) == task


def test_an_edit_of_anything_else_writes_the_definition_and_nothing_more() -> None:
    task = replace(a_job(), decided_until=NOON - HOUR, next_occurrence=occurrence(-50))
    definition = replace(
        redefined(task, grace=HOUR, overlap=Overlap.ALLOW, misfire=Misfire.ALL, fail_after=None, timeout=HOUR),
        name="other",
        payload_json='{"a":1}',
        tags=("new",),
        description="words",
        handler="h",
        task_type="other",
    )
    definition = replace(definition, policy=replace(definition.policy, retry=RetryPolicy(7)))

    mutation = edited(task, definition, 35)

    assert written(mutation) == {"definition", "version", "updated_at"}
    assert (mutation.skips, mutation.compares) == ((), frozenset())
    assert (applied(mutation).version, applied(mutation).updated_at) == (6, minute(35))


@pytest.mark.parametrize(
    "definition",
    [
        redefined(a_job(), EVERY_QUARTER),
        redefined(a_job(), CronSchedule("*/10 * * * *")),
        replace(redefined(a_job()), timezone="Europe/Berlin"),
        redefined(a_job(), start_at=minute(50)),
        redefined(a_job(), end_at=minute(500)),
        redefined(a_job(), jitter=SECOND),
        redefined(a_job(), max_runs=9),
    ],
)
def test_an_edit_that_moves_occurrences_decides_what_was_owed_under_the_old_definition(definition: Definition) -> None:
    mutation = edited(a_job(), definition, 35)

    after = applied(mutation)
    assert mutation.skips == (skip_of(SkipReason.EDITED, 10, 30, 3),)
    assert (after.decided_until, after.trailing_skip) == (minute(35), mutation.skips[0])
    assert after.next_occurrence == after.timeline.after(minute(35))
    assert written(mutation) == {
        "definition",
        "version",
        "updated_at",
        "decided_until",
        "next_occurrence",
        "trailing_skip",
    }


def test_what_lies_after_the_edit_belongs_to_the_new_definition() -> None:
    mutation = edited(a_job(), redefined(a_job(), EVERY_QUARTER), 10)

    # 12:10 was owed at the very instant; 12:15 is the new schedule's, and 12:20 never happens.
    assert mutation.skips == (skip_of(SkipReason.EDITED, 10, 10, 1),)
    assert applied(mutation).next_occurrence == occurrence(15)


def test_nothing_owed_leaves_no_skip() -> None:
    mutation = edited(a_job(), redefined(a_job(), EVERY_QUARTER), 9)

    assert (mutation.skips, mutation.after.trailing_skip) == ((), None)
    assert applied(mutation).next_occurrence == occurrence(15)


def test_a_second_edit_in_a_row_does_not_skip_the_same_again() -> None:
    once = applied(edited(a_job(), redefined(a_job(), EVERY_QUARTER), 35))

    at_once = edited(once, redefined(once, IntervalSchedule(MINUTE)), 35)
    later = edited(once, redefined(once, IntervalSchedule(MINUTE)), 50)

    assert at_once.skips == ()
    assert later.skips == (skip_of(SkipReason.EDITED, 10, 45, 4),)


def test_an_edit_by_a_clock_behind_the_watermark_never_takes_it_back() -> None:
    task = replace(a_job(), decided_until=minute(35), next_occurrence=occurrence(40))

    mutation = edited(task, redefined(task, IntervalSchedule(MINUTE)), 5)

    assert mutation.skips == ()
    assert (applied(mutation).decided_until, applied(mutation).next_occurrence) == (minute(35), occurrence(36))


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (TaskStatus.ACTIVE, SkipReason.EDITED),
        (TaskStatus.PAUSED, SkipReason.PAUSED),
        (TaskStatus.FAILED, SkipReason.FAILED),
    ],
)
def test_what_an_idle_task_owed_is_put_down_to_that(status: TaskStatus, reason: SkipReason) -> None:
    task = a_job(status=status)

    mutation = edited(task, redefined(task, EVERY_QUARTER), 35)

    assert mutation.skips == (skip_of(reason, 10, 30, 3),)


def test_a_new_schedule_revives_what_was_at_an_end_but_not_what_is_paused() -> None:
    for status in (TaskStatus.COMPLETED, TaskStatus.FAILED):
        task = replace(a_job(status=status), next_occurrence=None, auto_runs=9)
        after = applied(edited(task, redefined(task, EVERY_QUARTER), 35))
        assert (after.status, after.error_count, after.auto_runs) == (TaskStatus.ACTIVE, 0, 0)

    paused = a_job(status=TaskStatus.PAUSED)
    after = applied(edited(paused, redefined(paused, EVERY_QUARTER), 35))
    assert (after.status, after.pause, after.error_count) == (TaskStatus.PAUSED, paused.pause, 1)


def test_other_bounds_revive_a_completed_task_but_not_a_failed_one() -> None:
    completed = replace(a_job(status=TaskStatus.COMPLETED, max_runs=3), next_occurrence=None, auto_runs=3)
    failed = a_job(status=TaskStatus.FAILED)

    revived = applied(edited(completed, redefined(completed, max_runs=4), 35))
    stays = applied(edited(failed, redefined(failed, jitter=SECOND), 35))

    assert (revived.status, revived.next_occurrence, revived.auto_runs) == (TaskStatus.ACTIVE, occurrence(40), 3)
    assert (stays.status, stays.error_count) == (TaskStatus.FAILED, 1)


def test_an_edit_that_gives_a_completed_task_nothing_to_do_leaves_it_completed() -> None:
    task = replace(a_task(schedule=OneTimeSchedule(minute(10)), status=TaskStatus.COMPLETED), next_occurrence=None)
    task = replace(task, decided_until=minute(10))

    for definition in (redefined(task, jitter=SECOND), replace(task.definition, timezone="Europe/Berlin")):
        after = applied(edited(task, definition, 35))
        assert (after.status, after.next_occurrence) == (TaskStatus.COMPLETED, None)


def test_an_edit_beside_the_last_execution_leaves_the_end_to_it() -> None:
    task = replace(a_task(schedule=OneTimeSchedule(minute(10))), next_occurrence=None, decided_until=minute(10))
    running = execution(RUNNING, 10)
    task = task.with_open(an_open_execution(running))

    after = applied(edited(task, redefined(task, jitter=SECOND), 35), running)

    assert after.status is TaskStatus.ACTIVE


@pytest.mark.parametrize(
    ("definition", "reason"),
    [
        (redefined(a_job(), end_at=minute(36)), "exhausted"),
        (redefined(a_job(), EVERY_QUARTER, end_at=minute(40)), "exhausted"),
        (redefined(a_job(), OneTimeSchedule(minute(35))), "in_the_past"),
        (redefined(a_job(), OneTimeSchedule(minute(10))), "in_the_past"),
    ],
)
def test_an_edit_that_leaves_nothing_to_run_is_refused(definition: Definition, reason: str) -> None:
    for status in TaskStatus:
        with pytest.raises(InvalidScheduleError) as refused:
            edited(replace(a_job(), status=status), definition, 35)
        assert refused.value.reason == reason


def test_an_edit_keeps_waiting_executions_and_quarantine_ends() -> None:
    running, waiting = execution(RUNNING), execution(WAITING, 10)
    task = replace(a_work(running, waiting).task, quarantine=Quarantine("zone", minute(50)))
    mutation = edited(task, redefined(task, EVERY_QUARTER, overlap=Overlap.ALLOW), 35)

    work = mutation.apply(Work.of(task, [running, waiting]))

    assert (states(work), work.changed, work.task.quarantine) == ([RUNNING, WAITING], frozenset(), None)
    assert work.task.open_seq == task.open_seq
