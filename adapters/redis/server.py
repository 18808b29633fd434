"""The connection to the server: calling scripts, within a time limit, on connections that are never left dirty."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from weakref import WeakKeyDictionary

import msgpack
from redis.asyncio import ConnectionPool
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import NoScriptError

from adapters.redis.codec import request_of
from adapters.redis.errors import store_errors
from adapters.redis.script import Script
from application.scheduling.ports.clock import Clock, Listener
from application.scheduling.ports.errors import StoreUnavailableError
from domain.scheduling.identifiers import instant_of, microseconds

ANSWER_WITHIN = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Reply:
    """What a script answered, the store's clock at that moment, and which store this was.

    The generation moves whenever another server, or the same one after a restart, has taken the store over.
    `readings` are records as they are stored, in the order in which the script came upon them.
    """

    now: datetime
    generation: int
    answer: Any
    readings: Sequence[bytes] = ()


@dataclass(slots=True)
class Server:
    """One Redis, through a pool of connections. `clock` is the store's clock in tests; None: the server has its own."""

    pool: ConnectionPool
    clock: Clock | None = None
    listener: Listener | None = None
    answer_within: timedelta = ANSWER_WITHIN
    # The newest generation that any reply has told.
    generation: int = field(default=0, init=False)
    # Connections between two calls. The pool, which takes longer over each than the driver over a call, counts them as
    # in use and closes them in the end.
    resting: list[AbstractConnection] = field(default_factory=list, init=False)
    _waiting: int = field(default=0, init=False)
    # How often the store was seen to be gone, and how often that was when a connection met it last.
    _losses: int = field(default=0, init=False)
    _met: WeakKeyDictionary[AbstractConnection, int] = field(default_factory=WeakKeyDictionary, init=False)

    async def call(self, script: Script, request: object = None, *, generation: int | None = None) -> Reply:
        """Run a script; with `generation`, it answers None if the store is not of that generation any more.

        Raises StoreUnavailableError: the script ran whole or not at all, and nobody knows which.
        """
        at = b"" if self.clock is None else b"%d" % microseconds(self.clock.now())
        arguments = (at, b"" if generation is None else b"%d" % generation, request_of(request))
        async with self.connection(script.name) as connection:
            sent = self.listener.uptime() if self.listener else 0.0
            raw = await answer_of(connection, script, *arguments)
        header, *readings = raw if isinstance(raw, list) else (raw,)
        # A name that somebody spoilt by hand must not keep the others from being told.
        now, self.generation, answer = msgpack.unpackb(header, strict_map_key=False, unicode_errors="replace")
        if self.listener:
            self.listener.heard(instant_of(now), sent=sent, received=self.listener.uptime())
        if not self.generation:
            self._losses += 1
            why = "the server was emptied (restore the store from a backup), or the store is being moved"
            raise StoreUnavailableError(f"{script.name}: {why}")
        return Reply(instant_of(now), self.generation, answer, readings)

    async def command(self, *words: Any) -> Any:
        """Run one command and return the driver's answer, bytes as they are."""
        async with self.connection(str(words[0])) as connection:
            await connection.send_command(*words)
            return await connection.read_response()

    @asynccontextmanager
    async def connection(self, doing: str) -> AsyncIterator[AbstractConnection]:
        """A connection for one request and its answer.

        Whatever goes wrong between the two, cancellation included, it is closed and not put back: the next one to use
        it would read the answer that was not waited for (CVE-2023-28858).
        """
        with store_errors(doing):
            async with asyncio.timeout(self.answer_within.total_seconds()):
                connection = await self._taken()
                is_clean = False
                try:
                    await self._meet_again(connection)
                    yield connection
                    is_clean = True
                finally:
                    if not is_clean:
                        await connection.disconnect(nowait=True)
                    if is_clean and not self._waiting:
                        self.resting.append(connection)
                    else:
                        await self.pool.release(connection)

    async def _taken(self) -> AbstractConnection:
        while self.resting:
            connection = self.resting.pop()
            # One that was closed, or on which something was said unasked, is for the pool to mend.
            if connection.is_connected and not await connection.can_read():
                return connection
            await self.pool.release(connection)
        self._waiting += 1
        try:
            found: AbstractConnection = await self.pool.get_connection()  # type: ignore[no-untyped-call]
            return found
        finally:
            self._waiting -= 1

    async def _meet_again(self, connection: AbstractConnection) -> None:
        """Make a connection anew that is older than the loss of the store: another one may have been begun since."""
        if self._met.setdefault(connection, self._losses) != self._losses:
            await connection.disconnect(nowait=True)
            await connection.connect()  # type: ignore[no-untyped-call]
            self._met[connection] = self._losses


async def answer_of(connection: AbstractConnection, script: Script, *arguments: bytes) -> Any:
    """What the script says to these ARGUMENTS arguments, as the driver has it."""
    try:
        return await _answer(connection, script.called(*arguments))
    except NoScriptError:
        # After a restart, a fail-over or SCRIPT FLUSH; it did not run.
        return await _answer(connection, script.called(*arguments, in_full=True))


async def _answer(connection: AbstractConnection, sent: bytes) -> Any:
    await connection.send_packed_command(sent)
    return await connection.read_response()
