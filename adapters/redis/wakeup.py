"""Wake-ups over the server's publish/subscribe: best effort, on connections of their own, within milliseconds.

What is told within a window goes out as one message, however much it is. A connection that breaks is made again, and
whoever is back takes it that something was said meanwhile.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final

from redis.asyncio.connection import AbstractConnection
from redis.exceptions import RedisError

from adapters.redis.address import Address
from adapters.redis.keys import PREFIX
from adapters.redis.pool import open_pool
from adapters.redis.server import Server
from application.scheduling.ports.errors import PortError

WINDOW_SECONDS: Final = 0.002
AGAIN_AFTER_SECONDS: Final = 1.0
# A connection that is silent for so long is asked whether it is there, and given up after as long again.
QUIET_SECONDS: Final = 10.0
SCHEDULER: Final = b"scheduler"
WORKERS: Final = b"workers"


@dataclass(slots=True)
class RedisWakeup:
    """`Wakeup` for all processes of a store; `me` keeps this one from hearing itself.

    The callbacks are called in the event loop: at once for what this process says, and for what it hears.
    """

    server: Server
    channel: str
    me: bytes
    on_scheduler: Callable[[], None]
    on_workers: Callable[[], None]
    _said: set[bytes] = field(default_factory=set)
    _something: asyncio.Event = field(default_factory=asyncio.Event)

    def scheduler(self) -> None:
        """See the port."""
        self.on_scheduler()
        self._say(SCHEDULER)

    def workers(self) -> None:
        """See the port."""
        self.on_workers()
        self._say(WORKERS)

    def changed(self, task_ids: Iterable[str]) -> None:
        """See the port. Nobody listens: live pages follow the journal, which loses nothing."""

    async def speak(self) -> None:
        """Tell the others what was said, for ever; what the server does not take is lost."""
        while True:
            await self._something.wait()
            await asyncio.sleep(WINDOW_SECONDS)
            self._something.clear()
            try:
                await self.tell()
            except PortError:
                await asyncio.sleep(AGAIN_AFTER_SECONDS)

    async def tell(self) -> None:
        """Tell the others what was said since they were told last, if anything was. Raises PortError: it is lost."""
        if self._said:
            words = b" ".join((self.me, *sorted(self._said)))
            self._said.clear()
            await self.server.command("PUBLISH", self.channel, words)

    async def listen(self) -> None:
        """Pass on what the others say, for ever."""
        while True:
            connection = self.server.pool.make_connection()  # type: ignore[no-untyped-call]
            try:
                await self._hear_out(connection)
            except (RedisError, OSError):
                await asyncio.sleep(AGAIN_AFTER_SECONDS)
            finally:
                await connection.disconnect(nowait=True)

    async def _hear_out(self, connection: AbstractConnection) -> None:
        """Subscribe and pass on, until the connection breaks or does not answer any more."""
        async with asyncio.timeout(QUIET_SECONDS):
            await connection.connect()  # type: ignore[no-untyped-call]
            await connection.send_command("SUBSCRIBE", self.channel)
        is_asked = False
        while True:
            heard = await connection.read_response(timeout=QUIET_SECONDS)
            if heard is not None:
                is_asked = False
                self._hear(heard)
            elif is_asked:
                return
            else:
                is_asked = True
                await connection.send_command("PING")

    def _hear(self, heard: Any) -> None:
        match heard:
            case [b"subscribe", *_]:
                words = {SCHEDULER, WORKERS}
            case [b"message", _, bytes(text)] if not text.startswith(self.me):
                words = set(text.split()[1:])
            case _:
                return
        if SCHEDULER in words:
            self.on_scheduler()
        if WORKERS in words:
            self.on_workers()

    def _say(self, word: bytes) -> None:
        self._said.add(word)
        self._something.set()


@asynccontextmanager
async def open_redis_wakeup(
    address: Address, me: str, *, on_scheduler: Callable[[], None], on_workers: Callable[[], None]
) -> AsyncIterator[RedisWakeup]:
    """Wake-ups for as long as the context lasts; a server that is not there is waited for."""
    wakeup = _wakeup_at(address, me, on_scheduler, on_workers)
    try:
        async with asyncio.TaskGroup() as group:
            lives = group.create_task(wakeup.speak()), group.create_task(wakeup.listen())
            try:
                yield wakeup
            finally:
                for each in lives:
                    each.cancel()
    finally:
        await wakeup.server.pool.aclose()


@asynccontextmanager
async def open_parting_words(address: Address, me: str) -> AsyncIterator[RedisWakeup]:
    """Wake-ups by a command, which hears none: what it said is told once, when the context ends."""
    wakeup = _wakeup_at(address, me, _unheard, _unheard)
    try:
        yield wakeup
    finally:
        with suppress(PortError):
            await wakeup.tell()
        await wakeup.server.pool.aclose()


def _wakeup_at(
    address: Address, me: str, on_scheduler: Callable[[], None], on_workers: Callable[[], None]
) -> RedisWakeup:
    # Channels know no databases, of which each has a store of its own.
    channel = f"{PREFIX}wakeup:{address.database}"
    server = Server(open_pool(address, connections_max=1))
    return RedisWakeup(server, channel, me.encode(), on_scheduler, on_workers)


def _unheard() -> None:
    """Nobody in this process waits to be woken."""
