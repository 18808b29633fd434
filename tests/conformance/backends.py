"""The stores that must behave alike: adding one is adding an entry to `BACKENDS`."""

import atexit
import os
import shutil
import sqlite3
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager, closing
from functools import cache
from itertools import count
from pathlib import Path

import msgpack

from adapters.memory import open_memory_store
from adapters.redis.address import Address
from adapters.redis.keys import key
from adapters.redis.opening import open_redis_store
from adapters.redis.script import STATE_FIELDS
from adapters.sql.store import open_sqlite_store
from domain.scheduling.identifiers import TaskId
from tests.conformance.store_under_test import StoreUnderTest
from tests.support.manual_clock import ManualClock
from tests.support.recorders import CountingEntropy
from tests.support.redis_servers import Kind, RedisServer, a_redis

Opening = Callable[[ManualClock, Path], AbstractAsyncContextManager[StoreUnderTest]]
# The one byte that no MessagePack value begins with.
NEVER_MESSAGEPACK = b"\xc1"
_NUMBERS = count()


@asynccontextmanager
async def _memory(clock: ManualClock, folder: Path) -> AsyncIterator[StoreUnderTest]:
    async with open_memory_store(clock, CountingEntropy()) as stores:

        async def cut_off() -> None:
            stores.state.available = False

        async def spoil(task_id: TaskId) -> None:
            stores.state.tasks[task_id].error = "spoilt by a test"

        async def mend(task_id: TaskId) -> None:
            stores.state.tasks[task_id].error = None

        yield StoreUnderTest(clock, stores, cut_off, spoil, mend)


async def _empty_store() -> Path:
    """A store's file with nothing in it, made once: the migrations take longer than most tests."""
    path = _scratch() / "empty.db"
    if not path.exists():
        async with open_sqlite_store(path, ManualClock(), CountingEntropy()):
            pass
    return path


@cache
def _scratch() -> Path:
    folder = tempfile.TemporaryDirectory()
    atexit.register(folder.cleanup)
    return Path(folder.name)


@asynccontextmanager
async def _sqlite(clock: ManualClock, folder: Path) -> AsyncIterator[StoreUnderTest]:
    path = folder / "store.db"
    shutil.copyfile(await _empty_store(), path)

    def run(statement: str, *values: object) -> None:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute(statement, values)

    async def cut_off() -> None:
        with closing(sqlite3.connect(path)) as connection:
            names = connection.execute(
                "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
            )
            tables = [name for (name,) in names]
        for table in tables:
            run(f'DROP TABLE "{table}"')

    async def spoil(task_id: TaskId) -> None:
        run("UPDATE definitions SET schedule = '{' || schedule WHERE task_id = ?", task_id)

    async def mend(task_id: TaskId) -> None:
        run("UPDATE definitions SET schedule = substr(schedule, 2) WHERE task_id = ?", task_id)

    async with open_sqlite_store(path, clock, CountingEntropy()) as stores:
        yield StoreUnderTest(clock, stores, cut_off, spoil, mend)


@cache
def redis_server() -> RedisServer:
    """The server of this process, started with its first store: each store empties it, and none waits for the disk."""
    kind = Kind(os.environ.get("TEST_REDIS_KIND", Kind.VALKEY))  # noqa: TID251 - a setting of the tests
    running = ExitStack()
    atexit.register(running.close)
    return running.enter_context(a_redis(kind, unixsocket=str(_scratch() / "redis.sock"), appendonly="no"))


@asynccontextmanager
async def _redis(clock: ManualClock, folder: Path) -> AsyncIterator[StoreUnderTest]:
    server = redis_server()
    # A name of its own for the server's socket: without it, and its connections, the store is unreachable.
    socket = _scratch() / f"{next(_NUMBERS)}.sock"  # not in `folder`: such names may have 107 bytes at most
    socket.symlink_to(server.options["unixsocket"])
    with server.client() as admin:
        admin.flushall()

        async def cut_off() -> None:
            socket.unlink()
            admin.execute_command("CLIENT", "KILL", "TYPE", "normal")

        def definition_of(task_id: TaskId) -> tuple[str, str, bytes]:
            version = msgpack.unpackb(admin.hget(key("tasks"), task_id))[STATE_FIELDS.index("version")]
            name = f"{task_id}/{version}"
            return key("definitions"), name, admin.hget(key("definitions"), name)

        async def spoil(task_id: TaskId) -> None:
            definitions, name, packed = definition_of(task_id)
            admin.hset(definitions, name, NEVER_MESSAGEPACK + packed)

        async def mend(task_id: TaskId) -> None:
            definitions, name, packed = definition_of(task_id)
            admin.hset(definitions, name, packed.removeprefix(NEVER_MESSAGEPACK))

        async with open_redis_store(Address(path=str(socket)), CountingEntropy(), clock=clock) as stores:
            yield StoreUnderTest(clock, stores, cut_off, spoil, mend)


BACKENDS: dict[str, Opening] = {"memory": _memory, "sqlite": _sqlite, "redis": _redis}
