"""Figures for people, over the memory store."""

from datetime import timedelta
from typing import Any

import pytest

from application.scheduling.ports.execution_store import Settlement
from application.scheduling.ports.membership import HandlerSpec
from application.scheduling.services.coming_hour import COMING_NAMED_MAX, COMING_RUNS_MAX
from application.scheduling.services.heat_map import HEAT_WEEKS, HeatCell
from application.scheduling.services.statistics import (
    MEASURED_RUNS,
    SPARKLINE_RUNS,
    Attention,
    Measured,
    ReadStatistics,
)
from domain.errors import InvalidTimezoneError
from domain.scheduling.execution import ExecutionState
from domain.scheduling.outcome import Outcome, Succeeded
from domain.scheduling.task import ScheduledTask, TaskStatus
from tests.support.builders import DAY, HOUR, MINUTE, SECOND, a_failure
from tests.support.house import ANA, House
from tests.support.manual_clock import NOON

# NOON is on a Monday.
MONDAY, TUESDAY = 0, 1


@pytest.fixture
def read(house: House) -> ReadStatistics:
    stores = house.stores
    return ReadStatistics(stores.figures, stores.history, stores.membership, house.clock)


async def _ran(house: House, task: ScheduledTask, outcome: Outcome | None = None, *, took: timedelta = SECOND) -> None:
    await house.run_now(task)
    (claim,) = await house.claim()
    house.clock.advance(took)
    await house.stores.executions.settle([Settlement(claim.execution.id, claim.token, outcome or Succeeded())])


async def test_what_comes_within_the_hour_is_counted_by_the_minute(house: House, read: ReadStatistics) -> None:
    house.clock.advance(30 * SECOND)
    half = await house.create("half past", schedule="30 * * * *")
    often = await house.create("often", schedule="*/20 * * * *")
    await house.create("tomorrow", schedule="0 3 * * *")

    hour = await read.coming_hour()

    assert (hour.since, hour.until, hour.counted_until) == (NOON, NOON + HOUR, None)
    assert {minute: count for minute, count in enumerate(hour.minutes) if count} == {20: 1, 30: 1, 40: 1}
    assert [(run.run_at - NOON, run.task.id) for run in hour.first] == [
        (20 * MINUTE, often.id), (30 * MINUTE, half.id), (40 * MINUTE, often.id),
    ]  # fmt: skip
    assert hour.total == 3


async def test_what_is_late_counts_in_the_first_minute(house: House, read: ReadStatistics) -> None:
    await house.create("half past", schedule="30 * * * *")
    house.clock.advance(35 * MINUTE)

    hour = await read.coming_hour()

    assert (hour.since, hour.minutes[0], hour.minutes[55]) == (NOON + 35 * MINUTE, 1, 1)


@pytest.mark.parametrize(
    ("fields", "runs"),
    [
        ({"schedule": "*/10 * * * *", "policy": {"max_runs": 2}}, [10, 20]),
        ({"schedule": "*/10 * * * *", "policy": {"end_at": "2024-01-15T12:30:00Z"}}, [10, 20, 30]),
        ({"schedule_type": "interval", "schedule": "25m"}, [25, 50]),
        ({"schedule_type": "one_time", "schedule": "2024-01-15T12:07:00Z"}, [7]),
    ],
    ids=str,
)
async def test_what_comes_keeps_to_the_bounds_of_the_task(
    house: House, read: ReadStatistics, fields: dict[str, Any], runs: list[int]
) -> None:
    await house.create(**fields)

    hour = await read.coming_hour()

    assert [(run.run_at - NOON) // MINUTE for run in hour.first] == runs


async def test_too_many_runs_are_counted_up_to_an_instant_that_is_told(house: House, read: ReadStatistics) -> None:
    for name in ("one", "two"):
        await house.create(name, schedule_type="interval", schedule="1s")

    hour = await read.coming_hour()

    assert hour.total == COMING_RUNS_MAX
    assert hour.counted_until == NOON + COMING_RUNS_MAX // 2 * SECOND
    assert len(hour.first) == COMING_NAMED_MAX


async def test_nothing_comes_of_no_tasks(read: ReadStatistics) -> None:
    hour = await read.coming_hour()

    assert (hour.total, hour.first, hour.counted_until) == (0, (), None)


async def test_the_overview_says_what_deserves_attention(house: House, read: ReadStatistics) -> None:
    sound = await house.create("sound", schedule="30 * * * *")
    failing = await house.create("failing")
    await _ran(house, failing, a_failure())
    await _ran(house, sound)
    await house.manage.pause(failing.id, ANA)
    house.clock.advance_to(NOON + 31 * MINUTE)
    await house.run_now(sound)

    found = await read.overview()

    assert found.attention == Attention(failing=1, late=1, dead_letters=1, oldest_pending_at=NOON + 31 * MINUTE)
    assert [view.task.id for view in found.failing] == [failing.id]
    assert [view.task.id for view in found.late] == [sound.id]
    assert found.failing[0].warnings == ("no_worker",)
    assert found.counts.finished_24h == {ExecutionState.DEAD: 1, ExecutionState.SUCCEEDED: 1}
    assert found.coming.minutes[0] == 1


async def test_statistics_are_as_of_now(house: House, read: ReadStatistics) -> None:
    await house.announce(HandlerSpec("mail", None))
    await house.create("later", schedule="0 0 * * *")
    soon = await house.create("soon")
    await house.run_now(soon)

    figures = await read.statistics()

    assert figures.counts.tasks_by_status == {TaskStatus.ACTIVE: 2}
    assert figures.counts.tasks_by_type == {"mail": 2}
    assert [view.task.definition.name for view in figures.upcoming] == ["soon", "later"]
    assert [view.warnings for view in figures.upcoming] == [(), ()]
    assert [each.task_name for each in figures.recent.executions] == ["soon"]
    assert len(figures.members) == 1


async def test_statistics_tell_the_week_of_each_type(house: House, read: ReadStatistics) -> None:
    task = await house.create()
    await _ran(house, task)
    house.clock.advance(6 * DAY)
    await _ran(house, task, a_failure())
    week = (await read.statistics()).types
    house.clock.advance(2 * DAY)
    later = (await read.statistics()).types

    assert [figures.by_state for figures in week] == [{ExecutionState.SUCCEEDED: 1, ExecutionState.DEAD: 1}]
    assert [figures.by_state for figures in later] == [{ExecutionState.DEAD: 1}]


@pytest.mark.parametrize(
    ("ago", "is_counted"),
    [(timedelta(0), True), (DAY - SECOND, True), (DAY, True), (DAY + 29 * MINUTE, True), (DAY + HOUR, False)],
)
async def test_a_day_of_figures_is_never_less_than_a_day(
    house: House, read: ReadStatistics, ago: timedelta, is_counted: bool
) -> None:
    house.clock.advance(29 * MINUTE)
    await _ran(house, await house.create(), took=SECOND)
    house.clock.advance(ago)

    assert bool(await read.types(DAY)) is is_counted


async def test_a_heat_map_is_by_the_clocks_of_a_zone(house: House, read: ReadStatistics) -> None:
    task = await house.create()
    await _ran(house, task)
    house.clock.advance(12 * HOUR)
    await _ran(house, task, a_failure())

    utc, kolkata = await read.heat_map("UTC"), await read.heat_map("Asia/Kolkata")

    assert utc.cells[MONDAY][12] == HeatCell(ended=1, failed=0)
    assert utc.cells[TUESDAY][0] == HeatCell(ended=1, failed=1)
    assert (kolkata.cells[MONDAY][17].ended, kolkata.cells[TUESDAY][5].failed) == (1, 1)
    assert sum(cell.ended for day in utc.cells for cell in day) == 2
    assert (len(utc.cells), {len(day) for day in utc.cells}, utc.most) == (7, {24}, 1)


async def test_a_heat_map_is_of_the_last_weeks_and_of_a_type(house: House, read: ReadStatistics) -> None:
    task = await house.create()
    await _ran(house, task)
    house.clock.advance(HEAT_WEEKS * 7 * DAY - HOUR)
    whole = await read.heat_map("UTC", task_type="mail")
    other = await read.heat_map("UTC", task_type="other")
    house.clock.advance(HOUR)
    past = await read.heat_map("UTC")

    assert (whole.since, whole.until) == (NOON, NOON + HEAT_WEEKS * 7 * DAY)
    assert (whole.most, other.most, past.most) == (1, 0, 0)


async def test_no_heat_map_has_an_unknown_zone(house: House, read: ReadStatistics) -> None:
    await _ran(house, await house.create())

    with pytest.raises(InvalidTimezoneError):
        await read.heat_map("Europe/Nowhere")


async def test_a_task_is_measured_by_what_ran_to_its_end(house: House, read: ReadStatistics) -> None:
    task = await house.create()
    for seconds in range(1, 21):
        await _ran(house, task, took=seconds * SECOND)

    assert await read.measured(task.id) == Measured(count=20, usual=10 * SECOND, almost_all=19 * SECOND)
    assert MEASURED_RUNS >= 20


async def test_what_never_ran_has_no_measure(house: House, read: ReadStatistics) -> None:
    assert await read.measured((await house.create()).id) is None


async def test_a_sparkline_has_the_last_runs(house: House, read: ReadStatistics) -> None:
    task = await house.create()
    for _ in range(SPARKLINE_RUNS + 2):
        await _ran(house, task)

    (runs,) = (await read.sparklines([task.id])).values()

    assert len(runs) == SPARKLINE_RUNS
    assert runs[-1].finished_at == house.clock.now()
    assert list(runs) == sorted(runs, key=lambda run: run.execution_id)


async def test_a_crowd_is_what_runs_next_in_a_minute_and_the_quietest_minute_near_it(
    house: House, read: ReadStatistics
) -> None:
    for number, minute in enumerate((30, 30, 30, 31, 29, 29, 28)):
        await house.create(f"task {number}", schedule=f"{minute} * * * *")

    crowd = await read.crowd(NOON + 30 * MINUTE + 20 * SECOND)

    assert (crowd.at, crowd.tasks) == (NOON + 30 * MINUTE, 3)
    assert (crowd.quietest_at, crowd.quietest_tasks) == (NOON + 32 * MINUTE, 0)


async def test_a_review_tells_the_same_as_its_parts(house: House, read: ReadStatistics) -> None:
    task = await house.create()
    await _ran(house, task)
    await _ran(house, task, a_failure())
    await house.run_now(task)

    found = await read.review([DAY, 7 * DAY], "Asia/Tokyo")

    parts = await read.statistics()
    assert found.types == (await read.types(DAY), await read.types(7 * DAY))
    assert found.heat == await read.heat_map("Asia/Tokyo")
    assert (found.open_by_state, found.dead_letters) == ({ExecutionState.PENDING: 1}, parts.attention.dead_letters)
    assert found.upcoming == [view.task for view in parts.upcoming] == [await house.stores.tasks.get(task.id)]
    assert found.recent == parts.recent
