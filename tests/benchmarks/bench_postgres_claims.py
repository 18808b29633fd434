"""How long a claim takes in PostgreSQL among a million dead rows: what is left of executions that are over.

The executions are in the store's own table, under its own indexes; vacuum is kept from clearing away what is dead, as a
long transaction elsewhere on the server would, and new ones come as the others are claimed. The limit is the same on a
store where nothing has died.
"""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import uvloop

from adapters.sql.postgres_address import address_of
from adapters.sql.store.postgres_opening import open_postgres_store
from adapters.system.entropy import SystemEntropy
from domain.scheduling.identifiers import ClaimToken, NodeId
from tests.benchmarks.bench_sqlite_burst import row
from tests.benchmarks.bench_worker import fill
from tests.support.postgres_servers import PostgresServer, a_postgres

DEAD = 1_000_000
PENDING = 5_000
CLAIMED_AT_ONCE = 10
CLAIMS = 200
MUST_MS, GOAL_MS = 50.0, 5.0
WORKER = NodeId("bench")

# Each was pending once, before anything that is now, and has been deleted; no trigger tells or checks anything.
DIE = f"""
SET session_replication_role = replica;
ALTER TABLE scheduler.executions SET (autovacuum_enabled = off);
INSERT INTO scheduler.executions
    (id, task_id, task_type, kind, key, version, state, scheduled_at, created_at, available_at)
    SELECT 'dead ' || each, 'task ' || each % 500, 'bench', 'auto', each, 1, 'pending', each, each, each
    FROM generate_series(1, {DEAD}) AS each;
DELETE FROM scheduler.executions WHERE id LIKE 'dead %';
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
        if dead:
            await asyncio.to_thread(server.run, DIE)
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
