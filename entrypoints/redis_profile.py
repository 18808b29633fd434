"""The profile whose tasks are in a Redis: any number of processes share it, and wake each other through it."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass

from adapters.redis.opening import address_of, open_redis_store
from adapters.redis.wakeup import open_parting_words, open_redis_wakeup
from adapters.system.entropy import SystemEntropy
from application.scheduling.ports.clock import Entropy
from application.scheduling.ports.wakeup import Wakeup
from entrypoints.server_profile import ServerProfile
from entrypoints.stores import MovableStores

Callback = Callable[[], None]


@dataclass(frozen=True, slots=True)
class RedisProfile(ServerProfile):
    """`Profile` of one Redis, or of the primary that its Sentinels name."""

    def open_wakeup(self, on_scheduler: Callback, on_workers: Callback) -> AbstractAsyncContextManager[Wakeup]:
        """See the protocol."""
        me = SystemEntropy().token()
        return open_redis_wakeup(address_of(self.url), me, on_scheduler=on_scheduler, on_workers=on_workers)

    def open_parting_words(self) -> AbstractAsyncContextManager[Wakeup]:
        """See the protocol."""
        return open_parting_words(address_of(self.url), SystemEntropy().token())

    def open_streams(self) -> AbstractAsyncContextManager[None]:
        """See the protocol."""
        return nullcontext()

    def _read_addresses(self) -> None:
        address_of(self.url)

    def _opened(self, entropy: Entropy | None, *, for_transfer: bool) -> AbstractAsyncContextManager[MovableStores]:
        return open_redis_store(address_of(self.url), entropy, listener=self.clock, for_transfer=for_transfer)
