"""Firings beside open executions, as recorded: each takes its edge from the state it is in at the commit."""

import pytest

from application.scheduling.ports.execution_store import Settled
from application.scheduling.ports.task_store import Committed, Decision
from domain.scheduling.execution import ExecutionState
from domain.scheduling.firing import fire
from domain.scheduling.outcome import HandedBack, Stopped
from domain.scheduling.policy import ExecutionPolicy, Misfire, Overlap
from domain.scheduling.schedule import OneTimeSchedule
from domain.scheduling.task import Delivery, ScheduledTask, TaskStatus
from tests.conformance.store_under_test import WORKER, StoreUnderTest
from tests.support.builders import MINUTE, a_definition, a_failure
from tests.support.manual_clock import NOON

CANCEL_PREVIOUS = ExecutionPolicy(overlap=Overlap.CANCEL_PREVIOUS)
QUEUE_ONE = ExecutionPolicy(overlap=Overlap.QUEUE_ONE)


async def _decided_ahead(store: StoreUnderTest, task: ScheduledTask) -> Decision:
    """The task's next firing, decided on what is read now and to be committed a minute later."""
    read = await store.read(task)
    assert read.look_at is not None
    decision = Decision(read, fire(read, read.look_at))
    store.clock.advance_to(read.look_at)
    return decision


async def test_a_newer_occurrence_cancels_the_one_that_has_not_started(store: StoreUnderTest) -> None:
    task = await store.add(a_definition(policy=CANCEL_PREVIOUS))
    (previous,) = await store.fired(task)

    (newer,) = await store.fired(task)

    assert await store.state(previous) is ExecutionState.CANCELLED
    assert [(each.id, each.state) for each in (await store.read(task)).open] == [(newer, ExecutionState.PENDING)]


async def test_a_newer_occurrence_waits_until_the_one_that_runs_has_stopped(store: StoreUnderTest) -> None:
    task = await store.add(a_definition(policy=CANCEL_PREVIOUS))
    claim = await store.started(task)
    (newer,) = await store.fired(task)

    assert await store.state(newer) is ExecutionState.WAITING
    assert await store.beat(claim) == (False, True)
    await store.settle(claim, Stopped())
    assert (await store.claim()).execution.id == newer


async def test_the_newest_takes_the_place_of_the_one_that_waits(store: StoreUnderTest) -> None:
    task = await store.add(a_definition(policy=CANCEL_PREVIOUS))
    claim = await store.started(task)
    (older,) = await store.fired(task)
    (newer,) = await store.fired(task)

    assert await store.state(older) is ExecutionState.CANCELLED
    assert await store.state(newer) is ExecutionState.WAITING
    settled = await store.settle(claim, a_failure())
    assert isinstance(settled, Settled)
    assert settled.cancel is not None
    assert (settled.state, settled.cancel.reason) == (ExecutionState.CANCELLED, "superseded by a newer occurrence")
    assert await store.state(newer) is ExecutionState.PENDING


async def test_a_newer_occurrence_cancels_a_retry(store: StoreUnderTest) -> None:
    task = await store.add(a_definition(policy=CANCEL_PREVIOUS))
    claim = await store.started(task)
    await store.settle(claim, a_failure(retry_at=NOON + 9 * MINUTE))

    (newer,) = await store.fired(task)

    assert await store.state(claim.execution.id) is ExecutionState.CANCELLED
    assert await store.state(newer) is ExecutionState.PENDING


async def test_what_was_claimed_since_the_decision_is_asked_to_stop_and_waited_for(store: StoreUnderTest) -> None:
    task = await store.add(a_definition(policy=CANCEL_PREVIOUS))
    await store.fired(task)
    decision = await _decided_ahead(store, task)
    claim = await store.claim()

    (newer,) = await store.tasks.commit_firings([decision])

    assert isinstance(newer, Committed)
    assert await store.beat(claim) == (False, True)
    assert await store.state(newer.execution_ids[0]) is ExecutionState.WAITING


async def test_what_was_handed_back_since_the_decision_ends_at_once(store: StoreUnderTest) -> None:
    task = await store.add(a_definition(policy=CANCEL_PREVIOUS))
    claim = await store.started(task)
    decision = await _decided_ahead(store, task)
    await store.settle(claim, HandedBack())

    (newer,) = await store.tasks.commit_firings([decision])

    assert isinstance(newer, Committed)
    assert await store.state(claim.execution.id) is ExecutionState.CANCELLED
    assert (await store.claim()).execution.id == newer.execution_ids[0]


async def test_one_runs_and_one_waits_at_the_most(store: StoreUnderTest) -> None:
    task = await store.add(a_definition(policy=QUEUE_ONE))

    created = [await store.fired(task) for _ in range(4)]

    assert [len(ids) for ids in created] == [1, 1, 0, 0]
    states = sorted(each.state for each in (await store.read(task)).open)
    assert states == [ExecutionState.PENDING, ExecutionState.WAITING]
    (skip,) = await store.history.skips(task.id, limit=10)
    assert (skip.first_at, skip.count) == (NOON + 3 * MINUTE, 2)


async def test_a_waiting_one_survives_an_edit_and_runs_its_own_version(store: StoreUnderTest) -> None:
    task = await store.add(a_definition(policy=QUEUE_ONE))
    claim = await store.started(task)
    await store.fired(task)

    await store.described(await store.read(task), "changed")
    await store.settle(claim)

    assert (await store.claim()).definition.description == ""


async def test_catching_up_beside_one_that_waits_for_nothing_queues_one(store: StoreUnderTest) -> None:
    policy = ExecutionPolicy(overlap=Overlap.QUEUE_ONE, misfire=Misfire.ALL)
    task = await store.add(a_definition(policy=policy))
    store.clock.advance(4 * MINUTE)

    assert isinstance(await store.commit(task), Committed)

    states = [each.state for each in (await store.read(task)).open]
    assert states == [ExecutionState.PENDING, ExecutionState.WAITING]


async def test_an_external_occurrence_is_delivered_and_done_with(store: StoreUnderTest) -> None:
    task = await store.add(a_definition(delivery=Delivery.EXTERNAL))

    (execution_id,) = await store.fired(task)

    execution = (await store.record(execution_id)).summary.execution
    assert (execution.state, execution.finished_at) == (ExecutionState.DELIVERED, NOON + MINUTE)
    assert (await store.read(task)).open == ()
    assert await store.executions.claim(WORKER, [store.token()]) == []
    assert len(await store.fired(task)) == 1


async def test_a_run_by_hand_of_an_external_task_is_delivered_too(store: StoreUnderTest) -> None:
    task = await store.add(a_definition(delivery=Delivery.EXTERNAL))

    execution_id = await store.run_now(task, key="by hand")

    assert await store.state(execution_id) is ExecutionState.DELIVERED


@pytest.mark.parametrize(
    ("delivery", "status"), [(Delivery.EXTERNAL, TaskStatus.COMPLETED), (Delivery.MANAGED, TaskStatus.ACTIVE)]
)
async def test_a_one_time_external_task_is_completed_by_its_delivery(
    store: StoreUnderTest, delivery: Delivery, status: TaskStatus
) -> None:
    task = await store.add(a_definition(schedule=OneTimeSchedule(NOON + MINUTE), delivery=delivery))

    await store.fired(task)

    assert (await store.read(task)).status is status


async def test_a_one_time_task_that_was_passed_over_has_failed(store: StoreUnderTest) -> None:
    policy = ExecutionPolicy(grace=MINUTE)
    task = await store.add(a_definition(schedule=OneTimeSchedule(NOON + MINUTE), policy=policy))
    store.clock.advance(5 * MINUTE)

    assert await store.commit(task) == Committed()

    assert (await store.read(task)).status is TaskStatus.FAILED
