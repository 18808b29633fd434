"""Opening the store in real servers: which are refused, and what becomes of a store whose server changes under it."""

import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from redis import Redis

from adapters.redis.address import parse_address
from adapters.redis.arrival import SCHEMA, USABLE_SINCE
from adapters.redis.opening import RedisStores, open_redis_store
from application.scheduling.ports.errors import StoreRefusedError, StoreUnavailableError
from application.scheduling.ports.transfer import Mark, Standing
from tests.support.recorders import CountingEntropy
from tests.support.redis_servers import WRITTEN_BEFORE_ANSWERED, Kind, RedisServer, a_redis, a_sentinel
from tests.support.service import eventually

pytestmark = pytest.mark.redis
META = "scheduler:meta"


@pytest.fixture(scope="module", params=Kind)
def server(request: pytest.FixtureRequest) -> Iterator[RedisServer]:
    with a_redis(request.param, appendfsync=WRITTEN_BEFORE_ANSWERED) as running:
        yield running


@pytest.fixture
def admin(server: RedisServer) -> Iterator[Redis]:
    with server.client(decode_responses=True) as client:
        client.flushall()
        yield client


@asynccontextmanager
async def opened(server: RedisServer, *, user: str = "", seed: int = 0) -> AsyncIterator[RedisStores]:
    address = parse_address(server.url.replace("//", f"//{user}"))
    async with open_redis_store(address, CountingEntropy(seed)) as stores:
        yield stores


async def refusal(server: RedisServer, *, user: str = "") -> str:
    """The one line by which a store is refused."""
    with pytest.raises(StoreRefusedError) as refused:
        async with opened(server, user=user):
            pass
    assert "\n" not in str(refused.value)
    return str(refused.value)


async def answers(stores: RedisStores) -> bool:
    try:
        await stores.executions.held()
    except StoreUnavailableError:
        return False
    return True


async def test_a_new_store_has_a_name_and_every_process_finds_the_same(server: RedisServer, admin: Redis) -> None:
    async with opened(server) as first, opened(server) as second:
        assert await answers(first)
        assert await answers(second)
        assert first.arrival.store_id == second.arrival.store_id == admin.hget(META, "store_id")

    assert admin.hget(META, "generation") == "1"


async def test_a_store_that_nobody_began_is_begun_by_a_service_alone(server: RedisServer, admin: Redis) -> None:
    with pytest.raises(StoreRefusedError, match="start the service first"):
        async with open_redis_store(parse_address(server.url), None):
            pass

    assert admin.dbsize() == 0


async def test_a_restarted_server_is_another_generation_for_all_of_its_connections(
    server: RedisServer, admin: Redis
) -> None:
    async with opened(server) as stores, opened(server) as others:
        server.restart()

        # A connection that broke is noticed by the call that meets it.
        await eventually(lambda: answers(stores))
        await eventually(lambda: answers(others))
        assert (stores.server.generation, others.server.generation) == (2, 2)

    assert admin.hget(META, "generation") == "2"


async def test_a_store_that_was_emptied_under_a_process_is_not_begun_anew_by_it(
    server: RedisServer, admin: Redis
) -> None:
    async with opened(server) as stores:
        async with stores.server.connection("one"), stores.server.connection("another"):
            pass  # Both are kept, and have met the store.
        admin.flushall()
        for _ in range(2):
            with pytest.raises(StoreUnavailableError, match="emptied"):
                await stores.executions.held()
        assert admin.dbsize() == 0

        async with opened(server, seed=1):
            for _ in range(2):
                with pytest.raises(StoreUnavailableError, match="emptied or replaced"):
                    await stores.executions.held()


async def test_somebody_elses_keys_and_a_newer_store_are_refused(server: RedisServer, admin: Redis) -> None:
    admin.set("scheduler:tasks", "theirs")
    assert "scheduler:* that are not this store's" in await refusal(server)

    admin.flushall()
    async with opened(server):
        admin.hset(META, "schema", 99)
        admin.hset(META, "usable_since", SCHEMA + 1)
    assert await refusal(server) == (
        f"{parse_address(server.url)} has schema 99, newer than this program's {SCHEMA}: upgrade the program"
    )
    assert admin.hget(META, "generation") == "1"


async def test_a_newer_store_is_worked_on_if_it_says_so_and_never_moved(server: RedisServer, admin: Redis) -> None:
    async with opened(server):
        pass
    admin.hset(META, mapping={"schema": 99, "usable_since": SCHEMA})

    async with opened(server) as stores:
        assert await answers(stores)

    assert admin.hmget(META, "schema", "usable_since") == ["99", str(SCHEMA)]
    with pytest.raises(StoreRefusedError, match="has schema 99, newer than this program's"):
        async with open_redis_store(parse_address(server.url), None, for_transfer=True):
            pass


async def test_a_store_that_an_earlier_version_called_held_is_sealed(server: RedisServer, admin: Redis) -> None:
    async with opened(server):
        pass
    admin.hdel(META, "generation", "usable_since")
    admin.hset(META, mapping={"schema": 2, "mark": '["held","other","elsewhere"]', "held_generation": 4})

    assert "is sealed, as it is being moved to elsewhere" in await refusal(server)
    async with open_redis_store(parse_address(server.url), None, for_transfer=True) as stores:
        facts = await stores.transfer.facts()
        assert await stores.transfer.replace_mark(facts.mark, None)

    assert (facts.mark, facts.generation) == (Mark(Standing.SEALED, "other", "elsewhere"), 4)
    async with opened(server) as stores:
        assert await answers(stores)
        assert stores.server.generation == 4


async def test_a_server_that_is_set_to_forget_keys_is_refused_and_told_of(server: RedisServer, admin: Redis) -> None:
    async with opened(server) as stores:
        admin.config_set("maxmemory-policy", "allkeys-lru")
        try:
            assert "set it to noeviction" in await refusal(server)
            with pytest.raises(StoreUnavailableError, match="noeviction"):
                await stores.look_again()
            assert "set it to noeviction" in (stores.fault() or "")
            admin.client_kill_filter(_type="normal")
            for _ in range(2):
                with pytest.raises(StoreUnavailableError):
                    await stores.executions.held()
        finally:
            admin.config_set("maxmemory-policy", "noeviction")
        assert await answers(stores)
        assert stores.fault() is None


async def test_a_replica_is_refused_and_one_that_was_the_primary_is_waited_for(
    server: RedisServer, admin: Redis
) -> None:
    async with opened(server) as stores:
        admin.replicaof("127.0.0.1", 1)
        try:
            assert "is a replica of 127.0.0.1:1" in await refusal(server)
            admin.client_kill_filter(_type="normal")
            for _ in range(2):
                with pytest.raises(StoreUnavailableError):
                    await stores.executions.held()
        finally:
            admin.replicaof("NO", "ONE")
        await stores.executions.held()


async def test_a_server_that_takes_no_writes_is_met_and_read_all_the_same(server: RedisServer, admin: Redis) -> None:
    async with opened(server):
        admin.config_set("min-replicas-to-write", 1)
        try:
            async with opened(server) as later:
                assert await answers(later)
                with pytest.raises(StoreUnavailableError, match="good replicas"):
                    await later.tasks.keep_tzdata("2026a")
        finally:
            admin.config_set("min-replicas-to-write", 0)


async def test_a_store_of_the_schema_before_is_brought_up_and_its_server_is_no_other(
    server: RedisServer, admin: Redis
) -> None:
    async with opened(server):
        pass
    admin.hset(META, "schema", 1)
    admin.zadd("scheduler:ids", {"0" * 32: 0})

    async with opened(server) as stores:
        assert await answers(stores)

    assert admin.hmget(META, "schema", "usable_since", "generation") == [str(SCHEMA), str(USABLE_SINCE[SCHEMA]), "1"]
    assert not admin.exists("scheduler:ids")


async def test_users_come_in_by_their_password_which_no_refusal_shows(server: RedisServer, admin: Redis) -> None:
    admin.acl_setuser("ops", enabled=True, passwords=["+s3cret"], keys=["*"], channels=["*"], categories=["+@all"])
    try:
        async with opened(server, user="ops:s3cret@") as stores:
            assert await answers(stores)
        assert "s3creT" not in await refusal(server, user="ops:s3creT@")
    finally:
        admin.acl_deluser("ops")


async def test_a_server_that_writes_no_append_only_file_is_told_of(server: RedisServer, admin: Redis) -> None:
    admin.config_set("appendonly", "no")
    try:
        async with opened(server) as stores:
            assert "R-" in str(stores.arrival.durability)
    finally:
        admin.config_set("appendonly", "yes")
    async with opened(server) as stores:
        assert stores.arrival.durability is None


async def test_a_frozen_server_is_given_up_in_time_and_found_again(server: RedisServer, admin: Redis) -> None:
    async with opened(server) as stores:
        stores.server.answer_within = timedelta(milliseconds=100)
        os.kill(server.pid, signal.SIGSTOP)
        try:
            for _ in range(2):
                with pytest.raises(StoreUnavailableError, match="in time"):
                    await stores.executions.held()
        finally:
            os.kill(server.pid, signal.SIGCONT)
        stores.server.answer_within = timedelta(seconds=5)

        assert await answers(stores)
        assert admin.hget(META, "store_id") == stores.arrival.store_id


async def test_sentinels_tell_where_the_primary_is_also_when_it_is_another_one() -> None:
    with (
        a_redis(repl_diskless_sync_delay="0") as primary,
        a_redis(replicaof=f"127.0.0.1 {primary.port}") as replica,
        a_sentinel(primary) as watch,
        replica.client() as heir,
        watch.client() as sentinel,
    ):
        url = f"redis+sentinel://127.0.0.1:1,127.0.0.1:{watch.port}/main/0"
        async with open_redis_store(parse_address(url), CountingEntropy()) as stores:
            assert await answers(stores)
            await eventually(lambda: heir.hget(META, "store_id") == str(stores.arrival.store_id).encode())

            # What a fail-over comes to, without the waits of one.
            primary.kill()
            heir.replicaof("NO", "ONE")
            sentinel.sentinel_remove("main")
            sentinel.sentinel_monitor("main", "127.0.0.1", replica.port, 1)
            await eventually(lambda: answers(stores))

            assert stores.server.generation == 2
            assert heir.hget(META, "generation") == b"2"
