import copy
import pickle
from datetime import UTC, datetime, timedelta, timezone
from typing import get_args

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from domain.errors import InvalidScheduleError, InvalidTimezoneError
from domain.scheduling.cron.zone import END_OF_TIME, EPOCH, zone
from domain.scheduling.schedule import CronSchedule, IntervalSchedule, OneTimeSchedule, Schedule, ScheduleType
from tests.support.cron_oracle import in_utc
from tests.support.cron_questions import ZONES, expressions, walk

SECOND = timedelta(seconds=1)
NOON = in_utc("2026-06-01T12:00")

instants = st.datetimes(datetime(1973, 1, 1), datetime(2199, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 naive bounds
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


def test_the_first_and_the_last_second_count() -> None:
    every_second, microsecond = CronSchedule("* * * * * *"), timedelta(microseconds=1)

    assert every_second.previous_before(EPOCH + microsecond) == EPOCH
    assert every_second.previous_before(END_OF_TIME) == END_OF_TIME - SECOND
    assert every_second.count_between(EPOCH - SECOND, EPOCH + SECOND, at_most=9) == 2
    assert every_second.count_between(END_OF_TIME - 2 * SECOND, END_OF_TIME + SECOND, at_most=9) == 1


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


@pytest.mark.parametrize("make", [lambda at: IntervalSchedule(SECOND, at), OneTimeSchedule])
def test_an_instant_without_a_zone_is_no_instant(make: type[OneTimeSchedule]) -> None:
    with pytest.raises(InvalidScheduleError) as caught:
        make(NOON.replace(tzinfo=None))

    assert caught.value.reason == "naive"


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
