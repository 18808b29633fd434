"""The whole service on a Redis: in one process as on a file, and split over as many as one likes."""

from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from tempfile import mkdtemp

import pytest

from tests.support.chores import entries
from tests.support.redis_servers import WRITTEN_BEFORE_ANSWERED, RedisServer, a_redis
from tests.support.service import START_SECONDS, Service, eventually, running

pytestmark = pytest.mark.redis
TOKEN = "for-tests-" * 4


@pytest.fixture
def server() -> Iterator[RedisServer]:
    with a_redis(requirepass="s3cret", appendfsync=WRITTEN_BEFORE_ANSWERED) as one:
        yield one


def environment(server: RedisServer, **more: str) -> dict[str, str]:
    return {"REDIS_URL": server.url.replace("//", "//:s3cret@"), "SCHEDULER_ADMIN_TOKEN": TOKEN, **more}


@asynccontextmanager
async def launched(role: str, folder: Path, server: RedisServer) -> AsyncIterator[Service]:
    """A process of this role alone, which may not be ready yet."""
    service = Service(folder, environment(server, SCHEDULER_ROLES=role))
    await service.launch()
    try:
        yield service
    finally:
        await service.stop()


async def ready(service: Service) -> None:
    await eventually(lambda: "Ready: tasks in redis://" in service.log(), within=START_SECONDS)


def let_in(service: Service) -> None:
    assert service.session is not None
    service.session.headers["Authorization"] = f"Bearer {TOKEN}"


async def test_one_process_is_the_same_service_as_on_a_file(server: RedisServer, tmp_path: Path) -> None:
    async with running(tmp_path, **environment(server)) as service:
        await service.call("GET", "/scheduled-tasks", expect=401)
        let_in(service)
        task_id = await service.create("on redis", handler="wait", payload={"ledger": str(tmp_path / "ledger")})
        found = await service.finished(await service.run_now(task_id))
        server.restart()
        again = await service.finished(await eventually(lambda: _run_again(service, task_id)))
        names = {each["name"] for each in (await service.call("GET", "/scheduled-tasks"))["tasks"]}
        assert await service.stop() == 0

    assert (found["state"], again["state"]) == ("succeeded", "succeeded")
    assert names >= {"on redis", "cleanup_old_activities"}
    assert len(entries(tmp_path / "ledger", "end")) == 2
    # Everything is in Redis, and nothing of how to get there is in the log.
    assert not (tmp_path / "scheduler.db").exists()
    assert "s3cret" not in service.log()


async def _run_again(service: Service, task_id: str) -> str | None:
    try:
        return await service.run_now(task_id)
    except AssertionError:
        return None  # 503 while the server comes back


async def test_schedulers_workers_and_dashboards_are_processes_of_their_own(
    server: RedisServer, tmp_path: Path
) -> None:
    ledger = tmp_path / "ledger"
    async with AsyncExitStack() as leaving:
        roles = ("scheduler", "scheduler", "worker")
        folders = [Path(mkdtemp(dir=tmp_path)) for _ in roles]
        others = [launched(role, folder, server) for role, folder in zip(roles, folders, strict=True)]
        first, second, worker = [await leaving.enter_async_context(each) for each in others]
        admin = await leaving.enter_async_context(running(tmp_path, **environment(server, SCHEDULER_ROLES="admin")))
        let_in(admin)
        for each in (first, second, worker):
            await ready(each)
        for number in range(8):
            await admin.create(f"each second {number}", handler="wait", schedule="1s", payload={"ledger": str(ledger)})
        await eventually(lambda: len(entries(ledger, "end")) >= 16)
        await first.kill()
        seen = len(entries(ledger, "end"))
        await eventually(lambda: len(entries(ledger, "end")) >= seen + 24)
        assert [await each.stop() for each in (second, worker)] == [0, 0]

    # Whoever fired them: no occurrence twice.
    starts = Counter((each["task"], each["scheduled_at"]) for each in entries(ledger, "start"))
    assert set(starts.values()) == {1}
    assert len({each["pid"] for each in entries(ledger, "start")}) == 1
