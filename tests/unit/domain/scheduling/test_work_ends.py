"""What counts for a task, and how it ends."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from domain.scheduling.execution import CancelRequest, ExecutionKind
from domain.scheduling.firing import fire
from domain.scheduling.identifiers import ExecutionId
from domain.scheduling.outcome import Continued, HandedBack, Outcome, Stopped, Succeeded, UnknownHandler
from domain.scheduling.policy import ExecutionPolicy, Overlap
from domain.scheduling.schedule import OneTimeSchedule
from domain.scheduling.task import Delivery, ScheduledTask, TaskStatus
from domain.scheduling.work import Work
from tests.support.builders import MINUTE, a_failure, a_pause, a_task, an_open_execution
from tests.support.drawings import EVERY_TEN, PENDING, RUNNING, WAITING, minute
from tests.support.works import (
    BY_ANA,
    CANCELLED,
    DEAD,
    DELIVERED,
    DIED,
    LATER,
    RETRIED,
    a_manual,
    a_work,
    execution,
    states,
)


def failing(fail_after: int | None = 3, errors: int = 0, status: TaskStatus = TaskStatus.ACTIVE) -> ScheduledTask:
    task = a_task(schedule=EVERY_TEN, policy=ExecutionPolicy(fail_after=fail_after), status=status)
    return replace(task, error_count=errors)


@pytest.mark.parametrize(
    ("fail_after", "errors", "status"),
    [(3, 1, "active"), (3, 2, "failed"), (1, 0, "failed"), (None, 99, "active"), (2, 7, "failed")],
)
def test_so_many_deaths_in_a_row_stop_the_task(fail_after: int | None, errors: int, status: str) -> None:
    running = execution(RUNNING)

    task = a_work(running, task=failing(fail_after, errors)).settle(running.id, DIED, LATER).task

    assert (task.status, task.error_count) == (status, errors + 1)
    assert task.last_error == "RuntimeError: it broke"


def test_a_stopped_task_lets_nobody_wait() -> None:
    one, two, waiting = execution(RUNNING), execution(RUNNING, 10), execution(WAITING, 20)

    work = a_work(one, two, waiting, task=failing(errors=2)).settle(one.id, DIED, LATER)

    assert states(work) == [DEAD, RUNNING, CANCELLED]
    assert work.executions[waiting.id].cancel == CancelRequest(
        LATER, "scheduler", "the task was stopped after too many failures"
    )


def test_a_task_that_fails_while_paused_is_paused_no_more() -> None:
    running = execution(RUNNING)
    paused = replace(failing(errors=2, status=TaskStatus.PAUSED), pause=a_pause())

    task = a_work(running, task=paused).settle(running.id, DIED, LATER).task

    assert (task.status, task.pause) == (TaskStatus.FAILED, None)


def test_later_settlements_count_but_do_not_revive_it() -> None:
    one, two = execution(RUNNING), execution(RUNNING, 10)
    work = a_work(one, two, task=failing(errors=2)).settle(one.id, DIED, LATER)

    task = work.settle(two.id, Succeeded(), LATER).task

    assert (task.status, task.error_count) == (TaskStatus.FAILED, 0)


@pytest.mark.parametrize("kind", ExecutionKind)
def test_success_of_any_kind_begins_the_count_anew(kind: ExecutionKind) -> None:
    running = execution(RUNNING, kind=kind)

    assert a_work(running, task=failing(errors=2)).settle(running.id, Succeeded(), LATER).task.error_count == 0


@pytest.mark.parametrize(
    ("kind", "counts"), [("auto", True), ("continuation", True), ("manual", False), ("backfill", False)]
)
def test_whose_death_counts(kind: str, counts: bool) -> None:
    running = execution(RUNNING, kind=ExecutionKind(kind))

    task = a_work(running, task=failing(errors=2)).settle(running.id, DIED, LATER).task

    assert (task.error_count, task.status) == ((3, "failed") if counts else (2, "active"))
    assert task.last_error == "RuntimeError: it broke"


def test_cancelled_and_retried_executions_count_as_no_failure() -> None:
    one, two = execution(RUNNING), execution(PENDING, 10)

    work = a_work(one, two, task=failing(errors=2)).settle(one.id, RETRIED, LATER).cancel([two.id], BY_ANA)

    assert (work.task.error_count, work.task.status) == (2, TaskStatus.ACTIVE)


def test_a_long_error_is_cut_for_the_task() -> None:
    running = execution(RUNNING)

    task = a_work(running).settle(running.id, a_failure(text="x" * 9_000), LATER).task

    assert task.last_error == ("RuntimeError: " + "x" * 9_000)[:500]


def test_settlements_of_one_batch_follow_on_each_other() -> None:
    policy = ExecutionPolicy(overlap=Overlap.ALLOW, fail_after=3)
    runs = [execution(RUNNING, 10 * number) for number in range(5)]
    work = a_work(*runs, task=a_task(schedule=EVERY_TEN, policy=policy))

    outcomes: list[Outcome] = [DIED, Succeeded(), DIED, DIED, DIED]
    for each, outcome in zip(runs, outcomes, strict=True):
        work = work.settle(each.id, outcome, LATER)

    assert (work.task.error_count, work.task.status, work.task.open_seq) == (3, TaskStatus.FAILED, 5)
    assert work.task.open == ()
    assert [each.execution_id for each in work.ended] == [each.id for each in runs]
    assert work.changed == {each.id for each in runs}


STEPS: dict[str, tuple[int, Callable[[Work, ExecutionId], Work]]] = {
    "succeeds": (1, lambda work, one: work.settle(one, Succeeded(), LATER)),
    "dies": (1, lambda work, one: work.settle(one, DIED, LATER)),
    "goes on": (1, lambda work, one: work.settle(one, Continued(MINUTE), LATER)),
    "is retried": (0, lambda work, one: work.settle(one, RETRIED, LATER)),
    "is handed back": (0, lambda work, one: work.settle(one, HandedBack(), LATER)),
    "is put back": (0, lambda work, one: work.settle(one, UnknownHandler(), LATER)),
    "is rescued": (0, lambda work, one: work.rescue(one, LATER)),
    "is asked to stop": (0, lambda work, one: work.cancel([one], BY_ANA)),
    "has company": (1, lambda work, _: work.run_now(a_manual(PENDING), LATER)),
    "is left alone": (0, lambda work, _: work.cancel((), BY_ANA)),
    "sees nothing fired": (0, lambda work, _: work.commit(fire(work.task, minute(5)), minute(5))),
    "sees a skip": (0, lambda work, _: work.commit(fire(work.task, minute(10)), minute(10))),
}


@pytest.mark.parametrize(("moves", "step"), STEPS.values(), ids=STEPS)
def test_open_seq_moves_exactly_when_one_is_created_or_ends(
    moves: int, step: Callable[[Work, ExecutionId], Work]
) -> None:
    running = execution(RUNNING)
    before = a_work(running)

    after = step(before, running.id)

    assert after.task.open_seq == before.task.open_seq + moves
    assert after.task.open == tuple(
        sorted(map(an_open_execution, filter(lambda each: each.is_open, after.executions.values())))
    )


def test_promotion_alone_moves_no_open_seq() -> None:
    waiting = execution(WAITING)

    work = a_work(waiting).cancel((), BY_ANA)

    assert (states(work), work.task.open_seq) == ([PENDING], 0)


ONCE = a_task(schedule=OneTimeSchedule(minute(10)), policy=ExecutionPolicy(overlap=Overlap.QUEUE_ONE))


def fired_once(**policy: object) -> Work:
    """A one-time task whose occurrence runs."""
    task = a_task(schedule=OneTimeSchedule(minute(10)), policy=replace(ONCE.definition.policy, **policy))  # type: ignore[arg-type]
    work = Work(task).commit(fire(task, minute(10)), minute(10))
    (only,) = work.executions.values()
    running = replace(only, state=RUNNING, starts=1)
    return Work.of(work.task.with_open(an_open_execution(running)), [running])


@pytest.mark.parametrize(
    ("step", "status"),
    [
        (lambda work, one: work.settle(one, Succeeded(), LATER), "completed"),
        (lambda work, one: work.settle(one, DIED, LATER), "failed"),
        (lambda work, one: work.settle(one, Stopped(), LATER), "failed"),
        (lambda work, one: work.cancel([one], BY_ANA).rescue(one, LATER), "failed"),
        (lambda work, one: work.settle(one, RETRIED, LATER), "active"),
        (lambda work, one: work.settle(one, HandedBack(), LATER), "active"),
        (lambda work, one: work.settle(one, Continued(MINUTE), LATER), "active"),
        (lambda work, one: work.cancel([one], BY_ANA), "active"),
    ],
)
def test_a_one_time_task_ends_as_its_occurrence_did(step: Callable[[Work, ExecutionId], Work], status: str) -> None:
    work = fired_once()
    (only,) = work.executions

    assert step(work, only).task.status == status


@pytest.mark.parametrize(("outcome", "status"), [(Succeeded(), "completed"), (DIED, "failed"), (Stopped(), "failed")])
def test_a_one_time_task_ends_as_its_last_continuation_did(outcome: Outcome, status: str) -> None:
    work = fired_once()
    (first,) = work.executions
    work = work.settle(first, Continued(MINUTE), LATER)
    (second,) = work.created
    running = replace(work.executions[second], state=RUNNING, starts=1)

    assert Work.of(work.task, [running]).settle(second, outcome, LATER).task.status == status


def test_a_one_time_task_passed_over_has_failed() -> None:
    task = replace(ONCE, definition=replace(ONCE.definition, policy=ExecutionPolicy(grace=MINUTE)))

    work = Work(task).commit(fire(task, LATER), LATER)

    assert (work.task.status, work.executions) == (TaskStatus.FAILED, {})


def test_a_one_time_task_ends_while_paused_too() -> None:
    work = fired_once()
    (only,) = work.executions
    paused = replace(work, task=replace(work.task, status=TaskStatus.PAUSED, pause=a_pause()))

    task = paused.settle(only, Succeeded(), LATER).task

    assert (task.status, task.pause, task.look_at) == (TaskStatus.COMPLETED, None, None)


def test_an_external_one_time_task_is_completed_as_it_is_delivered() -> None:
    task = a_task(schedule=OneTimeSchedule(minute(10)), delivery=Delivery.EXTERNAL)

    work = Work(task).commit(fire(task, minute(10)), minute(10))

    assert (states(work), work.task.status, work.task.open, work.task.open_seq) == (
        [DELIVERED],
        TaskStatus.COMPLETED,
        (),
        1,
    )


def test_a_manual_run_neither_ends_nor_delays_the_end_of_a_task() -> None:
    work = fired_once(fail_after=None)
    (only,) = work.executions
    beside = work.run_now(a_manual(), LATER)

    ended = beside.settle(only, DIED, LATER)
    after = ended.settle(a_manual().id, Succeeded(), LATER)

    assert (beside.task.status, ended.task.status, after.task.status) == ("active", "failed", "failed")
    assert beside.task.auto_runs == 1


@pytest.mark.parametrize("outcome", [Succeeded(), DIED, Stopped()])
def test_a_recurring_task_without_another_occurrence_completes_with_its_last_execution(outcome: Outcome) -> None:
    one, two = execution(RUNNING), execution(RUNNING, 10)
    task = replace(a_task(schedule=EVERY_TEN), next_occurrence=None)

    once = a_work(one, two, task=task).settle(one.id, outcome, LATER)
    twice = once.settle(two.id, outcome, LATER)

    assert (once.task.status, twice.task.status) == (TaskStatus.ACTIVE, TaskStatus.COMPLETED)


def test_max_runs_complete_the_task_when_the_last_run_has_ended() -> None:
    task = replace(a_task(schedule=EVERY_TEN, policy=ExecutionPolicy(max_runs=2)), auto_runs=1)
    work = Work(task).commit(fire(task, minute(10)), minute(10))
    (last,) = work.executions.values()
    running = replace(last, state=RUNNING, starts=1)

    done = Work.of(work.task, [running]).settle(last.id, Succeeded(), LATER)

    assert (work.task.auto_runs, work.task.next_occurrence, work.task.status) == (2, None, TaskStatus.ACTIVE)
    assert done.task.status is TaskStatus.COMPLETED


def test_a_recurring_task_completes_while_paused_and_is_paused_no_more() -> None:
    running = execution(RUNNING)
    paused = replace(a_task(schedule=EVERY_TEN, paused=True), next_occurrence=None)

    task = a_work(running, task=paused).settle(running.id, Succeeded(), LATER).task

    assert (task.status, task.pause) == (TaskStatus.COMPLETED, None)


def test_the_last_occurrence_skipped_beside_nothing_automatic_completes_the_task() -> None:
    task = a_task(schedule=EVERY_TEN, policy=ExecutionPolicy(end_at=minute(10)))
    work = a_work(a_manual(), task=task)

    done = work.commit(fire(work.task, minute(10)), minute(10))

    assert done.task.status is TaskStatus.COMPLETED
