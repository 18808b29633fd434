"""The content database on a PostgreSQL server: how it is opened, migrated, and handed out as ports.

What is ours lies in a schema of its own, beside an application's or alone. Tables are found by the search path, which
every transaction sets for itself, so that a pooler between may give each of them another session. The zone of every
transaction is UTC, so that an instant kept with a time zone and one without compare as what they are.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

from adapters.sql.content.host import Host
from adapters.sql.content.layout import Layout
from adapters.sql.content.migrate import EVERYTHING, OURS, migrate
from adapters.sql.content.opening import content_ports
from adapters.sql.content.preflight import application_host, application_schema
from adapters.sql.engine import Database
from adapters.sql.postgres import connecting, open_database, replace_ended
from adapters.sql.postgres_address import PostgresAddress
from application.fediverse.ports.content import ContentPorts
from application.scheduling.ports.errors import StoreRefusedError

USUAL = Layout()
# Counting a large table takes its time, and nobody waits for it.
CALL_TIMEOUT = timedelta(seconds=120)
MIGRATION_WAIT = timedelta(seconds=30)
# "PEAC" and a number, so that no other program of these tables takes the same lock.
_MIGRATION_LOCK = sa.text("SELECT pg_advisory_xact_lock(1346715971, 1)")


@asynccontextmanager
async def open_postgres_content(address: PostgresAddress, layout: Layout = USUAL) -> AsyncIterator[ContentPorts]:
    """The content database at `address`, our tables in a schema of their own made and migrated as needed.

    Raises StoreRefusedError if it is newer than this program, may not be given a schema, or holds an application's
    content that lacks columns the tasks need; StoreUnavailableError if it does not answer. An application's tables
    are never altered.
    """
    database = _opened(address, layout)
    try:
        async with database.writing("prepare the content database") as connection:
            host, path = await _prepared(connection, layout)
        _at_every_beginning(database, path)
        yield content_ports(database, host)
    finally:
        await database.close()


@asynccontextmanager
async def open_postgres_sessions(address: PostgresAddress) -> AsyncIterator[async_sessionmaker[AsyncSession]]:
    """What makes sessions on the content database, for code that is not ours; tables by its own search path."""
    unnamed = {"prepared_statement_cache_size": 0, "prepared_statement_name_func": str} if address.is_pooled else {}
    made = connecting(address)
    engine = create_async_engine("postgresql+asyncpg://", async_creator=made, connect_args=unnamed)
    replace_ended(engine)
    try:
        # What was read can still be looked at behind a commit, where nothing can be loaded any more.
        yield async_sessionmaker(engine, expire_on_commit=False)
    finally:
        await engine.dispose()


def _opened(address: PostgresAddress, layout: Layout) -> Database:
    database = open_database(address, layout.owned)
    database.timeout = CALL_TIMEOUT
    # Tables are found by the search path, for they lie in two schemas.
    untranslated: dict[str, Any] = {"schema_translate_map": None}
    database.writer = database.writer.execution_options(**untranslated)
    database.reader = database.reader.execution_options(**untranslated)
    if layout.names:
        database.writer = layout.names.adopted_by(database.writer)
        database.reader = layout.names.adopted_by(database.reader)
    return database


async def _prepared(connection: AsyncConnection, layout: Layout) -> tuple[Host, str]:
    """The host and the search path on which it and our tables are found."""
    owned = layout.owned
    await _set(connection, {"lock_timeout": f"{MIGRATION_WAIT.seconds}s", "statement_timeout": "60s"})
    await connection.execute(_MIGRATION_LOCK)
    found = await application_schema(connection, layout)
    host = layout.host() if found is None else application_host(*found, layout)
    await _make_schema(connection, owned)
    quoted = connection.dialect.identifier_preparer.quote
    await _set(connection, {"search_path": quoted(owned)})
    await connection.run_sync(partial(migrate, lineages=EVERYTHING if found is None else OURS))
    return host, quoted(owned) if found is None else f"{quoted(found[0])}, {quoted(owned)}"


async def _make_schema(connection: AsyncConnection, owned: str) -> None:
    exists = sa.text("SELECT to_regnamespace(quote_ident(:name)) IS NOT NULL")
    if await connection.scalar(exists, {"name": owned}):
        return
    me, may = (
        await connection.execute(sa.text("SELECT current_user, has_database_privilege(current_database(), 'CREATE')"))
    ).one()
    quoted = connection.dialect.identifier_preparer.quote
    if not may:
        raise StoreRefusedError(
            f"the user {me} may not create the schema for the scheduler's tables in the content database; let its owner"
            f" run: CREATE SCHEMA {quoted(owned)} AUTHORIZATION {quoted(me)}"
        )
    await connection.execute(sa.schema.CreateSchema(owned))


async def _set(connection: AsyncConnection, settings: Mapping[str, str]) -> None:
    await connection.execute(sa.select(*(sa.func.set_config(name, value, True) for name, value in settings.items())))


def _at_every_beginning(database: Database, path: str) -> None:
    limit = f"{database.timeout.total_seconds():.0f}s"
    settings = {"search_path": path, "timezone": "UTC", "statement_timeout": limit}
    statement = sa.select(*(sa.func.set_config(name, sa.literal(value), True) for name, value in settings.items()))

    def begun(connection: sa.Connection) -> None:
        connection.execute(statement)

    engine: AsyncEngine
    for engine in (database.writer, database.reader):
        sa.event.listen(engine.sync_engine, "begin", begun)
