"""`History.evidence`: what is on record about a task around a span of time, in one snapshot."""

from dataclasses import replace
from datetime import datetime, timedelta

from application.scheduling.ports.records import EVIDENCE_MAX, Evidence
from application.scheduling.ports.task_store import PAYLOAD_LEFT_OUT, Unreadable
from domain.scheduling.change import ChangeAction
from domain.scheduling.execution import ExecutionState, redrive_key
from domain.scheduling.identifiers import MICROSECOND, ExecutionId, TaskId
from domain.scheduling.policy import ExecutionPolicy, Misfire, Overlap
from domain.scheduling.runs import backfill, occurrences_to_backfill
from domain.scheduling.task import ScheduledTask
from tests.conformance.store_under_test import StoreUnderTest
from tests.support.builders import HOUR, HOURLY, MINUTE, a_change, a_definition, a_failure
from tests.support.manual_clock import NOON

ALLOW = ExecutionPolicy(overlap=Overlap.ALLOW)
EVERYTHING_MISSED = ExecutionPolicy(misfire=Misfire.ALL, overlap=Overlap.ALLOW)


def _hour(number: float) -> datetime:
    return NOON + number * HOUR


async def _hourly(store: StoreUnderTest, policy: ExecutionPolicy = ALLOW) -> ScheduledTask:
    return await store.add(a_definition(schedule=HOURLY, policy=policy, payload_json='{"mode": "full"}'))


async def _ran(store: StoreUnderTest, task: ScheduledTask, *, lasts: timedelta = MINUTE) -> ExecutionId:
    claim = await store.started(task)
    store.clock.advance(lasts)
    await store.settle(claim)
    return claim.execution.id


async def _around(store: StoreUnderTest, task: ScheduledTask, since: datetime, until: datetime) -> Evidence:
    found = await store.history.evidence(task.id, since=since, until=until)
    assert found is not None
    return found


def _ids(evidence: Evidence) -> list[ExecutionId]:
    return [each.execution.id for each in evidence.executions]


async def test_of_a_task_that_never_was_there_is_none(store: StoreUnderTest) -> None:
    assert await store.history.evidence(TaskId("nobody"), since=NOON, until=NOON) is None


async def test_it_is_as_of_the_clock_of_the_store_and_of_one_task_alone(store: StoreUnderTest) -> None:
    task, other = await _hourly(store), await store.add(a_definition("other"))
    await _ran(store, other)
    now = store.clock.advance(MINUTE)

    found = await _around(store, task, NOON, now)

    assert (found.now, found.task, found.executions, found.skips, found.is_cut) == (now, task, (), (), False)
    assert [each.change.action for each in found.changes] == [ChangeAction.CREATE]


async def test_executions_of_the_span_come_with_the_nearest_automatic_ones_and_their_attempts(
    store: StoreUnderTest,
) -> None:
    task = await _hourly(store)
    ran = [await _ran(store, task) for _ in range(6)]
    by_hand = await store.run_now(task, key="k")
    await store.settle(await store.claim())

    found = await _around(store, task, _hour(3), _hour(5))

    assert _ids(found) == ran[1:5]
    assert [[each.worker_id for each in one.attempts] for one in found.executions] == [["worker-a"]] * 4
    assert by_hand in _ids(await _around(store, task, _hour(6), _hour(7)))
    assert _ids(await _around(store, task, _hour(3), _hour(4))) == ran[1:4]


async def _by_hand(store: StoreUnderTest, task: ScheduledTask) -> ExecutionId:
    execution_id = await store.run_now(task, key=store.clock.now().isoformat())
    await store.settle(await store.claim())
    return execution_id


async def test_the_end_of_the_span_is_not_in_it_but_its_beginning_is(store: StoreUnderTest) -> None:
    task = await _hourly(store)
    ran = [await _ran(store, task) for _ in range(5)]

    assert _ids(await _around(store, task, _hour(2), _hour(3))) == ran[:3]
    assert _ids(await _around(store, task, _hour(2) + MICROSECOND, _hour(3) + MICROSECOND)) == ran[1:4]


async def test_what_people_asked_for_before_the_next_occurrence_ran_is_there(store: StoreUnderTest) -> None:
    task = await _hourly(store, ExecutionPolicy(jitter=30 * MINUTE))
    early = await _by_hand(store, task)
    store.clock.advance(MINUTE)
    asked = [await _by_hand(store, task)]
    store.clock.advance_to(_hour(1))
    asked.append(await _by_hand(store, task))
    automatic = await _ran(store, task)
    store.clock.advance(MINUTE)
    late = await _by_hand(store, task)

    assert _ids(await _around(store, task, NOON + MICROSECOND, NOON + MINUTE)) == sorted([*asked, automatic])
    assert _ids(await _around(store, task, NOON, NOON + MINUTE)) == sorted([early, *asked, automatic])
    assert _ids(await _around(store, task, _hour(2), _hour(3))) == [automatic]
    assert late in _ids(await _around(store, task, _hour(1) + MICROSECOND, _hour(1) + MINUTE))


async def test_what_had_not_ended_by_the_beginning_of_the_span_is_there_and_so_is_what_is_open(
    store: StoreUnderTest,
) -> None:
    task = await _hourly(store)
    long_one = await store.started(task)
    short = [await _ran(store, task) for _ in range(2)]
    store.clock.advance_to(_hour(3.5))
    await store.settle(long_one)
    last = [await _ran(store, task) for _ in range(2)]
    open_one = (await store.started(task)).execution.id

    assert _ids(await _around(store, task, _hour(3.25), _hour(3.26))) == [
        long_one.execution.id,
        short[1],
        last[0],
        open_one,
    ]
    assert _ids(await _around(store, task, _hour(3.75), _hour(3.76))) == [short[1], last[0], open_one]


async def test_skips_of_the_span_come_with_the_nearest_on_either_side(store: StoreUnderTest) -> None:
    task = await _hourly(store, ExecutionPolicy())
    for number in (3, 6, 9, 12, 15):
        store.clock.advance_to(_hour(number))
        await store.commit(await store.read(task))
        await store.settle(await store.claim())

    found = await _around(store, task, _hour(7), _hour(8))

    assert [(each.first_at, each.last_at) for each in found.skips] == [
        (_hour(4), _hour(5)),
        (_hour(7), _hour(8)),
        (_hour(10), _hour(11)),
    ]
    assert [each.first_at for each in (await _around(store, task, _hour(8), _hour(9))).skips] == [_hour(7), _hour(10)]


async def test_changes_are_those_of_the_task_and_of_the_executions_that_are_told(store: StoreUnderTest) -> None:
    task = await _hourly(store)
    await store.run_now(task, key="early")
    await store.settle(await store.claim())
    store.clock.advance(30 * MINUTE)
    told = await store.run_now(task, key="told")
    await store.executions.cancel(told, a_change(ChangeAction.CANCEL, at=store.clock.now()))
    await store.described(await store.read(task), "another text")

    found = await _around(store, task, NOON + 10 * MINUTE, NOON + 40 * MINUTE)

    assert [(each.change.action, each.execution_id) for each in found.changes] == [
        (ChangeAction.CREATE, None),
        (ChangeAction.RUN, told),
        (ChangeAction.CANCEL, told),
        (ChangeAction.EDIT, None),
    ]


async def test_versions_are_there_without_their_payloads(store: StoreUnderTest) -> None:
    task = await _hourly(store)
    edited = await store.described(task, "another text")

    found = await _around(store, task, NOON, NOON)

    assert found.versions == {
        1: replace(task.definition, payload_json=PAYLOAD_LEFT_OUT),
        2: replace(edited.definition, payload_json=PAYLOAD_LEFT_OUT),
    }
    assert isinstance(found.task, ScheduledTask)
    assert found.task.definition == edited.definition


async def test_a_deleted_task_is_told_of_with_what_it_left(store: StoreUnderTest) -> None:
    task = await _hourly(store)
    execution_id = await _ran(store, task)
    deleted = await store.deleted(await store.read(task))

    found = await _around(store, task, _hour(1), _hour(2))

    assert (found.task, _ids(found)) == (deleted, [execution_id])


async def test_a_task_that_cannot_be_read_is_told_of_with_what_can_be(store: StoreUnderTest) -> None:
    task = await _hourly(store)
    execution_id = await _ran(store, task)
    await store.spoil(task.id)

    found = await _around(store, task, _hour(1), _hour(2))

    assert isinstance(found.task, Unreadable)
    assert (found.task.task_id, _ids(found)) == (task.id, [execution_id])


async def test_a_span_with_more_than_can_be_told_has_its_first_and_says_so(store: StoreUnderTest) -> None:
    task = await store.add(a_definition(policy=EVERYTHING_MISSED))
    born = []
    for _ in range(3):
        store.clock.advance(100 * MINUTE)
        await store.commit(await store.read(task))
    for execution_id in [each.id for each in (await store.read(task)).open]:
        await store.executions.cancel(execution_id, a_change(ChangeAction.CANCEL, at=store.clock.now()))
        born.append(execution_id)

    found = await _around(store, task, NOON, NOON + 300 * MINUTE)
    less = await _around(store, task, NOON, NOON + 200 * MINUTE)

    assert (found.is_cut, _ids(found)[:EVIDENCE_MAX]) == (True, born[:EVIDENCE_MAX])
    assert less.is_cut is False


async def test_what_made_up_for_an_occurrence_of_the_span_is_told_with_it(store: StoreUnderTest) -> None:
    task = await _hourly(store)
    store.clock.advance_to(_hour(9))
    await store.commit(await store.read(task))
    await store.settle(await store.claim())
    now, read = store.clock.advance_to(_hour(9.5)), await store.read(task)
    occurrences = occurrences_to_backfill(read, _hour(1), _hour(3), now)
    await store.applied(backfill(read, occurrences, a_change(ChangeAction.BACKFILL, at=now), key="b"))
    for _ in occurrences:
        await store.settle(await store.claim())
        store.clock.advance(MINUTE)

    found = await _around(store, task, _hour(2), _hour(3))

    assert [each.execution.nominal_at for each in found.executions] == [_hour(9), _hour(2)]


async def test_what_took_the_place_of_a_dead_execution_is_told_with_it(store: StoreUnderTest) -> None:
    task = await _hourly(store)
    claim = await store.started(task)
    await store.settle(claim, a_failure())
    store.clock.advance(5 * HOUR)
    repeated = await store.run_now(task, key=redrive_key(claim.execution.id))
    await store.settle(await store.claim())

    found = await _around(store, task, _hour(1), _hour(2))

    assert _ids(found) == [claim.execution.id, repeated]
    assert [each.execution.state for each in found.executions] == [ExecutionState.DEAD, ExecutionState.SUCCEEDED]
