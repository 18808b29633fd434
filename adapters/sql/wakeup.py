"""Wake-ups over PostgreSQL's NOTIFY: best effort, on a connection of their own, within milliseconds.

NOTIFY makes the commits of its database wait for each other, so it stands in no transaction of the store's and goes
out at most once in `WINDOW`, however much was said. A connection that breaks is made again, and whoever is back takes
it that something was said meanwhile. Behind a pooler that lends sessions for a transaction, nothing is heard:
that is found out and said once, and everything goes on without being woken.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final

import asyncpg

from adapters.sql.postgres_address import PostgresAddress

# What is said together within the first goes out together; then nothing does for the rest of the window.
GATHER_SECONDS: Final = 0.002
WINDOW_SECONDS: Final = 0.05
AGAIN_AFTER_SECONDS: Final = 0.5
AGAIN_AFTER_MAX_SECONDS: Final = 8.0
# A connection that is silent for so long is asked whether it is there, and given up if it does not answer in time.
QUIET_SECONDS: Final = 10.0
ANSWER_SECONDS: Final = 5.0
ECHO_SECONDS: Final = 5.0
# One for the database: it holds one store.
CHANNEL: Final = "peachpie_scheduler"
SCHEDULER: Final = "scheduler"
WORKERS: Final = "workers"
# Nobody needs to find a hint on the disk, and while one is written the other commits would wait.
NOTIFY: Final = "SET LOCAL synchronous_commit = off; NOTIFY {channel}, '{words}'"
ARE_YOU_THERE: Final = "SELECT 1"
DEAF: Final = (
    "LISTEN does not work on this connection to PostgreSQL, as behind a pooler in transaction mode: nothing wakes this"
    " process, which looks for work twice a second instead"
)
FAULTS: Final = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)


@dataclass(slots=True)
class PostgresWakeup:
    """`Wakeup` for all processes of a store; `me`, a word, keeps this one from hearing itself.

    The callbacks are called in the event loop: at once for what this process says, and for what it hears. `on_deaf`
    is told, once, if it can't hear.
    """

    address: PostgresAddress
    me: str
    on_scheduler: Callable[[], None]
    on_workers: Callable[[], None]
    on_deaf: Callable[[str], None]
    _said: set[str] = field(default_factory=set)
    _something: asyncio.Event = field(default_factory=asyncio.Event)
    _echo: asyncio.Event = field(default_factory=asyncio.Event)
    _is_known_deaf: bool = False

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

    async def converse(self) -> None:
        """Pass on what the others say and tell them what was said here, for ever; what a break loses is lost."""
        pause = AGAIN_AFTER_SECONDS
        while True:
            try:
                connection = await asyncpg.connect(**self.address.options())
                pause = AGAIN_AFTER_SECONDS
                await self._converse_over(connection)
            except FAULTS:
                await asyncio.sleep(pause)
                pause = min(2 * pause, AGAIN_AFTER_MAX_SECONDS)

    async def _converse_over(self, connection: asyncpg.Connection) -> None:
        """Listen and tell, until the connection breaks or does not answer any more."""
        try:
            # Whoever waits for words learns of the end by finding that it can't tell them.
            connection.add_termination_listener(lambda _: self._something.set())
            await self._listen(connection)
            while True:
                await self._tell(connection)
        finally:
            connection.terminate()

    async def _listen(self, connection: asyncpg.Connection) -> None:
        """Hear the channel from now on, if that can be; then wake everybody here, for whatever was said before."""
        if (self.address.is_pooled or not await self._hears_itself(connection)) and not self._is_known_deaf:
            self._is_known_deaf = True
            self.on_deaf(DEAF)
        self.on_scheduler()
        self.on_workers()

    async def _hears_itself(self, connection: asyncpg.Connection) -> bool:
        """Whether the connection hears what is told over another; by itself it would even if its session is lent."""
        self._echo.clear()
        teller = await asyncpg.connect(**self.address.options())
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await connection.add_listener(CHANNEL, self._hear)
                await teller.execute(self._words())
        finally:
            teller.terminate()
        with suppress(TimeoutError):
            async with asyncio.timeout(ECHO_SECONDS):
                await self._echo.wait()
        return self._echo.is_set()

    async def _tell(self, connection: asyncpg.Connection) -> None:
        """Tell what is said next, as long as the connection lasts."""
        with suppress(TimeoutError):
            async with asyncio.timeout(QUIET_SECONDS):
                await self._something.wait()
                await asyncio.sleep(GATHER_SECONDS)
        self._something.clear()
        await self._tell_over(connection)
        await asyncio.sleep(WINDOW_SECONDS - GATHER_SECONDS)

    async def tell(self) -> None:
        """Tell the others, over a connection made for that, what was said if anything was; what breaks it is raised."""
        if not self._said:
            return
        connection = await asyncpg.connect(**self.address.options())
        try:
            await self._tell_over(connection)
        finally:
            connection.terminate()

    async def _tell_over(self, connection: asyncpg.Connection) -> None:
        """Tell what was said; of nothing said, ask whether there is an answer."""
        said = self._words(*sorted(self._said)) if self._said else ARE_YOU_THERE
        self._said.clear()
        async with asyncio.timeout(ANSWER_SECONDS):
            await connection.execute(said)

    def _words(self, *words: str) -> str:
        return NOTIFY.format(channel=CHANNEL, words=" ".join((self.me, *words)))

    def _hear(self, _connection: Any, _pid: int, _channel: str, text: str) -> None:
        # Anybody in the database may say anything here.
        who, *words = text.split() or ("",)
        if who == self.me:
            self._echo.set()
            return
        if SCHEDULER in words:
            self.on_scheduler()
        if WORKERS in words:
            self.on_workers()

    def _say(self, word: str) -> None:
        self._said.add(word)
        self._something.set()


@asynccontextmanager
async def open_postgres_wakeup(
    address: PostgresAddress,
    me: str,
    *,
    on_scheduler: Callable[[], None],
    on_workers: Callable[[], None],
    on_deaf: Callable[[str], None],
) -> AsyncIterator[PostgresWakeup]:
    """Wake-ups for as long as the context lasts; a server that is not there is waited for."""
    wakeup = PostgresWakeup(address, me, on_scheduler, on_workers, on_deaf)
    async with asyncio.TaskGroup() as group:
        life = group.create_task(wakeup.converse())
        try:
            yield wakeup
        finally:
            life.cancel()


@asynccontextmanager
async def open_postgres_parting_words(address: PostgresAddress, me: str) -> AsyncIterator[PostgresWakeup]:
    """Wake-ups by a command, which hears none: what it said is told once, when the context ends, or is lost."""
    wakeup = PostgresWakeup(address, me, _unheard, _unheard, on_deaf=_unheard)
    try:
        yield wakeup
    finally:
        with suppress(*FAULTS):
            await wakeup.tell()


def _unheard(*_: str) -> None:
    """Nobody in this process listens, or waits to be woken."""
