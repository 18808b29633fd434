"""A hundred thousand stored tasks in Redis: what it costs to have them, while nothing is due.

Of the server: its memory by the task, and the processor's time it spends on the looks of an idle scheduler. Of the
scheduler: the time to open the store, and its own part of the looks.
"""

import asyncio
import time
from collections.abc import Callable

from redis import Redis

from adapters.redis.opening import address_of, open_redis_store
from adapters.system.entropy import SystemEntropy
from tests.benchmarks.bench_stored_tasks import (
    LOOKS_PER_SECOND,
    TASKS,
    add_stored_tasks,
    look_seconds,
    observed_row,
)
from tests.support.redis_servers import RedisServer, a_redis

BYTES_MUST, OPEN_MUST, IDLE_MUST = 2_500.0, 2.0, 1.0
Figures = dict[str, float]


def run() -> list[dict[str, object]]:
    """Measure an empty store and a full one; the limit of each figure is that of the empty store."""
    with a_redis() as server:
        none = asyncio.run(_observed(server))
        memory = _memory(server)
        asyncio.run(_filled(server.url))
        size = (_memory(server) - memory) / TASKS
        all_ = asyncio.run(_observed(server))
    return [
        observed_row("open the store, 100,000 tasks, Redis", all_["open_s"], "s", OPEN_MUST, none["open_s"]),
        observed_row("idle looks, Redis: scheduler", all_["idle"], "% of a core", IDLE_MUST, none["idle"]),
        observed_row("idle looks, Redis: server", all_["served"], "% of a core", IDLE_MUST, none["served"]),
        observed_row("bytes a stored task, Redis", size, "bytes", BYTES_MUST, None),
    ]


async def _filled(url: str) -> None:
    async with open_redis_store(address_of(url), SystemEntropy()) as stores:
        await add_stored_tasks(stores, TASKS)


async def _observed(server: RedisServer) -> Figures:
    began = time.perf_counter()
    with server.client() as client:
        async with open_redis_store(address_of(server.url), SystemEntropy()) as stores:
            opened = time.perf_counter() - began
            return {
                "open_s": opened,
                "idle": await look_seconds(stores, time.process_time) * LOOKS_PER_SECOND * 100,
                "served": await look_seconds(stores, _spent_by(client)) * LOOKS_PER_SECOND * 100,
            }


def _spent_by(client: Redis) -> Callable[[], float]:
    def spent() -> float:
        told = client.info("cpu")
        return float(told["used_cpu_user"] + told["used_cpu_sys"])

    return spent


def _memory(server: RedisServer) -> float:
    with server.client() as client:
        return float(client.info("memory")["used_memory"])
