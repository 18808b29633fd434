"""When the maintenance tasks should leave the content database alone for a moment."""

import asyncio
from contextlib import suppress
from dataclasses import replace

import asyncpg
import pytest

from adapters.sql.content.load import SqlLoadProbe
from adapters.sql.postgres import open_database
from adapters.sql.postgres_address import parse_address
from application.fediverse.ports.content import ContentPorts
from tests.support.postgres_servers import PostgresServer
from tests.support.waiting import turns

# One loop for all, because the database that they share is open in it.
pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_database_with_little_to_do_is_in_no_trouble(content: ContentPorts) -> None:
    assert await content.load.trouble() is None


@pytest.mark.postgres
async def test_too_many_sessions_at_work_are_trouble_and_idle_ones_are_none(
    opened: ContentPorts, server: PostgresServer
) -> None:
    assert isinstance(opened.load, SqlLoadProbe)
    strict = replace(opened.load, active_share_max=0.001)
    session = await asyncpg.connect(server.url_of("contract"))

    idle = await strict.trouble()
    async with asyncio.TaskGroup() as clients:
        clients.create_task(_at_work(session))
        async with asyncio.timeout(5):
            while (told := await strict.trouble()) is None:
                await turns()
        usual = await opened.load.trouble()
        server.run(f"SELECT pg_cancel_backend({session.get_server_pid()})")
    await session.close()

    assert (idle, told, usual) == (None, "1 of 100 sessions are active", None)


async def _at_work(session: asyncpg.Connection) -> None:
    with suppress(asyncpg.QueryCanceledError):
        await session.execute("SELECT pg_sleep(60)")


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("lags", "trouble"),
    [
        ("NULL", None),
        ("'10 s'", None),
        ("'1 s'), ('11 s'), (NULL", "a standby is 11 s behind"),
    ],
)
async def test_a_standby_that_falls_behind_is_trouble(lags: str, trouble: str | None, server: PostgresServer) -> None:
    server.database("behind")
    # It stands before the server's own view of that name where the path names the server's schema behind it.
    server.run(
        f"CREATE VIEW public.pg_stat_replication AS SELECT l::interval AS replay_lag FROM (VALUES ({lags})) v (l)",
        "behind",
    )
    server.run("GRANT SELECT ON public.pg_stat_replication TO public", "behind")
    server.run("ALTER DATABASE behind SET search_path = public, pg_catalog")
    database = open_database(parse_address(server.url_of("behind")), "public")
    try:
        assert await SqlLoadProbe(database).trouble() == trouble
    finally:
        await database.close()
        server.run("DROP DATABASE behind WITH (FORCE)")
