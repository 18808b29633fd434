"""Ten thousand tasks due at one instant in Redis (AOF everysec): what we reach, the machine allows, and others reach.

Ours are the processes of the service in the scheduler's role, one and then two, as they are started in life. How late
they are is seen from outside: a task is dispatched once its message stands in the stream, whose length is asked for
every millisecond or two.

The limit is a loop that reads what is due and commits it by one script a batch, which compares each task with what was
read, writes it back with its next instant and appends a stream entry; nothing is decided, recorded or translated.
"""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import Any

from redis.asyncio import Redis

from adapters.redis.keys import stream
from adapters.redis.opening import RedisStores, address_of, open_redis_store
from adapters.system.clock import SystemClock
from adapters.system.entropy import SystemEntropy
from application.scheduling.ports.task_store import Applied
from domain.scheduling.schedule import IntervalSchedule
from tests.benchmarks.bench_sqlite_burst import ROUNDS, TASKS, row
from tests.benchmarks.peers.measured import burst_peers
from tests.support.builders import DAY, a_creation, a_definition
from tests.support.redis_servers import a_redis
from tests.support.service import START_SECONDS, Service, eventually

BATCH = 500
VALUE = b"task due %d, version 7, UTC, " + b"x" * 150
PAYLOAD = b'{"days_to_keep":30}'
TASK_KEY, DUE_KEY, STREAM_KEY = "bench:tasks", "bench:due", "bench:stream"
BURSTS = 3
MUST, GOAL = 25_000, 60_000
QUIET = timedelta(seconds=1)
FILL_WITHIN = timedelta(seconds=12)
LOOK_SECONDS = 0.001

# ARGV: next score, payload, then id, value read and value to write of each task.
COMMIT = """
local moved = 0
for at = 3, #ARGV, 3 do
  local id = ARGV[at]
  if redis.call('HGET', KEYS[1], id) == ARGV[at + 1] then
    redis.call('HSET', KEYS[1], id, ARGV[at + 2])
    redis.call('ZADD', KEYS[2], ARGV[1], id)
    redis.call('XADD', KEYS[3], '*', 'task_name', 'task', 'payload', ARGV[2], 'scheduled_task_id', id)
    moved = moved + 1
  end
end
return moved
"""


def run() -> list[dict[str, object]]:
    """Each figure is the median of its bursts; each peer has one."""
    with a_redis() as server:
        limit = asyncio.run(bare_rate(server.url))
    late = {schedulers: asyncio.run(_late(schedulers)) for schedulers in (1, 2)}
    rates = {schedulers: TASKS / each[-1] * 1e3 for schedulers, each in late.items()}
    one, two = "10,000 tasks due at one instant, Redis", "the same, two schedulers (limit: one)"
    return [
        row(one, rates[1], "tasks/s", MUST, GOAL, limit, late[1], burst_peers()),
        row(two, rates[2], "tasks/s", rates[1], None, rates[1], late[2]),
    ]


async def _late(schedulers: int) -> Sequence[float]:
    """How many milliseconds late each message of the median burst stood in the stream, ascending."""
    bursts = [await _burst_of(schedulers) for _ in range(BURSTS)]
    return sorted(bursts, key=lambda each: each[-1])[BURSTS // 2]


async def _burst_of(schedulers: int) -> list[float]:
    """One burst on a server of its own, as each peer has one: none finds the disk busy with what others wrote."""
    with a_redis() as server, tempfile.TemporaryDirectory() as folder:
        async with open_redis_store(address_of(server.url), SystemEntropy()) as stores, AsyncExitStack() as serving:
            for number in range(schedulers):
                home = Path(folder) / str(number)
                home.mkdir()
                await serving.enter_async_context(a_scheduler(home, {"REDIS_URL": server.url}))
            return await _burst(stores, "burst")


@asynccontextmanager
async def a_scheduler(folder: Path, store: Mapping[str, str]) -> AsyncIterator[None]:
    """A process of the service in the scheduler's role, on the store that these settings name, once it is ready."""
    service = Service(folder, {**store, "SCHEDULER_ROLES": "scheduler"})
    await service.launch()
    try:
        await eventually(lambda: "Ready: " in service.log(), within=START_SECONDS)
        yield
    finally:
        await service.stop()


async def _burst(stores: RedisStores, task_type: str) -> list[float]:
    clock = SystemClock()
    due_at = clock.now() + FILL_WITHIN
    await add_tasks(stores, task_type, IntervalSchedule(DAY, due_at))
    assert clock.now() < due_at - QUIET, "so long must the schedulers have nothing else to do"
    # In the last moment they are read and decided already.
    await clock.sleep_until(due_at - timedelta(milliseconds=1))
    late: list[float] = []
    while len(late) < TASKS:
        length = await stores.server.command("XLEN", stream(task_type))
        late += [(clock.now() - due_at) / timedelta(milliseconds=1)] * (length - len(late))
        await asyncio.sleep(LOOK_SECONDS)
    return late


async def add_tasks(stores: Any, task_type: str, schedule: IntervalSchedule) -> None:
    """Tasks of this type that are due together, with ids as random as in life."""
    entropy, now = SystemEntropy(), SystemClock().now()
    answers = await stores.tasks.mutate(
        [
            a_creation(
                a_definition(
                    f"{task_type} {number}", schedule=schedule, task_type=task_type, payload_json=PAYLOAD.decode()
                ),
                at=now,
                task_id=entropy.identifier(),
            )
            for number in range(TASKS)
        ]
    )
    assert all(isinstance(each, Applied) for each in answers)


async def bare_rate(url: str) -> float:
    """Tasks a second if nothing is checked, decided or translated: redis-py and the server alone."""
    async with Redis.from_url(url) as client:
        commit = client.register_script(COMMIT)
        await _fill(client)
        return median([await _bare_burst(client, commit, due=number) for number in range(ROUNDS)])


async def _fill(client: Any) -> None:
    ids = [f"task-{number:032x}" for number in range(TASKS)]
    await client.hset(TASK_KEY, mapping=dict.fromkeys(ids, VALUE % 0))
    await client.zadd(DUE_KEY, dict.fromkeys(ids, 0))


async def _bare_burst(client: Any, commit: Any, *, due: int) -> float:
    await client.delete(STREAM_KEY)
    began, moved = time.perf_counter(), 0
    while ids := await client.zrange(DUE_KEY, 0, due, byscore=True, offset=0, num=BATCH):
        values = await client.hmget(TASK_KEY, ids)
        moved += await commit([TASK_KEY, DUE_KEY, STREAM_KEY], _arguments(ids, values, due + 1))
    assert moved == TASKS == await client.xlen(STREAM_KEY)
    return TASKS / (time.perf_counter() - began)


def _arguments(ids: Sequence[bytes], values: Sequence[bytes], next_score: int) -> list[bytes | int]:
    written = VALUE % next_score
    each = (part for id_, value in zip(ids, values, strict=True) for part in (id_, value, written))
    return [next_score, PAYLOAD, *each]
