"""Ten thousand tasks due at one instant in Redis (AOF everysec): what the machine allows, and what others reach.

The limit is a loop that reads what is due and commits it by one script a batch, which compares each task with what was
read, writes it back with its next instant and appends a stream entry; nothing is decided, recorded or translated.
"""

import asyncio
import time
from collections.abc import Sequence
from statistics import median
from typing import Any

from redis.asyncio import Redis

from tests.benchmarks.bench_sqlite_burst import ROUNDS, TASKS, row
from tests.benchmarks.peers.measured import burst_peers
from tests.support.redis_servers import a_redis

BATCH = 500
VALUE = b"task due %d, version 7, UTC, " + b"x" * 150
PAYLOAD = b'{"days_to_keep":30}'
TASK_KEY, DUE_KEY, STREAM_KEY = "bench:tasks", "bench:due", "bench:stream"

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
    """The loop's rate is the median of `ROUNDS` bursts; each peer has one."""
    with a_redis() as server:
        rate = asyncio.run(bare_rate(server.url))
    return [row("bare read and compare-and-set loop, Redis", rate, "tasks/s", None, None, peers=burst_peers())]


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
