"""Records in a Redis: what lies behind a thousand others, and what somebody spoilt by hand."""

from datetime import timedelta

import pytest
from redis import Redis

from adapters.redis.keys import HOURS, PREFIX, key
from application.scheduling.ports.history import AuditFilter, ExecutionFilter
from application.scheduling.ports.task_store import Unreadable
from domain.scheduling.change import ChangeAction
from domain.scheduling.execution import ExecutionState
from domain.scheduling.identifiers import microseconds
from domain.scheduling.policy import ExecutionPolicy, Overlap
from domain.scheduling.runs import backfill, occurrences_to_backfill
from tests.conformance.store_under_test import WORKER, StoreUnderTest
from tests.support.builders import HOUR, MINUTE, a_change, a_definition, a_failure
from tests.support.manual_clock import NOON

pytestmark = pytest.mark.redis

ALLOW = ExecutionPolicy(overlap=Overlap.ALLOW, fail_after=9)
# No MessagePack; no array; an array of too little; a text that is none.
GARBAGE = (b"\xc1", b"\x05", b"\x91\x01", b"\x91\xa2\xff\xfe")
MANY = 1_100


async def test_lists_find_what_lies_behind_many_others(store: StoreUnderTest, admin: Redis) -> None:
    task = await store.add(a_definition(policy=ALLOW))
    dead, done = [await store.started(task) for _ in range(2)]
    await store.settle(dead, a_failure())
    await store.settle(done)
    later = microseconds(store.clock.now() + HOUR)
    names = [f"{later + each:014x}" for each in range(MANY)]
    admin.zadd(key("by_task"), {f"{task.id}/{each}": 0 for each in names})
    admin.zadd(key("by_state"), {f"succeeded/{each}": 0 for each in names})
    succeeded, died = ExecutionState.SUCCEEDED, ExecutionState.DEAD

    async def listed(which: ExecutionFilter) -> list[str]:
        first = await store.history.executions(which, limit=1, cursor=None)
        if first.next_cursor is None:
            return [each.execution.id for each in first.executions]
        second = await store.history.executions(which, limit=1, cursor=first.next_cursor)
        assert second.next_cursor is None
        return [each.execution.id for page in (first, second) for each in page.executions]

    both = [done.execution.id, dead.execution.id]
    assert await listed(ExecutionFilter()) == await listed(ExecutionFilter(task.id)) == both
    assert await listed(ExecutionFilter(states=frozenset({succeeded, died}))) == both
    assert await listed(ExecutionFilter(task.id, states=frozenset({died}))) == [dead.execution.id]
    assert await listed(ExecutionFilter(states=frozenset({succeeded}))) == [done.execution.id]
    assert await listed(ExecutionFilter(backfill="none")) == []


async def test_changes_are_found_behind_many_others(store: StoreUnderTest, admin: Redis) -> None:
    task = await store.add()
    await store.described(task, "changed")
    admin.zadd(key("changes_by_number"), {f"{each:012}": each for each in range(3, MANY)})
    admin.zadd(key("changes_by_task"), {f"{task.id}/{each:012}": 0 for each in range(3, MANY)})

    of_all = await store.history.audit(AuditFilter(), limit=10, cursor=None)
    created = await store.history.audit(AuditFilter(action=ChangeAction.CREATE), limit=1, cursor=None)

    assert [each.record.change.action for each in of_all.entries] == [ChangeAction.EDIT, ChangeAction.CREATE]
    assert [each.record.version for each in created.entries] == [1]
    assert len(await store.history.changes(task.id, limit=10)) == 2


async def test_a_year_of_hours_is_read_in_slices(store: StoreUnderTest, admin: Redis) -> None:
    hours = [NOON - number * HOUR for number in range(1, 2_101)]
    pipeline = admin.pipeline()
    for each in hours:
        name = str(microseconds(each))
        pipeline.zadd(key("hours"), {name: name})
        pipeline.hset(f"{PREFIX}{HOURS}{name}", mapping={f"type/{step}/succeeded/{step}": 2 for step in range(3)})
    pipeline.execute()

    types = await store.figures.types(since=hours[-1], until=NOON)
    found = await store.figures.hours(since=hours[-1], until=NOON, task_type="type/1")

    assert [(each.task_type, each.durations.by_step) for each in types] == [
        (f"type/{step}", {step: 2 * len(hours)}) for step in range(3)
    ]
    assert [each.at for each in found] == hours[::-1]


@pytest.mark.parametrize("garbage", GARBAGE)
async def test_what_cannot_be_read_is_left_out_and_the_rest_is_told(
    store: StoreUnderTest, admin: Redis, garbage: bytes
) -> None:
    task = await store.add(a_definition(policy=ALLOW))
    claims = [await store.started(task) for _ in range(3)]
    for claim in claims:
        await store.settle(claim, a_failure())
    for _ in range(2):
        paused = await store.paused(await store.read(task))
        store.clock.advance(3 * MINUTE)
        await store.resumed(paused)
    for name in ("skips", "changes", "definitions"):
        admin.hset(key(name), sorted(admin.hkeys(key(name)))[0], garbage)
    broken, sound = claims[0].execution.id, [claim.execution.id for claim in claims[:0:-1]]
    admin.hset(key("executions"), broken, garbage)
    admin.hset(key("attempts"), f"{sound[0]}/1", garbage)
    admin.rpush(f"{PREFIX}log:{sound[0]}", garbage)
    (hours,) = admin.scan_iter(f"{PREFIX}{HOURS}*")
    admin.hset(hours, garbage, garbage)

    listed = await store.history.executions(ExecutionFilter(task.id), limit=10, cursor=None)
    evidence = await store.history.evidence(task.id, since=NOON, until=store.clock.now())
    record = await store.record(sound[0])

    assert [each.execution.id for each in listed.executions] == sound
    assert (record.attempts, record.log) == ((), ())
    assert await store.history.execution(broken) is None
    assert evidence is not None
    assert not isinstance(evidence.task, Unreadable)
    assert [each.execution.id for each in evidence.executions] == sound[::-1]
    counts = (len(evidence.skips), len(evidence.changes), sorted(evidence.versions))
    assert counts == (len(await store.history.skips(task.id, limit=9)), 4, [2, 3, 4, 5])
    assert len((await store.history.audit(AuditFilter(), limit=9, cursor=None)).entries) == 4
    assert [each.version for each in await store.history.versions(task.id, limit=9)] == [5, 4, 3, 2]
    assert len((await store.figures.past_runs([task.id], limit=9))[task.id]) == 2
    assert sum(sum(each.by_state.values()) for each in await store.figures.types(since=NOON, until=NOON + HOUR)) == 3


async def test_backfills_are_told_with_the_span_they_make_up_for_however_much_ran_since(
    store: StoreUnderTest, admin: Redis
) -> None:
    task = await store.add(a_definition(policy=ALLOW))
    store.clock.advance(timedelta(minutes=5))
    await store.commit(await store.read(task))
    store.clock.advance(timedelta(days=1))
    read, now = await store.read(task), store.clock.now()
    asked = a_change(ChangeAction.BACKFILL, at=now)
    lost = occurrences_to_backfill(read, NOON + 2 * MINUTE, NOON + 4 * MINUTE, now)
    await store.applied(backfill(read, lost, asked, key="b", allow_overlap=True))
    made_up = [each.id for each in (await store.read(task)).open if each.kind == "backfill"]
    while claims := await store.executions.claim(WORKER, [store.token()]):
        await store.settle(claims[0])
    between = microseconds(NOON + HOUR)
    admin.zadd(key("by_task"), {f"{task.id}/{between + each:014x}": 0 for each in range(MANY)})

    found = await store.history.evidence(task.id, since=NOON + 2 * MINUTE, until=NOON + 5 * MINUTE)

    assert found is not None
    assert made_up
    assert set(made_up) <= {each.execution.id for each in found.executions}
