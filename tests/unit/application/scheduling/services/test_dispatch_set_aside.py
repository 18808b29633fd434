"""What a pass cannot decide, and pauses that end: neither keeps the others from running."""

import asyncio
from dataclasses import replace
from datetime import datetime

import pytest

from application.scheduling.services.deciding import AHEAD, QUARANTINE_FOR
from domain.errors import DomainError
from domain.scheduling.events import TaskQuarantined
from domain.scheduling.execution import ExecutionState
from domain.scheduling.sharing import EVERYTHING
from domain.scheduling.task import Quarantine, TaskStatus
from tests.support.broken import break_
from tests.support.builders import HOUR, MINUTE, SECOND
from tests.support.contested import Behind
from tests.support.house import ANA, House
from tests.support.manual_clock import NOON
from tests.support.waiting import turns


@pytest.mark.parametrize("error", [DomainError("gone"), OverflowError("year 10000"), ValueError("odd")], ids=repr)
async def test_a_task_that_cannot_be_decided_is_put_aside_while_the_others_run(house: House, error: Exception) -> None:
    broken, sound = await house.create("broken"), await house.create("sound")
    break_(house, broken, error)
    house.clock.advance(HOUR)

    next_at = await house.dispatch.run_once(EVERYTHING)

    assert [each.state for each in (await house.task(sound.id)).open] == [ExecutionState.PENDING]
    (told,) = house.observer.seen(TaskQuarantined)
    assert (told.task_id, told.look_at) == (broken.id, NOON + HOUR + QUARANTINE_FOR)
    assert str(error) in told.error
    assert next_at == told.look_at


async def test_an_unreadable_row_is_put_aside_and_runs_once_it_can_be_read(house: House) -> None:
    task = await house.create()
    kept = house.stores.state.tasks[task.id]
    kept.error = "bad JSON"
    house.clock.advance(HOUR)

    assert await house.dispatch.run_once(EVERYTHING) == NOON + HOUR + QUARANTINE_FOR
    kept.error = None
    assert await house.dispatch.run_once(EVERYTHING) == NOON + HOUR + QUARANTINE_FOR
    house.clock.advance(QUARANTINE_FOR)
    assert await house.dispatch.run_once(EVERYTHING) == NOON + 2 * HOUR

    assert house.states() == [ExecutionState.PENDING]
    assert (await house.task(task.id)).quarantine is None


async def test_a_pause_ends_at_its_instant_and_what_lies_behind_it_runs(house: House) -> None:
    task = await house.create()
    await house.manage.pause(task.id, ANA, until=NOON + 90 * MINUTE)
    house.clock.advance(90 * MINUTE)

    assert await house.dispatch.run_once(EVERYTHING) == NOON + 2 * HOUR
    resumed = await house.task(task.id)
    house.clock.advance(30 * MINUTE)
    await house.fire()

    assert (resumed.status, resumed.pause) == (TaskStatus.ACTIVE, None)
    (change, *_) = await house.stores.history.changes(task.id, limit=1)
    assert (change.change.action, change.change.via) == ("pause_ended", "system")
    assert house.states() == [ExecutionState.PENDING]


async def test_a_pause_is_not_ended_early(house: House) -> None:
    task = await house.create()
    paused = (await house.manage.pause(task.id, ANA, until=NOON + MINUTE)).task
    house.clock.advance(MINUTE - AHEAD / 2)

    assert await house.dispatch.run_once(EVERYTHING) == NOON + MINUTE
    assert await house.task(task.id) == paused


async def test_a_pause_whose_end_cannot_be_decided_stops_nobody(house: House) -> None:
    broken, sound = await house.create("broken"), await house.create("sound")
    await house.manage.pause(broken.id, ANA, until=NOON + MINUTE)
    break_(house, broken)
    house.clock.advance(HOUR)

    assert await house.dispatch.run_once(EVERYTHING) == NOON + HOUR + QUARANTINE_FOR
    assert len((await house.task(sound.id)).open) == 1


@pytest.mark.parametrize("until", [None, NOON + HOUR], ids=["for good", "until later"])
async def test_a_paused_row_that_can_be_read_again_stays_paused_and_is_not_looked_at_for_ever(
    house: House, until: datetime | None
) -> None:
    task = (await house.manage.pause((await house.create()).id, ANA, until=until)).task
    house.stores.state.tasks[task.id].task = replace(task, quarantine=Quarantine("bad JSON", NOON))

    next_at = await house.dispatch.run_once(EVERYTHING)

    after = await house.task(task.id)
    assert (after.status, after.quarantine, next_at) == (TaskStatus.PAUSED, None, until)


async def test_a_pause_whose_end_the_stores_clock_has_not_reached_is_ended_when_it_has(house: House) -> None:
    task = await house.create()
    await house.manage.pause(task.id, ANA, until=house.clock.now() + MINUTE)
    house.clock.advance(MINUTE)
    behind = Behind(house.stores.tasks, times=1)

    async with asyncio.TaskGroup() as group:
        group.create_task(replace(house.dispatch, tasks=behind).run_once(EVERYTHING))
        await turns()
        house.clock.advance(SECOND)

    assert (await house.task(task.id)).status is TaskStatus.ACTIVE
