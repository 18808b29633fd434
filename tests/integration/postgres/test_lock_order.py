"""Executions are locked in the order of their ids, by whichever step: so no two steps wait for each other."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import text

from adapters.sql.postgres_address import address_of
from adapters.sql.store import PostgresStores, open_postgres_store
from application.scheduling.ports.execution_store import Claim, Held, Settlement
from domain.scheduling.execution import ExecutionState
from domain.scheduling.outcome import Succeeded
from domain.scheduling.policy import ExecutionPolicy, Overlap
from tests.conformance.store_under_test import WORKER, StoreUnderTest
from tests.integration.postgres.conftest import NUMBERS
from tests.integration.postgres.test_interleaved_steps import WAITING, unbroken
from tests.support.builders import MINUTE, a_definition, a_failure
from tests.support.manual_clock import ManualClock
from tests.support.postgres_servers import PostgresServer
from tests.support.recorders import CountingEntropy
from tests.support.waiting import eventually

pytestmark = pytest.mark.postgres
# What a heartbeat does, which holds no task: but here it is told at once that somebody else has the row.
LOCK = text("SELECT FROM scheduler.executions WHERE id = :id FOR NO KEY UPDATE NOWAIT")


@pytest.fixture
async def store(server: PostgresServer, template: str) -> AsyncIterator[StoreUnderTest]:
    clock = ManualClock()
    url = server.database(f"locks_{next(NUMBERS)}", template=template)
    async with open_postgres_store(address_of(url), CountingEntropy(), clock=clock) as stores:
        yield StoreUnderTest(clock, stores, *unbroken())


async def _side_by_side(store: StoreUnderTest) -> tuple[Claim, Claim]:
    """Two running executions of one task, in the order of their ids."""
    task = await store.add(a_definition("several", policy=ExecutionPolicy(overlap=Overlap.ALLOW)))
    for key in ("one", "two"):
        await store.run_now(task, key=key)
    lower, higher = sorted([await store.claim(), await store.claim()], key=lambda claim: claim.execution.id)
    return lower, higher


async def _made(call: Callable[[], Awaitable[object]]) -> None:
    await call()


async def _waits_for_the_lower_one_with_empty_hands(
    server: PostgresServer, store: StoreUnderTest, claims: tuple[Claim, Claim], call: Callable[[], Awaitable[object]]
) -> None:
    """Make a call that is about the higher one while the lower one is locked, which then locks the other as well."""
    assert isinstance(store.stores, PostgresStores)
    database: Any = store.stores.database
    lower, higher = (claim.execution.id for claim in claims)
    async with asyncio.TaskGroup() as group, database.writing("a heartbeat") as connection:
        await connection.execute(LOCK, {"id": lower})
        group.create_task(_made(call))
        await eventually(lambda: server.run(WAITING) == [("1",)])
        await connection.execute(LOCK, {"id": higher})


async def test_a_rescue_takes_all_that_is_open_of_a_task_in_order(
    server: PostgresServer, store: StoreUnderTest
) -> None:
    claims = await _side_by_side(store)
    silent = Held(claims[1].execution.id, claims[1].token, WORKER, 0)

    await _waits_for_the_lower_one_with_empty_hands(server, store, claims, lambda: store.executions.rescue([silent]))

    assert await store.state(silent.execution_id) is ExecutionState.PENDING


async def test_an_outcome_that_is_not_plain_takes_nothing_beside_plain_ones(
    server: PostgresServer, store: StoreUnderTest
) -> None:
    claims = await _side_by_side(store)
    plain = await store.started(await store.add(a_definition("another")))
    failure = a_failure(retry_at=store.clock.now() + MINUTE)
    settlements = [
        Settlement(plain.execution.id, plain.token, Succeeded()),
        Settlement(claims[1].execution.id, claims[1].token, failure),
    ]

    await _waits_for_the_lower_one_with_empty_hands(server, store, claims, lambda: store.executions.settle(settlements))

    assert await store.state(plain.execution.id) is ExecutionState.SUCCEEDED
    assert await store.state(claims[1].execution.id) is ExecutionState.RETRY_WAIT
