"""Schedules added to Redis one by one: what the machine allows, and what others reach.

The limit is one transaction a schedule, a record and its place in the order of what is due, each awaited before
the next.
"""

import asyncio
import time
from typing import Any

from redis.asyncio import Redis

from tests.benchmarks.bench_redis_burst import DUE_KEY, TASK_KEY, VALUE
from tests.benchmarks.bench_sqlite_burst import TASKS, row
from tests.benchmarks.peers.measured import adding_peers
from tests.support.redis_servers import a_redis


def run() -> list[dict[str, object]]:
    """One run of each."""
    with a_redis() as server:
        rate = asyncio.run(bare_rate(server.url))
    return [row("bare adding, one by one, Redis", rate, "tasks/s", None, None, peers=adding_peers())]


async def bare_rate(url: str) -> float:
    """Records a second by redis-py and the server alone."""
    async with Redis.from_url(url) as client:
        began = time.perf_counter()
        for number in range(TASKS):
            await _add(client, f"task-{number:032x}")
        return TASKS / (time.perf_counter() - began)


async def _add(client: Any, id_: str) -> None:
    async with client.pipeline() as transaction:
        transaction.hset(TASK_KEY, id_, VALUE % 0)
        transaction.zadd(DUE_KEY, {id_: 0})
        await transaction.execute()
