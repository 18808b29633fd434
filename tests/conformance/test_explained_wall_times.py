"""`explain` of times that the clocks of a zone skip, or show twice."""

from datetime import UTC, datetime

from application.scheduling.explanations import Code, Remark
from domain.scheduling.schedule import CronSchedule
from domain.scheduling.task import ScheduledTask
from tests.conformance.store_under_test import StoreUnderTest
from tests.support.builders import DAY, HOUR, a_definition
from tests.support.explaining import explained
from tests.support.manual_clock import NOON

ONE = NOON + HOUR


async def _ran(store: StoreUnderTest, task: ScheduledTask) -> None:
    await store.settle(await store.started(task))


def _berlin(store: StoreUnderTest, expression: str, at: datetime) -> CronSchedule:
    store.clock.advance_to(at)
    return CronSchedule(expression, "Europe/Berlin")


async def test_a_time_that_the_clocks_skip_is_told_by_what_ran_instead(store: StoreUnderTest) -> None:
    schedule = _berlin(store, "30 2 * * *", datetime(2024, 3, 30, 12, tzinfo=UTC))
    task = await store.add(a_definition(schedule=schedule))
    await _ran(store, task)

    told = await explained(store, task, "2024-03-31T02:30")

    assert (told.code, told.findings[0].at) == (Code.SUCCEEDED, datetime(2024, 3, 31, 1, tzinfo=UTC))
    assert "2024-03-31T02:30 does not exist in Europe/Berlin" in told.remarks[Remark.GAP]
    assert "What a schedule has among the skipped times runs then, once." in told.remarks[Remark.GAP]
    assert told.summary.startswith("The run due at Sun 2024-03-31 03:00 CEST ran")


async def test_a_schedule_for_every_hour_leaves_skipped_times_out(store: StoreUnderTest) -> None:
    schedule = _berlin(store, "30 * * * *", datetime(2024, 3, 30, 23, tzinfo=UTC))
    task = await store.add(a_definition(schedule=schedule))
    store.clock.advance(DAY)

    told = await explained(store, task, "2024-03-31T02:30")

    assert told.code is Code.NOT_DUE
    assert "A schedule for every hour of the day leaves skipped times out." in told.remarks[Remark.GAP]


async def test_a_time_that_the_clocks_show_twice_is_told_twice(store: StoreUnderTest) -> None:
    schedule = _berlin(store, "30 2 * * *", datetime(2024, 10, 26, 12, tzinfo=UTC))
    task = await store.add(a_definition(schedule=schedule))
    await _ran(store, task)
    store.clock.advance(DAY)

    told = await explained(store, task, "2024-10-27T02:30")

    assert [each.code for each in told.findings] == [Code.SUCCEEDED, Code.NOT_DUE]
    assert (told.code, len(told.spans)) == (Code.SUCCEEDED, 2)
    assert "Sun 2024-10-27 02:30 CEST and Sun 2024-10-27 02:30 CET" in told.remarks[Remark.FOLD]
