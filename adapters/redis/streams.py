"""`Streams` in a Redis that is not the store: messages as the store's own scripts would write them (records.lua)."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ResponseError

from adapters.redis.address import Address
from adapters.redis.arrival import fault_at
from adapters.redis.errors import store_errors
from adapters.redis.keys import stream
from adapters.redis.pool import open_pool
from adapters.redis.script import EXTERNAL_MAX
from adapters.redis.server import Server
from application.scheduling.ports.errors import PortError, StoreUnavailableError
from application.scheduling.ports.outbox import Message, StreamsUnavailableError
from domain.scheduling.identifiers import microseconds


@dataclass(frozen=True, slots=True)
class Welcome:
    """Signing in on a new connection: a server that forgets keys, or is a replica, is as good as none."""

    where: str

    async def greet(self, connection: AbstractConnection) -> None:
        """Raise StoreRefusedError or StoreUnavailableError unless messages are kept there; see `Arrival.greet`."""
        is_met = False
        try:
            with store_errors(f"connect to {self.where}"):
                await connection.on_connect()
                if (fault := await fault_at(connection)) is not None:
                    raise StoreUnavailableError(f"{self.where} {fault}")
            is_met = True
        finally:
            if not is_met:
                await connection.disconnect(nowait=True)


@dataclass(frozen=True, slots=True)
class RedisStreams:
    """`Streams` in one Redis."""

    server: Server
    where: str

    async def reach(self) -> None:
        """See the port."""
        async with self._connection() as connection:
            await connection.send_command("PING")
            await connection.read_response()

    async def send(self, messages: Sequence[Message]) -> Sequence[str | None]:
        """See the port. All at once, in one trip."""
        async with self._connection() as connection:
            await connection.send_packed_command(connection.pack_commands([_command(each) for each in messages]))
            return [await _refusal(connection) for _ in messages]

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[AbstractConnection]:
        try:
            async with self.server.connection(f"deliver to {self.where}") as connection:
                yield connection
        except PortError as error:
            late = isinstance(error.__cause__, TimeoutError)
            told = f"{self.where} did not answer in time" if late else str(error)
            raise StreamsUnavailableError(told) from error


@asynccontextmanager
async def open_redis_streams(address: Address) -> AsyncIterator[RedisStreams]:
    """The streams in a Redis, which is connected when there is something to send, by one connection."""
    where = str(address)
    pool = open_pool(address, Welcome(where), connections_max=1)
    try:
        yield RedisStreams(Server(pool), where)
    finally:
        await pool.aclose()


def _command(message: Message) -> tuple[str | int, ...]:
    """The fields in the order of docs/processors.md; nobody has tried it before, and nothing is traced yet."""
    return (
        *("XADD", stream(message.task_type), "MAXLEN", "~", EXTERNAL_MAX, "*"),
        *("task_name", message.task_name),
        *("payload", message.payload_json),
        *("scheduled_task_id", message.task_id),
        *("execution_id", message.execution_id),
        *("task_type", message.task_type),
        *("scheduled_at", microseconds(message.scheduled_at)),
        *("dispatched_at", microseconds(message.dispatched_at)),
        *("attempt", 1),
        *("traceparent", ""),
    )


async def _refusal(connection: AbstractConnection) -> str | None:
    """Why the server refused the next message; None: it did not."""
    try:
        await connection.read_response()
    except ResponseError as error:
        return str(error)
    return None
