"""Opening the store in a Redis: refused in one line, or ready."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from adapters.redis.address import Address, InvalidAddressError, parse_address
from adapters.redis.arrival import Arrival
from adapters.redis.pool import CONNECTIONS_MAX, open_pool
from adapters.redis.server import Listener, Server
from application.scheduling.ports.clock import Clock, Entropy
from application.scheduling.ports.errors import StoreRefusedError


@dataclass(frozen=True, slots=True)
class RedisStores:
    """The ports over one server."""

    server: Server
    arrival: Arrival


def check_redis_store(url: str) -> None:
    """Raise StoreRefusedError if this is no address of a Redis; nothing is connected for that."""
    _address(url)


@asynccontextmanager
async def open_redis_store(
    url: str,
    entropy: Entropy,
    *,
    clock: Clock | None = None,
    listener: Listener | None = None,
    connections_max: int = CONNECTIONS_MAX,
) -> AsyncIterator[RedisStores]:
    """The store in the Redis at `url`, made if the database holds none; its connections are closed with the context.

    Raises StoreRefusedError for what must be mended first (arrival.py), StoreUnavailableError for what may pass.
    `clock` is the store's own clock in tests; `listener` learns what the store's clock is.
    """
    address = _address(url)
    arrival = Arrival(str(address), entropy.identifier(), listener)
    pool = open_pool(address, arrival, connections_max)
    server = Server(pool, clock, listener)
    try:
        await server.command("PING")
        yield _stores(server, arrival)
    finally:
        await pool.aclose()


def _stores(server: Server, arrival: Arrival) -> RedisStores:
    return RedisStores(
        server,
        arrival,
    )


def _address(url: str) -> Address:
    try:
        return parse_address(url)
    except InvalidAddressError as error:
        raise StoreRefusedError(f"REDIS_URL {error}") from None
