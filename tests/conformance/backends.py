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

import asyncpg
import msgpack

from adapters.memory import open_memory_store
from adapters.redis.address import Address
from adapters.redis.keys import key
from adapters.redis.opening import open_redis_store
from adapters.redis.script import STATE_FIELDS
from adapters.sql.postgres_address import PostgresAddress
from adapters.sql.store import open_postgres_store, open_sqlite_store
from domain.scheduling.identifiers import TaskId
from tests.conformance.store_under_test import StoreUnderTest
from tests.support.manual_clock import ManualClock
from tests.support.postgres_servers import ADMIN, DATABASE, USER, PostgresServer, a_postgres
from tests.support.recorders import CountingEntropy
from tests.support.redis_servers import Kind, RedisServer, a_redis

Opening = Callable[[ManualClock, Path], AbstractAsyncContextManager[StoreUnderTest]]
# The one byte that no MessagePack value begins with.
NEVER_MESSAGEPACK = b"\xc1"
_NUMBERS = count()
SEQUENCES = ("fence", "news_id_seq", "changes_id_seq")


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


@cache
def postgres_server() -> PostgresServer:
    """The server of this process, started with its first store: each store empties its tables."""
    running = ExitStack()
    atexit.register(running.close)
    return running.enter_context(a_postgres(synchronous_commit="off", full_page_writes="off", autovacuum="off"))


async def _emptied(server: PostgresServer) -> asyncpg.Connection:
    """A connection of the owner's, on which the store is as new; its tables are made once, then only emptied."""
    admin = await asyncpg.connect(host=str(server.folder), port=server.port, user=ADMIN, database=DATABASE)
    tables = [name for (name,) in await admin.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'scheduler'")]
    kept = {"alembic_version", "store"}
    await admin.execute(
        # As if no trigger were there, that of foreign keys included.
        "SET session_replication_role TO replica;"
        + "".join(f"DELETE FROM scheduler.{name};" for name in tables if name not in kept)
        + "".join(f"ALTER SEQUENCE scheduler.{name} RESTART;" for name in SEQUENCES if tables)
        + ("UPDATE scheduler.store SET tzdata = NULL, generation = 1;" if tables else "")
    )
    return admin


@asynccontextmanager
async def _postgres(clock: ManualClock, folder: Path) -> AsyncIterator[StoreUnderTest]:
    server = postgres_server()
    # A folder of its own for the server's socket: without it, and its connections, the store is unreachable.
    place = _scratch() / str(next(_NUMBERS))  # not in `folder`: such names may have 107 bytes at most
    place.mkdir()
    socket = f".s.PGSQL.{server.port}"
    (place / socket).symlink_to(server.folder / socket)
    admin = await _emptied(server)

    async def cut_off() -> None:
        (place / socket).unlink()
        await admin.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{USER}'")

    async def spoil(task_id: TaskId) -> None:
        await admin.execute("UPDATE scheduler.definitions SET schedule = '{' || schedule WHERE task_id = $1", task_id)

    async def mend(task_id: TaskId) -> None:
        await admin.execute(
            "UPDATE scheduler.definitions SET schedule = substr(schedule, 2) WHERE task_id = $1", task_id
        )

    address = PostgresAddress(database=DATABASE, hosts=((str(place), server.port),), user=USER)
    try:
        async with open_postgres_store(address, CountingEntropy(), clock=clock) as stores:
            yield StoreUnderTest(clock, stores, cut_off, spoil, mend)
    finally:
        await admin.close()


BACKENDS: dict[str, Opening] = {"memory": _memory, "sqlite": _sqlite, "redis": _redis, "postgres": _postgres}
