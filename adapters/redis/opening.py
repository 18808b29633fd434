"""Opening the store in a Redis: refused in one line, or ready."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from redis.asyncio.connection import (
    AbstractConnection,
    BlockingConnectionPool,
    Connection,
    SSLConnection,
    UnixDomainSocketConnection,
)
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.maint_notifications import MaintNotificationsConfig

from adapters.redis.address import Address, InvalidAddressError
from adapters.redis.arrival import Arrival
from adapters.redis.server import ANSWER_WITHIN, Server
from application.scheduling.ports.clock import Clock, Entropy
from application.scheduling.ports.errors import StoreRefusedError

CONNECTIONS_MAX: Final = 32
CONNECT_WITHIN_SECONDS: Final = 3.0


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
    url: str, entropy: Entropy, *, clock: Clock | None = None, connections_max: int = CONNECTIONS_MAX
) -> AsyncIterator[RedisStores]:
    """The store in the Redis at `url`, made if the database holds none; its connections are closed with the context.

    Raises StoreRefusedError for what must be mended first (arrival.py), StoreUnavailableError for what may pass.
    `clock` is the store's own clock in tests.
    """
    address = _address(url)
    arrival = Arrival(str(address), entropy.identifier())
    pool = _pool(address, arrival, connections_max)
    server = Server(pool, clock)
    try:
        await server.command("PING")
        yield RedisStores(server, arrival)
    finally:
        await pool.aclose()


def _address(url: str) -> Address:
    try:
        return Address.parse(url)
    except InvalidAddressError as error:
        raise StoreRefusedError(f"REDIS_URL {error}") from None


def _pool(address: Address, arrival: Arrival, connections_max: int) -> BlockingConnectionPool:
    """Connections that never repeat a command by themselves, as it may have been carried out."""
    return BlockingConnectionPool(
        connections_max,
        timeout=None,  # Server bounds every call as a whole.
        connection_class=_connection_class(address),
        redis_connect_func=arrival.greet,
        db=address.database,
        username=address.username,
        password=address.password,
        protocol=2,
        decode_responses=False,
        retry=Retry(NoBackoff(), 0),
        retry_on_error=[],
        socket_timeout=ANSWER_WITHIN.total_seconds(),
        socket_connect_timeout=CONNECT_WITHIN_SECONDS,
        maint_notifications_config=MaintNotificationsConfig(enabled=False),
        **_way(address),
    )


def _connection_class(address: Address) -> type[AbstractConnection]:
    if address.path is not None:
        return UnixDomainSocketConnection
    return Connection if address.tls is None else SSLConnection


def _way(address: Address) -> dict[str, Any]:
    if address.path is not None:
        return {"path": address.path}
    ((host, port),) = address.hosts
    return {"host": host, "port": port, "socket_keepalive": True, **(address.tls or {})}
