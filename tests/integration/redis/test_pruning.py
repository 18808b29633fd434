"""What a Redis forgets beside what is old: what is too much, and every trace of what goes."""

import random
from dataclasses import replace
from datetime import timedelta

import pytest
from redis import Redis

from adapters.redis.history import RedisHistory
from adapters.redis.keys import HOURS, PREFIX, key
from adapters.redis.opening import RedisStores
from adapters.redis.pruning import Limits
from adapters.redis.script import script
from application.scheduling.explanations import Code
from application.scheduling.ports.execution_store import LogLine, Progress, Settlement
from application.scheduling.ports.history import ExecutionFilter, Retention
from application.scheduling.ports.task_store import Replayed
from domain.scheduling.change import ChangeAction
from domain.scheduling.outcome import Continued
from domain.scheduling.policy import ExecutionPolicy, Misfire, Overlap
from domain.scheduling.runs import backfill, occurrences_to_backfill, redrive
from domain.scheduling.task import ScheduledTask
from tests.conformance.store_under_test import StoreUnderTest
from tests.support.builders import DAY, HOUR, HOURLY, MINUTE, SECOND, a_change, a_definition, a_failure
from tests.support.explaining import explained
from tests.support.manual_clock import NOON

pytestmark = pytest.mark.redis

ALLOW = ExecutionPolicy(overlap=Overlap.ALLOW, fail_after=100)
GARBAGE = b"\xc1 no MessagePack"
# What there is of a store without tasks: what it is, what happened lately, and the types there ever were.
REMAINS = {"meta", "journal", "types"}


async def _pruned(store: StoreUnderTest, limits: Limits | None = None, *, limit: int = 100) -> int:
    """How many records are forgotten until nothing is left to forget."""
    history = store.history
    assert isinstance(history, RedisHistory)
    total = 0
    while forgotten := await replace(history, limits=limits or Limits()).prune(Retention(), limit=limit):
        total += forgotten
    return total


async def _listed(store: StoreUnderTest, task: ScheduledTask | None = None) -> list[str]:
    which = ExecutionFilter(None if task is None else task.id)
    page = await store.history.executions(which, limit=1_000, cursor=None)
    return [each.execution.id for each in page.executions]


async def _lived(store: StoreUnderTest) -> ScheduledTask:
    """A task of which every kind of record is kept."""
    task = await store.add(a_definition(schedule=HOURLY, policy=ALLOW, payload_json='{"days":1}'))
    dead = await store.started(task)
    log = (LogLine(store.clock.now(), "info", "why"),)
    died = Settlement(dead.execution.id, dead.token, a_failure(), Progress(1, 2, ""), log)
    await store.executions.settle([died])
    execution = (await store.record(dead.execution.id)).summary.execution
    again = redrive(await store.read(task), execution, a_change(ChangeAction.REDRIVE, at=store.clock.now(), key="r"))
    await store.applied(again)
    await store.settle(await store.claim(), Continued(MINUTE))
    store.clock.advance(4 * HOUR)
    await store.executions.release_due(10)
    await store.settle(await store.claim())
    read, now = await store.read(task), store.clock.now()
    await store.applied(
        backfill(
            read,
            occurrences_to_backfill(read, NOON - 3 * HOUR, NOON, now),
            a_change(ChangeAction.BACKFILL, at=now),
            key="b",
        )
    )
    for _ in range(3):
        await store.settle(await store.claim())
    paused = await store.paused(await store.described(await store.read(task), "another"))
    store.clock.advance(HOUR)
    await store.resumed(paused)
    return await store.read(task)


async def test_nothing_is_left_of_what_is_forgotten(store: StoreUnderTest, admin: Redis) -> None:
    task = await _lived(store)
    names = {each.decode().removeprefix(PREFIX).partition(":")[0] for each in admin.scan_iter(f"{PREFIX}*")}
    assert {"attempts", "progress", "log", "runs", "backfills", "redriven", "skips", "payloads", "hours"} <= names
    await store.deleted(task)
    store.clock.advance(31 * DAY)
    await _pruned(store)
    store.clock.advance(400 * DAY)
    await _pruned(store)

    left = {each.decode().removeprefix(PREFIX) for each in admin.scan_iter(f"{PREFIX}*")}
    assert left == REMAINS


async def test_of_each_task_the_last_executions_and_skips_are_kept_and_all_that_are_open(store: StoreUnderTest) -> None:
    busy, calm = [await store.add(a_definition(name, policy=ALLOW)) for name in ("busy", "calm")]
    still_open = await store.started(busy)
    ran = [await store.started(busy) for _ in range(5)]
    for claim in ran:
        await store.settle(claim)
    few = [await store.started(calm) for _ in range(2)]
    for claim in few:
        await store.settle(claim)
    for _ in range(4):
        paused = await store.paused(await store.read(busy))
        store.clock.advance(MINUTE)
        await store.resumed(paused)
        store.clock.advance(2 * MINUTE)
        await store.commit(await store.read(busy))
        await store.settle(await store.claim())
    before = await _listed(store, busy)

    assert await _pruned(store, Limits(of_task=3), limit=2) == 6 + 5

    assert await _listed(store, busy) == [*before[:3], still_open.execution.id]
    assert await _listed(store, calm) == [claim.execution.id for claim in reversed(few)]
    assert len(await store.history.skips(busy.id, limit=10)) == 3


@pytest.mark.parametrize(("hours", "is_paused"), [((1, 2, 3, 4), False), ((1, 3, 5, 7), True)])
async def test_what_went_because_there_was_too_much_is_said_to_be_older_than_the_records(
    store: StoreUnderTest, hours: tuple[int, ...], is_paused: bool
) -> None:
    task = await store.add(a_definition(schedule=HOURLY, policy=ALLOW))
    for _ in hours:
        if is_paused:
            paused = await store.paused(await store.read(task))
            store.clock.advance(HOUR)
            await store.resumed(paused)
        await store.settle(await store.started(task))

    async def told() -> list[Code]:
        answers = [await explained(store, task, NOON + hour * HOUR) for hour in hours]
        return [finding.code for answer in answers for finding in answer.findings]

    before = await told()
    await _pruned(store, Limits(of_task=2))

    assert before == [Code.SKIPPED_PAUSED if is_paused else Code.SUCCEEDED] * 4
    assert await told() == [Code.OLDER_THAN_RECORDS] * 2 + before[2:]
    since = (await explained(store, task, NOON)).records_since
    assert NOON + hours[1] * HOUR < since <= NOON + hours[2] * HOUR


async def test_of_all_executions_those_that_ended_last_are_kept(store: StoreUnderTest) -> None:
    task = await store.add(a_definition(policy=ALLOW))
    first, *others = [await store.started(task) for _ in range(5)]
    for claim in (*others, first):
        store.clock.advance(SECOND)
        await store.settle(claim, a_failure() if claim is others[1] else None)

    assert await _pruned(store, Limits(in_all=2)) == 3

    assert await _listed(store) == [others[-1].execution.id, first.execution.id]
    assert (await store.stores.figures.backlog()).dead_letters == 0


@pytest.mark.parametrize(("first", "dead_letters"), [("dead", 0), ("again", 1)])
async def test_a_dead_letter_counts_while_it_is_kept_and_what_took_its_place_is_not(
    store: StoreUnderTest, first: str, dead_letters: int
) -> None:
    task = await store.add(a_definition(policy=ALLOW))
    claim = await store.started(task)
    await store.settle(claim, a_failure())
    dead = (await store.record(claim.execution.id)).summary.execution
    store.clock.step(SECOND if first == "dead" else -HOUR)
    change = a_change(ChangeAction.REDRIVE, at=store.clock.now(), key="r")
    await store.applied(redrive(await store.read(task), dead, change))
    assert (await store.stores.figures.backlog()).dead_letters == 0
    await store.settle(await store.claim())

    assert await _pruned(store, Limits(in_all=1)) == 1

    assert (await store.stores.figures.backlog()).dead_letters == dead_letters


async def test_of_the_changes_of_a_task_that_are_older_than_a_day_the_last_are_kept(store: StoreUnderTest) -> None:
    task, other = await store.add(), await store.add(a_definition("other"))
    for number in range(4):
        store.clock.advance(SECOND)
        await store.run_now(task, key=f"{number}")
    limits = Limits(changes_of_task=2)
    store.clock.advance_to(NOON + DAY + 2 * SECOND)

    assert await _pruned(store, limits) == 2

    assert [each.change.idempotency_key for each in await store.history.changes(task.id, limit=9)] == ["3", "2", "1"]
    assert await store.tasks.replay("1", "") is not None
    store.clock.advance(DAY)
    assert await _pruned(store, limits) == 1
    assert await store.tasks.replay("1", "") is None
    assert isinstance(await store.tasks.replay("2", ""), Replayed)
    assert len(await store.history.changes(other.id, limit=9)) == 1


@pytest.mark.parametrize("kept", [0, 1, 2, 7])
async def test_every_task_that_has_too_much_is_found(stores: RedisStores, admin: Redis, kept: int) -> None:
    lots = random.Random(kept)
    sizes = {f"{number:03}": lots.choice((1, max(kept, 1), kept + 1, 30)) for number in range(500)}
    members = {f"{task}/{number:014x}": 0 for task, size in sizes.items() for number in range(size)}
    admin.zadd(key("by_task"), members)

    reply = await stores.server.call(script("crowded", only_reads=True), ["by_task", kept, 0])

    assert reply.answer[0] == [task for task, size in sizes.items() if size > kept]


async def test_the_executions_of_a_task_in_work_keep_its_old_definitions_and_no_others(store: StoreUnderTest) -> None:
    policy = ExecutionPolicy(misfire=Misfire.ALL, overlap=Overlap.ALLOW)
    task = await store.add(a_definition(policy=policy))
    (execution_id,) = await store.fired(task)
    for text in ("second", "third"):
        task = await store.described(await store.read(task), text)
    store.clock.advance(366 * DAY)

    await _pruned(store)

    assert [each.version for each in await store.history.versions(task.id, limit=9)] == [3, 1]
    assert (await store.claim()).execution.id == execution_id


async def test_what_cannot_be_read_keeps_nothing_else_from_being_forgotten(store: StoreUnderTest, admin: Redis) -> None:
    task = await store.add(a_definition(policy=ALLOW))
    claims = [await store.started(task) for _ in range(3)]
    for claim in claims:
        await store.settle(claim)
    paused = await store.paused(await store.read(task))
    store.clock.advance(5 * MINUTE)
    await store.resumed(paused)
    broken = claims[0].execution.id
    for name in ("skips", "changes", "definitions"):
        admin.hset(key(name), admin.hkeys(key(name))[0], GARBAGE)
    for name in ("executions", "attempts", "progress"):
        admin.hset(key(name), f"{broken}/1" if name == "attempts" else broken, GARBAGE)
    (hours,) = admin.scan_iter(f"{PREFIX}{HOURS}*")
    admin.hset(hours, "x", "y")
    gone = await store.deleted(await store.add(a_definition("gone")))
    admin.hset(key("tasks"), gone.id, GARBAGE)
    store.clock.advance(400 * DAY)

    assert await _pruned(store) > 4

    assert await _listed(store) == []
    assert not admin.exists(*(key(name) for name in ("executions", "by_state", "succeeded", "hours")))


async def test_a_server_without_memory_tells_and_forgets(store: StoreUnderTest, admin: Redis) -> None:
    task = await store.add()
    claim = await store.started(task)
    await store.settle(claim)
    store.clock.advance(Retention().executions + timedelta(hours=1))
    admin.config_set("maxmemory", 1)

    try:
        assert await _listed(store, task) == [claim.execution.id]
        assert await store.history.evidence(task.id, since=NOON, until=store.clock.now()) is not None
        assert await _pruned(store) == 1
    finally:
        admin.config_set("maxmemory", 0)

    assert await _listed(store) == []
