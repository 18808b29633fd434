"""Tasks added to Redis, one by one and in bulk: what we reach, the machine allows, and others reach.

One by one they go through the use case, each awaited before the next; in bulk, as files of tasks are applied, through
the port. The limit of the former is one transaction a schedule, a record and its place in the order of what is due. All
of it runs on uvloop, as the service does.
"""

import asyncio
import time
from typing import Any

import uvloop
from redis.asyncio import Redis

from adapters.redis.opening import address_of, open_redis_store
from adapters.system.clock import SystemClock
from adapters.system.entropy import SystemEntropy
from application.scheduling.drafts import body_from
from application.scheduling.services.change_task import Author, ChangeTask
from application.scheduling.services.manage_tasks import ManageTasks
from application.scheduling.services.task_quota import TaskQuota
from domain.scheduling.change import Via
from domain.scheduling.schedule import IntervalSchedule
from entrypoints.hints import Hints
from tests.benchmarks.bench_redis_burst import DUE_KEY, TASK_KEY, VALUE, add_tasks
from tests.benchmarks.bench_sqlite_burst import TASKS, row
from tests.benchmarks.peers.measured import adding_peers
from tests.support.builders import DAY
from tests.support.recorders import RecordingObserver
from tests.support.redis_servers import a_redis

ONE_BY_ONE = 3_000
MUST, MUST_BULK = 2_000, 10_000
DOCUMENT = {"task_type": "bench", "schedule_type": "cron", "schedule": "0 2 * * *", "payload": {"days_to_keep": 30}}


def run() -> list[dict[str, object]]:
    """One run of each."""
    with a_redis() as server, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        limit = runner.run(bare_rate(server.url))
    with a_redis() as server, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        one_by_one, bulk = runner.run(_our_rates(server.url))
    return [
        row("adding tasks one by one, Redis", one_by_one, "tasks/s", MUST, None, limit, peers=adding_peers()),
        row("adding tasks in bulk, Redis", bulk, "tasks/s", MUST_BULK, None),
    ]


async def _our_rates(url: str) -> tuple[float, float]:
    async with open_redis_store(address_of(url), SystemEntropy()) as stores:
        return await our_rates(stores)


async def our_rates(stores: Any) -> tuple[float, float]:
    """Tasks a second that are added to this store one by one, and in bulk."""
    clock, entropy = SystemClock(), SystemEntropy()
    quota = TaskQuota(stores.history, clock)
    change_task = ChangeTask(stores.tasks, clock, Hints(), RecordingObserver(), quota)
    manage = ManageTasks(change_task, stores.executions, stores.membership, entropy)
    began = time.perf_counter()
    for number in range(ONE_BY_ONE):
        await manage.create(body_from({**DOCUMENT, "name": f"one {number}"}), Author("ana", Via.API))
    added = time.perf_counter()
    await add_tasks(stores, "bulk", IntervalSchedule(DAY, clock.now() + DAY))
    return ONE_BY_ONE / (added - began), TASKS / (time.perf_counter() - added)


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
