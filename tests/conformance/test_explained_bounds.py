"""`explain` where start, end or the number of runs is the reason: told from histories made through the ports."""

from dataclasses import replace
from datetime import datetime

import pytest

from application.scheduling.explanations import Code
from domain.scheduling.mutation import edit
from domain.scheduling.policy import ExecutionPolicy
from domain.scheduling.schedule import CronSchedule, Schedule
from domain.scheduling.task import ScheduledTask
from tests.conformance.store_under_test import StoreUnderTest
from tests.support.builders import DAY, EVERY_MINUTE, HOUR, HOURLY, a_change, a_definition
from tests.support.explaining import explained, found, says
from tests.support.manual_clock import NOON

ONE = NOON + HOUR


async def _hourly(store: StoreUnderTest, **policy: object) -> ScheduledTask:
    return await store.add(a_definition(schedule=HOURLY, policy=ExecutionPolicy(**policy)))  # type: ignore[arg-type]


async def _ran(store: StoreUnderTest, task: ScheduledTask) -> None:
    await store.settle(await store.started(task))


@pytest.mark.parametrize(
    ("bounds", "at", "said"),
    [
        ({"start_at": NOON + 3 * HOUR}, 2, "lies before its start, Mon 2024-01-15 15:00 UTC."),
        ({"end_at": NOON + 3 * HOUR}, 4, "lies after its end, Mon 2024-01-15 15:00 UTC."),
    ],
)
async def test_what_lies_outside_its_bounds(
    store: StoreUnderTest, bounds: dict[str, datetime], at: int, said: str
) -> None:
    task = await _hourly(store, **bounds)
    store.clock.advance(DAY)

    finding = await found(store, task, NOON + at * HOUR)

    assert finding.code is Code.OUT_OF_BOUNDS
    assert says(finding, said)


async def test_what_is_still_ahead_on_the_day_of_asking_is_not_in_the_past_tense(store: StoreUnderTest) -> None:
    beyond = await _hourly(store, end_at=ONE)
    none = await store.add(a_definition("none", schedule=CronSchedule("0 0 1 7 *")))

    assert says(await found(store, beyond, "2024-01-15T14:00"), "Nothing is due then: Mon 2024-01-15 14:00 UTC lies")
    assert says(await found(store, none, "2024-01-15"), "Nothing is due then: the schedule '0 0 1 7 *'")
    store.clock.advance(DAY)
    assert says(await found(store, none, "2024-01-15"), "Nothing was due then: the schedule '0 0 1 7 *'")


@pytest.mark.parametrize(("schedule", "at"), [(EVERY_MINUTE, "2024-01-15T13:00"), (HOURLY, "2024-01-17")])
async def test_the_end_of_the_time_asked_about_is_not_in_it(store: StoreUnderTest, schedule: Schedule, at: str) -> None:
    task = await store.add(a_definition(schedule=schedule, policy=ExecutionPolicy(start_at=NOON + 5 * DAY)))

    finding = await found(store, task, at)

    assert finding.code is Code.OUT_OF_BOUNDS
    assert says(finding, "Nothing is due then: ", "lies before its start, Sat 2024-01-20 12:00 UTC.")


async def test_after_the_last_of_its_runs(store: StoreUnderTest) -> None:
    task = await _hourly(store, max_runs=1)
    await _ran(store, task)
    store.clock.advance(DAY)

    assert (await found(store, task, ONE + HOUR)).code is Code.MAX_RUNS


async def test_what_max_runs_will_not_reach(store: StoreUnderTest) -> None:
    task = await _hourly(store, max_runs=2)

    told = [await found(store, task, NOON + number * HOUR) for number in (1, 2, 3)]

    assert [each.code for each in told] == [Code.UPCOMING, Code.UPCOMING, Code.MAX_RUNS]


async def test_what_max_runs_reaches_is_counted_from_the_start(store: StoreUnderTest) -> None:
    task = await _hourly(store, start_at=NOON + 2 * HOUR, max_runs=2)

    told = [await explained(store, task, NOON + number * HOUR) for number in (2, 3, 4, 5)]

    assert [each.code for each in told] == [Code.UPCOMING, Code.UPCOMING, Code.MAX_RUNS, Code.MAX_RUNS]
    assert told[2].summary == "It is not to run: 2 runs of max_runs are left, for the occurrences before it."
    last = NOON + 3 * HOUR
    assert [(each.before and each.before.at, each.after and each.after.at) for each in told] == [
        (None, last),
        (NOON + 2 * HOUR, None),
        (last, None),
        (last, None),
    ]


async def test_no_scheduler_is_to_decide_what_there_is_no_run_for(store: StoreUnderTest) -> None:
    task = await _hourly(store, max_runs=1)
    await store.started(task)
    store.clock.advance(2 * HOUR)

    assert (await found(store, task, ONE + HOUR)).code is Code.MAX_RUNS


async def test_what_there_were_no_runs_for_until_an_edit_granted_more(store: StoreUnderTest) -> None:
    task = await _hourly(store, max_runs=1)
    await _ran(store, task)
    now, read = store.clock.advance(HOUR), await store.read(task)
    definition = replace(read.definition, policy=replace(read.definition.policy, max_runs=5))
    await store.applied(edit(read, definition, a_change(at=now)))

    finding = await found(store, task, now)

    assert (finding.code, finding.at) == (Code.MAX_RUNS, now)
    assert says(finding, "did not run: max_runs (1) had been used up.")
