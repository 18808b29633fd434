"""Opening a store: refused in one line, or ready with the newest schema."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from pathlib import Path

from sqlalchemy import Connection, insert, inspect, select
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.sql.engine import Database
from adapters.sql.errors import store_errors
from adapters.sql.sqlite_file import check_file, make_file, migration_lock, open_database
from adapters.sql.store.access import SqlAccess
from adapters.sql.store.access_trail import SqlTrail
from adapters.sql.store.dialect import Dialect
from adapters.sql.store.execution_store import SqlExecutionStore
from adapters.sql.store.figures import SqlFigures
from adapters.sql.store.guard import Guard, OneWriter
from adapters.sql.store.history import SqlHistory
from adapters.sql.store.hold import SqlHolds
from adapters.sql.store.membership import SqlMembership
from adapters.sql.store.migrations import migrate, usable_since
from adapters.sql.store.news import SqlNews
from adapters.sql.store.sqlite import SqliteDialect
from adapters.sql.store.tables import METADATA, store
from adapters.sql.store.task_store import SqlTaskStore
from adapters.sql.store.transfer import SqlTransfer, refuse_if_marked
from application.scheduling.ports.clock import Clock, Entropy
from application.scheduling.ports.errors import StoreRefusedError
from application.scheduling.ports.news import News
from application.scheduling.ports.outbox import Outbox
from application.scheduling.ports.term import Terms

FIRST_GENERATION = 1
VERSION_TABLE = "alembic_version"
NAMED_MAX = 5
# What a version adds may have to be made of millions of rows; nobody is served before.
MIGRATION_TIMEOUT = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class SqlStore:
    """The ports over one database."""

    database: Database
    tasks: SqlTaskStore
    executions: SqlExecutionStore
    history: SqlHistory
    membership: SqlMembership
    access: SqlAccess
    figures: SqlFigures
    news: News
    trail: SqlTrail
    holds: SqlHolds
    transfer: SqlTransfer
    terms: Terms | None

    def fault(self) -> str | None:
        """See entrypoints/stores."""
        return None

    def weakness(self) -> str | None:
        """See entrypoints/stores."""
        return None

    def watch(self) -> Callable[[], Awaitable[None]] | None:
        """See entrypoints/stores."""
        return None

    def outbox(self) -> Outbox | None:
        """See entrypoints/stores."""
        return None


Ports = tuple[
    Database,
    SqlTaskStore,
    SqlExecutionStore,
    SqlHistory,
    SqlMembership,
    SqlAccess,
    SqlFigures,
    News,
    SqlTrail,
    SqlHolds,
    SqlTransfer,
]


def check_sqlite_store(path: Path) -> None:
    """Refuse a file that is somebody else's before anything is made in it or beside it.

    Raises StoreRefusedError, also where no store can be; StoreUnavailableError if another program keeps it locked.
    """
    names = check_file(path)
    if names and VERSION_TABLE not in names:
        some = ", ".join(sorted(names)[:NAMED_MAX])
        raise StoreRefusedError(f"{path} holds somebody else's tables ({some}): the store needs a file of its own")


@asynccontextmanager
async def open_sqlite_store(
    path: Path, clock: Clock, entropy: Entropy, *, for_transfer: bool = False
) -> AsyncIterator[SqlStore]:
    """The store in the file at `path`, which is made or migrated first; closed at the end of the context.

    Raises StoreRefusedError for what must be mended first (a read-only or foreign file, a newer schema, a network
    file system) and for a store that is being moved, unless that is what it is opened for; StoreUnavailableError for
    what may pass (a file locked by another program). Several processes may open one file.
    """
    with store_errors(f"open {path}"):
        await asyncio.to_thread(check_sqlite_store, path)
        make_file(path)
    database = open_database(path)
    try:
        patient = replace(database, timeout=MIGRATION_TIMEOUT)
        async with migration_lock(path), patient.writing(f"open {path}") as connection:
            await prepare(connection, str(path), entropy, for_transfer=for_transfer)
        dialect = SqliteDialect()
        yield SqlStore(*ports(database, dialect, OneWriter(clock), SqlNews(database, dialect)), None)
    finally:
        await database.close()


def ports(database: Database, dialect: Dialect, guard: Guard, news: News) -> Ports:
    """The ports over an open database, in the order of SqlStore's fields; its terms are its opener's to choose."""
    return (
        database,
        SqlTaskStore(database, dialect, guard),
        SqlExecutionStore(database, dialect, guard),
        SqlHistory(database, dialect, guard),
        SqlMembership(database, dialect, guard),
        SqlAccess(database, guard),
        SqlFigures(database, dialect),
        news,
        SqlTrail(database, guard),
        SqlHolds(database, guard),
        SqlTransfer(database, dialect),
    )


async def prepare(connection: AsyncConnection, where: str, entropy: Entropy | None, *, for_transfer: bool) -> None:
    """Bring the schema up to date, and give a new store its name, in a transaction beside which nobody else does."""
    await connection.run_sync(partial(migrate, name=where, for_transfer=for_transfer))
    await connection.run_sync(_check_whole, where)
    if (await connection.execute(select(store.c.id))).first() is None:
        if entropy is None:
            raise StoreRefusedError(f"{where} lacks the name of its store: restore it from a backup")
        name = {"id": 1, "store_id": entropy.identifier(), "generation": FIRST_GENERATION, "fence": 0}
        await connection.execute(insert(store).values(**name, usable_since=usable_since()))
    if not for_transfer:
        await refuse_if_marked(connection, where)


def _check_whole(connection: Connection, where: str) -> None:
    if missing := METADATA.tables.keys() - set(inspect(connection).get_table_names()):
        raise StoreRefusedError(f"{where} lacks the tables {', '.join(sorted(missing))}: restore it from a backup")
