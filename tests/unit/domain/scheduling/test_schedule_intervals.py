"""Fixed intervals: their range, their phase, and the years they reach over."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from domain.errors import InvalidScheduleError
from domain.scheduling.cron.zone import END_OF_TIME, EPOCH, zone
from domain.scheduling.schedule import IntervalSchedule
from tests.support.cron_oracle import in_utc
from tests.support.cron_questions import first_occurrences, walk

SECOND = timedelta(seconds=1)
NOON = in_utc("2026-06-01T12:00")


@pytest.mark.parametrize(
    "interval",
    [timedelta(0), timedelta(seconds=-5), timedelta(microseconds=999_999), timedelta(days=3_654), timedelta.max],
)
def test_an_interval_lasts_from_a_second_to_ten_years(interval: timedelta) -> None:
    with pytest.raises(InvalidScheduleError) as caught:
        IntervalSchedule(interval)

    assert caught.value.reason == "out_of_range"


def test_an_interval_is_whole_seconds() -> None:
    with pytest.raises(InvalidScheduleError):
        IntervalSchedule(timedelta(seconds=1.5))


def test_an_interval_keeps_the_phase_of_its_anchor() -> None:
    schedule = IntervalSchedule.parse("1h30m", anchor=in_utc("2026-06-01T00:10"))

    assert first_occurrences(schedule, "2026-06-01T11:00", 3) == ["06-01 12:10", "06-01 13:40", "06-01 15:10"]


def test_before_its_anchor_an_interval_has_no_occurrence() -> None:
    schedule = IntervalSchedule.parse("1h", anchor=NOON)

    assert schedule.next_after(NOON - timedelta(days=400)) == NOON
    assert schedule.next_after(NOON - SECOND) == NOON
    assert schedule.next_after(NOON) == NOON + timedelta(hours=1)
    assert schedule.previous_before(NOON) is None
    assert schedule.previous_before(NOON + timedelta(microseconds=1)) == NOON
    assert schedule.count_between(NOON - timedelta(days=1), NOON + timedelta(hours=2), at_most=99) == 3


def test_an_interval_begun_before_1970_has_its_occurrences_since() -> None:
    schedule = IntervalSchedule(timedelta(days=10), EPOCH - timedelta(days=5))

    assert schedule.next_after(EPOCH - timedelta(days=100)) == EPOCH + timedelta(days=5)
    assert schedule.previous_before(EPOCH + timedelta(days=5)) is None
    assert schedule.previous_before(EPOCH - timedelta(days=1)) is None
    assert schedule.count_between(EPOCH - timedelta(days=100), EPOCH + timedelta(days=20), at_most=99) == 2


def test_an_interval_reaches_from_1970_to_the_end_of_2199_as_well() -> None:
    daily = IntervalSchedule(timedelta(days=1))

    assert daily.next_after(EPOCH - timedelta(days=1)) == EPOCH
    assert daily.count_between(EPOCH - timedelta(days=1), EPOCH, at_most=99) == 1
    assert daily.next_after(END_OF_TIME - timedelta(days=1)) is None
    assert daily.previous_before(EPOCH + SECOND) == EPOCH
    assert daily.count_between(END_OF_TIME - timedelta(days=1), END_OF_TIME + timedelta(days=9), at_most=99) == 0


def test_an_anchor_keeps_its_microseconds_and_becomes_utc() -> None:
    anchor = datetime(2026, 6, 1, 14, 0, 0, 123_456, tzinfo=zone("Europe/Berlin"))
    schedule = IntervalSchedule.parse("1s", anchor=anchor)

    assert schedule.anchor == NOON.replace(microsecond=123_456)
    assert schedule.anchor.tzinfo is UTC
    assert schedule.next_after(NOON + SECOND) == NOON.replace(second=1, microsecond=123_456)


def test_weeks_from_the_epoch_begin_on_thursdays() -> None:
    following = IntervalSchedule.parse("1w").next_after(NOON)

    assert following is not None
    assert following.strftime("%a %H:%M") == "Thu 00:00"


def test_intervals_ignore_what_clocks_do() -> None:
    schedule = IntervalSchedule.parse("1d", anchor=in_utc("2026-03-01T08:00"))
    days = walk(schedule, in_utc("2026-03-01T08:00"), in_utc("2026-12-01T08:00"))

    assert {later - earlier for earlier, later in pairwise(days)} == {timedelta(days=1)}
