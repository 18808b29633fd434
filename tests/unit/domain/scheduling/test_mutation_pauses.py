"""Pausing and resuming a task."""

from dataclasses import replace

import pytest

from domain.errors import InvalidTaskError, TaskStateError
from domain.scheduling.change import ChangeAction
from domain.scheduling.identifiers import MICROSECOND
from domain.scheduling.mutation import end_pause, pause, resume, system_change
from domain.scheduling.policy import ExecutionPolicy, Misfire, Overlap
from domain.scheduling.schedule import OneTimeSchedule, Schedule
from domain.scheduling.task import PauseMode, ScheduledTask, Skip, SkipReason, TaskStatus
from domain.scheduling.work import Work
from tests.support.builders import SECOND, a_pause, a_task, an_open_execution
from tests.support.changes import a_job, applied, change, written
from tests.support.drawings import EVERY_TEN, PENDING, RETRY_WAIT, RUNNING, WAITING, minute, occurrence, skip_of
from tests.support.works import CANCELLED, a_manual, a_work, execution, states


def test_a_pause_stops_what_is_due_and_lets_open_work_end() -> None:
    running, waiting = execution(RUNNING), execution(WAITING, 10)
    task = a_work(running, waiting).task
    held = a_pause(at=minute(5))
    mutation = pause(task, held, change(ChangeAction.PAUSE, 5))

    work = mutation.apply(Work.of(task, [running, waiting]))

    assert (work.task.status, work.task.pause, work.task.look_at) == (TaskStatus.PAUSED, held, None)
    assert states(work) == [RUNNING, WAITING]
    assert (work.changed, work.task.open_seq) == (frozenset(), task.open_seq)
    assert written(pause(a_job(), held, change(ChangeAction.PAUSE, 5))) == {"status", "pause", "version", "updated_at"}


def test_a_pause_now_ends_open_work_in_the_same_step() -> None:
    kinds = [execution(RUNNING), execution(RETRY_WAIT, 10), execution(PENDING, 20), execution(WAITING, 30)]
    task = a_work(*kinds, task=a_job(overlap=Overlap.ALLOW)).task
    mutation = pause(task, a_pause(mode=PauseMode.NOW), change(ChangeAction.PAUSE, 35))

    work = mutation.apply(Work.of(task, kinds))

    assert states(work) == [RUNNING, CANCELLED, CANCELLED, CANCELLED]
    assert [each.cancel is not None for each in work.executions.values()] == [True] * 4
    assert [each.cancel.actor for each in work.executions.values() if each.cancel] == ["ana"] * 4
    assert work.task.open_seq == task.open_seq + 1


@pytest.mark.parametrize("status", [TaskStatus.COMPLETED, TaskStatus.FAILED])
def test_what_is_at_an_end_cannot_be_paused(status: TaskStatus) -> None:
    with pytest.raises(TaskStateError) as refused:
        pause(a_job(status=status), a_pause(), change(ChangeAction.PAUSE, 5))

    assert refused.value.reason == status


@pytest.mark.parametrize("until", [4, 5])
def test_a_pause_cannot_end_in_the_past(until: int) -> None:
    with pytest.raises(InvalidTaskError) as refused:
        pause(a_job(), a_pause(until=minute(until)), change(ChangeAction.PAUSE, 5))

    assert (refused.value.reason, refused.value.pointer) == ("in_the_past", "/until")


def test_pausing_again_gives_another_end() -> None:
    task = applied(pause(a_job(), a_pause(until=minute(50)), change(ChangeAction.PAUSE, 5)))

    again = applied(pause(task, a_pause(until=minute(90)), change(ChangeAction.PAUSE, 6)))

    assert (task.look_at, again.look_at, again.version) == (minute(50), minute(90), 7)


@pytest.mark.parametrize(
    ("status", "reason", "errors"),
    [(TaskStatus.PAUSED, SkipReason.PAUSED, 1), (TaskStatus.FAILED, SkipReason.FAILED, 0)],
)
def test_a_resume_passes_over_what_was_owed(status: TaskStatus, reason: SkipReason, errors: int) -> None:
    mutation = resume(a_job(status=status), change(ChangeAction.RESUME, 35))

    after = applied(mutation)
    assert mutation.skips == (skip_of(reason, 10, 30, 3),)
    assert (after.status, after.pause, after.error_count) == (TaskStatus.ACTIVE, None, errors)
    assert (after.decided_until, after.next_occurrence, after.trailing_skip) == (
        minute(35),
        occurrence(40),
        mutation.skips[0],
    )


def test_a_second_pause_extends_the_skip_of_the_first() -> None:
    resumed = applied(resume(a_job(status=TaskStatus.PAUSED), change(ChangeAction.RESUME, 35)))
    again = applied(pause(resumed, a_pause(), change(ChangeAction.PAUSE, 36)))

    mutation = resume(again, change(ChangeAction.RESUME, 55))

    assert mutation.skips == (skip_of(SkipReason.PAUSED, 10, 50, 5),)


def test_a_resume_by_a_clock_behind_the_watermark_never_takes_it_back() -> None:
    task = replace(a_job(status=TaskStatus.PAUSED), decided_until=minute(35), next_occurrence=occurrence(40))

    mutation = resume(task, change(ChangeAction.RESUME, 5))

    assert (mutation.skips, applied(mutation).decided_until) == ((), minute(35))
    assert applied(mutation).next_occurrence == occurrence(40)


@pytest.mark.parametrize(
    ("missed", "overlap", "runs", "skips"),
    [
        (Misfire.LATEST, Overlap.SKIP, [30], [skip_of(SkipReason.PAUSED, 10, 20, 2)]),
        (Misfire.EARLIEST, Overlap.SKIP, [10], [skip_of(SkipReason.PAUSED, 20, 30, 2)]),
        (Misfire.ALL, Overlap.ALLOW, [10, 20, 30], []),
        (Misfire.ALL, Overlap.SKIP, [10], [skip_of(SkipReason.OVERLAP, 20, 30, 2)]),
    ],
)
def test_a_resume_may_run_what_was_missed_whatever_the_grace(
    missed: Misfire, overlap: Overlap, runs: list[int], skips: list[Skip]
) -> None:
    task = a_job(status=TaskStatus.PAUSED, overlap=overlap, grace=SECOND, misfire=Misfire.SKIP)
    mutation = resume(task, change(ChangeAction.RESUME, 35), missed=missed)

    work = mutation.apply(Work(task))

    assert [each.nominal_at for each in work.executions.values()] == [minute(each) for each in runs]
    assert {(each.version, each.created_at) for each in work.executions.values()} == {(6, minute(35))}
    assert mutation.skips == tuple(skips)
    after = work.task
    assert (after.status, after.pause, after.definition) == (TaskStatus.ACTIVE, None, task.definition)
    assert (after.decided_until, after.next_occurrence) == (minute(35), occurrence(40))
    assert (after.auto_runs, after.open_seq) == (len(runs), 1)
    assert after.trailing_skip == (skips[0] if skips and minute(runs[-1]) < skips[0].last_at else None)


@pytest.mark.parametrize("status", [TaskStatus.PAUSED, TaskStatus.FAILED])
def test_a_resume_with_what_was_missed_goes_by_the_schedule_as_it_is_by_now(status: TaskStatus) -> None:
    by_older_zone_data = replace(a_job(status=status), next_occurrence=occurrence(7))

    mutation = resume(by_older_zone_data, change(ChangeAction.RESUME, 35), missed=Misfire.ALL)

    assert mutation.firing is not None
    assert [start.occurrence for start in mutation.firing.run] == [occurrence(10)]
    assert [(skip.first_at, skip.last_at) for skip in mutation.skips] == [(minute(20), minute(30))]


def test_a_resume_with_what_was_missed_looks_at_what_is_open() -> None:
    running = execution(RUNNING)
    task = a_work(running, task=a_job(status=TaskStatus.PAUSED)).task

    mutation = resume(task, change(ChangeAction.RESUME, 35), missed=Misfire.LATEST)

    assert mutation.skips == (skip_of(SkipReason.PAUSED, 10, 20, 2), skip_of(SkipReason.OVERLAP, 30, 30, 1))


@pytest.mark.parametrize("status", [TaskStatus.ACTIVE, TaskStatus.COMPLETED])
def test_only_what_is_paused_or_failed_can_be_resumed(status: TaskStatus) -> None:
    with pytest.raises(TaskStateError) as refused:
        resume(a_job(status=status), change(ChangeAction.RESUME, 5))

    assert refused.value.reason == status


def once(status: TaskStatus = TaskStatus.PAUSED) -> ScheduledTask:
    held = a_pause(until=minute(20)) if status is TaskStatus.PAUSED else None
    return replace(a_task(schedule=OneTimeSchedule(minute(10)), status=status), pause=held)


def test_a_resume_with_nothing_left_is_refused() -> None:
    by_hand = once().with_open(an_open_execution(a_manual()))

    for task in (once(), once(TaskStatus.FAILED), by_hand):
        with pytest.raises(TaskStateError) as refused:
            resume(task, change(ChangeAction.RESUME, 35))
        assert refused.value.reason == "exhausted"


def test_a_resume_with_what_was_missed_when_nothing_was_goes_on() -> None:
    after = applied(resume(a_job(status=TaskStatus.PAUSED), change(ChangeAction.RESUME, 5), missed=Misfire.LATEST))

    assert (after.status, after.open, after.next_occurrence) == (TaskStatus.ACTIVE, (), occurrence(10))


def test_a_resume_that_could_only_skip_the_last_occurrence_is_refused() -> None:
    held = replace(a_job(status=TaskStatus.PAUSED, end_at=minute(10)), next_occurrence=occurrence(10))

    with pytest.raises(TaskStateError) as refused:
        resume(held.with_open(an_open_execution(a_manual())), change(ChangeAction.RESUME, 35), missed=Misfire.LATEST)

    assert refused.value.reason == "exhausted"


def test_a_resume_may_wait_for_the_end_of_the_last_execution_or_run_what_was_missed() -> None:
    running = execution(RUNNING, 10)
    last = replace(once(), decided_until=minute(10), next_occurrence=None).with_open(an_open_execution(running))

    waits = applied(resume(last, change(ChangeAction.RESUME, 35)), running)
    runs = resume(once(), change(ChangeAction.RESUME, 35), missed=Misfire.LATEST).apply(Work(once()))

    assert waits.status is TaskStatus.ACTIVE
    assert (states(runs), runs.task.status) == ([PENDING], TaskStatus.ACTIVE)


@pytest.mark.parametrize("noticed", [20, 20.001, 95])
def test_the_end_of_a_pause_lies_where_it_was_put_however_late_it_is_noticed(noticed: float) -> None:
    task = replace(a_job(status=TaskStatus.PAUSED), pause=a_pause(until=minute(20)))

    mutation = end_pause(task, system_change(ChangeAction.PAUSE_ENDED, minute(noticed), "its time was over"))

    after = applied(mutation)
    assert mutation.skips == (skip_of(SkipReason.PAUSED, 10, 10, 1),)
    assert (after.status, after.pause, after.version) == (TaskStatus.ACTIVE, None, 6)
    assert (after.decided_until, after.look_at) == (minute(20) - MICROSECOND, minute(20))


@pytest.mark.parametrize(("schedule", "status"), [(OneTimeSchedule(minute(10)), "failed"), (EVERY_TEN, "completed")])
def test_the_end_of_a_pause_ends_a_task_that_has_nothing_left(schedule: Schedule, status: str) -> None:
    task = a_task(schedule=schedule, policy=ExecutionPolicy(end_at=minute(15)), status=TaskStatus.PAUSED)
    task = replace(task, pause=a_pause(until=minute(20)))

    after = applied(end_pause(task, change(ChangeAction.PAUSE_ENDED, 21)))

    assert (after.status, after.next_occurrence, after.pause) == (status, None, None)
