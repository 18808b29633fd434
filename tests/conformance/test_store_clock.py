"""The store's clock judges: what was decided ahead of it waits, and its steps lose and repeat nothing."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from application.scheduling.ports.execution_store import Claim
from application.scheduling.ports.task_store import Applied, Committed, Decision, Moved, TooEarly
from domain.scheduling.change import ChangeAction
from domain.scheduling.execution import ExecutionState
from domain.scheduling.firing import fire
from domain.scheduling.identifiers import TaskId
from domain.scheduling.mutation import Mutation, create, delete, edit, pause, resume
from domain.scheduling.outcome import UnknownHandler
from domain.scheduling.policy import ExecutionPolicy
from domain.scheduling.runs import run_now
from domain.scheduling.schedule import CronSchedule
from domain.scheduling.task import ScheduledTask, SkipReason
from tests.conformance.store_under_test import WORKER, StoreUnderTest
from tests.support.builders import HOUR, MINUTE, SECOND, a_change, a_creation, a_definition, a_failure, a_pause
from tests.support.manual_clock import NOON

AHEAD = 3 * SECOND


async def _ran(store: StoreUnderTest, claim: Claim) -> datetime:
    """The nominal instant of an execution that is settled now."""
    await store.settle(claim)
    assert claim.execution.nominal_at is not None
    return claim.execution.nominal_at


def _changes_of(task: ScheduledTask) -> list[Mutation]:
    """One change of every kind, decided by a clock that is AHEAD of the store's."""
    at = NOON + AHEAD
    definition = replace(task.definition, description="another")
    return [
        create(task.id, task.definition, a_change(at=at)),
        edit(task, definition, a_change(ChangeAction.EDIT, at=at)),
        pause(task, a_pause(at=at), a_change(ChangeAction.PAUSE, at=at)),
        delete(task, a_change(ChangeAction.DELETE, at=at)),
        run_now(task, a_change(ChangeAction.RUN, at=at), key="ahead"),
    ]


@pytest.mark.parametrize("kind", range(5), ids=("create", "edit", "pause", "delete", "run"))
async def test_a_change_decided_ahead_of_the_stores_clock_waits_for_it(store: StoreUnderTest, kind: int) -> None:
    task = await store.add() if kind else replace(await store.add(a_definition("other")), id=TaskId("new"))
    mutation = _changes_of(replace(task, definition=a_definition()) if not kind else task)[kind]

    assert await store.mutate(mutation) == TooEarly(AHEAD)
    assert (await store.tasks.get(mutation.after.id)) == (task if kind else None)
    assert len(await store.history.changes(mutation.after.id, limit=9)) == (1 if kind else 0)
    store.clock.advance(AHEAD)
    assert isinstance(await store.mutate(mutation), Applied)


async def test_a_pause_is_not_begun_once_its_end_has_come(store: StoreUnderTest) -> None:
    """Who asked for it again was refused by then: its end lay in the past."""
    task = await store.add()
    paused = pause(task, a_pause(at=NOON, until=NOON + MINUTE), a_change(ChangeAction.PAUSE, at=NOON))
    store.clock.advance_to(NOON + MINUTE)

    assert await store.mutate(paused) == Moved()
    assert await store.tasks.get(task.id) == task


async def test_no_task_is_created_in_a_pause_whose_end_has_come(store: StoreUnderTest) -> None:
    creation = a_creation(at=NOON)
    held = pause(creation.after, a_pause(at=NOON, until=NOON + MINUTE), a_change(ChangeAction.PAUSE, at=NOON))
    store.clock.advance_to(NOON + MINUTE)

    assert await store.mutate(creation.then(held)) == Moved()
    assert await store.tasks.get(creation.after.id) is None


async def test_what_has_moved_is_told_so_before_it_is_too_early(store: StoreUnderTest) -> None:
    task = await store.add()
    early = run_now(task, a_change(ChangeAction.RUN, at=NOON + AHEAD), key="ahead")
    await store.described(task, "another")

    assert await store.mutate(early) == Moved()


async def test_a_repeated_change_is_answered_though_the_clock_was_set_back(store: StoreUnderTest) -> None:
    task = await store.add()
    run = run_now(task, a_change(ChangeAction.RUN, at=NOON, key="once"), key="once")
    assert isinstance(await store.mutate(run), Applied)

    store.clock.step(-HOUR)

    assert type(await store.mutate(run)).__name__ == "Replayed"


async def test_a_verdict_on_what_is_too_late_is_too_early_itself_once_the_clock_was_set_back(
    store: StoreUnderTest,
) -> None:
    policy = ExecutionPolicy(grace=MINUTE, jitter=timedelta(minutes=20))
    task = await store.add(a_definition(schedule=CronSchedule("0 * * * *"), policy=policy))
    first = task.next_occurrence
    assert first is not None
    following = task.occurrence_after(first.nominal_at)
    assert following is not None
    # The second occurrence has come and waits for its jitter; the first is past its grace by then.
    at = following.nominal_at
    firing = fire(task, at)
    assert [skip.reason for skip in firing.skips] == [SkipReason.GRACE]
    assert firing.decided_until < at

    store.clock.advance_to(first.run_at + SECOND)

    (answer,) = await store.tasks.commit_firings([Decision(task, firing)])
    assert answer == TooEarly(at - store.clock.now())
    assert len(await store.fired(task)) == 1


@pytest.mark.parametrize("step", [HOUR, -HOUR, 45 * MINUTE, -45 * MINUTE], ids=str)
async def test_a_clock_that_steps_repeats_nothing_and_every_instant_is_decided(
    store: StoreUnderTest, step: timedelta
) -> None:
    task = await store.add(
        a_definition(schedule=CronSchedule("*/10 * * * *"), policy=ExecutionPolicy(grace=5 * MINUTE))
    )
    ran = [await _ran(store, await store.started(task)) for _ in range(3)]
    watermark = (await store.read(task)).decided_until

    store.clock.step(step)
    assert await store.due() == (["report"] if step > timedelta(0) else [])
    while len(ran) < 6:
        fired = await store.fired(task)
        if fired:
            ran.append(await _ran(store, await store.claim()))

    decided = await store.read(task)
    assert decided.decided_until >= watermark
    assert sorted(set(ran)) == ran
    skipped = sum(skip.count for skip in await store.history.skips(task.id, limit=99))
    owed = (ran[-1] - NOON) // (10 * MINUTE)
    assert skipped + len(ran) == owed


async def test_a_retry_waits_for_the_stores_clock_whichever_way_it_steps(store: StoreUnderTest) -> None:
    task = await store.add()
    claim = await store.started(task)
    await store.settle(claim, a_failure(retry_at=store.clock.now() + MINUTE))

    store.clock.step(-HOUR)
    assert (await store.executions.release_due(10)).moved == 0
    store.clock.step(2 * HOUR)
    assert (await store.executions.release_due(10)).moved == 1
    assert await store.state(claim.execution.id) is ExecutionState.PENDING


async def test_what_is_pending_is_claimed_though_the_clock_was_set_back(store: StoreUnderTest) -> None:
    (execution_id,) = await store.fired(await store.add())

    store.clock.step(-HOUR)

    assert (await store.claim()).execution.id == execution_id


async def test_what_was_put_back_for_its_handler_waits_for_the_clock(store: StoreUnderTest) -> None:
    claim = await store.started(await store.add())
    await store.settle(claim, UnknownHandler())

    assert await store.executions.claim(WORKER, [store.token()]) == []
    store.clock.advance(5 * SECOND)
    assert (await store.claim()).execution.id == claim.execution.id


async def test_a_pause_that_was_set_back_behind_its_beginning_can_still_be_ended(store: StoreUnderTest) -> None:
    task = await store.paused(await store.add())

    store.clock.step(-HOUR)

    change = a_change(ChangeAction.RESUME, at=store.clock.now())
    assert isinstance(await store.mutate(resume(task, change)), Applied)
    resumed = await store.read(task)
    assert resumed.decided_until >= task.decided_until
    assert isinstance(await store.commit(resumed), Committed | TooEarly)
