"""What cron schedules do where a zone's offset changes: literal instants first, then the oracle's brute force.

The tables hold: zone, expression, asked from, the next occurrences; all in UTC.
"""

from datetime import UTC, datetime, timedelta, tzinfo
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.scheduling.cron.expression import parse
from domain.scheduling.cron.matcher import CronMatcher
from domain.scheduling.cron.tzif import OffsetChange
from domain.scheduling.cron.zone import EPOCH, Occurrences, ZoneClock, timezone_keys, zone, zone_clock
from domain.scheduling.schedule import CronSchedule, OneTimeSchedule
from tests.support.cron_oracle import WARM_UP, in_utc, occurrences
from tests.support.cron_questions import TIMES, expressions, first_occurrences, near_a_change, walk, walk_back

SECOND = timedelta(seconds=1)

GAPS = [
    # New York skips 02:00-03:00 on 2026-03-08; 03:00 there is 07:00 UTC.
    ("America/New_York", "30 2 * * *", "2026-03-07T08:00", ["03-08 07:00", "03-09 06:30"]),
    ("America/New_York", "0 30 2 * * *", "2026-03-07T08:00", ["03-08 07:00", "03-09 06:30"]),
    ("America/New_York", "0 */2 * * *", "2026-03-08T05:00", ["03-08 07:00", "03-08 08:00"]),
    ("America/New_York", "*/15 2 * * *", "2026-03-07T08:00", ["03-08 07:00", "03-09 06:00"]),
    ("America/New_York", "0 2,3 * * *", "2026-03-07T08:00", ["03-08 07:00", "03-09 06:00"]),
    ("America/New_York", "30 2 8 3 *", "2026-01-01T00:00", ["03-08 07:00", "03-08 07:30"]),
    ("America/New_York", "*/20 * * * *", "2026-03-08T06:30", ["03-08 06:40", "03-08 07:00", "03-08 07:20"]),
    ("America/New_York", "0 * * * *", "2026-03-08T05:30", ["03-08 06:00", "03-08 07:00"]),
    ("America/New_York", "30 0-23 * * *", "2026-03-08T06:00", ["03-08 06:30", "03-08 07:30"]),
    ("America/New_York", "30 * * * *", "2026-03-08T06:00", ["03-08 06:30", "03-08 07:30"]),
    # Berlin and London change at 01:00 UTC.
    ("Europe/Berlin", "30 2 * * *", "2026-03-28T12:00", ["03-29 01:00", "03-30 00:30"]),
    ("Europe/London", "30 1 * * *", "2026-03-28T12:00", ["03-29 01:00", "03-30 00:30"]),
    # Zones that skip midnight.
    ("Africa/Cairo", "0 0 * * *", "2026-04-23T12:00", ["04-23 22:00", "04-24 21:00"]),
    ("Africa/Cairo", "0 */6 * * *", "2026-04-23T19:00", ["04-23 22:00", "04-24 03:00"]),
    ("Africa/Cairo", "0 0 24 4 *", "2026-04-01T00:00", ["04-23 22:00", "04-23 22:00"]),
    ("Asia/Beirut", "0 0 * * *", "2026-03-28T12:00", ["03-28 22:00", "03-29 21:00"]),
    ("America/Havana", "0 0 * * *", "2026-03-07T12:00", ["03-08 05:00", "03-09 04:00"]),
    ("America/Santiago", "0 0 * * *", "2026-09-05T12:00", ["09-06 04:00", "09-07 03:00"]),
    # Half an hour: Lord Howe skips 02:00-02:30 at 15:30 UTC.
    ("Australia/Lord_Howe", "15 2 * * *", "2026-10-03T00:00", ["10-03 15:30", "10-04 15:15"]),
    ("Australia/Lord_Howe", "0 * * * *", "2026-10-03T14:00", ["10-03 14:30", "10-03 16:00"]),
    # Two hours: Troll skips 01:00-03:00; both times fire together.
    ("Antarctica/Troll", "30 1,2 * * *", "2026-03-28T12:00", ["03-29 01:00", "03-29 23:30"]),
    # A whole day: Apia had no 2011-12-30; Kwajalein no 1993-08-21.
    ("Pacific/Apia", "0 9 * * *", "2011-12-29T20:00", ["12-30 10:00", "12-30 19:00"]),
    ("Pacific/Apia", "0 9 30 12 *", "2011-12-01T00:00", ["12-30 10:00", "12-29 19:00"]),
    ("Pacific/Apia", "0 0 * * *", "2011-12-29T12:00", ["12-30 10:00", "12-31 10:00"]),
    ("Pacific/Apia", "0 * * * *", "2011-12-30T08:30", ["12-30 09:00", "12-30 10:00"]),
    ("Pacific/Kwajalein", "0 12 * * *", "1993-08-20T12:00", ["08-21 00:00", "08-21 12:00", "08-22 00:00"]),
    # Morocco goes back an hour for Ramadan.
    ("Africa/Casablanca", "30 2 * * *", "2026-03-21T12:00", ["03-22 02:00", "03-23 01:30"]),
    # North Korea moved its clock by half an hour for good.
    ("Asia/Pyongyang", "45 23 * * *", "2018-05-03T20:00", ["05-04 15:00", "05-05 14:45"]),
]
FOLDS = [
    # New York shows 01:00-02:00 twice on 2026-11-01, from 05:00 and from 06:00 UTC.
    ("America/New_York", "30 1 * * *", "2026-10-31T12:00", ["11-01 05:30", "11-02 06:30"]),
    ("America/New_York", "0 30 1 * * *", "2026-10-31T12:00", ["11-01 05:30", "11-02 06:30"]),
    ("America/New_York", "0-59/30 1 * * *", "2026-10-31T12:00", ["11-01 05:00", "11-01 05:30", "11-02 06:00"]),
    ("America/New_York", "0 0-22 * * *", "2026-11-01T03:30", ["11-01 04:00", "11-01 05:00", "11-01 07:00"]),
    ("America/New_York", "*/30 1 * * *", "2026-11-01T00:00", ["11-01 05:00", "11-01 05:30", "11-01 06:00"]),
    ("America/New_York", "0 * * * *", "2026-11-01T04:30", ["11-01 05:00", "11-01 06:00", "11-01 07:00"]),
    ("America/New_York", "0 0-23 * * *", "2026-11-01T04:30", ["11-01 05:00", "11-01 06:00", "11-01 07:00"]),
    ("America/New_York", "* 1-6 * * *", "2026-11-01T05:58", ["11-01 05:59", "11-01 06:00", "11-01 06:01"]),
    ("America/New_York", "*/30 59 1 * * *", "2026-11-01T05:00", ["11-01 05:59", "11-01 05:59:30", "11-01 06:59"]),
    # Asked inside the second pass: a daily job is over, a repeating one goes on.
    ("America/New_York", "30 1 * * *", "2026-11-01T06:10", ["11-02 06:30"]),
    ("America/New_York", "30 1,3 * * *", "2026-11-01T06:10", ["11-01 08:30"]),
    ("America/New_York", "*/30 1 * * *", "2026-11-01T06:10", ["11-01 06:30", "11-02 06:00"]),
    ("Europe/Berlin", "30 2 * * *", "2026-10-24T12:00", ["10-25 00:30", "10-26 01:30"]),
    ("Europe/Berlin", "0 */2 * * *", "2026-10-24T23:00", ["10-25 00:00", "10-25 01:00", "10-25 03:00"]),
    ("Europe/Berlin", "0 0-22/2 * * *", "2026-10-24T23:00", ["10-25 00:00", "10-25 03:00"]),
    ("Europe/London", "30 1 * * *", "2026-10-24T12:00", ["10-25 00:30", "10-26 01:30"]),
    ("Australia/Lord_Howe", "45 1 * * *", "2026-04-04T00:00", ["04-04 14:45", "04-05 15:15"]),
    ("Australia/Lord_Howe", "0 * * * *", "2026-04-04T13:30", ["04-04 14:00", "04-04 15:30"]),
    ("Antarctica/Troll", "30 2 * * *", "2026-10-24T12:00", ["10-25 00:30", "10-26 02:30"]),
    ("Africa/Casablanca", "30 2 * * *", "2026-02-14T12:00", ["02-15 01:30", "02-16 02:30"]),
    # North Korea showed 23:30-24:00 twice on 2015-08-14.
    ("Asia/Pyongyang", "45 23 * * *", "2015-08-14T00:00", ["08-14 14:45", "08-15 15:15"]),
    ("Asia/Pyongyang", "*/15 23 * * *", "2015-08-14T14:40", ["08-14 14:45", "08-14 15:00", "08-14 15:15"]),
]
ORDINARY = [
    ("UTC", "30 2 * * 1-5", "2026-03-27T02:30", ["03-30 02:30"]),
    ("Asia/Kathmandu", "0 6 * * *", "2026-03-27T00:15", ["03-28 00:15"]),
    ("Asia/Kathmandu", "*/30 * * * *", "2026-03-27T00:00", ["03-27 00:15", "03-27 00:45"]),
    ("UTC", "@weekly", "2026-03-27T00:00", ["03-29 00:00"]),
    ("UTC", "0 0 29 2 *", "2026-03-17T00:00", ["02-29 00:00"]),
    (
        "UTC",
        "*/20 59 23 31 12 *",
        "2026-03-17T00:00",
        ["12-31 23:59", "12-31 23:59:20", "12-31 23:59:40", "12-31 23:59"],
    ),
]


@pytest.mark.parametrize(("key", "expression", "after", "expected"), GAPS + FOLDS + ORDINARY)
def test_a_cron_schedule_fires_at_these_instants(key: str, expression: str, after: str, expected: list[str]) -> None:
    assert first_occurrences(CronSchedule(expression, key), after, len(expected)) == expected


@pytest.mark.parametrize("key", ["America/New_York", "Africa/Cairo", "Australia/Lord_Howe", "Antarctica/Troll"])
@pytest.mark.parametrize("hour", range(24))
def test_a_daily_task_runs_exactly_once_each_day_of_the_year(key: str, hour: int) -> None:
    schedule = CronSchedule(f"15 {hour} * * *", key)
    new_year = OneTimeSchedule.parse("2026-01-01T00:00", key).at

    days, asked = [], new_year
    for _ in range(365):
        following = schedule.next_after(asked)
        assert following is not None
        asked = following
        days.append(following.astimezone(zone(key)).date())

    assert days == [new_year.astimezone(zone(key)).date() + timedelta(days=day) for day in range(365)]


@given(expressions, near_a_change())
def test_the_fire_set_equals_the_one_found_by_brute_force(expression: str, place: tuple[str, datetime]) -> None:
    key, after = place
    schedule = CronSchedule(expression, key)
    until = after + timedelta(hours=30)
    expected = list(occurrences(expression, zone(key), after, until))

    assert walk(schedule, after, until) == expected
    assert walk_back(schedule, after, until) == expected
    assert schedule.count_between(after, until, at_most=10_000) == len(expected)


@pytest.mark.soak
@given(expressions, near_a_change())
def test_the_fire_set_equals_the_one_found_by_brute_force_for_long(
    expression: str, place: tuple[str, datetime]
) -> None:
    key, after = place
    until = after + timedelta(days=40)

    assert walk(CronSchedule(expression, key), after, until) == list(occurrences(expression, zone(key), after, until))


@settings(max_examples=20)
@given(st.sampled_from(["*/7", "0", "59", "0,30", "*"]), expressions, near_a_change())
def test_seconds_equal_brute_force_too(second: str, minutes: str, place: tuple[str, datetime]) -> None:
    key, near = place
    change = min(zone_clock(key).starts[1:-1], key=lambda start: abs(EPOCH + start * SECOND - near), default=10**9)
    after = EPOCH + change * SECOND - timedelta(minutes=2)
    until = after + timedelta(minutes=4)
    expression = f"{second} {minutes}"

    expected = list(occurrences(expression, zone(key), after, until))

    assert walk(CronSchedule(expression, key), after, until) == expected


def test_no_fold_outlasts_the_warm_up_of_the_oracle() -> None:
    for key in timezone_keys():
        offsets = zone_clock(key).offsets
        assert all(before - after <= WARM_UP // SECOND for before, after in pairwise(offsets)), key


class MadeUpZone(tzinfo):
    """A zone with changes as close together as hypothesis likes; conversion from UTC is all the oracle needs."""

    def __init__(self, changes: list[OffsetChange]) -> None:
        self._changes = changes

    def utcoffset(self, when: datetime | None) -> timedelta:
        return timedelta(0)

    def dst(self, when: datetime | None) -> None:
        return None

    def tzname(self, when: datetime | None) -> str:
        return "made up"

    def fromutc(self, when: datetime) -> datetime:
        second = (when.replace(tzinfo=UTC) - EPOCH) // SECOND
        offset = 0
        for change in self._changes:
            if change.at <= second:
                offset = change.offset
        return when + timedelta(seconds=offset)


@given(
    st.sampled_from(TIMES),
    st.lists(st.tuples(st.integers(1, 20), st.sampled_from([-7_200, -3_600, 0, 1_800, 5_400, 39_600])), max_size=5),
)
def test_changes_close_together_need_no_rule_of_their_own(times: str, raw: list[tuple[int, int]]) -> None:
    at, changes, last = 3 * 86_400, [], 0
    for quarters, offset in raw:
        at += quarters * 900
        if offset != last:
            changes.append(OffsetChange(at, offset))
        last = offset
    fires = Occurrences(CronMatcher(parse(f"{times} * * *")), ZoneClock(0, changes))
    low, high = 3 * 86_400 - 7_200, 4 * 86_400 + 7_200
    brute = occurrences(f"{times} * * *", MadeUpZone(changes), EPOCH + low * SECOND, EPOCH + high * SECOND)
    expected = [(one - EPOCH) // SECOND for one in brute]

    forward, backward = [fires.first_from(low + 1)], [fires.last_until(high)]
    while forward[-1] is not None and forward[-1] <= high:
        forward.append(fires.first_from(forward[-1] + 1))
    while backward[-1] is not None and backward[-1] > low:
        backward.append(fires.last_until(backward[-1] - 1))

    assert forward[:-1] == expected
    assert backward[-2::-1] == expected
    assert fires.count(low, high, 10_000) == len(expected)


def test_a_gap_inside_a_fold_owes_only_what_was_never_shown() -> None:
    # Back an hour at midnight of day 3, and forward again half an hour later: from 23:30 to 00:30.
    day = 3 * 86_400
    clock = ZoneClock(0, [OffsetChange(day, -3_600), OffsetChange(day + 1_800, 0)])

    shown_before = Occurrences(CronMatcher(parse("45 23 * * *")), clock)
    skipped = Occurrences(CronMatcher(parse("15 0 * * *")), clock)

    assert shown_before.first_from(day - 1_800) == day - 900
    assert shown_before.first_from(day) == day + 86_400 - 900
    assert skipped.first_from(day - 1_800) == day + 1_800


def test_what_repeats_owes_the_part_of_a_second_pass_that_a_gap_takes_away() -> None:
    day = 3 * 86_400
    clock = ZoneClock(0, [OffsetChange(day, -3_600), OffsetChange(day + 1_800, 0)])
    repeats = Occurrences(CronMatcher(parse("*/15 23 * * *")), clock)

    # 23:00 and 23:15 once more; 23:30 and 23:45 are not shown again, and count once, at the gap's end.
    assert [repeats.first_from(day), repeats.first_from(day + 1)] == [day, day + 900]
    assert repeats.first_from(day + 901) == day + 1_800


@pytest.mark.parametrize(
    ("key", "expression", "before", "expected"),
    [
        ("Europe/Berlin", "0 12 1 1 *", "2026-12-01T00:00", "2026-01-01T11:00"),
        ("Europe/Berlin", "0 12 29 2 *", "2027-12-01T00:00", "2024-02-29T11:00"),
        ("America/New_York", "30 2 8 3 *", "2026-12-01T00:00", "2026-03-08T07:00"),
        ("Europe/Berlin", "0 12 15 1 *", "2026-01-10T00:00", "2025-01-15T11:00"),
        ("Europe/Berlin", "30 10,20 * * * *", "2026-01-10T12:15", "2026-01-10T12:10:30"),
        ("Europe/Berlin", "* * * * * *", "2026-01-10T12:15", "2026-01-10T12:14:59"),
        # The last second before the clocks go on.
        ("Europe/Berlin", "59 59 1 29 3 *", "2026-03-29T01:30", "2026-03-29T00:59:59"),
        # Asked inside the second pass for a time whose first pass lies behind, though its wall time lies ahead.
        ("America/New_York", "50 1 1 11 *", "2026-11-01T06:10", "2026-11-01T05:50"),
        ("America/New_York", "*/50 1 1 11 *", "2026-11-01T06:10", "2026-11-01T06:00"),
        ("America/New_York", "*/50 1 1 11 *", "2026-11-01T06:00", "2026-11-01T05:50"),
    ],
)
def test_looking_back_over_a_change_finds_the_same_set(key: str, expression: str, before: str, expected: str) -> None:
    assert CronSchedule(expression, key).previous_before(in_utc(before)) == in_utc(expected)


def test_the_seconds_on_both_sides_of_a_change_are_counted() -> None:
    change = in_utc("2026-03-29T01:00")

    assert CronSchedule("* * * * * *", "Europe/Berlin").count_between(change - 2 * SECOND, change, at_most=9) == 2


@pytest.mark.parametrize(
    ("expression", "expected"), [("0 2,3 * * *", 1), ("*/15 2 * * *", 1), ("*/15 2,3 * * *", 4), ("0 * * * *", 23)]
)
def test_skipped_times_are_counted_once_and_with_a_match_at_the_gaps_end(expression: str, expected: int) -> None:
    spring = in_utc("2026-03-08T05:00") - SECOND

    assert (
        CronSchedule(expression, "America/New_York").count_between(spring, spring + timedelta(hours=23), at_most=99)
        == expected
    )
