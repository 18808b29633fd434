"""`ExecutionStore.settle`: where each outcome leads, and that it is accepted once."""

import asyncio
from dataclasses import replace

import pytest

from application.scheduling.ports.execution_store import LogLine, Lost, Progress, Settled, Settlement
from application.scheduling.ports.history import ExecutionFilter
from domain.scheduling.change import ChangeAction
from domain.scheduling.execution import AttemptOutcome, CancelRequest, ErrorReport, ExecutionState
from domain.scheduling.identifiers import ExecutionId
from domain.scheduling.outcome import Continued, Failed, HandedBack, Outcome, Stopped, Succeeded, UnknownHandler
from domain.scheduling.policy import ExecutionPolicy, Overlap
from domain.scheduling.retry import RetryAt
from domain.scheduling.task import ScheduledTask, TaskStatus
from tests.conformance.store_under_test import OTHER_WORKER, WORKER, StoreUnderTest
from tests.support.builders import HOUR, MINUTE, SECOND, a_change, a_definition, a_failure
from tests.support.manual_clock import NOON

RETRY_AT = NOON + HOUR
A_FAILURE = a_failure()
DONE = Settled(ExecutionState.SUCCEEDED, AttemptOutcome.SUCCEEDED)
QUEUE_ONE = ExecutionPolicy(overlap=Overlap.QUEUE_ONE)

# Each outcome, the state it leads to, and how the attempt is recorded.
OUTCOMES: list[tuple[Outcome, ExecutionState, AttemptOutcome]] = [
    (Succeeded('{"done": 1}'), ExecutionState.SUCCEEDED, AttemptOutcome.SUCCEEDED),
    (Continued(MINUTE, '{"done": 1}'), ExecutionState.SUCCEEDED, AttemptOutcome.SUCCEEDED),
    (a_failure(retry_at=RETRY_AT), ExecutionState.RETRY_WAIT, AttemptOutcome.FAILED),
    (a_failure(retry_at=RETRY_AT, timed_out=True), ExecutionState.RETRY_WAIT, AttemptOutcome.TIMEOUT),
    (a_failure(), ExecutionState.DEAD, AttemptOutcome.FAILED),
    (Stopped(), ExecutionState.CANCELLED, AttemptOutcome.CANCELLED),
    (HandedBack(), ExecutionState.PENDING, AttemptOutcome.HANDED_BACK),
    (UnknownHandler(), ExecutionState.PENDING, AttemptOutcome.UNKNOWN_HANDLER),
]
NAMES = [f"{type(outcome).__name__} to {state}" for outcome, state, _ in OUTCOMES]


async def _everything(store: StoreUnderTest, task: ScheduledTask) -> object:
    """All that can be seen of one task."""
    page = await store.history.executions(ExecutionFilter(task.id), limit=100, cursor=None)
    records = [await store.record(summary.execution.id) for summary in page.executions]
    return await store.read(task), records, await store.history.changes(task.id, limit=100)


@pytest.mark.parametrize(("outcome", "state", "recorded"), OUTCOMES, ids=NAMES)
async def test_an_outcome_leads_to_its_state_and_ends_the_attempt(
    store: StoreUnderTest, outcome: Outcome, state: ExecutionState, recorded: AttemptOutcome
) -> None:
    claim = await store.started(await store.add())
    store.clock.advance(SECOND)

    answer = await store.settle(claim, outcome)

    record = await store.record(claim.execution.id)
    assert record.summary.execution.state is state
    (attempt,) = record.attempts
    assert (attempt.outcome, attempt.finished_at) == (recorded, store.clock.now())
    assert answer == Settled(state, recorded, attempt.error)


@pytest.mark.parametrize(("outcome", "state", "recorded"), OUTCOMES, ids=NAMES)
async def test_an_outcome_sent_again_is_answered_as_before_and_changes_nothing(
    store: StoreUnderTest, outcome: Outcome, state: ExecutionState, recorded: AttemptOutcome
) -> None:
    task = await store.add()
    claim = await store.started(task)
    answer = Settled(state, recorded, outcome.error if isinstance(outcome, Failed) else None)
    assert await store.settle(claim, outcome) == answer
    before = await _everything(store, task)
    store.clock.advance(SECOND)

    assert await store.settle(claim, outcome) == answer
    assert await store.settle(claim, a_failure(text="another one")) == answer
    assert await _everything(store, task) == before


@pytest.mark.parametrize("outcome", [Succeeded(), A_FAILURE], ids=["well", "dead"])
async def test_an_outcome_sent_twice_in_one_call_counts_once(store: StoreUnderTest, outcome: Outcome) -> None:
    task = await store.add()
    claim = await store.started(task)
    open_seq = (await store.read(task)).open_seq
    ended = Settlement(claim.execution.id, claim.token, outcome, log=(LogLine(store.clock.now(), "info", "once"),))

    first, second = await store.executions.settle([ended, ended])

    assert first == second
    after = await store.read(task)
    assert (after.open_seq, after.error_count) == (open_seq + 1, 1 if outcome is A_FAILURE else 0)
    assert [line.text for line in (await store.record(claim.execution.id)).log] == ["once"]


async def test_an_outcome_sent_again_does_not_touch_a_later_attempt(store: StoreUnderTest) -> None:
    task = await store.add()
    claim = await store.started(task)
    await store.settle(claim, replace(A_FAILURE, then=RetryAt(store.clock.now())))
    await store.executions.release_due(10)
    await store.claim(OTHER_WORKER)
    before = await _everything(store, task)

    assert await store.settle(claim) == Settled(ExecutionState.RETRY_WAIT, AttemptOutcome.FAILED, A_FAILURE.error)
    assert await _everything(store, task) == before


@pytest.mark.parametrize(("outcome", "state", "recorded"), OUTCOMES, ids=NAMES)
async def test_once_cancelling_is_asked_only_success_is_not_a_cancellation(
    store: StoreUnderTest, outcome: Outcome, state: ExecutionState, recorded: AttemptOutcome
) -> None:
    claim = await store.started(await store.add())
    change = a_change(ChangeAction.CANCEL)
    await store.executions.cancel(claim.execution.id, change)

    answer = await store.settle(claim, outcome)

    by = CancelRequest(store.clock.now(), change.actor, change.reason)
    cancelled = Settled(ExecutionState.CANCELLED, AttemptOutcome.CANCELLED, cancel=by)
    assert answer == (DONE if isinstance(outcome, Succeeded) else cancelled)


async def test_only_the_holder_can_settle(store: StoreUnderTest) -> None:
    task = await store.add()
    claim = await store.started(task)
    before = await _everything(store, task)
    strangers = [
        Settlement(claim.execution.id, store.token(), Succeeded()),
        Settlement(ExecutionId("nobody"), claim.token, Succeeded()),
    ]

    assert await store.executions.settle(strangers) == [Lost(), Lost()]
    assert await _everything(store, task) == before


async def test_a_holder_that_was_taken_for_dead_settles_nothing(store: StoreUnderTest) -> None:
    task = await store.add()
    claim = await store.started(task)
    await store.executions.rescue_worker(WORKER)

    assert await store.settle(claim) == Lost()
    again = await store.claim(OTHER_WORKER)
    assert await store.settle(claim) == Lost()
    assert await store.settle(again) == DONE
    assert await store.settle(claim) == Lost()


async def test_of_two_outcomes_at_once_one_is_kept_and_both_are_told_it(store: StoreUnderTest) -> None:
    claim = await store.started(await store.add())

    async with asyncio.TaskGroup() as group:
        racing = [group.create_task(store.settle(claim, outcome)) for outcome in (Succeeded(), a_failure())]

    (attempt,) = (await store.record(claim.execution.id)).attempts
    assert attempt.outcome is not None
    answer = Settled(await store.state(claim.execution.id), attempt.outcome, attempt.error)
    assert [each.result() for each in racing] == [answer, answer]


async def test_a_batch_is_answered_in_order_also_for_executions_of_one_task(store: StoreUnderTest) -> None:
    task = await store.add(a_definition(policy=ExecutionPolicy(overlap=Overlap.ALLOW)))
    claims = [await store.started(task) for _ in range(3)]
    outcomes: tuple[Outcome, ...] = (Succeeded(), A_FAILURE, Stopped())

    settlements = [
        Settlement(claim.execution.id, claim.token, outcome) for claim, outcome in zip(claims, outcomes, strict=True)
    ]
    answers = await store.executions.settle([*settlements, settlements[0]])

    dead = Settled(ExecutionState.DEAD, AttemptOutcome.FAILED, A_FAILURE.error)
    assert answers == [DONE, dead, Settled(ExecutionState.CANCELLED, AttemptOutcome.CANCELLED), DONE]
    after = await store.read(task)
    assert (after.open, after.error_count) == ((), 1)


@pytest.mark.parametrize(
    ("outcomes", "error_count"),
    [((A_FAILURE, Succeeded()), 0), ((Succeeded(), A_FAILURE), 1), ((A_FAILURE, Succeeded(), A_FAILURE), 1)],
    ids=["success last", "success first", "success between"],
)
async def test_ends_of_one_task_count_in_the_order_in_which_they_are_told(
    store: StoreUnderTest, outcomes: tuple[Outcome, ...], error_count: int
) -> None:
    task = await store.add(a_definition(policy=ExecutionPolicy(overlap=Overlap.ALLOW)))
    claims = [await store.started(task) for _ in outcomes]

    await store.executions.settle(
        [Settlement(claim.execution.id, claim.token, each) for claim, each in zip(claims, outcomes, strict=True)]
    )

    assert (await store.read(task)).error_count == error_count


@pytest.mark.parametrize(
    ("outcome", "error"), [(a_failure(), ErrorReport("RuntimeError", "it broke")), (Succeeded(), None)]
)
async def test_what_the_holder_tells_last_is_kept(
    store: StoreUnderTest, outcome: Outcome, error: ErrorReport | None
) -> None:
    claim = await store.started(await store.add())
    line = LogLine(NOON, "error", "it broke")

    settlement = Settlement(claim.execution.id, claim.token, outcome, Progress(3, 4), (line,))
    await store.executions.settle([settlement])

    record = await store.record(claim.execution.id)
    assert (record.summary.progress, record.log) == (Progress(3, 4), (line,))
    assert record.attempts[0].error == record.summary.execution.error == error


async def test_success_forgets_the_error_of_an_earlier_attempt(store: StoreUnderTest) -> None:
    claim = await store.started(await store.add())
    await store.settle(claim, a_failure(retry_at=store.clock.now()))
    await store.executions.release_due(10)

    await store.settle(await store.claim(), Succeeded('{"n": 1}'))

    record = await store.record(claim.execution.id)
    assert (record.summary.execution.error, record.summary.execution.result_json) == (None, '{"n": 1}')
    assert [attempt.outcome for attempt in record.attempts] == [AttemptOutcome.FAILED, AttemptOutcome.SUCCEEDED]


@pytest.mark.parametrize(
    "outcome", [outcome for outcome, state, _ in OUTCOMES if state.is_final and not isinstance(outcome, Continued)]
)
async def test_the_end_of_what_runs_makes_the_waiting_one_claimable_in_the_same_step(
    store: StoreUnderTest, outcome: Outcome
) -> None:
    task = await store.add(a_definition(policy=QUEUE_ONE))
    claim = await store.started(task)
    (waiting,) = await store.fired(task)
    assert await store.state(waiting) is ExecutionState.WAITING

    await store.settle(claim, outcome)

    assert (await store.claim()).execution.id == waiting


async def test_a_retry_keeps_the_waiting_one_waiting(store: StoreUnderTest) -> None:
    task = await store.add(a_definition(policy=QUEUE_ONE))
    claim = await store.started(task)
    (waiting,) = await store.fired(task)

    await store.settle(claim, a_failure(retry_at=RETRY_AT))

    assert await store.state(waiting) is ExecutionState.WAITING


async def test_a_third_occurrence_is_passed_over_while_one_runs_and_one_waits(store: StoreUnderTest) -> None:
    task = await store.add(a_definition(policy=QUEUE_ONE))
    await store.started(task)
    await store.fired(task)

    assert await store.fired(task) == ()


async def test_a_paused_task_is_completed_by_its_last_run(store: StoreUnderTest) -> None:
    task = await store.add(a_definition(policy=ExecutionPolicy(max_runs=1)))
    last = await store.started(task)
    await store.paused(await store.read(task))

    await store.settle(last)

    after = await store.read(task)
    assert (after.status, after.pause, after.look_at) == (TaskStatus.COMPLETED, None, None)
