"""How long a claim takes in PostgreSQL among a million dead rows: what is left of executions that are over.

The executions are in the store's own table, under its own indexes, beside a history of others. A transaction elsewhere
on the server, as that of a dump, lasts since before they died, so that nothing can be cleared away, neither by vacuum
nor by those who come upon it. The limit is the same on a store where nothing has died.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import uvloop

from adapters.sql.postgres_address import address_of
from adapters.sql.store.postgres_opening import open_postgres_store
from adapters.system.entropy import SystemEntropy
from domain.scheduling.identifiers import ClaimToken, NodeId
from tests.benchmarks.bench_sqlite_burst import row
from tests.benchmarks.bench_worker import fill
from tests.support.postgres_servers import PostgresServer, a_postgres

DEAD = 1_000_000
HISTORY = 50_000
PENDING = 5_000
CLAIMED_AT_ONCE = 10
CLAIMS = 400
MUST_MS, GOAL_MS = 50.0, 5.0
WORKER = NodeId("bench")

# Each was pending once, before anything that is now; no trigger tells or checks anything.
LIVE = f"""
SET session_replication_role = replica;
INSERT INTO scheduler.executions
    (id, task_id, task_type, kind, key, version, state, scheduled_at, created_at, available_at)
    SELECT sort.state || each, 'task ' || each % 500, 'bench', 'auto', each, 1, sort.state, each, each, each
    FROM (VALUES ('pending', {DEAD}), ('succeeded', {HISTORY})) AS sort (state, count),
        generate_series(1, count) AS each;
"""
DIE = """
SET session_replication_role = replica;
DELETE FROM scheduler.executions WHERE state = 'pending';
ANALYZE scheduler.executions;
"""


def run() -> list[dict[str, object]]:
    """One run of each."""
    alone, among_dead = (_claim_times(dead=dead) for dead in (False, True))
    limit, p99 = (times[len(times) * 99 // 100] for times in (alone, among_dead))
    name = "claim of 10 among 1,000,000 dead rows, PostgreSQL"
    return [row(name, p99, "ms, p99", MUST_MS, GOAL_MS, limit, among_dead)]


def _claim_times(*, dead: bool) -> Sequence[float]:
    with a_postgres(fsync="on") as server, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_claimed(server, dead=dead))


async def _claimed(server: PostgresServer, *, dead: bool) -> Sequence[float]:
    """Milliseconds of each claim, ascending."""
    async with open_postgres_store(address_of(server.url), SystemEntropy()) as stores:
        if not dead:
            return await _claims_among_pending(stores)
        await asyncio.to_thread(server.run, LIVE)
        async with _seen_by_another(server):
            await asyncio.to_thread(server.run, DIE)
            return await _claims_among_pending(stores)


@asynccontextmanager
async def _seen_by_another(server: PostgresServer) -> AsyncIterator[None]:
    """A transaction that may still look at whatever is there now."""
    connection = await asyncpg.connect(server.url)
    try:
        await connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM scheduler.store")
        yield
    finally:
        await connection.close()


async def _claims_among_pending(stores: Any) -> Sequence[float]:
    await fill(stores, PENDING // CLAIMED_AT_ONCE)
    return sorted([await _claim_ms(stores) for _ in range(CLAIMS)])


async def _claim_ms(stores: Any) -> float:
    entropy = SystemEntropy()
    tokens = [ClaimToken(entropy.token()) for _ in range(CLAIMED_AT_ONCE)]
    began = time.perf_counter()
    claims = await stores.executions.claim(WORKER, tokens)
    ended = time.perf_counter()
    assert len(claims) == CLAIMED_AT_ONCE
    return (ended - began) * 1e3
