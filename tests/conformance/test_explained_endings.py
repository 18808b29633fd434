"""`explain` of executions that did not end well: dead, and of what; cancelled, and by whom."""

from dataclasses import replace
from datetime import timedelta

import pytest

from application.scheduling.explanations import Code
from application.scheduling.ports.execution_store import Claim
from domain.scheduling.change import ChangeAction
from domain.scheduling.execution import RESCUES_MAX, ErrorReport
from domain.scheduling.mutation import delete, pause
from domain.scheduling.outcome import Continued, Failed, Stopped, UnknownHandler
from domain.scheduling.policy import ExecutionPolicy, Overlap
from domain.scheduling.retry import GiveUp, RetryPolicy
from domain.scheduling.task import PauseMode, ScheduledTask
from domain.scheduling.work import CONTINUATIONS_PER_DAY_MAX, SUPERSEDED, TASK_FAILED
from tests.conformance.store_under_test import WORKER, StoreUnderTest
from tests.support.builders import HOUR, HOURLY, MINUTE, a_change, a_definition, a_failure, a_pause
from tests.support.explaining import explained, found, says
from tests.support.manual_clock import NOON

ONE = NOON + HOUR
QUEUE_ONE = ExecutionPolicy(overlap=Overlap.QUEUE_ONE)


async def _hourly(store: StoreUnderTest, policy: ExecutionPolicy | None = None, **fields: object) -> ScheduledTask:
    definition = replace(a_definition(schedule=HOURLY, policy=policy or ExecutionPolicy()), **fields)  # type: ignore[arg-type]
    return await store.add(definition)


async def _died_again(store: StoreUnderTest, claim: Claim) -> None:
    assert await store.executions.rescue_worker(claim.execution.worker_id or WORKER)


async def test_dead_of_its_last_attempt(store: StoreUnderTest) -> None:
    task = await _hourly(store, ExecutionPolicy(retry=RetryPolicy(max_retries=1)))
    await store.settle(await store.started(task), a_failure(retry_at=ONE))
    await store.executions.release_due(10)
    await store.settle(await store.claim(), a_failure(text="disk full"))

    finding = await found(store, task, ONE)

    assert (finding.code, finding.reason) == (Code.DEAD, "attempts_exhausted")
    assert says(finding, "after 2 attempts", "The last error was RuntimeError: disk full.")


async def test_dead_of_an_error_for_which_trying_again_is_of_no_use(store: StoreUnderTest) -> None:
    task = await _hourly(store)
    await store.settle(await store.started(task), Failed(ErrorReport("bad_address", "gone"), GiveUp()))

    assert (await found(store, task, ONE)).reason == "permanent_error"


async def test_dead_of_workers_that_died(store: StoreUnderTest) -> None:
    task = await _hourly(store)
    await store.fired(task)
    for _ in range(RESCUES_MAX + 1):
        await _died_again(store, await store.claim())

    finding = await found(store, task, ONE)

    assert (finding.code, finding.reason) == (Code.DEAD, "poison")
    assert says(finding, "taken over from a dead worker 3 times")


async def test_dead_because_nobody_had_its_handler(store: StoreUnderTest) -> None:
    task = await _hourly(store)
    await store.settle(await store.started(task), UnknownHandler())
    store.clock.advance(HOUR)
    await store.settle(await store.claim(), UnknownHandler())

    assert (await found(store, task, ONE)).reason == "unknown_handler"


async def test_dead_because_it_went_on_too_often_and_every_part_is_told(store: StoreUnderTest) -> None:
    task = await _hourly(store)
    claim = await store.started(task)
    for _ in range(CONTINUATIONS_PER_DAY_MAX):
        await store.settle(claim, Continued(timedelta(0)))
        await store.executions.release_due(10)
        claim = await store.claim()
    await store.settle(claim, Continued(timedelta(0)))

    told = await explained(store, task, ONE)

    assert told.code is Code.SEVERAL
    assert told.summary == f"{CONTINUATIONS_PER_DAY_MAX} succeeded, 1 failed for good."
    assert [each.reason for each in told.findings if each.reason] == ["continuation_limit"]


async def test_a_cancelled_one_names_who_asked_and_why(store: StoreUnderTest) -> None:
    task = await _hourly(store)
    (execution_id,) = await store.fired(task)
    change = a_change(ChangeAction.CANCEL, at=store.clock.now(), reason="wrong data")
    await store.executions.cancel(execution_id, change)

    finding = await found(store, task, ONE)

    assert (finding.code, finding.reason) == (Code.CANCELLED, "asked")
    assert says(finding, "was cancelled before it began", 'by ana (api) at Mon 2024-01-15 13:00 UTC ("wrong data")')


async def test_what_is_cancelled_between_two_attempts_was_not_running(store: StoreUnderTest) -> None:
    task = await _hourly(store)
    claim = await store.started(task)
    await store.settle(claim, a_failure(retry_at=ONE + HOUR))
    await store.executions.cancel(claim.execution.id, a_change(ChangeAction.CANCEL, at=store.clock.now()))

    assert says(await found(store, task, ONE), "was cancelled before it was tried again, at Mon 2024-01-15 13:00 UTC")


@pytest.mark.parametrize(
    ("dies", "said"), [(False, "was stopped while running"), (True, "was to stop when its worker died, and ended so")]
)
async def test_what_was_to_stop_tells_how_it_did(store: StoreUnderTest, *, dies: bool, said: str) -> None:
    task = await _hourly(store)
    claim = await store.started(task)
    await store.executions.cancel(claim.execution.id, a_change(ChangeAction.CANCEL, at=store.clock.now()))
    store.clock.advance(MINUTE)
    await (_died_again(store, claim) if dies else store.settle(claim, Stopped()))

    assert says(await found(store, task, ONE), said)


@pytest.mark.parametrize("reason", [SUPERSEDED, TASK_FAILED])
async def test_who_gives_a_reason_of_the_scheduler_is_not_taken_for_it(store: StoreUnderTest, reason: str) -> None:
    task = await _hourly(store)
    (execution_id,) = await store.fired(task)
    change = a_change(ChangeAction.CANCEL, at=store.clock.now(), actor="bob", reason=reason)
    await store.executions.cancel(execution_id, change)

    finding = await found(store, task, ONE)

    assert finding.reason == "asked"
    assert says(finding, f'asked for by bob (api) at Mon 2024-01-15 13:00 UTC ("{reason}")')


async def test_who_asked_first_is_named(store: StoreUnderTest) -> None:
    task = await _hourly(store)
    claim = await store.started(task)
    await store.applied(delete(await store.read(task), a_change(ChangeAction.DELETE, at=ONE)))
    store.clock.advance(MINUTE)
    change = a_change(ChangeAction.CANCEL, at=store.clock.now(), actor="bob")
    await store.executions.cancel(claim.execution.id, change)
    await store.settle(claim, Stopped())

    assert (await found(store, task, ONE)).reason == "task_deleted"


async def test_an_error_of_a_handler_is_not_taken_for_one_of_the_scheduler(store: StoreUnderTest) -> None:
    task = await _hourly(store)
    await store.settle(await store.started(task), Failed(ErrorReport("poison", "in the soup"), GiveUp()))

    assert (await found(store, task, ONE)).reason == "permanent_error"


async def test_cancelled_by_a_newer_occurrence(store: StoreUnderTest) -> None:
    task = await _hourly(store, ExecutionPolicy(overlap=Overlap.CANCEL_PREVIOUS))
    await store.fired(task)
    await store.fired(task)

    assert (await found(store, task, ONE)).reason == "superseded"


@pytest.mark.parametrize("by", ["pause", "delete"])
async def test_cancelled_by_what_ended_the_whole_task(store: StoreUnderTest, by: str) -> None:
    task = await _hourly(store)
    await store.fired(task)
    now, read = store.clock.advance(MINUTE), await store.read(task)
    if by == "pause":
        change = a_change(ChangeAction.PAUSE, at=now, reason="upgrade")
        await store.applied(pause(read, a_pause(at=now, mode=PauseMode.NOW), change))
    else:
        await store.applied(delete(read, a_change(ChangeAction.DELETE, at=now, reason="upgrade")))

    finding = await found(store, task, ONE)

    assert (finding.code, finding.reason) == (Code.CANCELLED, {"pause": "paused_now", "delete": "task_deleted"}[by])
    assert says(finding, 'by ana (api) at Mon 2024-01-15 13:01 UTC ("upgrade")')


async def test_cancelled_because_the_task_was_stopped(store: StoreUnderTest) -> None:
    task = await _hourly(store, replace(QUEUE_ONE, fail_after=1))
    claim = await store.started(task)
    await store.fired(task)
    await store.settle(claim, a_failure())

    assert (await found(store, task, ONE + HOUR)).reason == "task_failed"
