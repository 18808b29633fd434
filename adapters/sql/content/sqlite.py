"""The content database as an SQLite file: how it is opened, migrated, and handed out as ports."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from adapters.sql.content.host import SHOWN
from adapters.sql.content.layout import Layout
from adapters.sql.content.migrate import migrate, missing_columns
from adapters.sql.content.opening import content_ports
from adapters.sql.sqlite_file import migration_lock, open_database, open_users_engine, prepare_file
from application.fediverse.ports.content import ContentPorts
from application.scheduling.ports.errors import StoreRefusedError

USUAL = Layout()
# Counting a large table takes its time, and nobody waits for it.
CALL_TIMEOUT = timedelta(seconds=120)


@asynccontextmanager
async def open_sqlite_content(path: Path, layout: Layout = USUAL) -> AsyncIterator[ContentPorts]:
    """The content database in the file at `path`, created and migrated as needed, closed at the end of the block.

    Raises StoreRefusedError if the file is no database, is newer than this program or lacks columns the tasks need, or
    if the layout has names for its tables, which are ours; StoreUnavailableError if somebody else keeps it locked.
    """
    if layout.names:
        raise StoreRefusedError("schema_mismatch: only an application's tables on a PostgreSQL have names of their own")
    await asyncio.to_thread(prepare_file, path)
    database = open_database(path)
    database.timeout = CALL_TIMEOUT
    try:
        async with migration_lock(path), database.writing("migrate the content database") as connection:
            await connection.run_sync(migrate)
            missing = await connection.run_sync(missing_columns)
            if missing:
                raise StoreRefusedError(f"the content database has no {', '.join(missing)}")
            columns = await connection.run_sync(lambda sync: sa.inspect(sync).get_columns("instance"))
        shown = frozenset(SHOWN) & {column["name"] for column in columns}
        yield content_ports(database, layout.host(shown=shown))
    finally:
        await database.close()


@asynccontextmanager
async def open_sqlite_sessions(path: Path) -> AsyncIterator[async_sessionmaker[AsyncSession]]:
    """What makes sessions on the content database in this file, for code that is not ours; it must be migrated."""
    engine = open_users_engine(path)
    try:
        # What was read can still be looked at behind a commit, where nothing can be loaded any more.
        yield async_sessionmaker(engine, expire_on_commit=False)
    finally:
        await engine.dispose()
