"""`TaskStore.commit_firings`: the one hard step, whole or not at all."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from application.scheduling.ports.task_store import Applied, Committed, Decision, Moved, TooEarly
from domain.scheduling.change import ChangeAction
from domain.scheduling.execution import ExecutionKind, ExecutionState
from domain.scheduling.firing import fire
from domain.scheduling.identifiers import MICROSECOND
from domain.scheduling.policy import ON_TIME, ExecutionPolicy, Misfire, Overlap
from domain.scheduling.runs import run_now
from domain.scheduling.task import Quarantine, ScheduledTask, Skip, SkipReason, TaskStatus
from tests.conformance.store_under_test import WORKER, StoreUnderTest
from tests.support.builders import HOUR, HOURLY, MINUTE, SECOND, a_change, a_definition, a_failure
from tests.support.manual_clock import NOON

ALLOW = ExecutionPolicy(overlap=Overlap.ALLOW)
AHEAD = timedelta(milliseconds=30)


async def test_a_firing_records_its_execution_and_advances_the_task(store: StoreUnderTest) -> None:
    task = await store.add()

    (execution_id,) = await store.fired(task)

    execution = (await store.record(execution_id)).summary.execution
    assert (execution.kind, execution.state) == (ExecutionKind.AUTO, ExecutionState.PENDING)
    assert execution.nominal_at == execution.scheduled_at == execution.created_at == NOON + MINUTE
    after = await store.read(task)
    assert after.decided_until == after.last_run_at == NOON + MINUTE
    assert after.look_at == NOON + 2 * MINUTE
    assert (after.run_count, after.auto_runs, after.version) == (1, 1, 1)
    assert [each.id for each in after.open] == [execution_id]
    assert await store.due() == []


async def test_two_schedulers_racing_for_one_firing_have_one_winner(store: StoreUnderTest) -> None:
    task = await store.add()
    store.clock.advance(MINUTE)

    async with asyncio.TaskGroup() as schedulers:
        racing = [schedulers.create_task(store.commit(task)) for _ in range(4)]

    assert sorted(type(each.result()).__name__ for each in racing) == ["Committed", "Moved", "Moved", "Moved"]
    assert (await store.read(task)).run_count == 1


async def test_a_firing_is_recorded_once_however_often_it_is_sent(store: StoreUnderTest) -> None:
    task = await store.add(a_definition(policy=ALLOW))
    store.clock.advance(MINUTE)
    decision = Decision(task, fire(task, store.clock.now()))

    answers = [*await store.tasks.commit_firings([decision, decision]), *await store.tasks.commit_firings([decision])]

    assert [type(answer) for answer in answers] == [Committed, Moved, Moved]
    assert (await store.read(task)).run_count == 1


async def test_answers_come_in_order_and_do_not_depend_on_each_other(store: StoreUnderTest) -> None:
    tasks = [await store.add(a_definition(name)) for name in ("moved", "committed", "early")]
    store.clock.advance(MINUTE)
    await store.described(tasks[0], "changed meanwhile")
    instants = [store.clock.now(), store.clock.now(), store.clock.now() + AHEAD]

    decisions = [Decision(task, fire(task, at)) for task, at in zip(tasks, instants, strict=True)]
    answers = await store.tasks.commit_firings(decisions)

    assert [type(answer) for answer in answers] == [Moved, Committed, TooEarly]
    assert [(await store.read(task)).run_count for task in tasks] == [0, 1, 0]


async def test_a_large_batch_is_answered_whole(store: StoreUnderTest) -> None:
    tasks = [await store.add(a_definition(f"task {number}")) for number in range(150)]
    store.clock.advance(MINUTE)

    answers = await store.tasks.commit_firings([Decision(task, fire(task, store.clock.now())) for task in tasks])

    created = [answer.execution_ids for answer in answers if isinstance(answer, Committed)]
    assert len(created) == 150
    for task, (execution_id,) in zip(tasks[::50], created[::50], strict=True):
        assert (await store.record(execution_id)).summary.execution.task_id == task.id


async def test_nothing_to_commit_is_nothing_committed(store: StoreUnderTest) -> None:
    assert list(await store.tasks.commit_firings([])) == []


@pytest.mark.parametrize(
    "misread",
    [
        lambda task: replace(task, version=task.version + 1),
        lambda task: replace(task, decided_until=task.decided_until - MICROSECOND),
        lambda task: replace(task, open_seq=task.open_seq + 1),
    ],
    ids=["version", "decided_until", "open_seq"],
)
async def test_each_compared_field_alone_makes_a_firing_moved(
    store: StoreUnderTest, misread: Callable[[ScheduledTask], ScheduledTask]
) -> None:
    task = await store.add()
    store.clock.advance(MINUTE)

    assert await store.commit(misread(task)) == Moved()
    assert await store.read(task) == task


async def test_a_firing_of_a_deleted_task_is_moved_by_the_deletion_alone(store: StoreUnderTest) -> None:
    task = await store.add()
    gone = await store.deleted(task)
    store.clock.advance(MINUTE)

    # Only the deletion itself differs from what was read.
    assert await store.commit(replace(gone, deleted_at=None)) == Moved()


async def test_a_firing_of_a_paused_task_is_moved_by_the_status_alone(store: StoreUnderTest) -> None:
    paused = await store.paused(await store.add())
    store.clock.advance(MINUTE)

    assert await store.commit(replace(paused, status=TaskStatus.ACTIVE)) == Moved()


async def test_a_task_that_failed_meanwhile_is_moved_by_the_status_alone(store: StoreUnderTest) -> None:
    task = await store.add(a_definition(policy=replace(ALLOW, fail_after=1)))
    claim = await store.started(task)
    read = await store.read(task)
    await store.settle(claim, a_failure())
    store.clock.advance(MINUTE)

    assert await store.commit(read) == Moved()


@pytest.mark.parametrize(("overlap", "answer"), [(Overlap.SKIP, Moved), (Overlap.ALLOW, Committed)])
async def test_a_run_started_by_hand_meanwhile_counts_unless_overlap_is_allowed(
    store: StoreUnderTest, overlap: Overlap, answer: type
) -> None:
    task = await store.add(a_definition(policy=ExecutionPolicy(overlap=overlap)))
    store.clock.advance(MINUTE)
    await store.run_now(task, key="by hand")

    assert type(await store.commit(task)) is answer


async def test_an_execution_that_ended_meanwhile_makes_the_decision_to_skip_moved(store: StoreUnderTest) -> None:
    task = await store.add()
    claim = await store.started(task)
    store.clock.advance(MINUTE)
    read = await store.read(task)
    await store.settle(claim)

    assert await store.commit(read) == Moved()
    assert isinstance(await store.commit(await store.read(task)), Committed)


@pytest.mark.parametrize(
    ("policy", "good_for"),
    [
        (ExecutionPolicy(misfire=Misfire.LATEST), MINUTE),
        (ExecutionPolicy(misfire=Misfire.LATEST, grace=10 * SECOND), 10 * SECOND + MICROSECOND),
        (ExecutionPolicy(misfire=Misfire.ALL, grace=90 * SECOND, overlap=Overlap.ALLOW), 90 * SECOND + MICROSECOND),
    ],
)
async def test_a_firing_kept_for_too_long_is_moved(
    store: StoreUnderTest, policy: ExecutionPolicy, good_for: timedelta
) -> None:
    kept, fresh = [await store.add(a_definition(name, policy=policy)) for name in ("kept", "fresh")]
    decisions = [Decision(task, fire(task, store.clock.advance_to(NOON + MINUTE))) for task in (kept, fresh)]
    store.clock.advance(good_for - MICROSECOND)
    assert isinstance((await store.tasks.commit_firings(decisions[1:]))[0], Committed)
    store.clock.advance(MICROSECOND)

    assert await store.tasks.commit_firings(decisions[:1]) == [Moved()]
    assert await store.read(kept) == kept


async def test_a_firing_that_runs_only_what_is_on_time_is_moved_when_it_no_longer_is(store: StoreUnderTest) -> None:
    task = await store.add(a_definition(schedule=HOURLY, policy=ExecutionPolicy(misfire=Misfire.SKIP)))
    firing = fire(task, store.clock.advance(HOUR))
    store.clock.advance(ON_TIME + MICROSECOND)

    assert await store.tasks.commit_firings([Decision(task, firing)]) == [Moved()]


async def test_a_firing_ahead_of_the_clock_is_refused_by_how_much_and_taken_when_its_time_has_come(
    store: StoreUnderTest,
) -> None:
    task = await store.add()
    store.clock.advance(MINUTE - AHEAD)
    decision = Decision(task, fire(task, NOON + MINUTE))

    assert await store.tasks.commit_firings([decision]) == [TooEarly(AHEAD)]
    assert await store.read(task) == task
    store.clock.advance(AHEAD)
    assert isinstance((await store.tasks.commit_firings([decision]))[0], Committed)


async def test_a_firing_that_only_passes_over_is_refused_ahead_of_the_clock_too(store: StoreUnderTest) -> None:
    task = await store.add()
    await store.fired(task)
    read = await store.read(task)
    store.clock.advance(MINUTE - AHEAD)
    firing = fire(read, NOON + 2 * MINUTE)
    assert (len(firing.run), len(firing.skips)) == (0, 1)

    assert await store.tasks.commit_firings([Decision(read, firing)]) == [TooEarly(AHEAD)]
    assert await store.history.skips(task.id, limit=10) == []


async def test_what_overlaps_is_skipped_on_one_growing_record(store: StoreUnderTest) -> None:
    task = await store.add()
    await store.fired(task)

    for _ in range(3):
        assert await store.fired(task) == ()

    expected = Skip(SkipReason.OVERLAP, NOON + 2 * MINUTE, NOON + 4 * MINUTE, count=3)
    assert await store.history.skips(task.id, limit=10) == [expected]
    assert (await store.read(task)).trailing_skip == expected


async def test_a_run_in_between_begins_a_new_record_of_skips(store: StoreUnderTest) -> None:
    task = await store.add()
    for _ in range(2):
        claim = await store.started(task)
        await store.fired(task)
        await store.settle(claim)

    skips = await store.history.skips(task.id, limit=10)
    assert [(skip.first_at, skip.count) for skip in skips] == [(NOON + 4 * MINUTE, 1), (NOON + 2 * MINUTE, 1)]


async def test_catching_up_records_every_occurrence_in_order(store: StoreUnderTest) -> None:
    task = await store.add(a_definition(policy=replace(ALLOW, misfire=Misfire.ALL, catch_up_max=3)))
    store.clock.advance(5 * MINUTE)

    assert isinstance(await store.commit(task), Committed)

    claims = await store.executions.claim(WORKER, [store.token() for _ in range(9)])
    assert [claim.execution.nominal_at for claim in claims] == [NOON + n * MINUTE for n in (3, 4, 5)]
    (skip,) = await store.history.skips(task.id, limit=10)
    assert (skip.reason, skip.count) == (SkipReason.MISFIRE, 2)


async def test_a_firing_without_occurrences_moves_only_the_watermark(store: StoreUnderTest) -> None:
    task = await store.add()
    store.clock.advance(SECOND)

    assert await store.commit(task) == Committed()
    assert await store.read(task) == replace(task, decided_until=NOON + SECOND)


async def test_a_quarantine_compares_version_and_watermark(store: StoreUnderTest) -> None:
    task = await store.add()
    quarantine = Quarantine("no such zone", look_at=NOON + HOUR)
    store.clock.advance(MINUTE)
    stale = [replace(task, version=2), replace(task, decided_until=NOON + SECOND)]

    answers = await store.tasks.commit_firings([Decision(each, quarantine) for each in stale])

    assert answers == [Moved(), Moved()]
    assert (await store.read(task)).quarantine is None


async def test_a_task_that_has_stopped_is_not_put_into_quarantine(store: StoreUnderTest) -> None:
    task = await store.add(a_definition(policy=ExecutionPolicy(fail_after=1)))
    await store.settle(await store.started(task), a_failure())
    stopped = await store.read(task)

    assert await store.tasks.commit_firings([Decision(stopped, Quarantine("late", NOON + HOUR))]) == [Moved()]
    assert await store.read(task) == stopped


async def test_a_firing_and_an_edit_each_lift_a_quarantine(store: StoreUnderTest) -> None:
    fired, edited = [await store.add(a_definition(name)) for name in ("fired", "edited")]
    quarantine = Quarantine("no such zone", look_at=NOON + HOUR)
    await store.tasks.commit_firings([Decision(task, quarantine) for task in (fired, edited)])
    store.clock.advance(HOUR)

    assert isinstance(await store.commit(await store.read(fired)), Committed)
    await store.described(edited, "mended")

    assert [(await store.read(task)).quarantine for task in (fired, edited)] == [None, None]


async def test_a_run_by_hand_racing_a_firing_never_leaves_two_executions_open(store: StoreUnderTest) -> None:
    task = await store.add()
    store.clock.advance(MINUTE)
    by_hand = run_now(task, a_change(ChangeAction.RUN, at=store.clock.now()), key="by hand")

    async with asyncio.TaskGroup() as racers:
        fired = racers.create_task(store.commit(task))
        ran = racers.create_task(store.mutate(by_hand))

    assert isinstance(fired.result(), Committed) != isinstance(ran.result(), Applied)
    assert len((await store.read(task)).open) == 1
