"""How many no-op tasks one worker gets through on Redis: what we reach, the machine allows, and others reach.

Ours are the loops of the worker process, on a store in a thread of its own as there. The limit is a loop over a
stream's consumer group: a hundred entries are read, each is given to a function, and all are acknowledged.
"""

import asyncio
import time
from statistics import median
from typing import Any

import uvloop
from redis.asyncio import Redis

from adapters.redis.opening import address_of, open_redis_store
from adapters.system.entropy import SystemEntropy
from entrypoints.store_thread import in_a_thread
from tests.benchmarks.bench_sqlite_burst import ROUNDS, row
from tests.benchmarks.bench_worker import EXECUTIONS, worker_rate
from tests.benchmarks.peers.measured import worker_peers
from tests.support.redis_servers import a_redis

CONCURRENCIES = (5, 100, 500)
MUST, GOAL = 4_000, 15_000
ENTRIES = 10_000
BATCH = 100
STREAM_KEY, GROUP = "bench:stream", "workers"


def run() -> list[dict[str, object]]:
    """The limit is the median of `ROUNDS` runs; all others have one, everything being queued beforehand."""
    with a_redis() as server:
        limit = asyncio.run(bare_rate(server.url))
    return [_row(concurrency, _our_rate(concurrency), limit) for concurrency in CONCURRENCIES]


def _row(concurrency: int, rate: float, limit: float) -> dict[str, object]:
    name = f"worker, no-op handler, Redis, concurrency {concurrency}"
    return row(name, rate, "executions/s", MUST, GOAL, limit, peers=worker_peers())


def _our_rate(concurrency: int) -> float:
    with a_redis() as server, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_worked(server.url, concurrency))


async def _worked(url: str, concurrency: int) -> float:
    async with in_a_thread(lambda: open_redis_store(address_of(url), SystemEntropy())) as stores:
        # As after a burst: one execution a task.
        return await worker_rate(concurrency, stores, tasks=EXECUTIONS)


async def bare_rate(url: str) -> float:
    """Entries a second by redis-py and the server alone."""
    async with Redis.from_url(url) as client:
        return median([await _bare_run(client) for _ in range(ROUNDS)])


async def _bare_run(client: Any) -> float:
    await client.delete(STREAM_KEY)
    await client.xgroup_create(STREAM_KEY, GROUP, id="0", mkstream=True)
    pipeline = client.pipeline(transaction=False)
    for _ in range(ENTRIES):
        pipeline.xadd(STREAM_KEY, {"task_name": "noop", "payload": '{"days_to_keep":30}'})
    await pipeline.execute()
    began, done = time.perf_counter(), 0
    while read := await client.xreadgroup(GROUP, "worker", {STREAM_KEY: ">"}, count=BATCH):
        [(_, entries)] = read
        for _, fields in entries:
            await _noop(fields)
        done += await client.xack(STREAM_KEY, GROUP, *(id_ for id_, _ in entries))
    assert done == ENTRIES
    return done / (time.perf_counter() - began)


async def _noop(fields: dict[bytes, bytes]) -> None:
    pass
