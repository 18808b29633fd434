"""Where the twin of a simulated day lives: in a Redis, or in a PostgreSQL."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from redis import Redis

from adapters.redis.history import RedisHistory
from adapters.redis.keys import key
from adapters.redis.opening import address_of, open_redis_store
from adapters.redis.pruning import Limits
from adapters.redis.task_lists import TaskLists
from adapters.sql.postgres_address import address_of as postgres_address_of
from adapters.sql.store import open_postgres_store
from application.scheduling.ports.clock import Clock
from tests.support.postgres_servers import PostgresServer
from tests.support.recorders import CountingEntropy
from tests.support.redis_servers import RedisServer
from tests.support.simulation_twin import Ports

# The memory store prunes by age alone.
UNLIMITED = Limits(of_task=10**6, in_all=10**6, changes_of_task=10**6)
# Who is here is not of the past: it is what a fail-over leaves, in the memory store as well.
_EACH_TABLE: Final = """
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'scheduler' AND tablename <> 'members' LOOP
"""
_REPLICATE: Final = f"""
DROP SCHEMA IF EXISTS replica CASCADE;
CREATE SCHEMA replica;
CREATE TABLE replica.numbers AS SELECT last_value, is_called FROM scheduler.fence;
DO $$ DECLARE name text; BEGIN {_EACH_TABLE}
    EXECUTE format('CREATE TABLE replica.%I AS TABLE scheduler.%I', name, name);
END LOOP; END $$;
"""
# As if no trigger were there, that of foreign keys included. The generation is raised as the store itself would, which
# skips some numbers of claims when it finds out: nobody minds but who compares them.
_FAIL_OVER: Final = f"""
SET session_replication_role TO replica;
DO $$ DECLARE name text; BEGIN {_EACH_TABLE}
    EXECUTE format('DELETE FROM scheduler.%I', name);
    EXECUTE format('INSERT INTO scheduler.%I OVERRIDING SYSTEM VALUE TABLE replica.%I', name, name);
END LOOP; END $$;
SELECT setval('scheduler.fence', last_value, is_called) FROM replica.numbers;
UPDATE scheduler.store SET generation = generation + 1;
"""


@dataclass(slots=True)
class InRedis:
    """See the protocol."""

    admin: Redis
    server: RedisServer
    _replica: dict[bytes, bytes] = field(default_factory=dict)

    @asynccontextmanager
    async def opened(self, clock: Clock) -> AsyncIterator[Ports]:
        """See the protocol."""
        self.admin.flushall()
        async with open_redis_store(address_of(self.server.url), CountingEntropy(), clock=clock) as stores:
            yield {
                "tasks": stores.tasks,
                "executions": stores.executions,
                "history": RedisHistory(stores.server, TaskLists(stores.server), UNLIMITED),
                "membership": stores.membership,
                "holds": stores.holds,
            }

    def replicate(self) -> None:
        """See the protocol."""
        self._replica = {name: self.admin.dump(name) or b"" for name in self.admin.scan_iter(count=1_000)}

    def fail_over(self) -> None:
        """See the protocol."""
        generation = int(self.admin.hget(key("meta"), "generation") or 0)
        with self.admin.pipeline() as steps:
            steps.flushdb()
            for name, dumped in self._replica.items():
                steps.restore(name, 0, dumped)
            steps.hset(key("meta"), "generation", str(generation + 1))
            steps.execute()


@dataclass(frozen=True, slots=True)
class InPostgres:
    """See the protocol."""

    server: PostgresServer

    @asynccontextmanager
    async def opened(self, clock: Clock) -> AsyncIterator[Ports]:
        """See the protocol."""
        address = postgres_address_of(self.server.url)
        async with open_postgres_store(address, CountingEntropy(), clock=clock) as stores:
            yield {name: getattr(stores, name) for name in ("tasks", "executions", "history", "membership", "holds")}

    def replicate(self) -> None:
        """See the protocol."""
        self.server.run(_REPLICATE)

    def fail_over(self) -> None:
        """See the protocol."""
        self.server.run(_FAIL_OVER)
