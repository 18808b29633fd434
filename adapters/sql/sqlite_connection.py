"""aiosqlite's connection, mended: one that is discarded lets go of its locks, and ends even if discarded twice.

A call that is cancelled leaves its statement running in the connection's thread, and SQLAlchemy closes the connection
in a task of its own. If that closing is cut short as well, by a second cancellation or a limit, the thread is told to
stop; and then aiosqlite 0.22's `close` asks the thread that has stopped to stop again, and waits for it for ever, which
keeps the event loop from ending.
"""

import asyncio
import sqlite3
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any, Self

import aiosqlite

BEGIN_WRITING = "BEGIN IMMEDIATE"
WRITER_PATIENCE_SECONDS = 5.0
_TRY_AGAIN_SECONDS = 0.001
# Rows fetched at once by the driver's own iteration, which nothing here uses.
_CHUNK = 64


class _TakingTurns(sqlite3.Cursor):
    """A cursor that asks for the write lock every millisecond.

    SQLite's own waiting sleeps longer and longer, up to 100 ms at a time, so that of two busy processes one may find
    the lock taken again and again (measured: claims 335 ms late at the 99th percentile, 47 ms this way).
    """

    def execute(self, sql: str, parameters: Any = (), /) -> Self:
        if sql != BEGIN_WRITING:
            return super().execute(sql, parameters)
        give_up_at = time.monotonic() + WRITER_PATIENCE_SECONDS
        while True:
            try:
                return super().execute(sql)
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() >= give_up_at:
                    raise
            # This is the connection's own thread: nobody else waits for it.
            time.sleep(_TRY_AGAIN_SECONDS)  # noqa: TID251


class _RollingBack(sqlite3.Connection):
    """A connection that lets go of its locks when it is closed, not when its last cursor is collected.

    SQLite keeps a closed connection half alive while a statement of it is not finalized
    (https://sqlite.org/c3ref/close.html), and a cancelled call may leave a cursor to the garbage collector.
    """

    def cursor(self, factory: Any = _TakingTurns) -> Any:
        return super().cursor(factory)

    def close(self) -> None:
        if self.in_transaction:
            self.rollback()
        super().close()


class Connection(aiosqlite.Connection):
    """A connection whose thread is told to stop once."""

    def __init__(self, connector: Callable[[], sqlite3.Connection]) -> None:
        super().__init__(connector, _CHUNK)
        self._is_stopping = False
        # A statement that hangs on its disk must not keep the process from ending.
        self._thread.daemon = True

    def stop(self) -> asyncio.Future[None] | None:
        """Stop the thread, and what it has in hand; None if it was told before, so there is nothing to wait for."""
        if self._is_stopping:
            return None
        self._is_stopping = True
        if self._connection is not None:
            # Nobody waits for the statement any more. A COMMIT is carried out or undone, but never half.
            self._connection.interrupt()
        return super().stop()


def connections_to(
    path: Path, *, busy_timeout_seconds: float, begin_with_writes: bool = False
) -> Callable[[], Awaitable[aiosqlite.Connection]]:
    """What makes connections to a file; they begin transactions by themselves only if asked, with a first write."""
    # The thread that asks is not the thread that works; aiosqlite sees to it that only the latter does.
    connect = partial(
        sqlite3.connect,
        path,
        timeout=busy_timeout_seconds,
        isolation_level="IMMEDIATE" if begin_with_writes else None,
        check_same_thread=False,
        factory=_RollingBack,
    )

    async def make() -> aiosqlite.Connection:
        return await Connection(connect)

    return make
