"""Two hundred tasks due every second in the real service on Redis: how late they are recorded, and how late they start.

Lateness is the instant of the record (or of the claim) by the server's clock minus the instant the task was scheduled
for.
"""

import asyncio
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

from adapters.redis.codec import unpack_execution
from adapters.redis.keys import key
from adapters.redis.opening import address_of, open_redis_store
from adapters.system.clock import SystemClock
from adapters.system.entropy import SystemEntropy
from domain.scheduling.execution import Execution
from tests.benchmarks.bench_steady import CLAIM_MUST_MS, add_steady_tasks, lateness_row, middle_of
from tests.support.redis_servers import RedisServer, a_redis
from tests.support.service import running


def run() -> list[dict[str, Any]]:
    """One run of the service under a steady load."""
    with a_redis() as server, tempfile.TemporaryDirectory() as folder:
        asyncio.run(_serve(Path(folder), server))
        runs = middle_of(_runs(server))
    recorded = [_ms(each.created_at - each.scheduled_at) for each in runs]
    claimed = [_ms(each.started_at - each.scheduled_at) for each in runs if each.started_at is not None]
    return [
        lateness_row("200 due/s steady, Redis: recorded", recorded, must=25.0, goal=10.0),
        lateness_row("200 due/s steady, Redis: claimed by the worker", claimed, must=CLAIM_MUST_MS, goal=None),
    ]


async def _serve(folder: Path, server: RedisServer) -> None:
    async with open_redis_store(address_of(server.url), SystemEntropy()) as stores:
        until = await add_steady_tasks(stores)
    async with running(folder, REDIS_URL=server.url, SCHEDULER_CONCURRENCY="50"):
        await SystemClock().sleep_until(until)


def _runs(server: RedisServer) -> list[Execution]:
    with server.client() as client:
        executions = [unpack_execution(each)[0] for each in client.hvals(key("executions"))]
    return sorted((each for each in executions if each.started_at), key=lambda each: each.scheduled_at)


def _ms(duration: timedelta) -> float:
    return duration / timedelta(milliseconds=1)
