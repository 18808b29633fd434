"""A database on a PostgreSQL server: connections that bound themselves, and that no pooler between can confuse.

Behind a pooler in transaction mode every transaction may meet another session, so nothing here rests on a session:
limits are set with the BEGIN of each transaction, in the same trip, tables are named with their schema, and statements
are prepared by name only where no pooler is.
"""

import socket
from collections.abc import Awaitable, Callable, Mapping
from contextlib import nullcontext
from functools import partial
from typing import Any

import asyncpg
from sqlalchemy import AsyncAdaptedQueuePool, Column, Text, event
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.dialects.postgresql.base import PGDDLCompiler
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from adapters.sql.compiled import SHARED, OneSpeech
from adapters.sql.engine import Database
from adapters.sql.postgres_address import PostgresAddress
from adapters.sql.texts import storable
from application.scheduling.ports.errors import StoreRefusedError

WRITERS_MAX = 4
READERS_MAX = 2
BROWSERS_MAX = 4
TRIES = 5
# For whoever holds locks and is not heard of any more, and for what waits for one: all within an `engine.CALL_TIMEOUT`.
LIMITS = {
    "lock_timeout": "4s",
    "statement_timeout": "6s",
    "idle_in_transaction_session_timeout": "10s",
    # Its compiler takes longer than any statement of ours.
    "jit": "off",
}
_BEGIN = "BEGIN"
# What a loop repeats is planned but now and then, and was first when its tables were empty: whatever their size then,
# rows are found by an index, as SQLite finds them. A bitmap would be of all that is pending before the first is taken.
_BY_INDEXES = dict.fromkeys(("enable_seqscan", "enable_bitmapscan", "enable_hashjoin", "enable_mergejoin"), "off")
# Any number that nobody else would take: https://www.postgresql.org/docs/current/explicit-locking.html, 13.3.5.
_SOLITUDE = "SELECT pg_advisory_xact_lock(7163384699739271532)"
# A peer that is gone without a word is noticed by the kernel after some 45 seconds of silence, tcp(7).
_KEEPALIVE = {"TCP_KEEPIDLE": 15, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3}


def _setting(settings: Mapping[str, str]) -> str:
    return "".join(f" SET LOCAL {name} = '{value}';" for name, value in settings.items())


class Connection(asyncpg.Connection):  # type: ignore[misc]
    """A connection whose transactions begin with their limits."""

    begins_with = _setting(LIMITS)

    async def execute(self, query: str, *args: Any, timeout: float | None = None) -> Any:  # noqa: ASYNC109 - asyncpg's
        """See asyncpg, which begins every transaction with this method."""
        if query.startswith(_BEGIN):
            query += self.begins_with
        return await super().execute(query, *args, timeout=timeout)


class LoopConnection(Connection):
    """A connection whose statements are short, and repeated for as long as it lasts."""

    begins_with = _setting({**LIMITS, **_BY_INDEXES})


class _Columns(PGDDLCompiler):
    """The words that make tables."""

    def get_column_specification(self, column: Column[Any], **options: Any) -> str:
        """See SQLAlchemy. Texts are compared by their code points, as everywhere else; lower() knows ASCII only."""
        made: str = super().get_column_specification(column, **options)  # type: ignore[no-untyped-call]
        return f'{made} COLLATE "C"' if isinstance(column.type, Text) else made


class Dialect(OneSpeech, PGDialect_asyncpg):
    """SQLAlchemy's dialect without what it asks on every new connection, outside any transaction, about JSON."""

    supports_statement_cache = True
    ddl_compiler = _Columns

    def initialize(self, connection: object) -> None:  # noqa: ARG002 - the server is not asked
        """See SQLAlchemy; what statements rest on is there from the oldest version on that a store is opened on."""
        self.server_version_info = (14, 0)
        self.default_schema_name = "public"
        self.default_isolation_level = "READ COMMITTED"
        self._backslash_escapes = False

    def on_connect(self) -> None:
        """See SQLAlchemy; JSON travels as text."""


registry.register("peachpie.asyncpg", __name__, Dialect.__name__)


def open_database(address: PostgresAddress, schema: str) -> Database:
    """The connections to a database, made as they are needed; tables without a schema of their own are of `schema`."""
    engine = partial(_engine, address, schema)
    writer = engine(LoopConnection, WRITERS_MAX, isolation_level="READ COMMITTED")
    return Database(
        writer,
        _read_only(engine(LoopConnection, READERS_MAX, isolation_level="REPEATABLE READ")),
        _read_only(engine(Connection, BROWSERS_MAX, isolation_level="REPEATABLE READ")),
        turn=nullcontext(),
        solitude=_SOLITUDE,
        single=writer.execution_options(isolation_level="AUTOCOMMIT"),
        tries=TRIES,
    )


def _engine(
    address: PostgresAddress, schema: str, of: type[Connection], connections_max: int, *, isolation_level: str
) -> AsyncEngine:
    # An unnamed statement is parsed with each use; a named one would be missing in the next session of a pooler.
    unnamed = {"prepared_statement_cache_size": 0, "prepared_statement_name_func": str}
    engine = create_async_engine(
        "peachpie+asyncpg://",
        async_creator=connecting(address, of),
        connect_args=unnamed if address.is_pooled else {},
        poolclass=AsyncAdaptedQueuePool,
        pool_size=connections_max,
        max_overflow=0,
        # Every transaction ends in our hands.
        pool_reset_on_return=None,
        hide_parameters=True,
        isolation_level=isolation_level,
        execution_options={"schema_translate_map": {None: schema}, **SHARED},
    )
    event.listen(engine.sync_engine, "before_cursor_execute", _with_storable_texts, retval=True)
    replace_ended(engine)
    return engine


def replace_ended(engine: AsyncEngine) -> None:
    """Have a connection made anew that the server ended while nobody used it, before anything is asked over it."""

    @event.listens_for(engine.sync_engine, "checkout")
    def _unless_ended(connection: Any, _record: object, _proxy: object) -> None:
        if connection.driver_connection.is_closed():
            raise DisconnectionError


def connecting(
    address: PostgresAddress, of: type[asyncpg.Connection] = asyncpg.Connection
) -> Callable[..., Awaitable[asyncpg.Connection]]:
    """What makes connections of a class; it raises StoreRefusedError for a pooler that the address does not name."""

    async def connect(**_: Any) -> asyncpg.Connection:
        return await _connect(address, of)

    return connect


async def _connect(address: PostgresAddress, of: type[asyncpg.Connection]) -> asyncpg.Connection:
    connection = await asyncpg.connect(**address.options(), connection_class=of)
    try:
        if not address.is_pooled and not await _is_direct(connection):
            raise StoreRefusedError(f"there is a pooler before {address}: add pgbouncer=true to DATABASE_URL's options")
    except BaseException:
        connection.terminate()
        raise
    # The driver has no word for it.
    line: socket.socket | None = connection._transport.get_extra_info("socket")
    if line is not None and line.family in (socket.AF_INET, socket.AF_INET6):
        line.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in _KEEPALIVE.items():
            if hasattr(socket, name):
                line.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    return connection


async def _is_direct(connection: asyncpg.Connection) -> bool:
    """Whether the session is the one that the connection began with; a pooler begins it with a name of its own."""
    found: str = await connection.execute(f"SELECT WHERE pg_backend_pid() = {connection.get_server_pid()}")
    return found == "SELECT 1"


def _read_only(engine: AsyncEngine) -> AsyncEngine:
    @event.listens_for(engine.sync_engine, "connect")
    def _prepare(connection: Any, _record: object) -> None:
        connection.readonly = True

    return engine


def _with_storable_texts(
    _connection: object, _cursor: object, statement: str, parameters: Any, _context: object, _many: bool
) -> tuple[str, Any]:
    """What people ask for may hold what no stored text can; then it is compared with what would have been stored."""
    if isinstance(parameters, tuple):
        parameters = tuple([storable(each) if isinstance(each, str) else each for each in parameters])
    return statement, parameters
