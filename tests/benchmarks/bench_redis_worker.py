"""How many no-op tasks one worker process gets through on Redis: what the machine allows, and what others reach.

The limit is a loop over a stream's consumer group: a hundred entries are read, each is given to a
function, and all are acknowledged.
"""

import asyncio
import time
from statistics import median
from typing import Any

from redis.asyncio import Redis

from tests.benchmarks.bench_sqlite_burst import ROUNDS, row
from tests.benchmarks.peers.measured import worker_peers
from tests.support.redis_servers import a_redis

ENTRIES = 10_000
BATCH = 100
STREAM_KEY, GROUP = "bench:stream", "workers"


def run() -> list[dict[str, object]]:
    """The loop's rate is the median of `ROUNDS` runs; each peer has one, everything being queued beforehand."""
    with a_redis() as server:
        rate = asyncio.run(bare_rate(server.url))
    return [row("bare stream worker, no-op, Redis", rate, "executions/s", None, None, peers=worker_peers())]


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
