"""How the server keeps what is written all the time: a heartbeat leaves the indexes alone."""

import pytest

from adapters.sql.postgres_address import address_of
from adapters.sql.store import open_postgres_store
from application.scheduling.ports.execution_store import Beat, Claim
from domain.scheduling.policy import ExecutionPolicy, Overlap
from tests.conformance.store_under_test import WORKER, StoreUnderTest
from tests.integration.postgres.test_interleaved_steps import unbroken
from tests.support.builders import a_definition
from tests.support.manual_clock import ManualClock
from tests.support.postgres_servers import PostgresServer
from tests.support.recorders import CountingEntropy
from tests.support.waiting import eventually

pytestmark = pytest.mark.postgres
RUNNING, BEATS = 60, 20
# Of the versions of a page's rows, those that find no room there go elsewhere, and into every index.
HOT_SHARE_MIN = 0.85
UPDATES = "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'executions'"


async def test_heartbeats_leave_the_indexes_alone(server: PostgresServer, url: str) -> None:
    """The server adds up what its sessions did when they end; so the store is opened once for each part."""
    name, clock = url.rpartition("/")[2], ManualClock()
    claims: list[Claim] = []
    async with open_postgres_store(address_of(url), CountingEntropy(), clock=clock) as stores:
        store = StoreUnderTest(clock, stores, *unbroken())
        task = await store.add(a_definition(policy=ExecutionPolicy(overlap=Overlap.ALLOW)))
        for number in range(RUNNING):
            task = await store.read(task)
            await store.run_now(task, key=str(number))
        claims += await stores.executions.claim(WORKER, [store.token() for _ in range(RUNNING)])
    updates, hot = await _updates(server, name, above=RUNNING)

    async with open_postgres_store(address_of(url), CountingEntropy(), clock=clock) as stores:
        for _ in range(BEATS):
            beats = [Beat(each.execution.id, each.token) for each in claims]
            assert (await stores.executions.heartbeat(WORKER, beats)).lost == frozenset()
    more_updates, more_hot = await _updates(server, name, above=updates + RUNNING * BEATS)

    assert more_hot - hot >= HOT_SHARE_MIN * (more_updates - updates)


async def _updates(server: PostgresServer, name: str, *, above: int) -> tuple[int, int]:
    """How many rows were updated, and how many in place, once there are so many; before 15 they are told later."""
    found = (0, 0)

    def told() -> bool:
        nonlocal found
        ((updates, hot),) = server.run(UPDATES, name)
        found = int(updates), int(hot)
        return found[0] >= above

    await eventually(told)
    return found
