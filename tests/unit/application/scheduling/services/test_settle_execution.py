"""What the observer hears when the end of an attempt is on record."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from application.scheduling.processors import Continue, PermanentError, Run
from domain.scheduling.events import ExecutionSettled, TaskStopped
from domain.scheduling.execution import AttemptOutcome, ExecutionState
from domain.scheduling.task import ScheduledTask
from domain.scheduling.work import CONTINUATIONS_PER_DAY_MAX, UNKNOWN_HANDLER_PATIENCE
from tests.support.builders import MINUTE
from tests.support.house import House, an_author
from tests.support.waiting import turns


@pytest.fixture
async def task(house: House) -> ScheduledTask:
    """A task that runs every minute, and stops for good after two failures in a row; its payload says how it ends."""

    @house.processors.task("mail")
    async def handler(payload: dict[str, Any], _run: Run) -> Continue:
        if payload.get("do") == "wait":
            await asyncio.Event().wait()
        if payload.get("do") == "go on":
            return Continue(timedelta(0))
        if payload.get("do") == "go on if stopped":
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                return Continue(timedelta(0))
        raise RuntimeError("again") if payload.get("do") == "fail" else PermanentError("gone")

    return await house.create(schedule="* * * * *", policy={"fail_after": 2})


async def test_a_retry_is_told_with_its_instant(house: House, task: ScheduledTask) -> None:
    execution = await house.run_now(task, payload={"do": "fail"})

    await house.work(house.perform())

    (settled,) = house.observer.seen(ExecutionSettled)
    assert settled.state is ExecutionState.RETRY_WAIT
    assert settled.retry_at == house.execution(execution).available_at > house.clock.now()


async def test_a_task_that_stops_is_told_once_after_the_failure_that_stopped_it(
    house: House, task: ScheduledTask
) -> None:
    for _ in range(2):
        house.clock.advance(MINUTE)
        await house.fire()
        await house.work(house.perform())

    assert house.observer.events[-1] == TaskStopped(task.id, "report", 2)
    assert len(house.observer.seen(TaskStopped)) == 1
    assert [each.retry_at for each in house.observer.seen(ExecutionSettled)] == [None, None]


async def test_who_cancelled_it_is_told_with_the_end(house: House, task: ScheduledTask) -> None:
    execution, perform = await house.run_now(task, payload={"do": "wait"}), house.perform()

    async with asyncio.TaskGroup() as group:
        await perform.claim_once(group)
        await turns()
        await house.manage.cancel(execution, an_author(reason="wrong address"))
        await house.heartbeat(perform).run_once()
    await perform.settle_once()

    (settled,) = house.observer.seen(ExecutionSettled)
    assert settled.cancel is not None
    assert (settled.cancel.actor, settled.cancel.reason) == ("ana", "wrong address")


async def test_who_goes_on_too_often_is_told_as_a_failure(house: House, task: ScheduledTask) -> None:
    await house.run_now(task, payload={"do": "go on"})

    for _ in range(CONTINUATIONS_PER_DAY_MAX + 1):
        await house.work(house.perform())
        await house.stores.executions.release_due(1)

    *went_on, last = house.observer.seen(ExecutionSettled)
    assert {each.outcome for each in went_on} == {AttemptOutcome.SUCCEEDED}
    assert last.error is not None
    assert (last.state, last.outcome, last.error.kind) == (
        ExecutionState.DEAD,
        AttemptOutcome.FAILED,
        "continuation_limit",
    )


async def test_who_was_asked_to_stop_and_would_go_on_is_told_as_cancelled(house: House, task: ScheduledTask) -> None:
    execution, perform = await house.run_now(task, payload={"do": "go on if stopped"}), house.perform()

    async with asyncio.TaskGroup() as group:
        await perform.claim_once(group)
        await turns()
        await house.manage.cancel(execution, an_author())
        await house.heartbeat(perform).run_once()
    await perform.settle_once()

    (settled,) = house.observer.seen(ExecutionSettled)
    assert (settled.state, settled.outcome) == (ExecutionState.CANCELLED, AttemptOutcome.CANCELLED)
    assert settled.cancel is not None


async def test_why_nobody_ran_it_is_told_with_the_end(house: House) -> None:
    await house.run_now(await house.create(schedule="0 0 1 1 *"))
    await house.work(house.perform())
    house.clock.advance(UNKNOWN_HANDLER_PATIENCE)

    await house.work(house.perform())

    put_back, given_up = house.observer.seen(ExecutionSettled)
    assert (put_back.state, put_back.error) == (ExecutionState.PENDING, None)
    assert given_up.error is not None
    assert (given_up.state, given_up.error.kind) == (ExecutionState.DEAD, "unknown_handler")
