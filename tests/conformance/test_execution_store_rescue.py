"""`ExecutionStore`: taking executions from the dead, and ending them before their time."""

import asyncio
from dataclasses import replace

import pytest

from application.scheduling.ports.execution_store import CancelAnswer, Claim, Held, Lost, Settled
from domain.scheduling.change import ChangeAction
from domain.scheduling.events import ExecutionRescued
from domain.scheduling.execution import RESCUES_MAX, AttemptOutcome, ExecutionState
from domain.scheduling.identifiers import ExecutionId
from domain.scheduling.outcome import Stopped, Succeeded
from domain.scheduling.policy import ExecutionPolicy, Overlap
from domain.scheduling.schedule import OneTimeSchedule
from domain.scheduling.task import TaskStatus
from tests.conformance.store_under_test import OTHER_WORKER, WORKER, StoreUnderTest
from tests.support.builders import HOUR, MINUTE, SECOND, a_change, a_definition, a_failure
from tests.support.manual_clock import NOON

QUEUE_ONE = ExecutionPolicy(overlap=Overlap.QUEUE_ONE)
CANCEL = a_change(ChangeAction.CANCEL, actor="ben", reason="no longer needed")


async def _held(store: StoreUnderTest, claim: Claim) -> Held:
    (held,) = [each for each in await store.executions.held() if each.token == claim.token]
    return held


async def test_what_a_silent_holder_held_is_started_again_by_somebody_else(store: StoreUnderTest) -> None:
    claim = await store.started(await store.add())
    held = await _held(store, claim)
    store.clock.advance(SECOND)

    assert len(await store.executions.rescue([held])) == 1

    again = await store.claim(OTHER_WORKER)
    assert again.execution.id == claim.execution.id
    assert (again.execution.starts, again.execution.rescues, again.execution.attempts_used) == (2, 1, 0)
    first, second = (await store.record(claim.execution.id)).attempts
    assert (first.outcome, first.finished_at) == (AttemptOutcome.RESCUED, store.clock.now())
    assert (second.outcome, second.worker_id) == (None, OTHER_WORKER)


async def test_a_sign_of_life_in_the_meantime_prevents_a_rescue(store: StoreUnderTest) -> None:
    claim = await store.started(await store.add())
    seen = await _held(store, claim)
    await store.beat(claim)

    assert await store.executions.rescue([seen]) == []
    assert await store.settle(claim) == Settled(ExecutionState.SUCCEEDED, AttemptOutcome.SUCCEEDED)


async def test_a_rescue_judges_the_claim_it_saw_and_no_later_one(store: StoreUnderTest) -> None:
    claim = await store.started(await store.add())
    seen = await _held(store, claim)
    await store.executions.rescue([seen])
    await store.claim(OTHER_WORKER)

    assert await store.executions.rescue([seen]) == []
    assert await store.executions.rescue([replace(seen, token=store.token())]) == []
    assert await store.executions.rescue([replace(seen, execution_id=ExecutionId("nobody"))]) == []


async def test_a_rescue_tells_what_became_of_whose_execution(store: StoreUnderTest) -> None:
    tasks = [await store.add(a_definition(name)) for name in ("first", "second")]
    kept, asked = [await store.started(task) for task in tasks]
    await store.executions.cancel(asked.execution.id, CANCEL)

    rescued = await store.executions.rescue_worker(WORKER)

    assert [each.event for each in rescued] == [
        ExecutionRescued(kept.execution.id, tasks[0].id, "first", WORKER, ExecutionState.PENDING),
        ExecutionRescued(asked.execution.id, tasks[1].id, "second", WORKER, ExecutionState.CANCELLED),
    ]


async def test_what_has_ended_is_not_rescued(store: StoreUnderTest) -> None:
    claim = await store.started(await store.add())
    seen = await _held(store, claim)
    await store.settle(claim)

    assert await store.executions.rescue([seen]) == []
    assert await store.state(claim.execution.id) is ExecutionState.SUCCEEDED


async def test_a_rescue_and_an_outcome_at_once_have_one_winner(store: StoreUnderTest) -> None:
    claim = await store.started(await store.add())
    seen = await _held(store, claim)

    async with asyncio.TaskGroup() as group:
        rescued = group.create_task(store.executions.rescue([seen]))
        settled = group.create_task(store.settle(claim))

    answers = (len(rescued.result()), settled.result())
    assert answers in [(1, Lost()), (0, Settled(ExecutionState.SUCCEEDED, AttemptOutcome.SUCCEEDED))]


async def test_an_execution_whose_workers_keep_dying_is_dead(store: StoreUnderTest) -> None:
    task = await store.add(a_definition(policy=QUEUE_ONE))
    claim = await store.started(task)
    (waiting,) = await store.fired(task)
    for _ in range(RESCUES_MAX):
        assert len(await store.executions.rescue_worker(WORKER)) == 1
        claim = await store.claim()

    assert len(await store.executions.rescue_worker(WORKER)) == 1

    execution = (await store.record(claim.execution.id)).summary.execution
    assert execution.state is ExecutionState.DEAD
    assert execution.error is not None
    assert execution.error.kind == "poison"
    assert (await store.read(task)).error_count == 1
    assert (await store.claim()).execution.id == waiting


async def test_only_the_dead_worker_loses_its_executions(store: StoreUnderTest) -> None:
    tasks = [await store.add(a_definition(name)) for name in ("one", "two", "three")]
    claims = []
    for task, worker in zip(tasks, (WORKER, OTHER_WORKER, WORKER), strict=True):
        await store.run_now(task, key=task.id)
        claims.append(await store.claim(worker))

    assert len(await store.executions.rescue_worker(WORKER)) == 2
    assert await store.executions.rescue_worker(WORKER) == []

    states = [await store.state(claim.execution.id) for claim in claims]
    assert states == [ExecutionState.PENDING, ExecutionState.RUNNING, ExecutionState.PENDING]


async def test_a_rescued_execution_that_was_asked_to_stop_is_cancelled(store: StoreUnderTest) -> None:
    task = await store.add(a_definition(policy=QUEUE_ONE))
    claim = await store.started(task)
    (waiting,) = await store.fired(task)
    await store.executions.cancel(claim.execution.id, CANCEL)

    assert len(await store.executions.rescue_worker(WORKER)) == 1

    assert await store.state(claim.execution.id) is ExecutionState.CANCELLED
    assert await store.state(waiting) is ExecutionState.PENDING
    assert await store.settle(claim) == Lost()


async def test_there_is_nothing_to_rescue_from_nobody(store: StoreUnderTest) -> None:
    assert await store.executions.held() == []
    assert await store.executions.rescue([]) == []
    assert await store.executions.rescue_worker(WORKER) == []


async def _in_state(store: StoreUnderTest, state: ExecutionState) -> ExecutionId:
    """An execution in this state; for `waiting` beside a running one."""
    task = await store.add(a_definition(policy=QUEUE_ONE))
    if state is ExecutionState.PENDING:
        return (await store.fired(task))[0]
    claim = await store.started(task)
    match state:
        case ExecutionState.WAITING:
            return (await store.fired(task))[0]
        case ExecutionState.RETRY_WAIT:
            await store.settle(claim, a_failure(retry_at=NOON + HOUR))
        case ExecutionState.SUCCEEDED:
            await store.settle(claim)
        case ExecutionState.DEAD:
            await store.settle(claim, a_failure())
        case ExecutionState.CANCELLED:
            await store.settle(claim, Stopped())
    return claim.execution.id


@pytest.mark.parametrize("state", [ExecutionState.WAITING, ExecutionState.PENDING, ExecutionState.RETRY_WAIT])
async def test_what_does_not_run_is_cancelled_at_once(store: StoreUnderTest, state: ExecutionState) -> None:
    execution_id = await _in_state(store, state)
    assert await store.state(execution_id) is state

    answer = await store.executions.cancel(execution_id, CANCEL)

    execution = (await store.record(execution_id)).summary.execution
    assert answer == CancelAnswer(ExecutionState.CANCELLED, execution.task_id, "report")
    assert (execution.state, execution.finished_at) == (ExecutionState.CANCELLED, store.clock.now())
    assert execution.cancel is not None
    assert (execution.cancel.actor, execution.cancel.reason) == ("ben", "no longer needed")
    newest = (await store.history.changes(execution.task_id, limit=1))[0]
    assert (newest.change, newest.execution_id) == (CANCEL, execution_id)


async def test_what_runs_is_asked_to_stop(store: StoreUnderTest) -> None:
    execution_id = await _in_state(store, ExecutionState.RUNNING)

    answer = await store.executions.cancel(execution_id, CANCEL)

    execution = (await store.record(execution_id)).summary.execution
    assert answer == CancelAnswer(ExecutionState.RUNNING, execution.task_id, "report")
    assert (execution.state, execution.finished_at) == (ExecutionState.RUNNING, None)
    assert execution.cancel is not None


@pytest.mark.parametrize("state", [ExecutionState.SUCCEEDED, ExecutionState.DEAD, ExecutionState.CANCELLED])
async def test_what_has_ended_stays_as_it_is(store: StoreUnderTest, state: ExecutionState) -> None:
    execution_id = await _in_state(store, state)
    before = await store.record(execution_id)

    assert await store.executions.cancel(execution_id, CANCEL) == CancelAnswer(state)

    assert await store.record(execution_id) == before


@pytest.mark.parametrize("state", [ExecutionState.RUNNING, ExecutionState.PENDING])
async def test_cancelling_twice_is_cancelling_once(store: StoreUnderTest, state: ExecutionState) -> None:
    execution_id = await _in_state(store, state)
    await store.executions.cancel(execution_id, CANCEL)
    before = await store.record(execution_id)
    again = replace(CANCEL, actor="ana", reason="me too")

    assert await store.executions.cancel(execution_id, again) == CancelAnswer(before.summary.execution.state)

    assert await store.record(execution_id) == before
    changes = await store.history.changes(before.summary.execution.task_id, limit=10)
    assert [record.change.action for record in changes].count(ChangeAction.CANCEL) == 1


async def test_there_is_no_cancelling_what_there_is_not(store: StoreUnderTest) -> None:
    assert await store.executions.cancel(ExecutionId("nobody"), CANCEL) is None


async def test_cancelling_what_runs_with_a_key_known_already_is_carried_out(store: StoreUnderTest) -> None:
    task = await store.add()
    await store.run_now(task, key="used")
    claim = await store.claim()

    answer = await store.executions.cancel(claim.execution.id, replace(CANCEL, idempotency_key="used"))

    assert answer == CancelAnswer(ExecutionState.RUNNING, task.id, "report")
    assert await store.beat(claim) == (False, True)
    newest, run, *_ = await store.history.changes(task.id, limit=10)
    assert (newest.change.action, newest.change.idempotency_key) == (ChangeAction.CANCEL, None)
    assert (run.change.action, run.change.idempotency_key) == (ChangeAction.RUN, "used")


async def test_cancelling_what_runs_keeps_the_waiting_one_waiting_until_it_has_stopped(store: StoreUnderTest) -> None:
    task = await store.add(a_definition(policy=QUEUE_ONE))
    claim = await store.started(task)
    (waiting,) = await store.fired(task)

    await store.executions.cancel(claim.execution.id, CANCEL)
    assert await store.state(waiting) is ExecutionState.WAITING
    await store.settle(claim, Stopped())

    assert await store.state(waiting) is ExecutionState.PENDING


async def test_cancelling_the_last_that_is_ahead_makes_the_waiting_one_claimable(store: StoreUnderTest) -> None:
    task = await store.add(a_definition(policy=QUEUE_ONE))
    (ahead,) = await store.fired(task)
    (waiting,) = await store.fired(task)

    await store.executions.cancel(ahead, CANCEL)

    assert (await store.claim()).execution.id == waiting


async def test_cancelling_the_execution_of_a_one_time_task_fails_the_task(store: StoreUnderTest) -> None:
    task = await store.add(a_definition(schedule=OneTimeSchedule(NOON + MINUTE)))
    (execution_id,) = await store.fired(task)

    await store.executions.cancel(execution_id, CANCEL)

    assert (await store.read(task)).status is TaskStatus.FAILED


async def test_a_cancellation_and_an_outcome_at_once_agree(store: StoreUnderTest) -> None:
    claim = await store.started(await store.add())

    async with asyncio.TaskGroup() as group:
        cancelled = group.create_task(store.executions.cancel(claim.execution.id, CANCEL))
        settled = group.create_task(store.settle(claim, Succeeded()))

    assert settled.result() == Settled(ExecutionState.SUCCEEDED, AttemptOutcome.SUCCEEDED)
    answer = cancelled.result()
    assert answer is not None
    assert answer.state in (ExecutionState.RUNNING, ExecutionState.SUCCEEDED)
    assert await store.state(claim.execution.id) is ExecutionState.SUCCEEDED
