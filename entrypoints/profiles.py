"""The profiles: where tasks are kept, chosen by the settings, and what follows from that for who serves them.

The embedded profile is one file and one service, which holds a lock on it: so it knows at its start that no claim has
a living holder, and it wakes its workers over pipes. A store on a server is shared by any number of processes: nobody
may conclude anything from being there, the time is the server's, and wake-ups go through it.
"""

import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from adapters.redis.opening import address_of
from adapters.redis.pool import open_users_client
from adapters.sql.content.layout import read_layout
from adapters.sql.content.postgres import open_postgres_content, open_postgres_sessions
from adapters.sql.content.sqlite import open_sqlite_content, open_sqlite_sessions
from adapters.sql.postgres_address import address_of as postgres_address_of
from adapters.sql.store import check_sqlite_store, open_sqlite_store
from adapters.system.clock import SystemClock
from adapters.system.entropy import SystemEntropy
from adapters.system.file_lock import FileLock
from application.fediverse.ports.content import ContentPorts
from application.scheduling.ports.clock import Clock
from application.scheduling.ports.errors import StoreRefusedError
from application.scheduling.ports.outbox import Streams
from application.scheduling.ports.wakeup import Wakeup
from entrypoints.handlers import Build
from entrypoints.hints import Hints
from entrypoints.postgres_profile import PostgresProfile
from entrypoints.redis_profile import RedisProfile
from entrypoints.settings import (
    POSTGRES_PREFIXES,
    REDIS_PREFIXES,
    SQLITE_PREFIXES,
    InvalidSettingsError,
    Settings,
    without_password,
)
from entrypoints.stores import Lock, MovableStores, Stores

Callback = Callable[[], None]
Sessions = async_sessionmaker[AsyncSession]


class Profile(Protocol):
    """One store, closed; `where` names it as people may see it, and `clock` tells the time that it decides by."""

    @property
    def where(self) -> str: ...
    @property
    def clock(self) -> Clock: ...

    def lock(self) -> Lock | None:
        """The right to serve the store alone; None: any number of processes may."""

    def check(self) -> None:
        """Raise StoreRefusedError if the store can't be where it is to be, InvalidSettingsError if that is nowhere.

        Nothing is made or connected for that.
        """

    def open_store(self) -> AbstractAsyncContextManager[Stores]:
        """The store, made or migrated. Raises StoreRefusedError or StoreUnavailableError.

        Every call opens connections of its own, for the event loop that it is made in.
        """

    def open_begun_store(self) -> AbstractAsyncContextManager[Stores]:
        """The store, which is refused if no service has made it yet: what it answered would be true of nothing."""

    def open_for_transfer(self, *, begun: bool) -> AbstractAsyncContextManager[MovableStores]:
        """The store, also if it is being moved; with `begun`, it is refused if no service has made it yet."""

    def open_wakeup(self, on_scheduler: Callback, on_workers: Callback) -> AbstractAsyncContextManager[Wakeup]:
        """What wakes the others; the callbacks are how they wake this process, in its event loop."""

    def open_parting_words(self) -> AbstractAsyncContextManager[Wakeup]:
        """What wakes the others when the context ends: a command's, which nobody wakes."""

    def open_streams(self) -> AbstractAsyncContextManager[Streams | None]:
        """Where what is in the store's outbox goes; None: there is no such place, or the store has the streams."""


@dataclass(frozen=True, slots=True)
class EmbeddedProfile:
    """`Profile` of one SQLite file."""

    path: Path
    clock: Clock = field(default_factory=SystemClock)

    @property
    def where(self) -> str:
        """See the protocol."""
        return str(self.path)

    def lock(self) -> FileLock:
        """See the protocol."""
        return FileLock(self.path.with_name(self.path.name + ".lock"))

    def check(self) -> None:
        """See the protocol."""
        check_sqlite_store(self.path)

    def open_store(self) -> AbstractAsyncContextManager[Stores]:
        """See the protocol."""
        return open_sqlite_store(self.path, self.clock, SystemEntropy())

    def open_begun_store(self) -> AbstractAsyncContextManager[Stores]:
        """See the protocol."""
        self._check_begun()
        return self.open_store()

    def open_for_transfer(self, *, begun: bool) -> AbstractAsyncContextManager[MovableStores]:
        """See the protocol."""
        if begun:
            self._check_begun()
        return open_sqlite_store(self.path, self.clock, SystemEntropy(), for_transfer=True)

    def _check_begun(self) -> None:
        if not self.path.exists():
            raise StoreRefusedError(
                f"there is no store at {self.path}: start the service first, run this in its"
                " folder, or set SCHEDULER_STORE_PATH"
            )

    @asynccontextmanager
    async def open_wakeup(self, on_scheduler: Callback, on_workers: Callback) -> AsyncIterator[Wakeup]:
        """See the protocol. Everybody there is to wake is this process, or a child at its pipe."""
        yield Hints(on_scheduler, on_workers)

    def open_parting_words(self) -> AbstractAsyncContextManager[Wakeup]:
        """See the protocol. The service hears nothing of what others do in its file; it looks by itself."""
        return nullcontext(Hints())

    def open_streams(self) -> AbstractAsyncContextManager[None]:
        """See the protocol."""
        return nullcontext()


def profile_of(settings: Settings) -> Profile:
    """The profile that the settings choose."""
    if settings.store == "redis":
        assert settings.redis_url is not None, "the settings are checked whole"
        return RedisProfile(settings.redis_url)
    if settings.store == "postgres":
        assert settings.postgres_url is not None, "the settings are checked whole"
        return PostgresProfile(settings.postgres_url, redis_url=settings.redis_url)
    return EmbeddedProfile(settings.scheduler_store_path)


def profile_at(url: str) -> Profile:
    """The profile of the store at a URL; raises InvalidSettingsError for what is none. Nothing is connected."""
    for prefix in SQLITE_PREFIXES:
        if url.startswith(prefix) and url != prefix:
            return EmbeddedProfile(Path(os.path.realpath(url.removeprefix(prefix))))
    if url.startswith(REDIS_PREFIXES):
        return RedisProfile(url)
    if url.startswith(POSTGRES_PREFIXES):
        return PostgresProfile(url)
    known = ", ".join(f"{each}…" for each in (SQLITE_PREFIXES[0], *REDIS_PREFIXES, *POSTGRES_PREFIXES))
    raise InvalidSettingsError((f"{without_password(url)} is no store: {known}",))


def open_content(settings: Settings) -> AbstractAsyncContextManager[ContentPorts]:
    """The content database, migrated. Raises StoreRefusedError for what must be mended first.

    Raises InvalidSettingsError for a mistake in the file that says what its tables are called, before it is connected.
    """
    try:
        layout = read_layout(settings.scheduler_content_schema)
    except StoreRefusedError as error:
        raise InvalidSettingsError((f"SCHEDULER_CONTENT_SCHEMA: {error}",)) from error
    if settings.postgres_url is not None:
        return open_postgres_content(postgres_address_of(settings.postgres_url), layout)
    return open_sqlite_content(settings.content_file, layout)


@asynccontextmanager
async def open_users_tools(settings: Settings) -> AsyncIterator[Build | None]:
    """What makes processors in class form: of a client for the Redis, and of sessions on the content database.

    None without Redis. Nothing is connected before a processor asks for it. Raises StoreRefusedError for a REDIS_URL
    or a DATABASE_URL that is no address.
    """
    if settings.redis_url is None:
        yield None
        return
    async with open_users_client(address_of(settings.redis_url)) as client, _open_sessions(settings) as sessions:
        yield lambda found: found(client, sessions)


def _open_sessions(settings: Settings) -> AbstractAsyncContextManager[Sessions]:
    if settings.postgres_url is not None:
        return open_postgres_sessions(postgres_address_of(settings.postgres_url))
    return open_sqlite_sessions(settings.content_file)
