"""`History.prune`: what is forgotten, when, and what never is."""

from dataclasses import replace
from datetime import timedelta

import pytest

from application.scheduling.ports.history import ExecutionFilter, Retention
from application.scheduling.ports.task_store import KeyReused, Replayed
from domain.scheduling.change import Via
from domain.scheduling.execution import ExecutionState
from domain.scheduling.policy import ExecutionPolicy, Overlap
from tests.conformance.store_under_test import WORKER, StoreUnderTest
from tests.support.builders import DAY, MINUTE, SECOND, a_creation, a_definition, a_failure
from tests.support.manual_clock import NOON

RETENTION = Retention(executions=timedelta(days=14), changes=timedelta(days=365), deleted_tasks=timedelta(days=30))
ALLOW = ExecutionPolicy(overlap=Overlap.ALLOW)


async def _pruned(store: StoreUnderTest, *, limit: int = 100) -> int:
    """How many records are forgotten until nothing is left to forget."""
    total = 0
    while forgotten := await store.history.prune(RETENTION, limit=limit):
        total += forgotten
    return total


async def test_nothing_young_is_forgotten(store: StoreUnderTest) -> None:
    task = await store.add()
    claim = await store.started(task)
    await store.fired(task)
    await store.settle(claim)
    store.clock.advance(14 * DAY)

    assert await _pruned(store) == 0
    assert await store.state(claim.execution.id) is ExecutionState.SUCCEEDED
    assert len(await store.history.skips(task.id, limit=10)) == 1


async def test_old_executions_and_skips_are_forgotten_with_all_that_belongs_to_them(store: StoreUnderTest) -> None:
    task = await store.add()
    claim = await store.started(task)
    await store.fired(task)
    await store.settle(claim)
    store.clock.advance(14 * DAY + 3 * MINUTE)

    assert await _pruned(store) == 2
    assert await store.history.execution(claim.execution.id) is None
    assert await store.history.skips(task.id, limit=10) == []
    assert (await store.read(task)).run_count == 1


async def test_open_executions_are_never_forgotten(store: StoreUnderTest) -> None:
    task = await store.add(a_definition(policy=ALLOW))
    retried = await store.started(task)
    await store.settle(retried, a_failure(retry_at=NOON + DAY))
    running = await store.started(task)
    (pending,) = await store.fired(task)
    await store.deleted(await store.add(a_definition("gone")))
    store.clock.advance(500 * DAY)

    await _pruned(store)

    found = await store.history.executions(ExecutionFilter(), limit=10, cursor=None)
    ids = {summary.execution.id for summary in found.executions}
    assert ids == {retried.execution.id, running.execution.id, pending}
    await store.executions.release_due(10)
    claims = await store.executions.claim(WORKER, [store.token(), store.token()])
    assert {claim.definition for claim in claims} == {task.definition}


async def test_the_version_an_open_execution_runs_outlives_its_records(store: StoreUnderTest) -> None:
    task = await store.add()
    (execution_id,) = await store.fired(task)
    store.clock.advance(400 * DAY)
    await store.described(await store.read(task), "changed")
    store.clock.advance(400 * DAY)

    await _pruned(store)

    claim = await store.claim()
    assert (claim.execution.id, claim.definition) == (execution_id, task.definition)


async def test_one_call_forgets_no_more_of_a_kind_than_its_limit(store: StoreUnderTest) -> None:
    task = await store.add(a_definition(policy=ALLOW))
    for _ in range(5):
        await store.settle(await store.started(task))
    store.clock.advance(15 * DAY)

    assert await store.history.prune(RETENTION, limit=2) == 2
    page = await store.history.executions(ExecutionFilter(), limit=10, cursor=None)
    assert len(page.executions) == 3
    assert await _pruned(store, limit=2) == 3


async def test_a_change_is_forgotten_with_its_key_after_a_year(store: StoreUnderTest) -> None:
    task = await store.applied(a_creation(key="new"))
    store.clock.advance(365 * DAY)
    await _pruned(store)
    assert await store.tasks.replay("new", "") == Replayed(task.id, 1, None)

    store.clock.advance(SECOND)
    await _pruned(store)

    assert await store.tasks.replay("new", "") is None
    assert await store.history.changes(task.id, limit=10) == []
    assert (await store.read(task)).definition == task.definition


async def test_what_the_system_created_is_remembered_for_ever(store: StoreUnderTest) -> None:
    creation = a_creation(key="default:report")
    task = await store.applied(replace(creation, change=replace(creation.change, via=Via.SYSTEM)))
    await store.deleted(task)
    store.clock.advance(3000 * DAY)

    await _pruned(store)

    assert await store.tasks.replay("default:report", "") == Replayed(task.id, 1, None)
    assert isinstance(await store.tasks.replay("default:report", "other"), KeyReused)


@pytest.mark.parametrize("limit", [1, 100])
async def test_a_deleted_task_is_forgotten_and_what_is_on_record_of_it_stays(store: StoreUnderTest, limit: int) -> None:
    task = await store.add()
    await store.deleted(task)
    store.clock.advance(30 * DAY)
    assert await _pruned(store, limit=limit) == 0
    store.clock.advance(SECOND)

    assert await _pruned(store, limit=limit) >= 1

    assert len(await store.history.changes(task.id, limit=10)) == 2
    assert await store.tasks.deleted(task.id) is None
    assert (await store.applied(a_creation(task_id="heir", at=store.clock.now()))).version == 1


async def test_a_deleted_task_that_still_runs_is_kept_until_it_has_ended(store: StoreUnderTest) -> None:
    task = await store.add()
    claim = await store.started(task)
    await store.deleted(await store.read(task))
    store.clock.advance(40 * DAY)

    await _pruned(store)

    assert (await store.record(claim.execution.id)).summary.task_name == "report"
    await store.settle(claim)
    assert await store.state(claim.execution.id) is ExecutionState.SUCCEEDED
    await _pruned(store)
    assert (await store.record(claim.execution.id)).summary.task_name == ""
