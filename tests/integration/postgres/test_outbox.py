"""External types on a PostgreSQL with a Redis beside it: what was committed gets to its stream, whatever fails."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from adapters.redis import streams as streams_module
from adapters.redis.address import parse_address
from adapters.redis.streams import RedisStreams, open_redis_streams
from adapters.sql.postgres_address import address_of
from adapters.sql.store import PostgresStores, open_postgres_store
from adapters.system.clock import SystemClock
from application.scheduling.ports.access_trail import AccessFilter
from application.scheduling.ports.errors import StoreUnavailableError
from application.scheduling.ports.history import Retention
from application.scheduling.ports.outbox import Message
from application.scheduling.services.relay_messages import BATCH_MAX, RelayMessages
from domain.access.record import AccessAction
from domain.scheduling.change import Via
from domain.scheduling.events import StreamRefused, StreamsFailed, StreamsRecovered
from domain.scheduling.identifiers import microseconds
from domain.scheduling.policy import ExecutionPolicy, Misfire, Overlap
from domain.scheduling.schedule import IntervalSchedule, OneTimeSchedule
from domain.scheduling.task import Delivery, TaskStatus
from entrypoints.cli.main import main
from tests.conformance.store_under_test import StoreUnderTest
from tests.integration.postgres.test_interleaved_steps import unbroken
from tests.support.builders import MINUTE, SECOND, a_definition
from tests.support.exposition import value
from tests.support.manual_clock import NOON, ManualClock
from tests.support.postgres_servers import PostgresServer
from tests.support.recorders import CountingEntropy, RecordingObserver
from tests.support.redis_servers import RedisServer, a_redis
from tests.support.service import eventually, running

pytestmark = [pytest.mark.postgres, pytest.mark.redis]
MAIL = "stream:mail:tasks"
AT_ONCE = 100
BURST = ExecutionPolicy(misfire=Misfire.ALL, overlap=Overlap.ALLOW, catch_up_max=AT_ONCE)
CAP = 400
TOKEN = "for-tests-" * 4


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with a_redis(appendonly="no") as started:
        yield started


@pytest.fixture
def wire(redis: RedisServer) -> Iterator[Any]:
    """A client of somebody else's on it, empty; the driver's types say less than its answers."""
    with redis.client(decode_responses=True) as client:
        client.flushall()
        yield client


@pytest.fixture
async def store(url: str) -> AsyncIterator[StoreUnderTest]:
    async with open_postgres_store(address_of(url), CountingEntropy(), clock=(clock := ManualClock())) as stores:
        yield StoreUnderTest(clock, stores, *unbroken())


@pytest.fixture
async def streams(redis: RedisServer) -> AsyncIterator[RedisStreams]:
    async with open_redis_streams(parse_address(redis.url)) as opened:
        yield opened


def a_relay(store: StoreUnderTest, streams: RedisStreams, observer: RecordingObserver | None = None) -> RelayMessages:
    assert isinstance(store.stores, PostgresStores)
    return RelayMessages(store.stores.outbox(), streams, SystemClock(), observer or RecordingObserver())


async def delivered(store: StoreUnderTest, count: int) -> list[str]:
    """So many executions of one task, in firings of AT_ONCE; their ids in the order of their occurrences."""
    policy, schedule = BURST, IntervalSchedule(SECOND)
    task = await store.add(a_definition(f"{count}", schedule=schedule, policy=policy, delivery=Delivery.EXTERNAL))
    ids: list[str] = []
    for _ in range(count // AT_ONCE):
        store.clock.advance(AT_ONCE * SECOND)
        ids += sorted((await store.commit(await store.read(task))).execution_ids)  # type: ignore[union-attr]
    return ids


async def commanded(*arguments: str) -> Result:
    """What `store outbox` answers; it has an event loop of its own."""
    return await asyncio.to_thread(CliRunner().invoke, main, ["store", "outbox", "env:DATABASE_URL", *arguments])


async def relayed(relay: RelayMessages) -> None:
    """Pass after pass, until nothing waits."""
    while await relay.run_once() == timedelta(0):
        pass


def sent(wire: Any) -> list[str]:
    return [fields["execution_id"] for _, fields in wire.xrange(MAIL)]


async def test_a_message_says_what_one_from_a_store_in_redis_says(
    store: StoreUnderTest, streams: RedisStreams, wire: Any
) -> None:
    schedule = OneTimeSchedule(NOON + MINUTE)
    payload = '{"n":12345678901234567890,"s":"ü"}'
    once = a_definition("Weekly digest", schedule=schedule, payload_json=payload, delivery=Delivery.EXTERNAL)
    task = await store.add(once)
    by_hand = await store.run_now(task, key="by hand", payload_json='{"mine":[]}')
    (execution_id,) = await store.fired(task)

    await relayed(a_relay(store, streams))

    (_, manual), (_, fields) = wire.xrange(MAIL)
    now = str(microseconds(NOON + MINUTE))
    assert fields == {
        "task_name": "Weekly digest",
        "payload": payload,
        "scheduled_task_id": task.id,
        "execution_id": execution_id,
        "task_type": "mail",
        "scheduled_at": now,
        "dispatched_at": now,
        "attempt": "1",
        "traceparent": "",
    }
    assert (manual["execution_id"], manual["payload"]) == (by_hand, '{"mine":[]}')
    assert (await store.read(task)).status is TaskStatus.COMPLETED


async def test_a_thousand_messages_are_sent_once_each_by_several_relays(
    store: StoreUnderTest, redis: RedisServer, wire: Any
) -> None:
    expected = await delivered(store, 1_000)
    async with AsyncExitStack() as opened:
        opening = [open_redis_streams(parse_address(redis.url)) for _ in range(3)]
        relays = [a_relay(store, await opened.enter_async_context(each)) for each in opening]
        async with asyncio.TaskGroup() as group:
            for each in relays:
                group.create_task(relayed(each))

    assert sorted(sent(wire)) == sorted(expected)
    assert (await relays[0].outbox.waiting()).count == 0


async def test_a_relay_that_dies_between_sending_and_committing_repeats_and_loses_nothing(
    store: StoreUnderTest, streams: RedisStreams, wire: Any, server: PostgresServer, url: str
) -> None:
    expected = await delivered(store, 300)
    relay, database = a_relay(store, streams), url.rpartition("/")[2]

    async def sent_and_killed(messages: Sequence[Message]) -> Sequence[str | None]:
        told = await streams.send(messages)
        ended = f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{database}'"
        await asyncio.to_thread(server.run, ended, "postgres")
        return told

    with pytest.raises(StoreUnavailableError):
        await relay.outbox.relay(sent_and_killed, limit=BATCH_MAX)
    await relayed(relay)

    assert sent(wire) == expected[:BATCH_MAX] + expected
    assert Counter(Counter(sent(wire)).values()) == {2: BATCH_MAX, 1: 300 - BATCH_MAX}


async def test_what_is_delivered_while_redis_is_down_waits_and_disturbs_nobody(
    store: StoreUnderTest, streams: RedisStreams, wire: Any, redis: RedisServer
) -> None:
    observer = RecordingObserver()
    relay = a_relay(store, streams, observer)
    before = await delivered(store, 100)
    await relayed(relay)
    redis.kill()
    try:
        during = await delivered(store, 200)
        failing = [await relay.run_once() for _ in range(3)]
        managed = await store.started(await store.add(a_definition("managed")))
        waiting = await relay.outbox.waiting()
    finally:
        redis.start()

    async def is_empty() -> bool:
        await relay.run_once()
        return (await relay.outbox.waiting()).count == 0

    await eventually(is_empty)

    assert min(failing) > timedelta(0)
    assert managed.definition.name == "managed"
    assert (waiting.count, waiting.oldest_at) == (200, NOON + (100 + 100) * SECOND)
    assert sent(wire) == during, "what was there before went with the memory of the server"
    assert not set(before) & set(during)
    assert [type(each) for each in observer.events] == [StreamsFailed, StreamsRecovered]


async def test_a_stream_is_capped(
    store: StoreUnderTest, streams: RedisStreams, wire: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams_module, "EXTERNAL_MAX", CAP)
    expected = await delivered(store, 2 * CAP)

    await relayed(a_relay(store, streams))

    # Redis trims whole nodes of a hundred entries.
    assert CAP <= wire.xlen(MAIL) <= CAP + 100
    assert sent(wire)[-CAP:] == expected[-CAP:]


async def test_a_key_in_the_way_of_one_stream_keeps_no_other_waiting(
    store: StoreUnderTest, streams: RedisStreams, wire: Any
) -> None:
    observer = RecordingObserver()
    wire.set(MAIL, "somebody's own")
    await delivered(store, 2 * BATCH_MAX)
    await store.fired(await store.add(a_definition("other", task_type="other", delivery=Delivery.EXTERNAL)))
    relay = a_relay(store, streams, observer)

    await relayed(relay)

    assert (wire.get(MAIL), wire.xlen("stream:other:tasks")) == ("somebody's own", 1)
    assert (await relay.outbox.waiting()).count == 2 * BATCH_MAX
    (refused,) = observer.seen(StreamRefused)
    assert (refused.task_type, "wrong kind of value" in refused.error) == ("mail", True)


async def test_nothing_is_sent_where_it_may_be_forgotten(
    store: StoreUnderTest, streams: RedisStreams, wire: Any
) -> None:
    observer = RecordingObserver()
    wire.config_set("maxmemory-policy", "allkeys-lru")
    try:
        await delivered(store, 100)
        await a_relay(store, streams, observer).run_once()
    finally:
        wire.config_set("maxmemory-policy", "noeviction")

    (failed,) = observer.seen(StreamsFailed)
    assert "set it to noeviction" in failed.error
    assert wire.xlen(MAIL) == 0


async def test_a_message_is_forgotten_with_its_execution(store: StoreUnderTest, streams: RedisStreams) -> None:
    await delivered(store, 100)
    store.clock.advance(Retention().executions + MINUTE)

    await store.history.prune(Retention(), limit=1_000)

    assert (await a_relay(store, streams).outbox.waiting()).count == 0


async def test_what_nobody_will_take_is_seen_and_given_up_by_who_counted_it(
    store: StoreUnderTest, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    expected = await delivered(store, 2 * AT_ONCE)
    await store.fired(await store.add(a_definition("other", task_type="other", delivery=Delivery.EXTERNAL)))

    shown = await commanded("--output", "json")
    refused = await commanded("--discard", f"{2 * AT_ONCE + 1}", "--type", "mail", "--reason", "Redis is gone")
    gone = await commanded("--discard", "150", "--type", "mail", "--reason", "Redis is gone", "--output", "json")

    assert [(each["task_type"], each["messages"]) for each in json.loads(shown.stdout)] == [("mail", 200), ("other", 1)]
    assert (refused.exit_code, "200 messages wait, not 201" in refused.stderr) == (3, True)
    assert json.loads(gone.stdout) == {"discarded": expected[:150]}
    assert [each["messages"] for each in json.loads((await commanded("--output", "json")).stdout)] == [50, 1]
    deed = (await store.trail.page(AccessFilter(), limit=10)).records[0].deed
    told = (AccessAction.MESSAGES_DISCARDED, Via.CLI, "mail", "150: Redis is gone")
    assert (deed.action, deed.by.via, deed.subject, deed.detail) == told


async def test_a_scheduler_feeds_the_streams_of_external_types(
    server: PostgresServer, url: str, redis: RedisServer, wire: Any, tmp_path: Path
) -> None:
    environment = {"DATABASE_URL": url, "REDIS_URL": redis.url, "SCHEDULER_STORE": "postgres"}
    more = {"SCHEDULER_EXTERNAL_TYPES": "mail", "SCHEDULER_ADMIN_TOKEN": TOKEN, "SCHEDULER_ROLES": "scheduler,admin"}
    async with running(tmp_path, **environment, **more) as service:
        assert service.session is not None
        service.session.headers["Authorization"] = f"Bearer {TOKEN}"
        external = await service.create("theirs", task_type="mail", payload={"to": "ana"})
        ran = await service.finished(await service.run_now(external))
        await eventually(lambda: wire.xlen(MAIL) == 1)
        redis.kill()
        try:
            held = await service.run_now(external)
            await eventually(lambda: "cannot be sent" in service.log())
        finally:
            redis.start()
        await eventually(lambda: sent(wire) == [held])
        figures = await service.figures()

    assert ran["state"] == "delivered"
    assert value(figures, "outbox_messages") == 0
    assert "Messages of external tasks are sent again" in service.log()
