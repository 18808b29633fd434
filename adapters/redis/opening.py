"""Opening the store in a Redis: refused in one line, or ready."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from adapters.redis.access import RedisAccess
from adapters.redis.address import Address, InvalidAddressError, parse_address
from adapters.redis.arrival import Arrival
from adapters.redis.execution_store import RedisExecutionStore
from adapters.redis.figures import RedisFigures
from adapters.redis.history import RedisHistory
from adapters.redis.hold import RedisHolds
from adapters.redis.membership import RedisMembership
from adapters.redis.news import RedisNews
from adapters.redis.pool import open_pool
from adapters.redis.server import Server
from adapters.redis.task_lists import TaskLists
from adapters.redis.task_store import RedisTaskStore
from adapters.redis.terms import RedisTerms
from adapters.redis.trail import RedisTrail
from adapters.redis.transfer import RedisTransfer
from application.scheduling.ports.clock import Clock, Entropy, Listener
from application.scheduling.ports.errors import StoreRefusedError


@dataclass(frozen=True, slots=True)
class RedisStores:
    """The ports over one server."""

    server: Server
    arrival: Arrival
    tasks: RedisTaskStore
    executions: RedisExecutionStore
    history: RedisHistory
    membership: RedisMembership
    access: RedisAccess
    figures: RedisFigures
    news: RedisNews
    trail: RedisTrail
    holds: RedisHolds
    terms: RedisTerms
    transfer: RedisTransfer

    def fault(self) -> str | None:
        """See entrypoints/stores."""
        return self.arrival.fault

    def weakness(self) -> str | None:
        """See entrypoints/stores."""
        return self.arrival.durability

    def watch(self) -> Callable[[], Awaitable[None]]:
        """See entrypoints/stores."""
        return self.look_again

    def outbox(self) -> None:
        """See entrypoints/stores. What is delivered is in its stream with the step that records it."""

    async def look_again(self) -> None:
        """See whether the server is still fit to hold a store. Raises StoreUnavailableError, and says what is wrong."""
        await self.arrival.look_again(self.server)


def address_of(url: str) -> Address:
    """Where the Redis of a REDIS_URL is. Raises StoreRefusedError if this is none; nothing is connected for that."""
    try:
        return parse_address(url)
    except InvalidAddressError as error:
        raise StoreRefusedError(f"REDIS_URL {error}") from None


@asynccontextmanager
async def open_redis_store(
    address: Address,
    entropy: Entropy | None,
    *,
    clock: Clock | None = None,
    listener: Listener | None = None,
    for_transfer: bool = False,
) -> AsyncIterator[RedisStores]:
    """The store in a Redis; its connections are closed with the context.

    Raises StoreRefusedError for what must be mended first (arrival.py), StoreUnavailableError for what may pass.
    `entropy` names a store that is new; None: none is begun, but refused. `clock` is the store's clock in tests;
    `listener` learns what that is. A store that is being moved is refused unless that is what it is opened for.
    """
    arrival = Arrival(str(address), None if entropy is None else entropy.identifier(), listener, for_transfer)
    pool = open_pool(address, arrival)
    server = Server(pool, clock, listener)
    try:
        over = "" if address.tls is None else " over TLS"
        async with server.connection(f"open {address}{over}"):
            pass  # Connecting is where it is refused.
        yield _stores(server, arrival)
    finally:
        await pool.aclose()


def _stores(server: Server, arrival: Arrival) -> RedisStores:
    lists = TaskLists(server)
    return RedisStores(
        server,
        arrival,
        RedisTaskStore(server),
        RedisExecutionStore(server),
        RedisHistory(server, lists),
        RedisMembership(server),
        RedisAccess(server),
        RedisFigures(server, lists),
        RedisNews(server),
        RedisTrail(server),
        RedisHolds(server),
        RedisTerms(server),
        RedisTransfer(server),
    )
