"""The content database as an SQLite file: how it is opened, migrated, and handed out as ports."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from adapters.sql.content.activity_log import SqlActivityLog
from adapters.sql.content.checkpoints import SqlCheckpoints
from adapters.sql.content.deleted_content import SqlDeletedContent
from adapters.sql.content.demo_content import SqlDemoContent
from adapters.sql.content.instance_stats import SHOWN, SqlInstanceStats
from adapters.sql.content.migrate import migrate, missing_columns
from adapters.sql.content.orphaned_content import SqlOrphanedContent
from adapters.sql.content.tombstones import SqlTombstones
from adapters.sql.engine import Database
from application.fediverse.ports.content import ContentPorts
from application.scheduling.ports.errors import StoreRefusedError

# Counting a large table takes its time, and nobody waits for it.
CALL_TIMEOUT = timedelta(seconds=120)
BUSY_TIMEOUT_MILLISECONDS = 5000
READERS_MAX = 4


@asynccontextmanager
async def open_sqlite_content(path: Path) -> AsyncIterator[ContentPorts]:
    """The content database in the file at `path`, created and migrated as needed, closed at the end of the block.

    Raises StoreRefusedError if the file is no database, is newer than this program or lacks columns the tasks need,
    and StoreUnavailableError if somebody else keeps it locked.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    database = Database(
        writer=_engine(path, begin="BEGIN IMMEDIATE", connections_max=1),
        reader=_engine(path, begin="BEGIN", connections_max=READERS_MAX),
        timeout=CALL_TIMEOUT,
    )
    try:
        async with database.writing("migrate the content database") as connection:
            await connection.run_sync(migrate)
            missing = await connection.run_sync(missing_columns)
            if missing:
                raise StoreRefusedError(f"the content database has no {', '.join(missing)}")
            columns = await connection.run_sync(lambda sync: sa.inspect(sync).get_columns("instance"))
        yield _ports(database, shown=frozenset(SHOWN) & {column["name"] for column in columns})
    finally:
        await database.close()


def _ports(database: Database, *, shown: frozenset[str]) -> ContentPorts:
    return ContentPorts(
        checkpoints=SqlCheckpoints(database),
        tombstones=SqlTombstones(database),
        activity_log=SqlActivityLog(database),
        instance_stats=SqlInstanceStats(database, shown),
        orphaned_content=SqlOrphanedContent(database),
        deleted_content=SqlDeletedContent(database),
        demo=SqlDemoContent(database),
    )


def _engine(path: Path, *, begin: str, connections_max: int) -> AsyncEngine:
    url = sa.URL.create("sqlite+aiosqlite", database=str(path))
    engine = create_async_engine(url, pool_size=connections_max, max_overflow=0)
    sa.event.listen(engine.sync_engine, "connect", _prepare)
    sa.event.listen(engine.sync_engine, "begin", lambda connection: connection.exec_driver_sql(begin))
    return engine


def _prepare(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    # The driver must not begin transactions of its own accord: it would begin them too late, and not for DDL.
    connection.isolation_level = None
    cursor = connection.cursor()
    # The timeout first: switching to WAL may have to wait for another process that does the same.
    for pragma in (
        f"busy_timeout = {BUSY_TIMEOUT_MILLISECONDS}",
        "journal_mode = WAL",
        "synchronous = FULL",
        "foreign_keys = ON",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
