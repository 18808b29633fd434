"""The whole service on a PostgreSQL: in one process as on a file, and split over many, behind a pooler."""

from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from tempfile import mkdtemp
from urllib.parse import quote

import pytest

from adapters.redis.wakeup import RedisWakeup
from adapters.sql.wakeup import PostgresWakeup
from entrypoints.postgres_profile import PostgresProfile
from tests.support.chores import entries
from tests.support.pgbouncers import a_pgbouncer
from tests.support.postgres_servers import PASSWORD, PostgresServer, Stop, a_postgres
from tests.support.service import START_SECONDS, Service, eventually, running

pytestmark = pytest.mark.postgres
TOKEN = "for-tests-" * 4


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """One of these tests' own, as they end it."""
    with a_postgres() as started:
        yield started


def environment(url: str, **more: str) -> dict[str, str]:
    return {"DATABASE_URL": url, "SCHEDULER_ADMIN_TOKEN": TOKEN, **more}


@asynccontextmanager
async def launched(role: str, folder: Path, url: str) -> AsyncIterator[Service]:
    """A process of this role alone, which may not be ready yet."""
    service = Service(folder, environment(url, SCHEDULER_ROLES=role))
    await service.launch()
    try:
        yield service
    finally:
        await service.stop()


async def ready(service: Service) -> None:
    await eventually(lambda: "Ready: tasks in postgresql://" in service.log(), within=START_SECONDS)


def let_in(service: Service) -> None:
    assert service.session is not None
    service.session.headers["Authorization"] = f"Bearer {TOKEN}"


async def test_one_process_is_the_same_service_as_on_a_file(server: PostgresServer, tmp_path: Path) -> None:
    async with running(tmp_path, **environment(server.url)) as service:
        await service.call("GET", "/scheduled-tasks", expect=401)
        let_in(service)
        task_id = await service.create("on postgres", handler="wait", payload={"ledger": str(tmp_path / "ledger")})
        found = await service.finished(await service.run_now(task_id))
        server.restart(Stop.IMMEDIATE)
        again = await service.finished(await eventually(lambda: _run_again(service, task_id)))
        names = {each["name"] for each in (await service.call("GET", "/scheduled-tasks"))["tasks"]}
        assert await service.stop() == 0

    assert (found["state"], again["state"]) == ("succeeded", "succeeded")
    assert names >= {"on postgres", "cleanup_old_activities"}
    assert len(entries(tmp_path / "ledger", "end")) == 2
    # Everything is in PostgreSQL, and nothing of how to get there is in the log.
    assert not (tmp_path / "scheduler.db").exists()
    assert not (tmp_path / "content.db").exists()
    assert PASSWORD not in service.log()
    assert quote(PASSWORD, safe="") not in service.log()
    assert server.backends("scheduler") == []


async def _run_again(service: Service, task_id: str) -> str | None:
    try:
        return await service.run_now(task_id)
    except AssertionError:
        return None  # 503 while the server comes back


@pytest.mark.parametrize(("redis_url", "carrier"), [(None, PostgresWakeup), ("redis://127.0.0.1:1", RedisWakeup)])
async def test_a_redis_beside_it_carries_the_wake_ups(
    server: PostgresServer, redis_url: str | None, carrier: type
) -> None:
    profile = PostgresProfile(server.url, redis_url=redis_url)
    heard: list[str] = []

    async with profile.open_wakeup(lambda: heard.append("scheduler"), lambda: heard.append("workers")) as wakeup:
        wakeup.workers()

    assert isinstance(wakeup, carrier)
    assert heard[0] == "workers"


async def test_schedulers_workers_and_dashboards_are_processes_of_their_own_behind_a_pooler(
    server: PostgresServer, tmp_path: Path
) -> None:
    ledger = tmp_path / "ledger"
    with a_pgbouncer(server) as pooler:
        url = pooler.url_of(server.database("pooled"))
        async with AsyncExitStack() as leaving:
            roles = ("scheduler", "scheduler", "worker")
            folders = [Path(mkdtemp(dir=tmp_path)) for _ in roles]
            others = [launched(role, folder, url) for role, folder in zip(roles, folders, strict=True)]
            first, second, worker = [await leaving.enter_async_context(each) for each in others]
            admin = await leaving.enter_async_context(running(tmp_path, **environment(url, SCHEDULER_ROLES="admin")))
            let_in(admin)
            for each in (first, second, worker):
                await ready(each)
            ids = [
                await admin.create(
                    f"each second {number}", handler="wait", schedule="1s", payload={"ledger": str(ledger)}
                )
                for number in range(8)
            ]
            await eventually(lambda: len(entries(ledger, "end")) >= 16)
            await first.kill()
            for task_id in ids:
                await admin.call("PATCH", f"/scheduled-tasks/{task_id}", {"description": "changed beside its runs"})
            seen = len(entries(ledger, "end"))
            await eventually(lambda: len(entries(ledger, "end")) >= seen + 24)
            assert [await each.stop() for each in (second, worker)] == [0, 0]
        logs = [each.log() for each in (first, second, worker, admin)]

    # Whoever fired them: no occurrence twice.
    starts = Counter((each["task"], each["scheduled_at"]) for each in entries(ledger, "start"))
    assert set(starts.values()) == {1}
    assert len({each["pid"] for each in entries(ledger, "start")}) == 1
    assert [log.count("LISTEN does not work") for log in logs] == [1, 1, 1, 1]
