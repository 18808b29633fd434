"""When a pass decides and commits: ahead, at the instant, and by clocks that were set or lag behind."""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from application.scheduling.ports.task_store import CommitAnswer, TaskStore, TooEarly
from application.scheduling.services import commit_in_time
from application.scheduling.services.deciding import AHEAD, QUARANTINE_FOR
from application.scheduling.services.dispatch_due import COMMIT_MAX, DispatchDue
from domain.scheduling.events import Dispatched
from domain.scheduling.execution import ExecutionState
from domain.scheduling.sharing import EVERYTHING
from domain.scheduling.task import Quarantine
from tests.support.builders import HOUR, MINUTE, SECOND, a_creation, a_definition
from tests.support.contested import Answering
from tests.support.house import ANA, House
from tests.support.manual_clock import NOON
from tests.support.waiting import turns

MILLISECOND = timedelta(milliseconds=1)


@dataclass(slots=True)
class Reads:
    """A task store that notes how many tasks each look at what is due has found."""

    tasks: TaskStore
    found: list[int] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.tasks, name)

    async def due(self, *about: Any, **more: Any) -> Any:
        found = await self.tasks.due(*about, **more)
        self.found.append(len(found))
        return found


def answering(house: House, *answers: CommitAnswer) -> tuple[DispatchDue, Answering]:
    store = Answering(house.stores.tasks, list(answers))
    return replace(house.dispatch, tasks=store), store


async def test_what_is_due_in_a_moment_is_decided_early_and_committed_at_its_instant(house: House) -> None:
    await house.create("early", schedule_type="one_time", schedule="2024-01-15T12:00:00.040Z")
    await house.create("later", schedule_type="one_time", schedule="2024-01-15T12:00:00.050Z")

    async with asyncio.TaskGroup() as group:
        group.create_task(house.fire())
        await turns()
        assert house.clock.wakes_at == NOON + 40 * MILLISECOND
        house.clock.advance(39 * MILLISECOND)
        await turns()
        assert house.states() == []
        house.clock.advance(MILLISECOND)
        await turns()
        assert len(house.states()) == 1
        house.clock.advance(10 * MILLISECOND)

    assert len(house.states()) == 2
    assert [each.created_at for each in map(house.execution, house.stores.state.executions)] == [
        NOON + 40 * MILLISECOND,
        NOON + 50 * MILLISECOND,
    ]


async def test_what_is_due_later_than_in_a_moment_is_left_alone(house: House) -> None:
    await house.create(schedule_type="one_time", schedule="2024-01-15T12:00:00.051Z")

    assert await house.dispatch.run_once(EVERYTHING) == NOON + AHEAD + MILLISECOND
    assert house.states() == []


async def _created(house: House, count: int) -> None:
    await house.stores.tasks.mutate([a_creation(a_definition(f"task-{number}")) for number in range(count)])


async def test_what_is_due_at_a_near_instant_is_decided_before_it_and_read_no_second_time(house: House) -> None:
    count = 2 * COMMIT_MAX + 1
    await _created(house, count)
    reads = Reads(house.stores.tasks)
    dispatch = replace(house.dispatch, tasks=reads)
    house.clock.advance(MINUTE - SECOND)

    passes = [await dispatch.run_once(EVERYTHING) for _ in range(3)]
    house.clock.advance(SECOND)
    in_advance = sum(reads.found)
    await dispatch.run_once(EVERYTHING)

    assert passes == [NOON + MINUTE - SECOND, NOON + MINUTE - SECOND, NOON + MINUTE]
    assert (in_advance, sum(reads.found)) == (count, count)
    assert house.states() == [ExecutionState.PENDING] * count


async def test_what_was_changed_after_it_was_decided_is_decided_again(house: House) -> None:
    dispatch, task = house.dispatch, await house.create()
    house.clock.advance_to(NOON + HOUR - SECOND)
    await dispatch.run_once(EVERYTHING)

    await house.manage.patch(task.id, {"description": "changed"}, ANA)
    house.clock.advance(SECOND)
    await dispatch.run_once(EVERYTHING)

    assert house.states() == [ExecutionState.PENDING]
    assert [(event.committed, event.moved) for event in house.observer.seen(Dispatched)] == [(0, 1), (1, 0)]


async def test_what_comes_before_what_is_decided_already_is_fired_first(house: House) -> None:
    dispatch = house.dispatch
    await house.create("later", schedule_type="one_time", schedule="2024-01-15T12:00:01Z")
    await dispatch.run_once(EVERYTHING)

    await house.create("sooner", schedule_type="one_time", schedule="2024-01-15T12:00:00.500Z")
    house.clock.advance(SECOND / 2)
    next_at = await dispatch.run_once(EVERYTHING)
    house.clock.advance(SECOND / 2)
    await dispatch.run_once(EVERYTHING)

    assert next_at == NOON + SECOND
    assert [each.scheduled_at for each in map(house.execution, house.stores.state.executions)] == [
        NOON + SECOND / 2,
        NOON + SECOND,
    ]


async def test_what_is_due_by_a_clock_that_was_set_back_waits_for_its_instant(house: House) -> None:
    dispatch = house.dispatch
    await house.create("later", schedule_type="one_time", schedule="2024-01-15T12:00:01Z")
    await dispatch.run_once(EVERYTHING)

    house.clock.step(-HOUR)
    assert await dispatch.run_once(EVERYTHING) is not None
    assert house.states() == []
    house.clock.advance(HOUR + SECOND)
    await dispatch.run_once(EVERYTHING)

    assert house.states() == [ExecutionState.PENDING]


async def test_a_store_whose_clock_is_behind_is_asked_again_when_it_has_caught_up(house: House) -> None:
    await house.create()
    behind = SECOND / 2
    dispatch, store = answering(house, TooEarly(behind))
    house.clock.advance(HOUR)

    async with asyncio.TaskGroup() as group:
        group.create_task(dispatch.run_once(EVERYTHING))
        await turns()
        assert house.clock.wakes_at == NOON + HOUR + behind
        house.clock.advance(behind)

    assert store.commits == [1, 1]
    assert house.states() == [ExecutionState.PENDING]


async def test_a_store_whose_clock_is_far_behind_does_not_keep_the_pass_waiting(house: House) -> None:
    await house.create()
    dispatch, store = answering(house, TooEarly(HOUR))
    house.clock.advance(HOUR)

    assert await dispatch.run_once(EVERYTHING) == NOON + HOUR
    assert store.commits == [1]


async def test_a_clock_set_back_in_mid_pass_keeps_nobody_waiting_until_it_is_there_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commit_in_time, "WAIT_MAX", AHEAD)
    await house.create()
    house.clock.advance(HOUR - AHEAD / 2)

    async with asyncio.TaskGroup() as group:
        next_at = group.create_task(house.dispatch.run_once(EVERYTHING))
        await turns()
        house.clock.step(-HOUR)

    assert next_at.result() == NOON + HOUR
    assert house.states() == []


async def test_a_watermark_ahead_of_the_clock_is_waited_for_without_looking_all_the_time(house: House) -> None:
    task = await house.create()
    ahead = replace(task, decided_until=NOON + 2 * HOUR, quarantine=Quarantine("bad JSON", NOON))
    house.stores.state.tasks[task.id].task = ahead

    assert await house.dispatch.run_once(EVERYTHING) == NOON + QUARANTINE_FOR
    assert (await house.task(task.id)).decided_until == NOON + 2 * HOUR


async def test_a_watermark_that_lies_near_is_waited_for_no_longer_than_it_takes(house: House) -> None:
    task = await house.create()
    ahead = replace(task, decided_until=NOON + MINUTE, quarantine=Quarantine("bad JSON", NOON))
    house.stores.state.tasks[task.id].task = ahead

    assert await house.dispatch.run_once(EVERYTHING) == NOON + MINUTE


class Leaping:
    """A task store while which is read the clock leaps."""

    def __init__(self, house: House) -> None:
        self.house = house

    def __getattr__(self, name: str) -> Any:
        return getattr(self.house.stores.tasks, name)

    async def due(self, *about: Any, **more: Any) -> Any:
        found = await self.house.stores.tasks.due(*about, **more)
        self.house.clock.step(5 * HOUR)
        return found


async def test_a_leap_within_a_pass_decides_nothing(house: House) -> None:
    task = await house.create()
    house.clock.advance(HOUR)

    assert await replace(house.dispatch, tasks=Leaping(house)).run_once(EVERYTHING) is None

    assert house.states() == []
    assert await house.task(task.id) == task
