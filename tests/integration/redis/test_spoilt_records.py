"""Records that somebody spoilt by hand, and keys that somebody else took: each keeps only itself from its turn."""

from dataclasses import replace

import msgpack
import pytest
from redis import Redis

from adapters.redis.keys import key, stream
from adapters.redis.script import RECORD_FIELDS, STATE_FIELDS
from application.scheduling.ports.errors import StoreUnavailableError
from application.scheduling.ports.execution_store import Beat, Settled, Settlement
from application.scheduling.ports.history import Retention
from application.scheduling.ports.task_store import Committed, Decision, Moved, Unreadable
from domain.scheduling.change import ChangeAction
from domain.scheduling.execution import AttemptOutcome, ExecutionState
from domain.scheduling.firing import fire
from domain.scheduling.outcome import Succeeded
from domain.scheduling.policy import ExecutionPolicy, Overlap
from domain.scheduling.sharing import EVERYTHING
from domain.scheduling.task import Definition, Delivery, Quarantine, ScheduledTask
from tests.conformance.store_under_test import WORKER, StoreUnderTest
from tests.support.builders import HOUR, MINUTE, a_change, a_definition

pytestmark = pytest.mark.redis

ALLOW = ExecutionPolicy(overlap=Overlap.ALLOW)
NO_RECORD = msgpack.packb([])
OTHER_RECORD = msgpack.packb({"a": 1})


def an_allowing(name: str) -> Definition:
    return a_definition(name, task_type=name, policy=ALLOW)


def spoil(admin: Redis, name: str, id_: str, fields: tuple[str, ...], field: str) -> None:
    """Take one value out of a record that is sound in all others."""
    row = msgpack.unpackb(admin.hget(key(name), id_))
    row[fields.index(field)] = False
    admin.hset(key(name), id_, msgpack.packb(row))


def decision(store: StoreUnderTest, task: ScheduledTask) -> Decision:
    return Decision(task, fire(task, store.clock.now()))


def put_off(store: StoreUnderTest, task: ScheduledTask) -> Decision:
    quarantine = Quarantine("it cannot be read", store.clock.now() + 5 * MINUTE)
    return Decision(Unreadable(task.id, quarantine.error), quarantine)


@pytest.mark.parametrize("garbage", [NO_RECORD, OTHER_RECORD, "version", "open"])
async def test_a_task_whose_state_is_garbage_is_put_off_alone(
    store: StoreUnderTest, admin: Redis, garbage: bytes | str
) -> None:
    bad, good = [await store.add(an_allowing(name)) for name in ("bad", "good")]
    lost, held = await store.started(bad), await store.started(good)
    if isinstance(garbage, str):
        spoil(admin, "tasks", bad.id, STATE_FIELDS, garbage)
    else:
        admin.hset(key("tasks"), bad.id, garbage)
    store.clock.advance(HOUR)

    found = await store.tasks.due(EVERYTHING, until=store.clock.now(), limit=10)
    answers = await store.tasks.commit_firings([put_off(store, bad), decision(store, await store.read(good))])
    settled = await store.executions.settle(
        [Settlement(each.execution.id, each.token, Succeeded()) for each in (lost, held)]
    )

    assert sorted(isinstance(each, Unreadable) for each in found) == [False, True]
    assert [type(each) for each in answers] == [Committed, Committed]
    assert await store.tasks.due(EVERYTHING, until=store.clock.now(), limit=10) == []
    assert isinstance(settled[1], Settled)
    assert len(await store.tasks.scan(after=None, limit=10)) == 2


async def test_a_place_among_what_is_due_goes_when_its_task_is_gone(store: StoreUnderTest, admin: Redis) -> None:
    task = await store.add()
    admin.hdel(key("tasks"), task.id)
    store.clock.advance(HOUR)

    (found,) = await store.tasks.due(EVERYTHING, until=store.clock.now(), limit=10)

    assert isinstance(found, Unreadable)
    assert await store.tasks.commit_firings([put_off(store, task)]) == [Moved()]
    assert await store.tasks.next_look_at(EVERYTHING) is None


@pytest.mark.parametrize("field", ["task_id", "task_type", "version", "starts", "rescues", "available_at"])
async def test_an_execution_whose_record_lacks_a_value_keeps_no_other_from_work(
    store: StoreUnderTest, admin: Redis, field: str
) -> None:
    task = await store.add(an_allowing("task"))
    bad, good = await store.started(task), await store.started(task)
    waits = await store.run_now(task, key="waits")
    for each in (bad.execution.id, waits):
        spoil(admin, "executions", each, RECORD_FIELDS, field)
    sound = await store.run_now(task, key="sound")

    claims = await store.executions.claim(WORKER, [store.token() for _ in range(3)])
    beaten = await store.executions.heartbeat(WORKER, [Beat(each.execution.id, each.token) for each in (bad, good)])
    held = await store.executions.held()
    answers = await store.executions.settle(
        [Settlement(each.execution.id, each.token, Succeeded()) for each in (bad, good)]
    )

    assert [each.execution.id for each in claims] == [sound]
    assert good.token not in beaten.lost
    assert {good.execution.id, sound} <= {each.execution_id for each in held}
    assert isinstance(answers[1], Settled)


async def test_what_could_not_be_read_for_a_while_is_open_as_before(store: StoreUnderTest, admin: Redis) -> None:
    task = await store.add(an_allowing("task"))
    spoilt, other = await store.started(task), await store.started(task)
    record = admin.hget(key("executions"), spoilt.execution.id)
    admin.hset(key("executions"), spoilt.execution.id, NO_RECORD)

    await store.settle(other)
    admin.hset(key("executions"), spoilt.execution.id, record)

    assert [each.id for each in (await store.read(task)).open] == [spoilt.execution.id]
    assert isinstance(await store.settle(spoilt), Settled)


async def test_a_heartbeat_counts_on_where_no_number_stands(store: StoreUnderTest, admin: Redis) -> None:
    task = await store.add(an_allowing("task"))
    spoilt, other = await store.started(task), await store.started(task)
    admin.hset(key("beats"), spoilt.execution.id, "many")

    before = {each.execution_id: each.beat for each in await store.executions.held()}
    await store.executions.heartbeat(WORKER, [Beat(each.execution.id, each.token) for each in (spoilt, other)])
    after = {each.execution_id: each.beat for each in await store.executions.held()}

    assert all(after[each] > before[each] for each in before)


@pytest.mark.parametrize("beat", [b"many", b"nan", b"1e3", b"0.5", b"\xff", b""])
async def test_a_silent_execution_is_rescued_whatever_stands_for_its_beat(
    store: StoreUnderTest, admin: Redis, beat: bytes
) -> None:
    claim = await store.started(await store.add(an_allowing("task")))
    admin.hset(key("beats"), claim.execution.id, beat)

    (rescued,) = await store.executions.rescue(await store.executions.held())

    assert rescued.event.state is ExecutionState.PENDING


@pytest.mark.parametrize(
    ("is_asked_to_stop", "state"), [(False, ExecutionState.DEAD), (True, ExecutionState.CANCELLED)]
)
async def test_what_runs_for_a_task_that_is_gone_ends_when_its_worker_falls_silent(
    store: StoreUnderTest, admin: Redis, is_asked_to_stop: bool, state: ExecutionState
) -> None:
    gone, there = [await store.add(an_allowing(name)) for name in ("gone", "there")]
    alone, other = await store.started(gone), await store.started(there)
    if is_asked_to_stop:
        await store.executions.cancel(alone.execution.id, a_change(ChangeAction.CANCEL))
    seen = await store.executions.held()
    admin.hdel(key("tasks"), gone.id)

    await store.beat(alone)
    assert [each.event.execution_id for each in await store.executions.rescue(seen)] == [other.execution.id]
    (rescued,) = await store.executions.rescue(await store.executions.held())

    assert (rescued.event.task_id, rescued.event.state) == (gone.id, state)
    record = await store.record(alone.execution.id)
    assert record.summary.execution.state is state
    assert record.attempts[-1].outcome is AttemptOutcome.RESCUED
    assert (record.summary.execution.error is None) is is_asked_to_stop
    assert (await store.executions.held(), await store.executions.rescue(seen)) == ([], [])


async def test_where_somebody_has_another_key_work_goes_on_without_messages(
    store: StoreUnderTest, admin: Redis
) -> None:
    tasks = [await store.add(an_allowing(name)) for name in ("taken", "free")]
    before = await store.started(tasks[0])
    admin.delete(stream("taken"))
    admin.rpush(stream("taken"), "somebody else's")
    store.clock.advance(HOUR)

    answers = await store.tasks.commit_firings([decision(store, await store.read(each)) for each in tasks])
    claims = await store.executions.claim(WORKER, [store.token() for _ in range(3)])
    await store.settle(before)
    for each in claims:
        await store.settle(each)
    await store.history.prune(Retention(), limit=10)

    assert [type(each) for each in answers] == [Committed, Committed]
    assert len(claims) == 2
    assert all([await store.state(each.execution.id) is ExecutionState.SUCCEEDED for each in (before, *claims)])
    assert admin.lrange(stream("taken"), 0, -1) == [b"somebody else's"]


async def test_nothing_is_delivered_where_somebody_has_another_key_and_nothing_twice_elsewhere(
    store: StoreUnderTest, admin: Redis
) -> None:
    external = [replace(an_allowing(name), delivery=Delivery.EXTERNAL) for name in ("free", "taken")]
    tasks = [await store.add(each) for each in external]
    admin.rpush(stream("taken"), "somebody else's")
    store.clock.advance(HOUR)
    decisions = [decision(store, each) for each in tasks]

    for _ in range(2):
        with pytest.raises(StoreUnavailableError):
            await store.tasks.commit_firings(decisions)
    admin.delete(stream("taken"))

    assert await store.tasks.commit_firings(decisions[:1]) == [Moved()]
    assert isinstance((await store.tasks.commit_firings(decisions[1:]))[0], Committed)
    assert [admin.xlen(stream(name)) for name in ("free", "taken")] == [1, 1]
