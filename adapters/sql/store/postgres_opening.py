"""Opening the store in a PostgreSQL: refused in one line, or ready with the newest schema."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.sql.postgres import open_database
from adapters.sql.postgres_address import PostgresAddress
from adapters.sql.store.arrival import Arrival
from adapters.sql.store.guard import Guard
from adapters.sql.store.opening import MIGRATION_TIMEOUT, NAMED_MAX, VERSION_TABLE, SqlStore, ports, prepare
from adapters.sql.store.outbox import PostgresOutbox
from adapters.sql.store.postgres import PostgresDialect
from adapters.sql.store.postgres_terms import PostgresTerms
from adapters.sql.store.row_locks import RowLocks
from adapters.sql.store.server_news import ServerNews
from adapters.sql.store.server_tables import SCHEMA
from application.scheduling.ports.clock import Clock, Entropy, Listener
from application.scheduling.ports.errors import StoreRefusedError

# Only for the transaction that migrates, in which names without a schema are ours; it may take its time.
_MIGRATING: Final = (
    f"SET LOCAL search_path TO {SCHEMA}, pg_catalog",
    "SET LOCAL lock_timeout TO '30s'",
    "SET LOCAL statement_timeout TO 0",
    "SET LOCAL idle_in_transaction_session_timeout TO 0",
)
_TABLES: Final = text("SELECT tablename FROM pg_catalog.pg_tables WHERE schemaname = :schema")
_SCHEMA: Final = text("SELECT true FROM pg_catalog.pg_namespace WHERE nspname = :schema")
_MAY_MAKE: Final = text(
    "SELECT has_database_privilege(current_database(), 'CREATE'), quote_ident(current_user),"
    " quote_ident(current_database())"
)


@dataclass(frozen=True, slots=True)
class PostgresStores(SqlStore):
    """The ports over one database on a server."""

    terms: PostgresTerms
    arrival: Arrival
    guard: Guard

    def fault(self) -> str | None:
        """See entrypoints/stores."""
        return self.arrival.fault

    def weakness(self) -> str | None:
        """See entrypoints/stores."""
        return self.arrival.durability

    def watch(self) -> Callable[[], Awaitable[None]]:
        """See entrypoints/stores."""
        return self.look_again

    def outbox(self) -> PostgresOutbox:
        """See entrypoints/stores."""
        return PostgresOutbox(self.database, self.guard)

    async def look_again(self) -> None:
        """See whether the server is still fit to hold a store. Raises StoreUnavailableError, and says what is wrong."""
        await self.arrival.look_again(self.database)


@asynccontextmanager
async def open_postgres_store(
    address: PostgresAddress,
    entropy: Entropy | None,
    *,
    clock: Clock | None = None,
    listener: Listener | None = None,
    for_transfer: bool = False,
) -> AsyncIterator[PostgresStores]:
    """The store in the schema `scheduler` of a database, made or migrated first; closed at the end of the context.

    Raises StoreRefusedError for what must be mended first (arrival.py, a foreign schema, a newer one, no right to make
    ours) and for a store that is being moved, unless that is what it is opened for; StoreUnavailableError for what may
    pass. `entropy` names a store that is new; None: none is begun, but refused. `clock` is the store's clock in tests;
    `listener` learns what that is.
    """
    database, arrival, guard = open_database(address, SCHEMA), Arrival(str(address)), RowLocks(clock, listener)
    try:
        patient = replace(database, timeout=MIGRATION_TIMEOUT)
        async with patient.writing(f"open {address}") as connection:
            await arrival.judge(connection)
            await _prepare(connection, str(address), entropy, patient.solitude, for_transfer=for_transfer)
            await arrival.meet(connection)
            await guard.now(connection)
        dialect = PostgresDialect(arrival.landmark)
        opened = ports(database, dialect, guard, ServerNews(database))
        yield PostgresStores(*opened, PostgresTerms(database), arrival, guard)
    finally:
        await database.close()


async def _prepare(
    connection: AsyncConnection, where: str, entropy: Entropy | None, solitude: str | None, *, for_transfer: bool
) -> None:
    for statement in _MIGRATING:
        await connection.execute(text(statement))
    if solitude is not None:
        await connection.execute(text(solitude))
    names = {name for (name,) in await connection.execute(_TABLES, {"schema": SCHEMA})}
    if names and VERSION_TABLE not in names:
        some = ", ".join(sorted(names)[:NAMED_MAX])
        raise StoreRefusedError(
            f"{where} has somebody else's tables in the schema {SCHEMA} ({some}): use another database"
        )
    if entropy is None and not names:
        raise StoreRefusedError(f"{where} holds no store: start the service first, or set DATABASE_URL")
    await _make_schema(connection, where)
    await prepare(connection, where, entropy, for_transfer=for_transfer)


async def _make_schema(connection: AsyncConnection, where: str) -> None:
    if (await connection.execute(_SCHEMA, {"schema": SCHEMA})).first() is not None:
        return
    may, me, database = (await connection.execute(_MAY_MAKE)).one()
    if not may:
        raise StoreRefusedError(
            f"{where}: the user {me} may not create the schema for the scheduler's tables in the database {database};"
            f" let its owner run: CREATE SCHEMA {SCHEMA} AUTHORIZATION {me}"
        )
    await connection.execute(text(f"CREATE SCHEMA {SCHEMA}"))
