"""What the observer hears when the end of an attempt is on record."""

import asyncio
from typing import Any

import pytest

from application.scheduling.processors import PermanentError, Run
from domain.scheduling.events import ExecutionSettled, TaskStopped
from domain.scheduling.execution import ExecutionState
from domain.scheduling.task import ScheduledTask
from tests.support.builders import MINUTE
from tests.support.house import House, an_author
from tests.support.waiting import turns


@pytest.fixture
async def task(house: House) -> ScheduledTask:
    """A task that runs every minute, and stops for good after two failures in a row; its payload says how it ends."""

    @house.processors.task("mail")
    async def handler(payload: dict[str, Any], _run: Run) -> None:
        if payload.get("do") == "wait":
            await asyncio.Event().wait()
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
