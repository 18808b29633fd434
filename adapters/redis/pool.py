"""The connections to one server: how many, how patient, and that none of them repeats a command by itself."""

from typing import Any, Final, Protocol

from redis.asyncio import Redis
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

from adapters.redis.address import Address
from adapters.redis.sentinel import EncryptedPrimaryConnection, PrimaryConnection, Sentinels

CONNECTIONS_MAX: Final = 32
CONNECT_WITHIN_SECONDS: Final = 3.0
USERS_CONNECTIONS_MAX: Final = 50


class Host(Protocol):
    """Who greets new connections, or closes them and raises why not."""

    async def greet(self, connection: AbstractConnection) -> None: ...


def open_pool(
    address: Address, host: Host | None = None, connections_max: int = CONNECTIONS_MAX
) -> BlockingConnectionPool:
    """Connections that `host` greets, made as they are needed; who needs one more than there may be waits."""
    return BlockingConnectionPool(
        connections_max,
        timeout=None,  # Each call is bounded as a whole (server.py).
        redis_connect_func=None if host is None else host.greet,
        db=address.database,
        username=address.username,
        password=address.password,
        **_patience(),
        **_way(address),
    )


def open_users_client(address: Address) -> Redis:
    """A client for code that is not ours: texts instead of bytes, and blocking reads may wait for as long as they like.

    In all else it is as the driver makes one. It connects when it is used; whoever opened it closes it.
    """
    pool = BlockingConnectionPool(
        USERS_CONNECTIONS_MAX,
        db=address.database,
        username=address.username,
        password=address.password,
        protocol=2,
        decode_responses=True,
        socket_timeout=None,
        **_way(address),
    )
    return Redis.from_pool(pool)


def _patience() -> dict[str, Any]:
    """What holds for every connection: a command whose answer is not read may have been carried out all the same."""
    return {
        "protocol": 2,
        "decode_responses": False,
        "retry": Retry(NoBackoff(), 0),
        "retry_on_error": [],
        # Whoever calls bounds the whole call. The driver would bound its writes by asyncio.wait_for, which up to Python
        # 3.11 loses a cancellation that comes as the write ends (https://github.com/python/cpython/issues/86296).
        "socket_timeout": None,
        "socket_connect_timeout": CONNECT_WITHIN_SECONDS,
        "maint_notifications_config": MaintNotificationsConfig(enabled=False),
    }


def _way(address: Address) -> dict[str, Any]:
    if address.path is not None:
        return {"connection_class": UnixDomainSocketConnection, "path": address.path}
    tls, is_encrypted = address.tls or {}, address.tls is not None
    if address.primary is not None:
        found_class = EncryptedPrimaryConnection if is_encrypted else PrimaryConnection
        return {"connection_class": found_class, "sentinels": Sentinels(address, _patience()), **tls}
    ((host, port),) = address.hosts
    return {"connection_class": SSLConnection if is_encrypted else Connection, "host": host, "port": port, **tls}
