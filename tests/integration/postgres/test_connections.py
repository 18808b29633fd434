"""What becomes of a store's connections when the server ends them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta

import pytest
from sqlalchemy import text

from adapters.sql.content.postgres import open_postgres_sessions
from adapters.sql.engine import CALL_TIMEOUT
from adapters.sql.postgres_address import address_of
from adapters.sql.store import PostgresStores, open_postgres_store
from application.scheduling.ports.errors import StoreRefusedError, StoreUnavailableError
from tests.support.pgbouncers import a_pgbouncer
from tests.support.postgres_servers import PostgresServer, a_postgres
from tests.support.recorders import CountingEntropy
from tests.support.service import eventually
from tests.support.waiting import turns

pytestmark = pytest.mark.postgres
BACK_WITHIN_SECONDS = 5


@pytest.fixture
async def stores(url: str) -> AsyncIterator[PostgresStores]:
    async with open_postgres_store(address_of(url), CountingEntropy()) as opened:
        yield opened


async def _databases(stores: PostgresStores) -> set[str]:
    """What every kind of connection leads to."""
    database, found = stores.database, set()
    for each in (database.writing, database.reading, database.browsing):
        async with each("look where it leads") as connection:
            found.add(await connection.scalar(text("SELECT current_database()")))
    return found


async def test_connections_that_the_server_ended_while_they_were_idle_disturb_nobody(
    server: PostgresServer, stores: PostgresStores
) -> None:
    (name,) = await _databases(stores)
    ended = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
    assert len(await asyncio.to_thread(server.run, ended, "postgres")) == 3

    async def are_gone() -> bool:
        return not await asyncio.to_thread(server.backends, name)

    await eventually(are_gone)

    assert await _databases(stores) == {name}


async def test_a_pooler_that_the_address_does_not_tell_of_is_refused_in_words(server: PostgresServer, url: str) -> None:
    with a_pgbouncer(server) as pooler:
        address = address_of(pooler.url_of(url).partition("?")[0])
        with pytest.raises(StoreRefusedError, match=f"a pooler before {address}: add pgbouncer=true"):
            async with open_postgres_store(address, CountingEntropy()):
                pass
        async with open_postgres_store(address_of(pooler.url_of(url)), CountingEntropy()) as stores:
            await _databases(stores)
        async with open_postgres_sessions(address) as sessions, sessions() as session:
            with pytest.raises(StoreRefusedError, match="add pgbouncer=true"):
                await session.execute(text("SELECT 1"))


async def test_a_store_behind_a_pooler_answers_soon_after_its_server_is_back() -> None:
    with a_postgres() as server, a_pgbouncer(server) as pooler:
        async with open_postgres_store(address_of(pooler.url_of(server.url)), CountingEntropy()) as stores:
            server.kill()
            # The pooler is refused by it meanwhile, and keeps whoever asks waiting.
            stores.database.timeout = timedelta(seconds=0.5)
            with pytest.raises(StoreUnavailableError):
                await _databases(stores)
            stores.database.timeout = CALL_TIMEOUT
            server.spawn()
            await asyncio.to_thread(server.wait_until_ready)

            async def is_back() -> bool:
                with suppress(StoreUnavailableError):
                    return bool(await _databases(stores))
                return False

            # With the default of server_login_retry it would be 15 s: docs/postgres.md.
            async with asyncio.timeout(BACK_WITHIN_SECONDS):
                await eventually(is_back)


async def test_sessions_of_users_outlive_the_end_of_their_connections(server: PostgresServer, url: str) -> None:
    name = url.rpartition("/")[2]
    async with open_postgres_sessions(address_of(url)) as sessions:
        async with sessions() as session:
            first = await session.scalar(text("SELECT pg_backend_pid()"))
        ended = f"SELECT pg_terminate_backend({first}, 5000)"
        await asyncio.to_thread(server.run, ended, "postgres")
        # The loop hears of the end in one of its next turns.
        await turns()

        async with sessions() as session:
            found = (await session.execute(text("SELECT pg_backend_pid(), current_database()"))).one()

    assert (found[0] != first, found[1]) == (True, name)
