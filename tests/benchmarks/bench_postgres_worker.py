"""How many no-op tasks one worker gets through on PostgreSQL (fsync on): what we reach, the limit, and others.

Ours are the loops of the worker process, on a store in a thread of its own as there. The limit is a loop of two
statements: a hundred pending rows are claimed, each is given to a function, and all are settled.
"""

import asyncio
import time
from statistics import median
from typing import Any

import asyncpg
import uvloop

from adapters.sql.postgres_address import address_of
from adapters.sql.store.postgres_opening import open_postgres_store
from adapters.system.entropy import SystemEntropy
from entrypoints.store_thread import in_a_thread
from tests.benchmarks.bench_sqlite_burst import ROUNDS, row
from tests.benchmarks.bench_worker import EXECUTIONS, worker_rate
from tests.benchmarks.peers.measured import worker_peers
from tests.support.postgres_servers import a_postgres

CONCURRENCIES = (5, 100, 500)
MUST, GOAL = 2_000, 8_000
ENTRIES = 10_000
BATCH = 100

BARE_SCHEMA = """
CREATE TABLE bare_runs (id bigint PRIMARY KEY, payload text, state text DEFAULT 'pending', token text);
CREATE INDEX ON bare_runs (id) WHERE state = 'pending';
"""
FILL = "INSERT INTO bare_runs (id, payload) SELECT each, $1 FROM generate_series(1, $2) AS each"
CLAIM = """
WITH first AS MATERIALIZED (
    SELECT id FROM bare_runs WHERE state = 'pending' ORDER BY id LIMIT $1 FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE bare_runs SET state = 'running', token = $2 FROM first WHERE bare_runs.id = first.id
RETURNING bare_runs.id, payload
"""
SETTLE = "UPDATE bare_runs SET state = 'succeeded' WHERE id = ANY($1) AND token = $2"


def run() -> list[dict[str, object]]:
    """The limit is the median of `ROUNDS` runs; all others have one, everything being queued beforehand."""
    with a_postgres(fsync="on") as server:
        limit = asyncio.run(bare_rate(server.url))
    return [_row(concurrency, _our_rate(concurrency), limit) for concurrency in CONCURRENCIES]


def _row(concurrency: int, rate: float, limit: float) -> dict[str, object]:
    name = f"worker, no-op handler, PostgreSQL, concurrency {concurrency}"
    # The promise is for a concurrency of its own: a batch is no larger than what may run at a time.
    must = MUST if concurrency >= BATCH else None
    return row(name, rate, "executions/s", must, GOAL if must else None, limit, peers=worker_peers("postgres"))


def _our_rate(concurrency: int) -> float:
    with a_postgres(fsync="on") as server, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_worked(server.url, concurrency))


async def _worked(url: str, concurrency: int) -> float:
    async with in_a_thread(lambda: open_postgres_store(address_of(url), SystemEntropy())) as stores:
        # As after a burst: one execution a task.
        return await worker_rate(concurrency, stores, tasks=EXECUTIONS)


async def bare_rate(url: str) -> float:
    """Rows a second by asyncpg and the server alone."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(BARE_SCHEMA)
        return median([await _bare_run(connection) for _ in range(ROUNDS)])
    finally:
        await connection.close()


async def _bare_run(connection: Any) -> float:
    await connection.execute("TRUNCATE bare_runs")
    await connection.execute(FILL, '{"days_to_keep":30}', ENTRIES)
    began, done = time.perf_counter(), 0
    while claimed := await connection.fetch(CLAIM, BATCH, "token"):
        for _, payload in claimed:
            await _noop(payload)
        done += int((await connection.execute(SETTLE, [id_ for id_, _ in claimed], "token")).split()[-1])
    assert done == ENTRIES
    return done / (time.perf_counter() - began)


async def _noop(payload: str) -> None:
    pass
