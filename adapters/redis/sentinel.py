"""Finding the primary through Sentinels, anew for every connection: after a fail-over it is another one.

https://redis.io/docs/latest/develop/reference/sentinel-clients/. What a Sentinel says may be old; whether it is a
primary that was found is seen on connecting to it (arrival.py).
"""

import asyncio
from dataclasses import dataclass
from typing import Any, Final

from redis.asyncio.connection import Connection, SSLConnection
from redis.exceptions import ConnectionError, RedisError

from adapters.redis.address import Address

# There are several, and those that are gone must leave time for the others.
ASK_WITHIN_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Sentinels:
    """The Sentinels of an address, asked in turn; `options` are those of every connection."""

    address: Address
    options: dict[str, Any]

    async def find(self) -> tuple[str, int]:
        """Host and port of the primary. Raises the driver's ConnectionError if no Sentinel knows it."""
        faults = []
        for host, port in self.address.hosts:
            try:
                async with asyncio.timeout(ASK_WITHIN_SECONDS):
                    found = await self._ask(host, port)
            except (RedisError, OSError) as error:
                faults.append(f"{host}:{port}: {str(error) or 'no answer in time'}")
                continue
            if found is not None:
                return found
            faults.append(f"{host}:{port} does not know it")
        raise ConnectionError(f"no Sentinel told where {self.address.primary} is ({'; '.join(faults)})")

    async def _ask(self, host: str, port: int) -> tuple[str, int] | None:
        connection = self._connection(host, port)
        try:
            await connection.connect()  # type: ignore[no-untyped-call]
            await connection.send_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self.address.primary)
            answer = await connection.read_response()
        finally:
            await connection.disconnect(nowait=True)
        return None if answer is None else (answer[0].decode(), int(answer[1]))

    def _connection(self, host: str, port: int) -> Connection:
        address = self.address
        tls: dict[str, Any] | None = address.sentinel_tls
        signed = {"username": address.sentinel_username, "password": address.sentinel_password, **self.options}
        if tls is None:
            return Connection(host=host, port=port, **signed)
        return SSLConnection(host=host, port=port, **signed, **tls)


class PrimaryConnection(Connection):
    """A connection to whichever server is the primary at the time it is made."""

    def __init__(self, *, sentinels: Sentinels, **options: Any) -> None:
        super().__init__(**options)
        self._sentinels = sentinels

    async def _connect(self) -> None:
        self.host, self.port = await self._sentinels.find()
        await super()._connect()  # type: ignore[no-untyped-call]


class EncryptedPrimaryConnection(PrimaryConnection, SSLConnection):
    """The same, over TLS."""
