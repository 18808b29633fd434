"""Transactions on a database, each with a limit on its time; readers never wait for a writer.

A cancelled or timed out call leaves nothing half done: the driver carries out one command after the other, and
SQLAlchemy discards a connection whose command was interrupted, which rolls its transaction back. So a call is either
carried out whole, if its COMMIT was already under way, or not at all.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from adapters.sql.errors import ContendedError, RowTakenError, store_errors
from application.scheduling.ports.errors import StoreUnavailableError

# Longer than the busy timeout, so that "locked" is heard as such; shorter than a quarter of a claim's life.
CALL_TIMEOUT = timedelta(seconds=7)
# A connection that does not even close in time is abandoned to its thread.
DISCARD_TIMEOUT = timedelta(seconds=2)

Answer = TypeVar("Answer")


@dataclass(slots=True)
class Database:
    """One database as one process uses it. Whoever opened it closes it with `close`.

    What the loops read has connections apart from what people browse, who may be many and search for long. `turn` is
    what writers of this process pass one by one where the database has one writer; `solitude` is the statement that
    makes a transaction the only one of its kind where it has many; `tries` is how often a step is begun that others'
    steps came in between. `single` are the writer's connections without transactions, where a statement is one.
    """

    writer: AsyncEngine
    reader: AsyncEngine
    browser: AsyncEngine
    timeout: timedelta = CALL_TIMEOUT
    turn: AbstractAsyncContextManager[Any] = field(default_factory=asyncio.Lock)
    solitude: str | None = None
    single: AsyncEngine | None = None
    tries: int = 1
    is_closed: bool = False

    @property
    def has_one_writer(self) -> bool:
        """True if every transaction that writes keeps all others waiting."""
        return self.solitude is None

    @asynccontextmanager
    async def writing(self, doing: str) -> AsyncIterator[AsyncConnection]:
        """A transaction that commits at the end of the block; where there is one writer, it is that one from the start.

        Raises StoreUnavailableError, StoreRefusedError; the block's own errors roll it back.
        """
        with store_errors(doing):
            async with self._limited(doing), self.turn, self.writer.begin() as connection:
                yield connection

    @asynccontextmanager
    async def writing_at_once(self, doing: str) -> AsyncIterator[AsyncConnection]:
        """Like `writing`, for a block of one statement where there are many writers: it is a transaction by itself.

        So two trips of three are saved. It has no limits but that of the call: it holds nothing for anybody's sake.
        """
        if self.single is None:
            async with self.writing(doing) as connection:
                yield connection
            return
        with store_errors(doing):
            async with self._limited(doing), self.single.connect() as connection:
                yield connection

    @asynccontextmanager
    async def writing_alone(self, doing: str) -> AsyncIterator[AsyncConnection]:
        """A transaction like that of `writing`, beside which there is no other of these: what it reads stays so."""
        async with self.writing(doing) as connection:
            if self.solitude is not None:
                await connection.execute(text(self.solitude))
            yield connection

    async def carry_out(self, doing: str, step: Callable[[AsyncConnection], Awaitable[Answer]]) -> Answer:
        """A step in a transaction of `writing`, begun again, `tries` times at most, if another's came in between."""
        with store_errors(doing):
            async with self._limited(doing):
                for _ in range(self.tries - 1):
                    try:
                        return await self._once(doing, step)
                    except (ContendedError, RowTakenError):
                        continue
                return await self._once(doing, step)

    @asynccontextmanager
    async def reading(self, doing: str) -> AsyncIterator[AsyncConnection]:
        """A snapshot: every statement of the block sees the same committed state. Never waits for a writer."""
        with store_errors(doing):
            async with self._limited(doing), self.reader.begin() as connection:
                yield connection

    @asynccontextmanager
    async def browsing(self, doing: str) -> AsyncIterator[AsyncConnection]:
        """A snapshot like that of `reading`, which may take its time: it keeps nothing waiting but its like."""
        with store_errors(doing):
            async with self._limited(doing), self.browser.begin() as connection:
                yield connection

    async def close(self) -> None:
        """Close every connection; afterwards every call raises StoreUnavailableError."""
        self.is_closed = True
        with store_errors("close"):
            async with asyncio.timeout(self.timeout.total_seconds()):
                await self.browser.dispose()
                await self.reader.dispose()
                await self.writer.dispose()

    async def _once(self, doing: str, step: Callable[[AsyncConnection], Awaitable[Answer]]) -> Answer:
        async with self.writing(doing) as connection:
            return await step(connection)

    @asynccontextmanager
    async def _limited(self, doing: str) -> AsyncIterator[None]:
        if self.is_closed:
            raise StoreUnavailableError(f"{doing}: the store is closed")
        # The inner limit ends the call; the outer one ends the closing of its connection, should that hang as well.
        seconds = self.timeout.total_seconds()
        async with asyncio.timeout(seconds + DISCARD_TIMEOUT.total_seconds()), asyncio.timeout(seconds):
            yield
