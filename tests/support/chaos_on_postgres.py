"""The PostgreSQL profile as the ground of a run: two schedulers and three workers on one server, read in plain SQL."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from signal import SIGCONT, SIGKILL, SIGSTOP, Signals

import asyncpg

from adapters.sql.postgres_address import address_of
from adapters.sql.store import open_postgres_store
from application.scheduling.ports.task_store import Applied
from application.scheduling.services.identify import SETTINGS_ACTOR
from domain.scheduling.identifiers import instant_of, microseconds
from domain.scheduling.mutation import Mutation
from tests.support.chaos_control import Controls
from tests.support.chaos_dump import OPEN, OWED, RESTLESS, SELECTS, Dump, dump_of
from tests.support.chaos_ground import LEASE_SECONDS, REST, Deed, a_cluster
from tests.support.chaos_plan import Kind, Trouble
from tests.support.pgbouncers import a_pgbouncer
from tests.support.postgres_servers import ADMIN, DATABASE, PostgresServer, Stop, a_postgres
from tests.support.redis_servers import RedisServer, a_redis
from tests.support.service import Service, eventually

# About twice what all processes of a run hold.
CONNECTIONS_MAX = "100"
# Of each pair of database and user: fewer than the processes want at once.
POOLED_SESSIONS = 8
BACK_WITHIN_SECONDS = 30.0
# Takes the lock that every change of a table takes, and changes nothing.
ALTERATION = "ALTER TABLE executions ALTER COLUMN state SET NOT NULL"
# Against the order in which the service locks, so that some wait for each other.
HOLDING = (
    "SELECT FROM executions ORDER BY id DESC FOR UPDATE",
    "SELECT FROM tasks ORDER BY id DESC FOR UPDATE",
)
# Complaints of the server's own examination of every table and index (amcheck), which raises some of them.
EXAMINATION = """
CREATE EXTENSION IF NOT EXISTS amcheck;
SELECT bt_index_check(pg_class.oid, true) FROM pg_class JOIN pg_am ON pg_am.oid = relam
    WHERE relkind = 'i' AND amname = 'btree' AND relnamespace = 'scheduler'::regnamespace;
SELECT relname, msg FROM pg_class, verify_heapam(pg_class.oid)
    WHERE relkind = 'r' AND relnamespace = 'scheduler'::regnamespace;
"""


@dataclass(slots=True)
class PostgresGround:
    """See the protocol; `redis` carries the wake-ups if there is one."""

    folder: Path
    controls: Controls
    server: PostgresServer
    redis: RedisServer | None
    schedulers: Sequence[Service]
    workers: Sequence[Service]
    lease: float = LEASE_SECONDS
    asker: str = SETTINGS_ACTOR

    @property
    def deeds(self) -> Mapping[Kind, Deed]:
        """See the protocol."""
        return {
            Kind.KILL_STORE: self._kill,
            Kind.STOP_STORE: self._freeze,
            Kind.HALT_STORE: self._halt,
            Kind.SHUT_STORE: self._shut,
            Kind.KILL_BACKEND: self._kill_backend,
            Kind.STOP_BACKENDS: self._freeze_backends,
            Kind.CUT: self._cut,
            Kind.EXHAUST: self._exhaust,
            Kind.LOCK_TABLES: self._lock_tables,
            Kind.ALTER_TABLE: self._alter_table,
            Kind.HOLD_ROWS: self._hold_rows,
            Kind.KILL_HINTS: self._kill_redis,
        }

    def heal(self) -> None:
        """See the protocol. Locks and connections that were held are gone with who held them."""
        if self.server.process is None or self.server.process.poll() is not None:
            self.server.start()
        _signal(self.server.processes(), SIGCONT)
        redis = self.redis
        if redis is not None and (redis.process is None or redis.process.poll() is not None):
            redis.start()

    async def is_undecided(self, until: int) -> bool:
        """See the protocol."""
        return bool(await self._column(OWED.format(until=until)))

    async def is_open(self) -> bool:
        """See the protocol."""
        return bool(await self._column(OPEN))

    async def restless(self) -> list[str]:
        """See the protocol."""
        soon = instant_of(self.controls.wall()) + REST
        return await self._column(f"{RESTLESS} AND look_at < {microseconds(soon)}")

    async def dump(self) -> Dump:
        """See the protocol."""
        async with self._admin() as connection:
            return dump_of({kind: await connection.fetch(select) for kind, select in SELECTS.items()})

    def is_sound(self) -> bool:
        """See the protocol. What a crash would leave is what a restarted server examines.

        AssertionError with the server's complaint about an index.
        """
        self.server.restart()
        complaints = [each for each in self.server.run(EXAMINATION) if any(each)]
        return not complaints and "PANIC" not in self.server.log()

    async def add(self, creations: Sequence[Mutation]) -> None:
        """Have tasks that nobody asks the API for."""
        async with open_postgres_store(address_of(self.server.url), None) as stores:
            answers = await stores.tasks.mutate(creations)
        assert all(isinstance(each, Applied) for each in answers)

    async def _kill(self, trouble: Trouble) -> None:
        self.server.kill()
        await self._come_back_after(trouble.seconds)

    async def _halt(self, trouble: Trouble) -> None:
        await asyncio.to_thread(self.server.stop, Stop.IMMEDIATE)
        await self._come_back_after(trouble.seconds)

    async def _shut(self, trouble: Trouble) -> None:
        await asyncio.to_thread(self.server.stop, Stop.FAST)
        await self._come_back_after(trouble.seconds)

    async def _come_back_after(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        # Not in a thread, with whose end it would be killed.
        self.server.spawn()
        await asyncio.to_thread(self.server.wait_until_ready)

    async def _freeze(self, trouble: Trouble) -> None:
        await _freeze(self.server.processes(), trouble.seconds)

    async def _freeze_backends(self, trouble: Trouble) -> None:
        """Those that serve anybody now; whoever connects anew is served."""
        await _freeze(await self._backends(), trouble.seconds)

    async def _kill_backend(self, trouble: Trouble) -> None:
        """The server ends all others with it, as their shared memory may be spoilt, and recovers."""
        ended = asyncio.Event()
        async with self._admin() as witness:
            witness.add_termination_listener(lambda _: ended.set())
            backends = [each for each in await self._backends() if each != witness.get_server_pid()]
            _signal([backends[trouble.victim % len(backends)]] if backends else [], SIGKILL)
            if backends:
                async with asyncio.timeout(BACK_WITHIN_SECONDS):
                    await ended.wait()
        await eventually(self._answers, within=BACK_WITHIN_SECONDS)

    async def _cut(self, _trouble: Trouble) -> None:
        ending = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = ANY($1)"
        async with self._admin() as connection:
            await connection.execute(ending, await self._backends())

    async def _exhaust(self, trouble: Trouble) -> None:
        """Idle hogs have every connection that nobody has; who has one keeps it."""
        async with AsyncExitStack() as hogs:
            with suppress(asyncpg.TooManyConnectionsError):
                for _ in range(int(CONNECTIONS_MAX)):
                    hog = await asyncpg.connect(self.server.url)
                    hogs.push_async_callback(hog.close, timeout=BACK_WITHIN_SECONDS)
            await asyncio.sleep(trouble.seconds)

    async def _lock_tables(self, trouble: Trouble) -> None:
        async with self._admin() as connection, connection.transaction():
            await connection.execute("LOCK TABLE tasks, executions IN ACCESS EXCLUSIVE MODE")
            await asyncio.sleep(trouble.seconds)

    async def _alter_table(self, trouble: Trouble) -> None:
        """It waits for a long transaction that reads, and all others queue behind it."""
        async with (
            self._admin() as reading,
            self._admin() as altering,
            asyncio.TaskGroup() as group,
            reading.transaction(),
        ):
            await reading.execute("SELECT FROM executions LIMIT 1")
            group.create_task(altering.execute(ALTERATION))
            await asyncio.sleep(trouble.seconds)

    async def _hold_rows(self, trouble: Trouble) -> None:
        """Or none of them, if it is this transaction that a deadlock is resolved by."""
        async with self._admin() as connection:
            with suppress(asyncpg.DeadlockDetectedError):
                async with connection.transaction():
                    for each in HOLDING:
                        await connection.execute(each)
                    await asyncio.sleep(trouble.seconds)

    async def _kill_redis(self, trouble: Trouble) -> None:
        assert self.redis is not None
        self.redis.kill()
        await asyncio.sleep(trouble.seconds)
        self.redis.spawn()
        await asyncio.to_thread(self.redis.wait_until_ready)

    async def _backends(self) -> list[int]:
        """The processes that serve the service's connections, the oldest first."""
        serving = (
            "SELECT pid FROM pg_stat_activity WHERE usename <> $1 AND backend_type = 'client backend' ORDER BY pid"
        )
        async with self._admin() as connection:
            return [pid for (pid,) in await connection.fetch(serving, ADMIN)]

    async def _answers(self) -> bool:
        try:
            return bool(await self._column("SELECT true"))
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return False

    async def _column(self, question: str) -> list[str]:
        async with self._admin() as connection:
            return [row[0] for row in await connection.fetch(question)]

    @asynccontextmanager
    async def _admin(self) -> AsyncIterator[asyncpg.Connection]:
        """A connection of the server's owner, for whom some are reserved and names without a schema are the store's."""
        place, names = str(self.server.folder), {"search_path": "scheduler"}
        connection = await asyncpg.connect(
            host=place, port=self.server.port, user=ADMIN, database=DATABASE, server_settings=names
        )
        try:
            yield connection
        finally:
            connection.terminate()


@asynccontextmanager
async def on_postgres(folder: Path) -> AsyncIterator[PostgresGround]:
    """Schedulers and workers on a server of their own, which tells them by NOTIFY when there is something to do."""
    with _a_server(folder) as server:
        yield PostgresGround(folder, Controls(folder), server, None, *a_cluster(folder, DATABASE_URL=server.url))


@asynccontextmanager
async def on_postgres_behind_a_pooler(folder: Path) -> AsyncIterator[PostgresGround]:
    """The same, each of whose transactions may have another session; nobody is told anything."""
    with _a_server(folder) as server, a_pgbouncer(server, sessions=POOLED_SESSIONS) as pooler:
        url = pooler.url_of(server.url)
        yield PostgresGround(folder, Controls(folder), server, None, *a_cluster(folder, DATABASE_URL=url))


@asynccontextmanager
async def on_postgres_beside_redis(folder: Path) -> AsyncIterator[PostgresGround]:
    """The same with hints that go over a Redis."""
    with _a_server(folder) as server, a_redis() as redis:
        where = {"DATABASE_URL": server.url, "REDIS_URL": redis.url, "SCHEDULER_STORE": "postgres"}
        yield PostgresGround(folder, Controls(folder), server, redis, *a_cluster(folder, **where))


@contextmanager
def _a_server(folder: Path) -> Iterator[PostgresServer]:
    """A server whose log is left with the rest of the evidence."""
    with a_postgres(max_connections=CONNECTIONS_MAX) as server:
        try:
            yield server
        finally:
            (folder / "server.log").write_text(server.log())


async def _freeze(pids: Iterable[int], seconds: float) -> None:
    frozen = list(pids)
    _signal(frozen, SIGSTOP)
    try:
        await asyncio.sleep(seconds)
    finally:
        _signal(frozen, SIGCONT)


def _signal(pids: Iterable[int], number: Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)
