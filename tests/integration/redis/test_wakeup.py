"""Wake-ups over a real server: heard by the other processes within milliseconds, and again after it was gone."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from adapters.redis.address import parse_address
from adapters.redis.wakeup import RedisWakeup, open_parting_words, open_redis_wakeup
from application.scheduling.services.errors import TaskNotFoundError
from domain.scheduling.identifiers import TaskId
from tests.support.redis_servers import RedisServer, a_redis
from tests.support.service import eventually

pytestmark = pytest.mark.redis


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with a_redis() as running:
        yield running


@dataclass(slots=True)
class Sleeper:
    """A process that is woken, and counts by what."""

    heard: list[str] = field(default_factory=list)

    def scheduler(self) -> None:
        self.heard.append("scheduler")

    def workers(self) -> None:
        self.heard.append("workers")

    @asynccontextmanager
    async def listening(self, server: RedisServer, me: str, database: int = 0) -> AsyncIterator[RedisWakeup]:
        address = parse_address(f"{server.url[:-1]}{database}")
        async with open_redis_wakeup(address, me, on_scheduler=self.scheduler, on_workers=self.workers) as wakeup:
            # Whoever has subscribed takes it that something was said before.
            await eventually(lambda: self.heard[-2:] == ["scheduler", "workers"])
            self.heard.clear()
            yield wakeup


async def test_what_a_command_says_is_heard_as_it_ends_even_by_an_error(server: RedisServer) -> None:
    async def fail() -> None:
        async with open_parting_words(parse_address(server.url), "b") as wakeup:
            wakeup.workers()
            raise TaskNotFoundError(TaskId("gone"))

    other = Sleeper()
    async with other.listening(server, "a"):
        with pytest.raises(TaskNotFoundError):
            await fail()
        await eventually(lambda: other.heard)

    assert other.heard == ["workers"]


async def test_what_one_process_says_all_others_hear_once_however_often_it_is_said(server: RedisServer) -> None:
    first, second, elsewhere = Sleeper(), Sleeper(), Sleeper()
    async with (
        first.listening(server, "a") as wakeup,
        second.listening(server, "b"),
        elsewhere.listening(server, "c", 1),
    ):
        for _ in range(1_000):
            wakeup.workers()
        await eventually(lambda: second.heard)
        wakeup.scheduler()
        wakeup.workers()
        await eventually(lambda: len(second.heard) >= 3)

    assert second.heard == ["workers", "scheduler", "workers"]
    # The one who says it hears it at once, and not a second time from the server.
    assert first.heard == ["workers"] * 1_000 + ["scheduler", "workers"]
    assert elsewhere.heard == []


async def test_a_server_that_is_gone_disturbs_nobody_and_is_listened_to_again(server: RedisServer) -> None:
    first, second = Sleeper(), Sleeper()
    async with first.listening(server, "a") as wakeup, second.listening(server, "b"):
        server.kill()
        wakeup.workers()
        server.spawn()
        await asyncio.to_thread(server.wait_until_ready)
        await eventually(lambda: second.heard == ["scheduler", "workers"])

        def is_heard() -> bool:
            wakeup.scheduler()
            return len(second.heard) > 2

        await eventually(is_heard)

    assert set(second.heard[2:]) == {"scheduler"}
