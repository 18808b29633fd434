"""The whole service over a Redis that loses what it had: all of it, or the last seconds before a fail-over."""

from collections import Counter
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from adapters.redis.keys import key
from adapters.redis.opening import address_of, open_redis_store
from application.scheduling.ports.history import ExecutionFilter
from domain.scheduling.identifiers import TaskId
from tests.support.chores import entries
from tests.support.redis_servers import WRITTEN_BEFORE_ANSWERED, a_redis, a_sentinel
from tests.support.service import Service, eventually, running

pytestmark = pytest.mark.redis
TOKEN = "for-tests-" * 4
SECOND = timedelta(seconds=1)
# Everything there is goes in one step, and comes back in one.
TAKE_AWAY = """
local taken = {}
for _, name in ipairs(redis.call('KEYS', '*')) do
  taken[#taken + 1] = name
  taken[#taken + 1] = redis.call('DUMP', name)
end
redis.call('FLUSHALL')
return taken
"""


@asynccontextmanager
async def busy(folder: Path, url: str) -> AsyncIterator[tuple[Service, str]]:
    """A service with a task of each second, which has run."""
    async with running(folder, REDIS_URL=url, SCHEDULER_ADMIN_TOKEN=TOKEN) as service:
        assert service.session is not None
        service.session.headers["Authorization"] = f"Bearer {TOKEN}"
        task_id = await service.create(
            "each second", handler="wait", schedule="1s", payload={"ledger": str(led(folder))}
        )
        await some_more(folder)
        yield service, task_id


def led(folder: Path) -> Path:
    return folder / "ledger"


async def some_more(folder: Path, count: int = 2) -> None:
    """Return when so many further runs have ended."""
    seen = len(entries(led(folder), "end"))
    await eventually(lambda: len(entries(led(folder), "end")) >= seen + count)


async def is_ready(service: Service) -> bool:
    assert service.session is not None
    async with service.session.get(f"{service.address}/health/ready") as response:
        return response.status == 200


async def decided(url: str, task_id: str) -> Counter[datetime]:
    """How often each instant of the task was decided, by what the store has of it."""
    found: Counter[datetime] = Counter()
    async with open_redis_store(address_of(url), None) as stores:
        which = ExecutionFilter(TaskId(task_id))
        for each in (await stores.history.executions(which, limit=500, cursor=None)).executions:
            assert each.execution.nominal_at is not None
            found[each.execution.nominal_at] += 1
        for skip in await stores.history.skips(TaskId(task_id), limit=500):
            found.update(skip.first_at + place * SECOND for place in range(skip.count))
    return found


def is_without_gaps(instants: Collection[datetime]) -> bool:
    first, last = min(instants), max(instants)
    return len(instants) == (last - first) // SECOND + 1


async def test_an_emptied_server_is_told_of_and_left_empty_and_served_again_when_it_is_restored(
    tmp_path: Path,
) -> None:
    with a_redis() as server, server.client() as admin:
        async with busy(tmp_path, server.url) as (service, task_id):
            taken = admin.eval(TAKE_AWAY, 0)
            await eventually(lambda: "was emptied" in service.log())
            assert not await is_ready(service)
            await service.call("GET", "/scheduled-tasks", expect=503)
            assert admin.dbsize() == 0

            restore(admin, taken)
            await some_more(tmp_path)
            await eventually(lambda: is_ready(service))
            assert await service.stop() == 0
        told = await decided(server.url, task_id)

    starts = Counter(each["scheduled_at"] for each in entries(led(tmp_path), "start"))
    assert set(starts.values()) == {1}
    assert set(told.values()) == {1}
    assert is_without_gaps(told)


def restore(admin: Redis, taken: Any) -> None:
    with admin.pipeline(transaction=True) as step:
        for name, dumped in zip(taken[::2], taken[1::2], strict=True):
            step.restore(name, 0, dumped)
        step.execute()


async def test_what_a_fail_over_lost_is_decided_again_and_every_instant_once(tmp_path: Path) -> None:
    with (
        a_redis(appendfsync=WRITTEN_BEFORE_ANSWERED, repl_diskless_sync_delay="0") as primary,
        a_redis(replicaof=f"127.0.0.1 {primary.port}") as replica,
        a_sentinel(primary) as watch,
        replica.client() as heir,
        watch.client() as sentinel,
    ):
        async with busy(tmp_path, f"redis+sentinel://127.0.0.1:{watch.port}/main/0") as (service, task_id):
            await eventually(lambda: heir.hget(key("meta"), "store_id"))
            # From here on the heir hears nothing any more, and what is acknowledged is lost.
            heir.replicaof("NO", "ONE")
            lost_from = len(entries(led(tmp_path), "start"))
            await some_more(tmp_path, 3)
            sentinel.sentinel_remove("main")
            sentinel.sentinel_monitor("main", "127.0.0.1", replica.port, 1)
            primary.kill()
            lost = {each["scheduled_at"] for each in entries(led(tmp_path), "start")[lost_from:]}

            await some_more(tmp_path, 3)
            assert await service.stop() == 0
        told = await decided(replica.url, task_id)
        assert heir.hget(key("meta"), "generation") == b"2"

    assert len(lost) >= 3
    assert set(told.values()) == {1}
    assert is_without_gaps(told)
    assert {datetime.fromtimestamp(each, UTC) for each in lost} <= set(told)
