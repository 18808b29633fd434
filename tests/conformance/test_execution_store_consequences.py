"""`ExecutionStore.settle`: what an outcome does to the task, and what follows it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from application.scheduling.ports.execution_store import Claim, Expired, Settled, Settlement
from domain.scheduling.change import Change, ChangeAction
from domain.scheduling.events import TaskStopped
from domain.scheduling.execution import RESCUES_MAX, AttemptOutcome, ExecutionKind, ExecutionState
from domain.scheduling.identifiers import MICROSECOND
from domain.scheduling.mutation import edit
from domain.scheduling.outcome import Continued, HandedBack, Outcome, Stopped, Succeeded, UnknownHandler
from domain.scheduling.policy import ExecutionPolicy, Overlap
from domain.scheduling.schedule import OneTimeSchedule
from domain.scheduling.task import TaskStatus
from domain.scheduling.work import CONTINUATIONS_PER_DAY_MAX, UNKNOWN_HANDLER_PATIENCE
from tests.conformance.store_under_test import OTHER_WORKER, WORKER, StoreUnderTest
from tests.support.builders import DAY, HOUR, MINUTE, SECOND, a_change, a_definition, a_failure
from tests.support.manual_clock import NOON


def _edit_now(store: StoreUnderTest) -> Change:
    return a_change(ChangeAction.EDIT, at=store.clock.now())


QUEUE_ONE = ExecutionPolicy(overlap=Overlap.QUEUE_ONE)


async def test_deaths_in_a_row_stop_the_task_and_cancel_what_waits(store: StoreUnderTest) -> None:
    task = await store.add(a_definition(policy=replace(QUEUE_ONE, fail_after=2)))
    await store.settle(await store.started(task), a_failure())
    claim = await store.started(task)
    (waiting,) = await store.fired(task)

    for_good = a_failure(text="for good")
    ends = [Settlement(claim.execution.id, claim.token, for_good)] * 2
    answers = await store.executions.settle(ends)

    stopped = await store.read(task)
    by_the_first = TaskStopped(task.id, "report", 2)
    dead = Settled(ExecutionState.DEAD, AttemptOutcome.FAILED, for_good.error)
    assert answers == [replace(dead, stopped=by_the_first), dead]
    assert await store.settle(claim, for_good) == dead
    assert (stopped.status, stopped.error_count, stopped.look_at) == (TaskStatus.FAILED, 2, None)
    assert stopped.last_error == "RuntimeError: for good"
    assert await store.state(waiting) is ExecutionState.CANCELLED


async def test_success_starts_the_count_of_deaths_again(store: StoreUnderTest) -> None:
    task = await store.add(a_definition(policy=ExecutionPolicy(fail_after=2)))

    for outcome in (a_failure(), Succeeded(), a_failure()):
        await store.settle(await store.started(task), outcome)

    assert ((await store.read(task)).status, (await store.read(task)).error_count) == (TaskStatus.ACTIVE, 1)


async def test_deaths_of_runs_by_hand_are_not_counted(store: StoreUnderTest) -> None:
    task = await store.add(a_definition(policy=ExecutionPolicy(fail_after=1)))
    await store.run_now(task, key="by hand")

    await store.settle(await store.claim(), a_failure())

    assert ((await store.read(task)).status, (await store.read(task)).error_count) == (TaskStatus.ACTIVE, 0)


@pytest.mark.parametrize(
    ("outcome", "status"),
    [(Succeeded(), TaskStatus.COMPLETED), (a_failure(), TaskStatus.FAILED), (Stopped(), TaskStatus.FAILED)],
)
async def test_a_one_time_task_ends_as_its_execution_does(
    store: StoreUnderTest, outcome: Outcome, status: TaskStatus
) -> None:
    task = await store.add(a_definition(schedule=OneTimeSchedule(NOON + MINUTE)))
    claim = await store.started(task)
    assert (await store.read(task)).status is TaskStatus.ACTIVE

    answer = await store.settle(claim, outcome)

    assert (await store.read(task)).status is status
    # It has come to its end, which is no stop.
    assert isinstance(answer, Settled)
    assert answer.stopped is None


async def test_a_task_with_a_number_of_runs_is_completed_by_the_end_of_the_last(store: StoreUnderTest) -> None:
    task = await store.add(a_definition(policy=ExecutionPolicy(max_runs=2)))
    await store.settle(await store.started(task))
    last = await store.started(task)
    assert (await store.read(task)).look_at is None

    await store.settle(last, a_failure())

    assert (await store.read(task)).status is TaskStatus.COMPLETED


async def test_the_last_run_to_succeed_completes_the_task_whatever_was_asked_for_by_hand(store: StoreUnderTest) -> None:
    task = await store.add(a_definition(policy=ExecutionPolicy(max_runs=2, overlap=Overlap.ALLOW)))
    first, last = await store.started(task), await store.started(task)
    await store.run_now(task, key="by hand")
    by_hand, seen = await store.claim(), []

    for claim in (first, last, by_hand):
        await store.settle(claim)
        seen.append((await store.read(task)).status)

    assert seen == [TaskStatus.ACTIVE, TaskStatus.COMPLETED, TaskStatus.COMPLETED]


async def _continued(store: StoreUnderTest, claim: Claim, after: timedelta = timedelta(0)) -> Claim:
    """The claim of the execution that goes on where this one ends."""
    assert await store.settle(claim, Continued(after)) == Settled(ExecutionState.SUCCEEDED, AttemptOutcome.SUCCEEDED)
    store.clock.advance(after)
    await store.executions.release_due(10)
    return await store.claim()


async def test_a_continuation_goes_on_after_its_wait_and_before_the_waiting_one(store: StoreUnderTest) -> None:
    task = await store.add(a_definition(policy=QUEUE_ONE))
    claim = await store.started(task)
    (waiting,) = await store.fired(task)

    following = await _continued(store, claim, after=HOUR)

    execution = following.execution
    assert (execution.kind, execution.root_id, execution.number) == (ExecutionKind.CONTINUATION, claim.execution.id, 1)
    assert (execution.starts, execution.version) == (1, claim.execution.version)
    assert await store.state(waiting) is ExecutionState.WAITING
    await store.settle(following)
    assert await store.state(waiting) is ExecutionState.PENDING


async def test_an_execution_goes_on_so_many_times_a_day(store: StoreUnderTest) -> None:
    claim = await store.started(await store.add())
    for _ in range(CONTINUATIONS_PER_DAY_MAX):
        claim = await _continued(store, claim)

    answers = [await store.settle(claim, Continued(timedelta(0))) for _ in range(2)]

    error = (await store.record(claim.execution.id)).summary.execution.error
    assert error is not None
    assert error.kind == "continuation_limit"
    assert answers == [Settled(ExecutionState.DEAD, AttemptOutcome.FAILED, error)] * 2


async def test_the_next_day_an_execution_may_go_on_again(store: StoreUnderTest) -> None:
    claim = await store.started(await store.add())
    for _ in range(CONTINUATIONS_PER_DAY_MAX):
        claim = await _continued(store, claim)
    store.clock.advance(DAY)

    await _continued(store, claim)


async def test_an_unknown_handler_is_waited_for_longer_each_time_and_an_hour_in_all(store: StoreUnderTest) -> None:
    claim = await store.started(await store.add())
    put_back_at, waits = store.clock.now(), []

    put_back = Settled(ExecutionState.PENDING, AttemptOutcome.UNKNOWN_HANDLER)
    while (answer := await store.settle(claim, UnknownHandler())) == put_back:
        execution = (await store.record(claim.execution.id)).summary.execution
        assert execution.attempts_used == 0
        waits.append(execution.available_at - store.clock.now())
        store.clock.advance_to(execution.available_at)
        claim = await store.claim()

    assert waits[:5] == [5 * SECOND, 10 * SECOND, 20 * SECOND, 40 * SECOND, 60 * SECOND]
    assert max(waits) == 60 * SECOND
    assert store.clock.now() - put_back_at >= UNKNOWN_HANDLER_PATIENCE
    error = (await store.record(claim.execution.id)).summary.execution.error
    assert error is not None
    assert error.kind == "unknown_handler"
    assert answer == Settled(ExecutionState.DEAD, AttemptOutcome.UNKNOWN_HANDLER, error)


async def test_an_unknown_handler_expires_after_an_hour_though_no_worker_is_left_to_put_it_back(
    store: StoreUnderTest,
) -> None:
    task = await store.add(a_definition(policy=ExecutionPolicy(overlap=Overlap.QUEUE_ONE, fail_after=None)))
    claim = await store.started(task)
    (waiting,) = await store.fired(task)
    await store.settle(claim, UnknownHandler())
    put_back_at = store.clock.now()

    store.clock.advance_to(put_back_at + UNKNOWN_HANDLER_PATIENCE - MICROSECOND)
    assert await store.executions.expire_unknown(10) == []
    store.clock.advance(MICROSECOND)
    assert await store.executions.expire_unknown(10) == [Expired(task.id)]

    execution = (await store.record(claim.execution.id)).summary.execution
    assert (execution.state, execution.finished_at) == (ExecutionState.DEAD, store.clock.now())
    assert execution.error is not None
    assert execution.error.kind == "unknown_handler"
    assert await store.state(waiting) is ExecutionState.PENDING
    assert (await store.read(task)).error_count == 1
    assert await store.executions.expire_unknown(10) == []


async def test_only_what_was_put_back_expires_the_longest_unknown_first(store: StoreUnderTest) -> None:
    tasks = [await store.add(a_definition(name)) for name in ("first", "second", "third")]
    claims = []
    for task in tasks[:2]:
        claims.append(await store.started(task))
        await store.settle(claims[-1], UnknownHandler())
    (never_claimed,) = await store.fired(tasks[2])
    store.clock.advance(2 * UNKNOWN_HANDLER_PATIENCE)

    assert await store.executions.expire_unknown(1) == [Expired(tasks[0].id)]
    assert await store.state(claims[0].execution.id) is ExecutionState.DEAD
    assert await store.executions.expire_unknown(10) == [Expired(tasks[1].id)]
    assert await store.state(never_claimed) is ExecutionState.PENDING


async def test_two_of_one_task_expire_together_and_both_count(store: StoreUnderTest) -> None:
    task = await store.add(a_definition(policy=ExecutionPolicy(overlap=Overlap.ALLOW, fail_after=None)))
    for _ in range(2):
        await store.fired(task)
    for claim in [await store.claim(), await store.claim()]:
        await store.settle(claim, UnknownHandler())
    store.clock.advance(2 * UNKNOWN_HANDLER_PATIENCE)

    assert await store.executions.expire_unknown(10) == [Expired(task.id)] * 2

    read = await store.read(task)
    assert (read.error_count, read.open) == (2, ())


async def test_an_expiry_tells_that_it_stopped_the_task(store: StoreUnderTest) -> None:
    task = await store.add(a_definition(policy=ExecutionPolicy(fail_after=1)))
    await store.settle(await store.started(task), UnknownHandler())
    store.clock.advance(2 * UNKNOWN_HANDLER_PATIENCE)

    assert await store.executions.expire_unknown(10) == [Expired(task.id, TaskStopped(task.id, "report", 1))]


async def test_a_rescue_tells_that_it_stopped_the_task(store: StoreUnderTest) -> None:
    task = await store.add(a_definition(policy=ExecutionPolicy(fail_after=1)))
    await store.fired(task)
    for _ in range(RESCUES_MAX):
        await store.claim()
        await store.executions.rescue_worker(WORKER)
    await store.claim()

    (rescued,) = await store.executions.rescue_worker(WORKER)

    assert rescued.event.state is ExecutionState.DEAD
    assert rescued.stopped == TaskStopped(task.id, "report", 1)


@pytest.mark.parametrize("how", ["handed back", "rescued"])
async def test_what_a_worker_has_begun_to_run_is_not_unknown_any_more(store: StoreUnderTest, how: str) -> None:
    task = await store.add()
    await store.settle(await store.started(task), UnknownHandler())
    store.clock.advance(MINUTE)
    claim = await store.claim()
    store.clock.advance(2 * UNKNOWN_HANDLER_PATIENCE)

    if how == "rescued":
        assert len(await store.executions.rescue(await store.executions.held())) == 1
    else:
        await store.settle(claim, HandedBack())

    assert await store.executions.expire_unknown(10) == []
    assert (await store.claim()).execution.id == claim.execution.id


async def test_an_execution_that_expires_names_the_handler_of_its_own_version_or_none(store: StoreUnderTest) -> None:
    task = await store.add(a_definition(handler="old"))
    claim = await store.started(task)
    await store.settle(claim, UnknownHandler())
    await store.applied(edit(task := await store.read(task), replace(task.definition, handler="new"), _edit_now(store)))
    store.clock.advance(2 * UNKNOWN_HANDLER_PATIENCE)

    await store.executions.expire_unknown(10)

    error = (await store.record(claim.execution.id)).summary.execution.error
    assert error is not None
    assert error.text == "no worker has the handler of its version"


async def test_what_was_handed_back_is_started_again_and_used_no_attempt(store: StoreUnderTest) -> None:
    claim = await store.started(await store.add())

    await store.settle(claim, HandedBack())

    again = await store.claim(OTHER_WORKER)
    assert (again.execution.id, again.execution.starts) == (claim.execution.id, 2)
    assert (again.execution.attempts_used, again.execution.rescues) == (0, 0)
