"""Tasks added to PostgreSQL (fsync on), one by one and in bulk: what we reach, the machine allows, and others reach.

One by one they go through the use case, each awaited before the next; in bulk, as files of tasks are applied, through
the port. The limit of the former is one INSERT a transaction. All of it runs on uvloop, as the service does. The peers
add for ADDING_SECONDS at most: it is the rate that counts.
"""

import asyncio
import time

import asyncpg
import uvloop

from adapters.sql.postgres_address import address_of
from adapters.sql.store.postgres_opening import open_postgres_store
from adapters.system.entropy import SystemEntropy
from tests.benchmarks.bench_postgres_burst import BARE_SCHEMA
from tests.benchmarks.bench_redis_adding import MUST_BULK, our_rates
from tests.benchmarks.bench_sqlite_burst import row
from tests.benchmarks.peers.measured import adding_peers
from tests.benchmarks.peers.stopwatch import ADDING_SECONDS
from tests.support.postgres_servers import a_postgres

ONE_BY_ONE = 3_000
MUST = 1_000
ONE_BY_ONE_ROW = f"adding tasks one by one, PostgreSQL (peers: {ADDING_SECONDS:.0f} s each)"
INSERT = "INSERT INTO bare_tasks VALUES ($1, 1, 0, 0, $2)"


def run() -> list[dict[str, object]]:
    """One run of each."""
    with a_postgres(fsync="on") as server, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        limit = runner.run(bare_rate(server.url))
    with a_postgres(fsync="on") as server, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        one_by_one, bulk = runner.run(_our_rates(server.url))
    peers = adding_peers("postgres")
    return [
        row(ONE_BY_ONE_ROW, one_by_one, "tasks/s", MUST, None, limit, peers=peers),
        row("adding tasks in bulk, PostgreSQL", bulk, "tasks/s", MUST_BULK, None),
    ]


async def _our_rates(url: str) -> tuple[float, float]:
    async with open_postgres_store(address_of(url), SystemEntropy()) as stores:
        return await our_rates(stores)


async def bare_rate(url: str) -> float:
    """Rows a second by asyncpg and the server alone."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(BARE_SCHEMA)
        began = time.perf_counter()
        for number in range(ONE_BY_ONE):
            await connection.execute(INSERT, f"task-{number:032x}", "x" * 150)
        return ONE_BY_ONE / (time.perf_counter() - began)
    finally:
        await connection.close()
