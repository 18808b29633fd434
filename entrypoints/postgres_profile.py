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
from adapters.sql.store import open_postgres_store
from adapters.sql.wakeup import open_postgres_parting_words, open_postgres_wakeup
from adapters.system.entropy import SystemEntropy
from application.scheduling.ports.clock import Entropy
from application.scheduling.ports.outbox import Streams
from application.scheduling.ports.wakeup import Wakeup
from entrypoints.server_profile import ServerProfile
from entrypoints.stores import MovableStores

Callback = Callable[[], None]


@dataclass(frozen=True, slots=True)
class PostgresProfile(ServerProfile):
    """`Profile` of one PostgreSQL, or of the primary among several; `redis_url`: for streams, and for hints."""

    redis_url: str | None = field(default=None, repr=False, kw_only=True)

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
        """See the protocol."""
        me = SystemEntropy().token()
        if self.redis_url is None:
            return open_postgres_parting_words(address_of(self.url), me)
        return open_parting_words(redis_address_of(self.redis_url), me)

    def open_streams(self) -> AbstractAsyncContextManager[Streams | None]:
        """See the protocol."""
        return nullcontext() if self.redis_url is None else open_redis_streams(redis_address_of(self.redis_url))

    def _read_addresses(self) -> None:
        address_of(self.url)
        if self.redis_url is not None:
            redis_address_of(self.redis_url)

    def _opened(self, entropy: Entropy | None, *, for_transfer: bool) -> AbstractAsyncContextManager[MovableStores]:
        return open_postgres_store(address_of(self.url), entropy, listener=self.clock, for_transfer=for_transfer)
