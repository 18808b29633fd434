"""The profile whose tasks are in a PostgreSQL: shared by any number of processes, as that in a Redis.

A Redis beside it, if there is one, has the streams of external types, and carries the wake-ups: they cost the database
nothing then.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field

import structlog

from adapters.redis.opening import address_of as redis_address_of
from adapters.redis.streams import open_redis_streams
from adapters.redis.wakeup import open_parting_words, open_redis_wakeup
from adapters.sql.postgres_address import address_of
from adapters.sql.store import PostgresStores, open_postgres_store
from adapters.sql.wakeup import open_postgres_wakeup
from adapters.system.entropy import SystemEntropy
from adapters.system.store_clock import StoreClock
from application.scheduling.ports.errors import StoreRefusedError
from application.scheduling.ports.outbox import Streams
from application.scheduling.ports.term import Terms
from application.scheduling.ports.wakeup import Wakeup
from entrypoints.hints import Hints
from entrypoints.loop import Work
from entrypoints.settings import InvalidSettingsError, without_password
from entrypoints.stores import MovableStores, Stores

Callback = Callable[[], None]


@dataclass(frozen=True, slots=True)
class PostgresProfile:
    """`Profile` of one PostgreSQL, or of the primary among several; `redis_url`: for streams, and for hints."""

    url: str = field(repr=False)
    redis_url: str | None = field(default=None, repr=False)
    clock: StoreClock = field(default_factory=StoreClock)

    @property
    def where(self) -> str:
        """See the protocol."""
        return without_password(self.url)

    def lock(self) -> None:
        """See the protocol."""

    def check(self) -> None:
        """See the protocol."""
        try:
            address_of(self.url)
            if self.redis_url is not None:
                redis_address_of(self.redis_url)
        except StoreRefusedError as error:
            raise InvalidSettingsError((str(error),)) from None

    def weakness(self, stores: Stores) -> str | None:
        """See the protocol."""
        assert isinstance(stores, PostgresStores)
        return stores.arrival.durability

    def watch(self, stores: Stores) -> Work:
        """See the protocol."""
        assert isinstance(stores, PostgresStores)
        return stores.look_again

    def terms(self, stores: Stores) -> Terms:
        """See the protocol."""
        assert isinstance(stores, PostgresStores)
        return stores.terms

    def open_store(self) -> AbstractAsyncContextManager[Stores]:
        """See the protocol."""
        return open_postgres_store(address_of(self.url), SystemEntropy(), listener=self.clock)

    def open_begun_store(self) -> AbstractAsyncContextManager[Stores]:
        """See the protocol."""
        return open_postgres_store(address_of(self.url), None, listener=self.clock)

    def open_for_transfer(self, *, begun: bool) -> AbstractAsyncContextManager[MovableStores]:
        """See the protocol."""
        entropy = None if begun else SystemEntropy()
        return open_postgres_store(address_of(self.url), entropy, listener=self.clock, for_transfer=True)

    def open_wakeup(self, on_scheduler: Callback, on_workers: Callback) -> AbstractAsyncContextManager[Wakeup]:
        """See the protocol."""
        me = SystemEntropy().token()
        if self.redis_url is not None:
            address = redis_address_of(self.redis_url)
            return open_redis_wakeup(address, me, on_scheduler=on_scheduler, on_workers=on_workers)
        return open_postgres_wakeup(
            address_of(self.url),
            me,
            on_scheduler=on_scheduler,
            on_workers=on_workers,
            on_deaf=structlog.get_logger().warning,
        )

    def open_parting_words(self) -> AbstractAsyncContextManager[Wakeup]:
        """See the protocol. Without a Redis nobody is woken: the service looks by itself, twice a second."""
        if self.redis_url is None:
            return nullcontext(Hints())
        return open_parting_words(redis_address_of(self.redis_url), SystemEntropy().token())

    def open_streams(self) -> AbstractAsyncContextManager[Streams | None]:
        """See the protocol."""
        return nullcontext() if self.redis_url is None else open_redis_streams(redis_address_of(self.redis_url))
