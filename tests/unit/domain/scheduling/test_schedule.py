import copy
import pickle
from bisect import bisect_right
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from itertools import pairwise
from typing import get_args

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from domain.errors import InvalidScheduleError, InvalidTimezoneError
from domain.scheduling.cron.expression import parse
from domain.scheduling.cron.matcher import CronMatcher
from domain.scheduling.cron.tzif import OffsetChange
from domain.scheduling.cron.zone import (
    END_OF_TIME,
    EPOCH,
    Occurrences,
    ZoneClock,
    timezone_keys,
    zone,
    zone_clock,
)
from domain.scheduling.schedule import CronSchedule, IntervalSchedule, OneTimeSchedule, Schedule, ScheduleType
from tests.support.cron_oracle import WARM_UP, in_utc, occurrences

SECOND = timedelta(seconds=1)
NOON = in_utc("2026-06-01T12:00")


def first_occurrences(schedule: Schedule, after: str, count: int) -> list[str]:
    """The next `count` occurrences in short; no table below needs a year."""
    found, asked = [], in_utc(after)
    for _ in range(count):
        following = schedule.next_after(asked)
        assert following is not None
        asked = following
        found.append(asked.strftime("%m-%d %H:%M" if asked.second == 0 else "%m-%d %H:%M:%S"))
    return found


# --- Offset changes: zone, expression, asked from, the next occurrences, all in UTC ---

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


# --- Properties ---

TIMES = [
    "* *", "*/15 *", "0 *", "30 2", "30 1", "45 23", "0 0", "0 */2", "*/10 1-3", "10,50 0-22", "5/7 2/5", "0 0-23",
    "59 23", "*/45 */11", "0-20/10 1,2", "* 0", "17 0-23/1",
]  # fmt: skip
DAYS = [
    "* * *", "*/2 * *", "L * *", "LW * *", "1 * MON", "* * SUN", "29-31 * *", "15W * *", "* 3,10,11 *", "* * 7#5",
    "* * FRIL", "? * 6-7", "1,30,31 1-12/2 *", "*/1 * 0-6", "8 * SUN#2",
]  # fmt: skip
ZONES = [
    "UTC", "America/New_York", "Europe/Berlin", "Europe/London", "Africa/Cairo", "Asia/Beirut", "America/Havana",
    "America/Santiago", "Australia/Lord_Howe", "Pacific/Apia", "Africa/Casablanca", "Antarctica/Troll",
    "Asia/Kathmandu", "Asia/Pyongyang", "Pacific/Chatham", "America/St_Johns", "Europe/Dublin", "Asia/Gaza",
    "America/Nuuk", "Pacific/Kwajalein", "Asia/Tehran", "America/Caracas", "Europe/Moscow",
]  # fmt: skip
expressions = st.builds("{} {}".format, st.sampled_from(TIMES), st.sampled_from(DAYS))
instants = st.datetimes(datetime(1973, 1, 1), datetime(2199, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 naive bounds


@st.composite
def near_a_change(draw: st.DrawFn) -> tuple[str, datetime]:
    """A zone and an instant within a day of one of its offset changes."""
    key = draw(st.sampled_from(ZONES))
    clock = zone_clock(key)
    since_1973 = bisect_right(clock.starts, 3 * 366 * 86_400)
    change = draw(st.sampled_from(clock.starts[since_1973:-1] or [NOON.timestamp()]))
    shift = draw(st.integers(-86_400, 86_400 // 4))
    return key, EPOCH + timedelta(seconds=int(change) + shift)


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


def walk(schedule: Schedule, after: datetime, until: datetime) -> list[datetime]:
    found = []
    while (following := schedule.next_after(after)) is not None and following <= until:
        found.append(after := following)
    return found


def walk_back(schedule: Schedule, after: datetime, until: datetime) -> list[datetime]:
    found, asked = [], until + timedelta(microseconds=1)
    while (preceding := schedule.previous_before(asked)) is not None and preceding > after:
        found.append(asked := preceding)
    return found[::-1]


intervals = st.builds(
    IntervalSchedule,
    st.integers(1, 315_000_000).map(lambda seconds: timedelta(seconds=seconds)),
    st.datetimes(datetime(1960, 1, 1), datetime(2210, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 naive bounds
)
crons = st.builds(CronSchedule, expressions, st.sampled_from(ZONES))
schedules = st.one_of(crons, intervals, st.builds(OneTimeSchedule, instants))


@given(schedules, instants)
def test_next_is_strictly_later_and_previous_strictly_earlier(schedule: Schedule, instant: datetime) -> None:
    following, preceding = schedule.next_after(instant), schedule.previous_before(instant)

    assert following is None or following > instant
    assert preceding is None or preceding < instant


@given(schedules, instants)
def test_next_and_previous_agree(schedule: Schedule, instant: datetime) -> None:
    following = schedule.next_after(instant)
    assume(following is not None)
    assert following is not None

    assert schedule.next_after(following - timedelta(microseconds=1)) == following
    assert schedule.previous_before(following + timedelta(microseconds=1)) == following
    before = schedule.previous_before(following)
    assert before is None or (before <= instant and schedule.next_after(before) == following)


@given(schedules, instants, st.integers(0, 12))
def test_counting_equals_walking_for_every_kind(schedule: Schedule, after: datetime, steps: int) -> None:
    until = after
    for _ in range(steps):
        until = schedule.next_after(until) or until
    count = len(walk(schedule, after, until))

    assert schedule.count_between(after, until, at_most=1_000) == count
    assert schedule.count_between(after, until, at_most=5) == min(count, 5)


# --- Cron as a value ---


def test_the_text_is_kept_as_given_but_trimmed() -> None:
    schedule = CronSchedule("  0 9 * * mon-fri\t", "Europe/Paris")

    assert schedule.expression == "0 9 * * mon-fri"
    assert schedule == CronSchedule("0 9 * * mon-fri", "Europe/Paris")
    assert schedule != CronSchedule("0 9 * * mon-fri")
    assert repr(schedule) == "CronSchedule(expression='0 9 * * mon-fri', timezone='Europe/Paris')"


@pytest.mark.parametrize("text", ["0 0 31 2 *", "nonsense", ""])
def test_a_wrong_expression_is_refused_when_it_is_declared(text: str) -> None:
    with pytest.raises(InvalidScheduleError):
        CronSchedule(text, "UTC")


def test_what_never_fires_is_said_so() -> None:
    with pytest.raises(InvalidScheduleError) as caught:
        CronSchedule("0 0 31 2 *", "UTC")

    assert caught.value.reason == "never_fires"


def test_a_wrong_zone_is_refused_when_it_is_declared() -> None:
    with pytest.raises(InvalidTimezoneError):
        CronSchedule("0 9 * * *", "Mars/Olympus")


def test_schedules_survive_pickling_and_copying() -> None:
    for schedule in (CronSchedule("0 9 * * *", "Europe/Paris"), IntervalSchedule.parse("5m"), OneTimeSchedule(NOON)):
        assert pickle.loads(pickle.dumps(schedule)) == copy.deepcopy(schedule) == schedule


def test_answers_are_aware_utc() -> None:
    following = CronSchedule("0 9 * * *", "Asia/Tokyo").next_after(NOON.astimezone(zone("America/New_York")))

    assert following == in_utc("2026-06-02T00:00")
    assert following is not None
    assert following.tzinfo is UTC


def test_fractions_of_a_second_count() -> None:
    schedule, nine = CronSchedule("0 9 * * *"), in_utc("2026-06-01T09:00")
    microsecond = timedelta(microseconds=1)

    assert schedule.next_after(nine - microsecond) == nine
    assert schedule.next_after(nine) == schedule.next_after(nine + microsecond) == nine + timedelta(days=1)
    assert schedule.previous_before(nine + microsecond) == nine
    assert schedule.previous_before(nine) == nine - timedelta(days=1)
    assert schedule.count_between(nine - microsecond, nine, at_most=9) == 1
    assert schedule.count_between(nine, nine + microsecond, at_most=9) == 0


def test_asking_in_the_zones_own_wall_time_knows_the_two_passes_of_a_fold() -> None:
    new_york = zone("America/New_York")
    schedule = CronSchedule("*/30 1 * * *", "America/New_York")
    first = datetime(2026, 11, 1, 1, 30, tzinfo=new_york)

    assert schedule.next_after(first) == in_utc("2026-11-01T06:00")
    assert schedule.next_after(first.replace(fold=1)) == in_utc("2026-11-02T06:00")


def test_the_answer_does_not_depend_on_what_was_asked_before() -> None:
    schedule, again = CronSchedule("0 12 * * *"), CronSchedule("0 12 * * *")
    late, early = in_utc("2026-06-05T00:00"), in_utc("2026-06-01T00:00")

    assert schedule.next_after(late) == in_utc("2026-06-05T12:00")
    assert again.next_after(early) == NOON
    assert schedule.next_after(NOON - SECOND) == NOON
    assert schedule.next_after(NOON) == in_utc("2026-06-02T12:00")


@pytest.mark.parametrize("schedule", [CronSchedule("* * * * *"), IntervalSchedule.parse("5m"), OneTimeSchedule(NOON)])
def test_a_naive_datetime_is_a_type_error(schedule: Schedule) -> None:
    naive = NOON.replace(tzinfo=None)

    for ask in (schedule.next_after, schedule.previous_before):
        with pytest.raises(TypeError, match="offset-naive"):
            ask(naive)
    with pytest.raises(TypeError, match="offset-naive"):
        schedule.count_between(naive, NOON, at_most=1)


EXTREMES = [
    datetime.min.replace(tzinfo=UTC),
    datetime.max.replace(tzinfo=UTC),
    datetime.min.replace(tzinfo=timezone(timedelta(hours=14))),
    datetime.max.replace(tzinfo=timezone(-timedelta(hours=12))),
]


@pytest.mark.parametrize("instant", EXTREMES)
@pytest.mark.parametrize(
    "schedule",
    [
        CronSchedule("* * * * *", "Europe/Berlin"),
        CronSchedule("0 0 29 2 *", "Pacific/Apia"),
        IntervalSchedule.parse("1s"),
        IntervalSchedule(timedelta(days=3_650), datetime.max.replace(tzinfo=UTC)),
        IntervalSchedule(timedelta(days=3_650), datetime.min.replace(tzinfo=UTC)),
        OneTimeSchedule(NOON),
    ],
)
def test_the_ends_of_the_calendar_are_no_trouble(schedule: Schedule, instant: datetime) -> None:
    following, preceding = schedule.next_after(instant), schedule.previous_before(instant)

    assert following is None or EPOCH <= following < END_OF_TIME
    assert preceding is None or EPOCH <= preceding < END_OF_TIME
    assert schedule.count_between(EXTREMES[0], instant, at_most=7) in (0, 1, 7)


def test_schedules_reach_from_1970_to_the_end_of_2199() -> None:
    minutely = CronSchedule("* * * * *")

    assert minutely.next_after(in_utc("1900-01-01T00:00")) == EPOCH
    assert minutely.previous_before(EPOCH) is None
    assert minutely.next_after(in_utc("2199-12-31T23:59")) is None
    assert minutely.previous_before(in_utc("3000-01-01T00:00")) == in_utc("2199-12-31T23:59")
    assert CronSchedule("0 0 29 2 *").next_after(in_utc("2197-01-01T00:00")) is None
    assert CronSchedule("0 0 29 2 MON#5").next_after(in_utc("2197-01-01T00:00")) is None


@pytest.mark.parametrize(
    ("expression", "after", "until", "expected"),
    [
        ("* * * * *", "2026-03-08T00:00", "2026-03-09T00:00", 24 * 60),
        ("30 2 * * *", "2026-01-01T05:00", "2027-01-01T05:00", 365),
        ("*/15 * * * *", "2026-01-01T05:00", "2027-01-01T05:00", 365 * 96),
        ("* * * * * *", "2026-01-01T05:00", "2027-01-01T05:00", 365 * 86_400),
        ("0 12 * * *", "2026-01-02T00:00", "2026-01-01T00:00", 0),
    ],
)
def test_counting_covers_any_span(expression: str, after: str, until: str, expected: int) -> None:
    schedule = CronSchedule(expression, "America/New_York")

    assert schedule.count_between(in_utc(after), in_utc(until), at_most=10**9) == expected
    assert schedule.count_between(in_utc(after), in_utc(until), at_most=100) == min(expected, 100)
    assert schedule.count_between(in_utc(after), in_utc(until), at_most=0) == 0


# --- Intervals ---


@pytest.mark.parametrize(
    ("text", "seconds", "canonical"),
    [
        ("5m", 300, "5m"),
        ("90s", 90, "1m30s"),
        ("1h30m", 5_400, "1h30m"),
        ("1d12h", 129_600, "1d12h"),
        ("1w", 604_800, "1w"),
        ("8d", 691_200, "1w1d"),
        ("1w2d3h4m5s", 788_645, "1w2d3h4m5s"),
        ("0h5m", 300, "5m"),
        ("007s", 7, "7s"),
        ("PT5M", 300, "5m"),
        ("P1D", 86_400, "1d"),
        ("P1DT12H", 129_600, "1d12h"),
        ("P1W", 604_800, "1w"),
        ("PT1H30M15S", 5_415, "1h30m15s"),
        ("3653d", 315_619_200, "521w6d"),
    ],
)
def test_an_interval_is_read_and_written(text: str, seconds: int, canonical: str) -> None:
    schedule = IntervalSchedule.parse(text)

    assert schedule.interval == timedelta(seconds=seconds)
    assert schedule.text == canonical
    assert IntervalSchedule.parse(schedule.text) == schedule
    assert schedule.anchor == EPOCH


@pytest.mark.parametrize(
    ("text", "code", "position"),
    [
        ("", "missing_value", 0),
        ("5", "missing_unit", 1),
        ("300", "missing_unit", 3),
        ("0s", "out_of_range", 0),
        ("PT0S", "out_of_range", 0),
        ("3654d", "out_of_range", 0),
        ("1000000000000d", "out_of_range", 0),
        ("9" * 60 + "s", "out_of_range", 0),
        ("1.5h", "bad_interval", 0),
        ("1h1.5m", "bad_interval", 2),
        ("-5m", "bad_interval", 0),
        ("+5m", "bad_interval", 0),
        (" 5m", "bad_interval", 0),
        ("5 m", "bad_interval", 0),
        ("5m ", "bad_interval", 2),
        ("1h 30m", "bad_interval", 2),
        ("30m1h", "bad_interval", 3),
        ("5m5m", "bad_interval", 2),
        ("5M", "bad_interval", 0),
        ("1H", "bad_interval", 0),
        ("m", "bad_interval", 0),
        ("5min", "bad_interval", 2),
        ("every 5m", "bad_interval", 0),
        ("1e3s", "bad_interval", 0),
        ("NaN", "bad_interval", 0),
        ("P", "bad_interval", 0),
        ("PT", "bad_interval", 0),
        ("P1DT", "bad_interval", 0),
        ("P1W1D", "bad_interval", 0),
        ("P5", "bad_interval", 0),
        ("PT1.5S", "bad_interval", 0),
        ("pt5m", "bad_interval", 0),
        ("1mo", "unsupported", 0),
        ("1y", "unsupported", 0),
        ("P1M", "unsupported", 0),
        ("P1Y2M", "unsupported", 0),
        ("٣m", "not_ascii", 0),
        ("5m" * 100, "too_long", 64),
    ],
)
def test_what_is_no_interval_is_refused(text: str, code: str, position: int) -> None:
    with pytest.raises(InvalidScheduleError) as caught:
        IntervalSchedule.parse(text)

    assert (caught.value.reason, caught.value.position) == (code, position)


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


@pytest.mark.parametrize("make", [lambda at: IntervalSchedule(SECOND, at), OneTimeSchedule])
def test_an_instant_without_a_zone_is_no_instant(make: type[OneTimeSchedule]) -> None:
    with pytest.raises(InvalidScheduleError) as caught:
        make(NOON.replace(tzinfo=None))

    assert caught.value.reason == "naive"


# --- One time ---


@pytest.mark.parametrize(
    ("text", "key", "expected"),
    [
        ("2026-06-01T12:00Z", "Europe/Berlin", "2026-06-01T12:00"),
        ("2026-06-01T12:00:30z", "Europe/Berlin", "2026-06-01T12:00:30"),
        ("2026-06-01T12:00:00+02:00", "UTC", "2026-06-01T10:00"),
        ("2026-06-01 12:00-0330", "UTC", "2026-06-01T15:30"),
        ("2026-06-01t12:00+02", "UTC", "2026-06-01T10:00"),
        ("2026-06-01T12:00:00.25Z", "UTC", "2026-06-01T12:00:00.250000"),
        ("2026-06-01T12:00", "UTC", "2026-06-01T12:00"),
        ("2026-06-01T12:00", "Europe/Berlin", "2026-06-01T10:00"),
        ("2026-06-01T12:00:00.123456", "Asia/Kathmandu", "2026-06-01T06:15:00.123456"),
        ("2026-06-01", "Europe/Berlin", "2026-05-31T22:00"),
        ("2026-03-29T02:30", "Europe/Berlin", "2026-03-29T01:00"),
        ("2026-03-29T02:30:00.5", "Europe/Berlin", "2026-03-29T01:00"),
        ("2026-10-25T02:30", "Europe/Berlin", "2026-10-25T00:30"),
        ("2026-10-25T02:30+01:00", "Europe/Berlin", "2026-10-25T01:30"),
        ("2026-04-24T00:00", "Africa/Cairo", "2026-04-23T22:00"),
        ("2011-12-30T09:00", "Pacific/Apia", "2011-12-30T10:00"),
        ("2028-02-29T00:00", "UTC", "2028-02-29T00:00"),
        ("2199-12-31T23:59:59Z", "UTC", "2199-12-31T23:59:59"),
        ("1970-01-01T00:00Z", "UTC", "1970-01-01T00:00"),
    ],
)
def test_a_written_instant_is_read(text: str, key: str, expected: str) -> None:
    assert OneTimeSchedule.parse(text, key).at == in_utc(expected)


@pytest.mark.parametrize(
    ("text", "code", "position"),
    [
        ("", "bad_instant", 0),
        ("tomorrow", "bad_instant", 0),
        ("2026-06-01T", "bad_instant", 0),
        ("2026-06-01T12", "bad_instant", 0),
        ("2026-6-1T12:00", "bad_instant", 0),
        ("20260601T120000Z", "bad_instant", 0),
        ("2026-06-01T12:00:00.1234567", "bad_instant", 0),
        ("2026-06-01T12:00[Europe/Berlin]", "bad_instant", 0),
        (" 2026-06-01T12:00", "bad_instant", 0),
        ("1767225600", "bad_instant", 0),
        ("2026-W23-1T12:00", "unsupported", 0),
        ("2026W231", "unsupported", 0),
        ("2026-152", "unsupported", 0),
        ("2026-06-01T24:00", "out_of_range", 11),
        ("2026-06-01T12:60", "out_of_range", 14),
        ("2026-06-30T23:59:60Z", "out_of_range", 17),
        ("2026-13-01T12:00", "out_of_range", 5),
        ("2026-00-01T12:00", "out_of_range", 5),
        ("2026-02-29T12:00", "out_of_range", 8),
        ("2026-06-00T12:00", "out_of_range", 8),
        ("2026-06-01T12:00+24:00", "out_of_range", 16),
        ("2026-06-01T12:00+02:60", "out_of_range", 16),
        ("0000-01-01T00:00Z", "out_of_range", 0),
        ("1969-12-31T23:59Z", "out_of_range", 0),
        ("2200-01-01T00:00Z", "out_of_range", 0),
        ("9999-12-31T23:59Z", "out_of_range", 0),
        ("1970-01-01T00:00+01:00", "out_of_range", 0),
        ("٢026-06-01T12:00", "not_ascii", 0),
        ("2026-06-01T12:00" + "0" * 100, "too_long", 64),
    ],
)
def test_what_is_no_instant_is_refused(text: str, code: str, position: int) -> None:
    with pytest.raises(InvalidScheduleError) as caught:
        OneTimeSchedule.parse(text, "UTC")

    assert (caught.value.reason, caught.value.position) == (code, position)


def test_wall_time_of_an_unknown_zone_is_refused() -> None:
    with pytest.raises(InvalidTimezoneError):
        OneTimeSchedule.parse("2026-06-01T12:00", "Europe/Atlantis")


def test_one_time_is_one_occurrence() -> None:
    schedule = OneTimeSchedule(NOON.astimezone(zone("Asia/Tokyo")))

    assert schedule.at.tzinfo is UTC
    assert schedule.next_after(NOON - SECOND) == NOON
    assert schedule.next_after(NOON) is None
    assert schedule.previous_before(NOON) is None
    assert schedule.previous_before(NOON + SECOND) == NOON
    assert schedule.count_between(NOON - SECOND, NOON, at_most=5) == 1
    assert schedule.count_between(NOON, NOON + SECOND, at_most=5) == 0
    assert schedule.count_between(NOON - SECOND, NOON, at_most=0) == 0


@pytest.mark.parametrize("at", [*EXTREMES, in_utc("1969-12-31T23:59"), END_OF_TIME])
def test_an_instant_outside_1970_to_2199_is_refused(at: datetime) -> None:
    with pytest.raises(InvalidScheduleError) as caught:
        OneTimeSchedule(at)

    assert caught.value.reason == "out_of_range"


def test_the_three_kinds_have_the_names_of_the_api() -> None:
    assert [kind.value for kind in ScheduleType] == ["cron", "interval", "one_time"]
    assert get_args(Schedule) == (CronSchedule, IntervalSchedule, OneTimeSchedule)
