"""A task whose row cannot be read: its executions still end, and it keeps nobody waiting."""

import pytest

from application.scheduling.ports.execution_store import Claim, Held, Lost, Settled
from application.scheduling.ports.records import AttemptRecord
from domain.scheduling.change import ChangeAction
from domain.scheduling.execution import AttemptOutcome, ExecutionState
from domain.scheduling.identifiers import ExecutionId
from domain.scheduling.outcome import Outcome, Succeeded
from domain.scheduling.policy import ExecutionPolicy, Overlap
from domain.scheduling.task import ScheduledTask, TaskStatus
from tests.conformance.store_under_test import WORKER, StoreUnderTest
from tests.support.builders import HOUR, a_change, a_definition, a_failure
from tests.support.manual_clock import NOON

QUEUE_ONE = ExecutionPolicy(overlap=Overlap.QUEUE_ONE, fail_after=1)
CANCEL = a_change(ChangeAction.CANCEL)


async def _spoilt(store: StoreUnderTest) -> tuple[ScheduledTask, Claim, ExecutionId]:
    """A task that cannot be read, with a running execution, and one that waits for it."""
    task = await store.add(a_definition(policy=QUEUE_ONE))
    claim = await store.started(task)
    (waiting,) = await store.fired(task)
    before = await store.read(task)
    await store.spoil(task.id)
    return before, claim, waiting


async def _held(store: StoreUnderTest) -> list[Held]:
    return list(await store.executions.held())


async def _attempt(store: StoreUnderTest, claim: Claim) -> AttemptRecord:
    (attempt,) = (await store.record(claim.execution.id)).attempts
    return attempt


@pytest.mark.parametrize("by", ["silence", "worker"])
async def test_what_runs_can_be_rescued(store: StoreUnderTest, by: str) -> None:
    _, claim, waiting = await _spoilt(store)

    silent = by == "silence"
    held = await _held(store)
    rescued = await (store.executions.rescue(held) if silent else store.executions.rescue_worker(WORKER))

    assert [(each.event.execution_id, each.stopped) for each in rescued] == [(claim.execution.id, None)]
    assert await _held(store) == []
    execution = (await store.record(claim.execution.id)).summary.execution
    assert (execution.state, execution.rescues, execution.attempts_used) == (ExecutionState.PENDING, 1, 0)
    assert (await _attempt(store, claim)).outcome is AttemptOutcome.RESCUED
    assert await store.state(waiting) is ExecutionState.WAITING
    assert await store.settle(claim) == Lost()


async def test_a_rescue_still_compares_the_beat(store: StoreUnderTest) -> None:
    _, claim, _ = await _spoilt(store)
    held = await _held(store)
    await store.beat(claim)

    assert await store.executions.rescue(held) == []
    assert await store.state(claim.execution.id) is ExecutionState.RUNNING


async def test_what_has_run_is_settled_once_and_the_next_has_its_turn(store: StoreUnderTest) -> None:
    _, claim, waiting = await _spoilt(store)

    answers = [await store.settle(claim), await store.settle(claim)]

    assert answers == [Settled(ExecutionState.SUCCEEDED, AttemptOutcome.SUCCEEDED)] * 2
    assert (await _attempt(store, claim)).outcome is AttemptOutcome.SUCCEEDED
    assert await store.state(waiting) is ExecutionState.PENDING


async def test_a_retry_is_granted(store: StoreUnderTest) -> None:
    _, claim, waiting = await _spoilt(store)

    answer = await store.settle(claim, a_failure(retry_at=NOON + HOUR))

    assert isinstance(answer, Settled)
    assert answer.state is ExecutionState.RETRY_WAIT
    assert await store.state(waiting) is ExecutionState.WAITING


@pytest.mark.parametrize("outcome", [Succeeded(), a_failure()])
async def test_the_task_itself_is_left_alone_but_for_what_is_open(store: StoreUnderTest, outcome: Outcome) -> None:
    before, claim, waiting = await _spoilt(store)

    await store.settle(claim, outcome)
    await store.mend(before.id)

    after = await store.read(before)
    assert (after.status, after.error_count, after.last_state) == (TaskStatus.ACTIVE, 0, None)
    assert after.decided_until == before.decided_until
    assert after.open_seq == before.open_seq + 1
    assert [each.id for each in after.open] == [waiting]


async def test_nothing_is_counted_of_a_success_beside_which_nothing_is_open(store: StoreUnderTest) -> None:
    task = await store.add()
    claim = await store.started(task)
    before = await store.read(task)
    await store.spoil(task.id)

    await store.settle(claim)
    await store.mend(task.id)

    after = await store.read(task)
    assert (after.last_state, after.open, after.open_seq) == (None, (), before.open_seq + 1)


async def test_what_runs_is_asked_to_stop_and_what_waits_is_cancelled(store: StoreUnderTest) -> None:
    before, claim, waiting = await _spoilt(store)

    answers = [await store.executions.cancel(each, CANCEL) for each in (claim.execution.id, waiting)]

    assert [each and each.state for each in answers] == [ExecutionState.RUNNING, ExecutionState.CANCELLED]
    assert await store.beat(claim) == (False, True)
    changes = await store.history.changes(before.id, limit=2)
    assert [(each.change.action, each.version) for each in changes] == [(ChangeAction.CANCEL, before.version)] * 2


async def test_a_firing_decided_before_the_row_broke_harms_nothing(store: StoreUnderTest) -> None:
    task = await store.add(a_definition(policy=ExecutionPolicy(overlap=Overlap.CANCEL_PREVIOUS)))
    (first,) = await store.fired(task)
    read = await store.read(task)
    assert read.look_at is not None
    store.clock.advance_to(read.look_at)
    await store.spoil(task.id)

    await store.commit(read)

    assert await store.state(first) is ExecutionState.PENDING
