"""Transactions on a database: one writer at a time, readers beside it, each with a limit on its time.

A cancelled or timed out call leaves nothing half done: the driver carries out one command after the other, and
SQLAlchemy discards a connection whose command was interrupted, which rolls its transaction back. So a call is either
carried out whole, if its COMMIT was already under way, or not at all.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from adapters.sql.errors import store_errors
from application.scheduling.ports.errors import StoreUnavailableError

# Longer than the busy timeout, so that "locked" is heard as such; shorter than a quarter of a claim's life.
CALL_TIMEOUT = timedelta(seconds=7)
# A connection that does not even close in time is abandoned to its thread.
DISCARD_TIMEOUT = timedelta(seconds=2)


@dataclass(slots=True)
class Database:
    """One database as one process uses it. Whoever opened it closes it with `close`.

    What the loops read has connections apart from what people browse, who may be many and search for long.
    """

    writer: AsyncEngine
    reader: AsyncEngine
    browser: AsyncEngine
    timeout: timedelta = CALL_TIMEOUT
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    is_closed: bool = False

    @asynccontextmanager
    async def writing(self, doing: str) -> AsyncIterator[AsyncConnection]:
        """A transaction that holds the write lock from its beginning and commits at the end of the block.

        Raises StoreUnavailableError, StoreRefusedError; the block's own errors roll it back.
        """
        with store_errors(doing):
            async with self._limited(doing), self.turn, self.writer.begin() as connection:
                yield connection

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

    @asynccontextmanager
    async def _limited(self, doing: str) -> AsyncIterator[None]:
        if self.is_closed:
            raise StoreUnavailableError(f"{doing}: the store is closed")
        # The inner limit ends the call; the outer one ends the closing of its connection, should that hang as well.
        seconds = self.timeout.total_seconds()
        async with asyncio.timeout(seconds + DISCARD_TIMEOUT.total_seconds()), asyncio.timeout(seconds):
            yield
