"""Wake-ups over a real server: heard by the other processes within milliseconds, and again after it was gone."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from adapters.sql import wakeup
from adapters.sql.postgres_address import parse_address
from adapters.sql.wakeup import PostgresWakeup, open_postgres_parting_words, open_postgres_wakeup
from tests.support.pgbouncers import a_pgbouncer
from tests.support.postgres_servers import PostgresServer, a_postgres
from tests.support.redis_servers import free_port
from tests.support.service import eventually

pytestmark = pytest.mark.postgres


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """One of these tests' own, as they end it."""
    with a_postgres() as started:
        yield started


@dataclass(slots=True)
class Sleeper:
    """A process that is woken, and counts by what."""

    heard: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def scheduler(self) -> None:
        self.heard.append("scheduler")

    def workers(self) -> None:
        self.heard.append("workers")

    @asynccontextmanager
    async def listening(self, url: str, me: str) -> AsyncIterator[PostgresWakeup]:
        opened = open_postgres_wakeup(
            parse_address(url),
            me,
            on_scheduler=self.scheduler,
            on_workers=self.workers,
            on_deaf=self.complaints.append,
        )
        async with opened as wakeup:
            # Whoever listens takes it that something was said before.
            await eventually(lambda: self.heard[-2:] == ["scheduler", "workers"])
            self.heard.clear()
            yield wakeup


async def test_what_one_process_says_all_others_hear_once_however_often_it_is_said(server: PostgresServer) -> None:
    first, second, elsewhere = Sleeper(), Sleeper(), Sleeper()
    async with (
        first.listening(server.url, "a") as wakeup,
        second.listening(server.url, "b"),
        elsewhere.listening(server.database("elsewhere"), "c"),
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


async def test_a_command_wakes_the_others_when_it_ends_and_is_silent_if_it_has_nothing_to_say(
    server: PostgresServer,
) -> None:
    sleeper = Sleeper()
    async with sleeper.listening(server.url, "a"):
        async with open_postgres_parting_words(parse_address(server.url), "b"):
            pass
        async with open_postgres_parting_words(parse_address(server.url), "c") as wakeup:
            wakeup.workers()
            wakeup.workers()
        await eventually(lambda: sleeper.heard)

    assert sleeper.heard == ["workers"]


async def test_a_command_whose_words_nobody_takes_ends_all_the_same() -> None:
    async with open_postgres_parting_words(parse_address(f"postgresql://a:b@127.0.0.1:{free_port()}/c"), "a") as wakeup:
        wakeup.scheduler()


async def test_what_is_said_all_the_time_goes_out_at_most_every_fifty_milliseconds(server: PostgresServer) -> None:
    first, second = Sleeper(), Sleeper()
    async with first.listening(server.url, "a") as wakeup, second.listening(server.url, "b"):
        loop = asyncio.get_running_loop()
        begun = loop.time()
        while len(second.heard) < 5:
            wakeup.workers()
            await asyncio.sleep(0)
        # The first goes out at once, and each of the others a window after the one before.
        assert loop.time() - begun >= 4 * 0.045


async def test_a_server_that_is_gone_disturbs_nobody_and_is_listened_to_again(server: PostgresServer) -> None:
    first, second = Sleeper(), Sleeper()
    async with first.listening(server.url, "a") as wakeup, second.listening(server.url, "b"):
        server.kill()
        wakeup.workers()
        server.spawn()
        await asyncio.to_thread(server.wait_until_ready)
        await eventually(lambda: second.heard[:2] == ["scheduler", "workers"])
        second.heard.clear()

        def is_heard() -> bool:
            wakeup.scheduler()
            return "scheduler" in second.heard

        await eventually(is_heard)

    assert first.complaints == second.complaints == []


@pytest.mark.parametrize("is_said", [True, False])
async def test_behind_a_pooler_a_process_says_that_it_is_deaf_and_is_heard_by_those_who_are_not(
    server: PostgresServer, monkeypatch: pytest.MonkeyPatch, *, is_said: bool
) -> None:
    monkeypatch.setattr(wakeup, "ECHO_SECONDS", 0.2)
    pooled, direct = Sleeper(), Sleeper()
    with a_pgbouncer(server, sessions=1) as pooler:
        url = pooler.url_of(server.url)
        async with (
            pooled.listening(url if is_said else url.partition("?")[0], "a") as there,
            direct.listening(server.url, "b") as here,
        ):
            here.workers()
            there.scheduler()
            await eventually(lambda: direct.heard == ["workers", "scheduler"])

    assert pooled.complaints == [wakeup.DEAF]
    assert direct.complaints == []
