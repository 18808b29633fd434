"""What a worker does all day: claims for free hands, runs, settles, and forgets nothing while the store is silent."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from adapters.memory.execution_store import MemoryExecutionStore
from application.scheduling.ports.errors import StoreUnavailableError
from application.scheduling.ports.execution_store import Claim
from application.scheduling.processors import Continue, PermanentError, Run
from application.scheduling.services.perform_executions import PerformExecutions
from application.scheduling.services.rescue_stuck import LEASE
from domain.scheduling.events import ClaimLost, ExecutionIsolated, ExecutionSettled, ExecutionStarted, HandlerMissing
from domain.scheduling.execution import ISOLATED_AFTER, AttemptOutcome, ExecutionKind, ExecutionState
from domain.scheduling.identifiers import ClaimToken, NodeId
from domain.scheduling.task import ScheduledTask
from tests.support.builders import HOUR, MINUTE, SECOND
from tests.support.house import ANA, WORKER, House
from tests.support.manual_clock import NOON, ManualClock
from tests.support.waiting import turns


@pytest.fixture
async def task(house: House) -> ScheduledTask:
    """A task whose handler does what its payload says."""

    @house.processors.task("mail")
    async def handler(payload: dict[str, Any], run: Run) -> Any:
        run.log.info("at work", attempt=run.attempt)
        run.progress(1, 2, "half")
        match payload.get("do"):
            case "fail":
                raise RuntimeError("no")
            case "die":
                raise PermanentError("gone")
            case "continue":
                return Continue(MINUTE)
            case "wait":
                await asyncio.Event().wait()
        return {"sent": 3}

    return await house.create(schedule="0 0 1 1 *", policy={"overlap": "allow"})


@pytest.mark.parametrize(
    ("do", "outcome", "state"),
    [
        ("succeed", AttemptOutcome.SUCCEEDED, ExecutionState.SUCCEEDED),
        ("fail", AttemptOutcome.FAILED, ExecutionState.RETRY_WAIT),
        ("die", AttemptOutcome.FAILED, ExecutionState.DEAD),
        ("continue", AttemptOutcome.SUCCEEDED, ExecutionState.SUCCEEDED),
    ],
)
async def test_an_execution_is_run_and_its_end_recorded_and_told(
    house: House, task: ScheduledTask, do: str, outcome: AttemptOutcome, state: ExecutionState
) -> None:
    execution = await house.run_now(task, payload={"do": do})
    house.clock.advance(SECOND)

    await house.work(house.perform())

    record = await house.stores.history.execution(execution)
    assert record is not None
    assert [each.outcome for each in record.attempts] == [outcome]
    assert [line.text for line in record.log] == ["at work attempt=1"]
    assert record.summary.progress is not None
    (started,), (settled,) = house.observer.seen(ExecutionStarted), house.observer.seen(ExecutionSettled)
    assert (started.task_name, started.waited) == ("report", SECOND)
    assert (settled.outcome, settled.state, settled.attempt) == (outcome, state, 1)
    assert house.execution(execution).state is state
    assert house.wakeup.scheduler_hints > 1


async def test_suspects_are_run_one_at_a_time_each_settled_before_the_next_is_claimed(
    house: House, task: ScheduledTask
) -> None:
    suspects = sorted([await house.run_now(task, payload={"do": "succeed"}) for _ in range(2)])
    for _ in range(ISOLATED_AFTER):
        await house.claim(2)
        await house.stores.executions.rescue_worker(WORKER)
    other = await house.run_now(task)
    perform = replace(house.perform(concurrency=1), isolated=True)

    async with asyncio.TaskGroup() as group:
        assert await perform.claim_once(group)
        assert not await perform.claim_once(group), "its hands are full"
    async with asyncio.TaskGroup() as group:
        assert not await perform.claim_once(group), "what has ended would start again if the next one killed it"
    await perform.settle_once()
    half_way = [house.execution(each).state for each in suspects]
    for _ in range(2):
        await house.work(perform)

    assert half_way == [ExecutionState.SUCCEEDED, ExecutionState.PENDING]
    assert {house.execution(each).state for each in suspects} == {ExecutionState.SUCCEEDED}
    assert house.execution(other).state is ExecutionState.PENDING
    told = [(event.execution_id, event.rescues) for event in house.observer.seen(ExecutionIsolated)]
    assert told == [(suspect, ISOLATED_AFTER) for suspect in suspects]


async def test_a_continuation_is_an_execution_of_its_own(house: House, task: ScheduledTask) -> None:
    await house.run_now(task, payload={"do": "continue"})

    await house.work(house.perform())

    (following,) = (each.execution for each in house.stores.state.open_executions(ExecutionState.RETRY_WAIT))
    assert (following.kind, following.available_at) == (ExecutionKind.CONTINUATION, NOON + MINUTE)


async def test_without_a_handler_it_goes_back_and_uses_no_attempt(house: House) -> None:
    execution = await house.run_now(await house.create(task_type="other"))

    await house.work(house.perform())

    back = house.execution(execution)
    assert (back.state, back.attempts_used, back.available_at) == (ExecutionState.PENDING, 0, NOON + 5 * SECOND)
    (missing,) = house.observer.seen(HandlerMissing)
    assert (missing.execution_id, house.observer.seen(ExecutionStarted)) == (execution, [])


async def test_no_more_run_at_once_than_there_are_hands(house: House, task: ScheduledTask) -> None:
    for _ in range(5):
        await house.run_now(task, payload={"do": "wait"})
    perform = house.perform(concurrency=3)

    async with asyncio.TaskGroup() as group:
        more = [await perform.claim_once(group), await perform.claim_once(group)]
        await turns()
        running = house.states().count(ExecutionState.RUNNING)
        perform.leave()

    assert (more, running, len(perform.live)) == ([True, False], 3, 3)


async def test_a_silent_store_loses_no_end_and_settles_none_twice(house: House, task: ScheduledTask) -> None:
    for _ in range(3):
        await house.run_now(task)
    perform = house.perform()
    async with asyncio.TaskGroup() as group:
        await perform.claim_once(group)
    house.stores.state.available = False
    for _ in range(3):
        with pytest.raises(StoreUnavailableError):
            await perform.settle_once()
    house.stores.state.available = True

    more = [await perform.settle_once(), await perform.settle_once()]

    assert more == [False, False]
    assert house.states() == [ExecutionState.SUCCEEDED] * 3
    assert len(house.observer.seen(ExecutionSettled)) == 3
    assert len(perform.live) == 0
    for execution in house.stores.state.executions:
        record = await house.stores.history.execution(execution)
        assert record is not None
        assert [line.text for line in record.log] == ["at work attempt=1"]


async def test_nothing_more_is_claimed_while_ends_cannot_be_settled(house: House, task: ScheduledTask) -> None:
    for _ in range(10):
        await house.run_now(task)
    perform = house.perform(concurrency=2)

    async def claim() -> None:
        async with asyncio.TaskGroup() as group:
            await perform.claim_once(group)

    for _ in range(4):
        await claim()
    held = len(perform.live)
    await perform.settle_once()
    await claim()

    assert (held, len(perform.live)) == (4, 2)
    assert perform.hands_free.is_set()
    assert perform.something_ended.is_set()


async def test_an_end_whose_claim_was_rescued_counts_for_nothing(house: House, task: ScheduledTask) -> None:
    execution = await house.run_now(task)
    perform = house.perform()
    async with asyncio.TaskGroup() as group:
        await perform.claim_once(group)
    await house.stores.executions.rescue(await house.stores.executions.held())

    await perform.settle_once()

    assert house.execution(execution).state is ExecutionState.PENDING
    assert [event.execution_id for event in house.observer.seen(ClaimLost)] == [execution]
    assert house.observer.seen(ExecutionSettled) == []
    assert len(perform.live) == 0


async def test_a_claim_lost_while_it_runs_is_never_settled(house: House, task: ScheduledTask) -> None:
    execution = await house.run_now(task, payload={"do": "wait"})
    perform = house.perform()

    async with asyncio.TaskGroup() as group:
        await perform.claim_once(group)
        await turns()
        await house.stores.executions.rescue(await house.stores.executions.held())
        await house.heartbeat(perform).run_once()

    assert not await perform.settle_once()
    assert house.execution(execution).state is ExecutionState.PENDING
    assert [event.execution_id for event in house.observer.seen(ClaimLost)] == [execution]
    assert len(perform.live) == 0


async def test_a_cancelled_execution_ends_cancelled(house: House, task: ScheduledTask) -> None:
    execution = await house.run_now(task, payload={"do": "wait"})
    perform = house.perform()

    async with asyncio.TaskGroup() as group:
        await perform.claim_once(group)
        await turns()
        await house.manage.cancel(execution, ANA)
        await house.heartbeat(perform).run_once()
    await perform.settle_once()

    assert house.execution(execution).state is ExecutionState.CANCELLED
    assert [event.outcome for event in house.observer.seen(ExecutionSettled)] == [AttemptOutcome.CANCELLED]


async def test_a_leaving_worker_hands_back_and_no_attempt_is_used(house: House, task: ScheduledTask) -> None:
    execution = await house.run_now(task, payload={"do": "wait"})
    perform = house.perform()

    async with asyncio.TaskGroup() as group:
        await perform.claim_once(group)
        await turns()
        perform.leave()
    await perform.settle_once()

    back = house.execution(execution)
    assert (back.state, back.attempts_used, back.starts) == (ExecutionState.PENDING, 0, 1)
    assert not perform.is_stuck


async def test_a_claim_whose_answer_was_lost_costs_no_hand(house: House, task: ScheduledTask) -> None:
    await house.run_now(task)
    perform = house.perform(concurrency=1)
    house.stores.state.available = False
    async with asyncio.TaskGroup() as group:
        with pytest.raises(StoreUnavailableError):
            await perform.claim_once(group)
    house.stores.state.available = True

    await house.work(perform)

    assert house.states() == [ExecutionState.SUCCEEDED]


@dataclass(frozen=True, slots=True)
class SlowToAnswer(MemoryExecutionStore):
    """A store whose claims are answered late: the loop was held by something else meanwhile."""

    by: timedelta = timedelta(0)

    async def claim(self, worker_id: NodeId, tokens: Sequence[ClaimToken], **which: Any) -> Sequence[Claim]:
        """See the port."""
        claims = await MemoryExecutionStore.claim(self, worker_id, tokens, **which)
        assert isinstance(self.state.clock, ManualClock)
        self.state.clock.advance(self.by)
        return claims


@pytest.mark.parametrize(
    ("late", "state", "starts"),
    [(LEASE * 3 / 4, ExecutionState.SUCCEEDED, 1), (LEASE * 3 / 4 + SECOND, ExecutionState.PENDING, 0)],
)
async def test_what_is_claimed_with_little_left_of_the_lease_is_handed_back_and_not_started(
    house: House, task: ScheduledTask, late: timedelta, state: ExecutionState, starts: int
) -> None:
    execution = await house.run_now(task)
    perform = replace(house.perform(), executions=SlowToAnswer(house.stores.state, late))

    await house.work(perform)

    assert (house.execution(execution).state, len(house.observer.seen(ExecutionStarted))) == (state, starts)
    assert house.execution(execution).rescues == 0
    assert (len(perform.live), perform.is_stuck) == (0, False)


async def test_what_was_claimed_too_late_and_runs_elsewhere_by_now_is_not_run_twice(
    house: House, task: ScheduledTask
) -> None:
    execution = await house.run_now(task)
    perform = replace(house.perform(), executions=SlowToAnswer(house.stores.state, LEASE))
    async with asyncio.TaskGroup() as group:
        await perform.claim_once(group)
    assert perform.something_ended.is_set()
    await house.stores.executions.rescue(await house.stores.executions.held())
    (elsewhere,) = await house.claim()

    await perform.settle_once()

    assert house.execution(execution).token == elsewhere.token
    assert house.observer.seen(ExecutionStarted) == []


async def test_the_time_out_counts_from_the_claim(house: House, task: ScheduledTask) -> None:
    definition = replace(task.definition, policy=replace(task.definition.policy, timeout=HOUR))
    house.stores.state.versions[task.id][task.version].definition = definition
    await house.run_now(task, payload={"do": "wait"})
    house.clock.advance(MINUTE)
    perform: PerformExecutions = house.perform()

    async with asyncio.TaskGroup() as group:
        await perform.claim_once(group)
        (attempt,) = perform.live.all()
        perform.leave()

    assert attempt.deadline == (MINUTE + HOUR).total_seconds()
