"""The commands of docker-compose.yml in its environment, outside of containers, with a server started as it says."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.deployment import environment, last, services
from tests.support.postgres_servers import PostgresServer, a_postgres
from tests.support.redis_servers import RedisServer, a_redis, free_port
from tests.support.repository import ROOT
from tests.support.service import START_SECONDS, eventually

pytestmark = [pytest.mark.redis, pytest.mark.postgres]


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    program, *options = services()["redis"]["command"]
    assert program == "redis-server"
    given = dict(zip([each.removeprefix("--").replace("-", "_") for each in options[::2]], options[1::2], strict=True))
    with a_redis(**given) as server:
        yield server


@pytest.fixture
def db() -> Iterator[PostgresServer]:
    with a_postgres() as server:
        yield server


@dataclass(frozen=True, slots=True)
class Container:
    """What runs in the container of a service, and where it is asked for its health."""

    process: asyncio.subprocess.Process
    port: int
    log: Path

    async def is_up(self) -> bool:
        """Whether the health check of the image says so; fails if it has ended."""
        assert self.process.returncode is None, self.log.read_text()
        return await is_healthy(self.port)


@asynccontextmanager
async def container(name: str, folder: Path, redis: RedisServer, db: PostgresServer) -> AsyncIterator[Container]:
    """The container of a service, as it starts; afterwards it has ended as it should."""
    port, log = free_port(), folder / f"{name}.log"
    here = {
        **{key: value for key, value in os.environ.items() if not key.startswith("SCHEDULER_")},  # noqa: TID251
        **environment(name),
        "REDIS_URL": environment(name)["REDIS_URL"].replace("redis:6379", f"127.0.0.1:{redis.port}"),
        "DATABASE_URL": db.url,
        "SCHEDULER_HOST": "127.0.0.1",
        "SCHEDULER_PORT": str(port),
    }
    program = (sys.executable, "-m", "entrypoints.cli.main", *services()[name]["command"])
    with log.open("wb") as written:
        process = await asyncio.create_subprocess_exec(*program, cwd=ROOT, env=here, stderr=written)
    try:
        yield Container(process, port, log)
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(START_SECONDS):
            code = await process.wait()
    assert code == 0, log.read_text()


async def is_healthy(port: int) -> bool:
    """Whether the health check of the image says so."""
    python, *command = json.loads(last("HEALTHCHECK").partition("CMD ")[2])
    assert python == "python"
    words = [each.replace("8080", str(port)) for each in command]
    check = await asyncio.create_subprocess_exec(sys.executable, *words, stderr=asyncio.subprocess.DEVNULL)
    return await check.wait() == 0


async def test_each_service_starts_as_it_is_written_down_and_is_healthy(
    redis: RedisServer, db: PostgresServer, tmp_path: Path
) -> None:
    async with AsyncExitStack() as running:
        # As `--profile worker --profile admin` starts them, one of each.
        names = ("scheduler", "worker", "admin")
        started = [await running.enter_async_context(container(name, tmp_path, redis, db)) for name in names]
        for each in started:
            await eventually(each.is_up, within=START_SECONDS)
        with redis.client() as client:
            members = client.hlen("scheduler:members")

    # One process of each service, and the worker children of two of them.
    assert members == 5
