"""The Redis profile as the ground of a run: two schedulers and three workers on one server, read through the ports."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from signal import SIGCONT, SIGSTOP
from typing import Any

from redis.asyncio import Redis

from adapters.redis.keys import stream
from adapters.redis.opening import address_of, open_redis_store
from adapters.redis.script import GROUP
from application.scheduling.ports.history import ExecutionFilter, History, TaskFilter
from application.scheduling.ports.task_store import Applied
from application.scheduling.services.identify import SETTINGS_ACTOR
from domain.scheduling.execution import OPEN_STATES
from domain.scheduling.identifiers import instant_of
from domain.scheduling.mutation import Mutation
from domain.scheduling.task import TaskStatus
from tests.support.chaos_control import Controls
from tests.support.chaos_dump import Dump
from tests.support.chaos_dump_ports import read_through, tasks_of
from tests.support.chaos_ground import LEASE_SECONDS, REST, Deed, a_cluster
from tests.support.chaos_handlers import TYPE
from tests.support.chaos_plan import Kind, Trouble
from tests.support.redis_servers import WRITTEN_BEFORE_ANSWERED, RedisServer, a_redis
from tests.support.service import Service

# A script that runs for so many milliseconds, as Redis has no other way to be busy with one.
LOOP = """
local function now() local time = redis.call('TIME') return time[1] * 1000 + time[2] / 1000 end
local over = now() + tonumber(ARGV[1])
while now() < over do end
"""
PATIENCE_MS = 50
MEDDLED_MAX = 20


@dataclass(slots=True)
class RedisGround:
    """See the protocol."""

    folder: Path
    controls: Controls
    server: RedisServer
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
            Kind.SLEEP: self._sleep,
            Kind.BUSY: self._be_busy,
            Kind.PAUSE_WRITES: self._pause_writes,
            Kind.CUT: self._cut,
            Kind.FORGET_SCRIPTS: self._forget_scripts,
            Kind.FULL_MEMORY: self._fill_memory,
            Kind.EVICTING: self._allow_eviction,
            Kind.LOSE_STREAM: self._lose_stream,
            Kind.MEDDLE: self._meddle,
        }

    def heal(self) -> None:
        """See the protocol."""
        process = self.server.process
        if process is None or process.poll() is not None:
            self.server.start()
        process = self.server.process
        assert process is not None
        process.send_signal(SIGCONT)
        with self.server.client() as client:
            client.client_unpause()
            client.config_set("maxmemory", 0)
            client.config_set("maxmemory-policy", "noeviction")

    async def is_undecided(self, until: int) -> bool:
        """See the protocol."""
        which = TaskFilter(status=TaskStatus.ACTIVE, late_before=instant_of(until + 1))
        async with self._history() as history:
            return bool(await tasks_of(history, which))

    async def is_open(self) -> bool:
        """See the protocol."""
        async with self._history() as history:
            page = await history.executions(ExecutionFilter(states=OPEN_STATES), limit=1, cursor=None)
        return bool(page.executions)

    async def restless(self) -> list[str]:
        """See the protocol."""
        async with self._history() as history:
            ours = await tasks_of(history, TaskFilter(task_type=TYPE))
        # A pause that ends by itself is no rest: its task would begin again while the run waits for the last execution.
        soon = instant_of(self.controls.wall()) + REST
        return [task.id for task in ours if task.look_at is not None and task.look_at < soon]

    async def dump(self) -> Dump:
        """See the protocol."""
        async with self._history() as history:
            return await read_through(history)

    def is_sound(self) -> bool:
        """See the protocol. What a crash would leave is what a restarted server reads."""
        self.server.restart()
        return "Bad file format" not in self.server.log()

    async def add(self, creations: Sequence[Mutation]) -> None:
        """Have tasks that nobody asks the API for."""
        async with open_redis_store(address_of(self.server.url), None) as stores:
            answers = await stores.tasks.mutate(creations)
        assert all(isinstance(each, Applied) for each in answers)

    async def _kill(self, trouble: Trouble) -> None:
        self.server.kill()
        await asyncio.sleep(trouble.seconds)
        self.server.spawn()
        await asyncio.to_thread(self.server.wait_until_ready)

    async def _freeze(self, trouble: Trouble) -> None:
        process = self.server.process
        assert process is not None
        process.send_signal(SIGSTOP)
        await asyncio.sleep(trouble.seconds)
        process.send_signal(SIGCONT)

    async def _sleep(self, trouble: Trouble) -> None:
        await self._tell("DEBUG", "SLEEP", trouble.seconds)

    async def _be_busy(self, trouble: Trouble) -> None:
        """Others are told so (BUSY) as soon as the patience is over."""
        await self._tell("CONFIG", "SET", "busy-reply-threshold", PATIENCE_MS)
        await self._tell("EVAL", LOOP, 0, round(trouble.seconds * 1_000))

    async def _pause_writes(self, trouble: Trouble) -> None:
        await self._tell("CLIENT", "PAUSE", round(trouble.seconds * 1_000), "WRITE")
        await asyncio.sleep(trouble.seconds)

    async def _cut(self, _trouble: Trouble) -> None:
        for kind in ("normal", "pubsub"):
            await self._tell("CLIENT", "KILL", "TYPE", kind)

    async def _forget_scripts(self, _trouble: Trouble) -> None:
        await self._tell("SCRIPT", "FLUSH")

    async def _fill_memory(self, trouble: Trouble) -> None:
        await self._tell("CONFIG", "SET", "maxmemory", 1)
        await asyncio.sleep(trouble.seconds)
        await self._tell("CONFIG", "SET", "maxmemory", 0)

    async def _allow_eviction(self, trouble: Trouble) -> None:
        """There is memory enough, so nothing is evicted; who has to connect anew must not, while it may be."""
        await self._tell("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
        await self._cut(trouble)
        await asyncio.sleep(trouble.seconds)
        await self._tell("CONFIG", "SET", "maxmemory-policy", "noeviction")

    async def _lose_stream(self, _trouble: Trouble) -> None:
        await self._tell("DEL", stream(TYPE))

    async def _meddle(self, _trouble: Trouble) -> None:
        """Some of the newest messages stand there twice, some are deleted, the oldest trimmed, the group is gone."""
        name = stream(TYPE)
        newest = await self._tell("XREVRANGE", name, "+", "-", "COUNT", MEDDLED_MAX)
        for number, (message, fields) in enumerate(newest):
            if number % 2:
                await self._tell("XADD", name, "*", *fields)
            else:
                await self._tell("XDEL", name, message)
        await self._tell("XTRIM", name, "MAXLEN", MEDDLED_MAX)
        await self._tell("XGROUP", "DESTROY", name, GROUP)

    @asynccontextmanager
    async def _history(self) -> AsyncIterator[History]:
        """The store, opened anew for each question: a connection of before may have been cut meanwhile."""
        async with open_redis_store(address_of(self.server.url), None) as stores:
            yield stores.history

    async def _tell(self, *words: Any) -> Any:
        """Ask the server on a connection of our own, and wait for the answer however long it takes."""
        async with Redis(port=self.server.port, socket_timeout=None, protocol=2) as client:
            connection = await client.connection_pool.get_connection()  # type: ignore[no-untyped-call]
            try:
                await connection.send_command(*words)
                return await connection.read_response()
            finally:
                await client.connection_pool.release(connection)


@asynccontextmanager
async def on_redis(folder: Path) -> AsyncIterator[RedisGround]:
    """Schedulers and workers on a server of their own."""
    with a_redis(appendfsync=WRITTEN_BEFORE_ANSWERED) as server:
        yield RedisGround(folder, Controls(folder), server, *a_cluster(folder, REDIS_URL=server.url))
