from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.scheduling.recipes import DayTimes, Every, Moment, Recipe, kept_or_written, kind_of
from domain.scheduling.schedule import CronSchedule, IntervalSchedule, OneTimeSchedule, ScheduleType
from tests.support.cron_oracle import in_utc
from tests.support.cron_texts import cron_texts

# Each begins shortly before a change of the clocks: gap, fold, a gap at midnight, half an hour, a skipped day.
CHANGES = [
    ("America/New_York", "2026-03-07T12:00"),
    ("America/New_York", "2026-10-31T12:00"),
    ("Africa/Cairo", "2026-04-23T12:00"),
    ("Australia/Lord_Howe", "2026-04-04T00:00"),
    ("Pacific/Apia", "2011-12-29T00:00"),
]

# Most of these have a recipe; among all texts that can be drawn, few do.
plain_texts = st.builds(
    "{}{} {} {}".format,
    st.sampled_from(["", "", "0 "]),
    st.sampled_from(["0", "30", "0,30", "*/30", "15-17", "5,4", "0/30", "*"]),
    st.sampled_from(["2", "1,2", "1-3", "0", "23", "*/12", "9-17/4", "0-23", "*", "2,14"]),
    st.sampled_from(["* * *", "? * MON-FRI", "* * 0,6", "1,15 * ?", "L * *", "28-31,L * *", "*/1 * 7", "*/10 * *"]),
)
DAY_TIMES = [
    ("0 2 * * *", "02:00", "all", "", ""),
    ("@daily", "00:00", "all", "", ""),
    ("30 9,17 * * 1-5", "09:30, 17:30", "week", "12345", ""),
    ("0,30 8 * * SAT,SUN", "08:00, 08:30", "week", "06", ""),
    ("0 9 * * MON-SUN", "09:00", "all", "", ""),
    ("15 6 1,15,L * *", "06:15", "month", "", "1, 15, L"),
    ("0 12 L * *", "12:00", "month", "", "L"),
    ("0 30 2 * * *", "02:30", "all", "", ""),
    ("0 0 29-31 * ?", "00:00", "month", "", "29, 30, 31"),
]
NOT_DAY_TIMES = [
    "0 */7 * * *",
    "*/15 2 * * *",
    "0 0 1 * MON",
    "0 0 1 1 *",
    "0 0 LW * *",
    "0 0 15W * *",
    "0 0 * * MON#2",
    "0 0 * * 5L",
    "30 0 2 * * *",
    "*/5 8-18 * * *",
    "*/60 30 2 * * *",
    "0 0 31 2 *",
    "nonsense",
    "",
]


@pytest.mark.parametrize(("text", "times", "days", "weekdays", "month_days"), DAY_TIMES)
def test_times_on_days_stand_for_their_expression(
    text: str, times: str, days: str, weekdays: str, month_days: str
) -> None:
    recipe = DayTimes.of(text)

    assert recipe is not None
    assert (recipe.times_text, "".join(map(str, recipe.weekdays)), recipe.month_days_text) == (
        times,
        weekdays,
        month_days,
    )
    chosen = [int(digit) for digit in weekdays] if days == "week" else None
    assert DayTimes.read(times, chosen, month_days if days == "month" else None) == recipe
    assert kept_or_written(recipe, text) == text


@pytest.mark.parametrize("text", NOT_DAY_TIMES)
def test_what_times_on_days_cannot_say_has_no_such_recipe(text: str) -> None:
    assert DayTimes.of(text) is None


@given(plain_texts | cron_texts, st.sampled_from(CHANGES))
def test_an_expression_that_has_a_recipe_fires_as_the_recipe_does(text: str, change: tuple[str, str]) -> None:
    recipe = DayTimes.of(text)
    if recipe is None:
        return

    assert _fires(recipe.text, change) == _fires(text, change)
    assert DayTimes.of(recipe.text) == recipe


@given(
    st.sets(st.integers(0, 23), min_size=1, max_size=4),
    st.sets(st.integers(0, 59), min_size=1, max_size=4),
    st.sets(st.integers(0, 6)) | st.none(),
)
def test_what_is_filled_in_reads_back_from_its_expression(
    hours: set[int], minutes: set[int], weekdays: set[int] | None
) -> None:
    times = ", ".join(f"{hour:02}:{minute:02}" for hour in hours for minute in minutes)

    recipe = DayTimes.read(times, weekdays or None)

    assert DayTimes.of(recipe.text) == recipe
    assert recipe.says(recipe.text)


@pytest.mark.parametrize(
    ("text", "count", "unit"),
    [("5m", 5, "m"), ("1h30m", 90, "m"), ("PT5M", 5, "m"), ("90s", 90, "s"), ("7d", 1, "w"), ("P1D", 1, "d")],
)
def test_an_interval_is_a_number_of_the_largest_unit_that_does(text: str, count: int, unit: str) -> None:
    recipe = Every.of(text)

    assert recipe == Every(count, unit)
    assert IntervalSchedule.parse(recipe.text) == IntervalSchedule.parse(text)
    assert kept_or_written(recipe, text) == text


@pytest.mark.parametrize(
    ("text", "date", "time", "offset"),
    [
        ("2026-12-24T18:00", "2026-12-24", "18:00", ""),
        ("2026-12-24 18:00:30.5", "2026-12-24", "18:00:30.5", ""),
        ("2026-12-24", "2026-12-24", "00:00", ""),
        ("2026-10-25T02:30+01:00", "2026-10-25", "02:30", "+01:00"),
        ("2026-12-24T18:00Z", "2026-12-24", "18:00", "Z"),
    ],
)
def test_an_instant_is_a_date_and_a_time(text: str, date: str, time: str, offset: str) -> None:
    recipe = Moment.of(text)

    assert recipe == Moment(date, time, offset)
    assert OneTimeSchedule.parse(recipe.text, "Europe/Berlin") == OneTimeSchedule.parse(text, "Europe/Berlin")
    assert kept_or_written(recipe, text) == text


@pytest.mark.parametrize(
    ("recipe", "present", "text"),
    [
        (Every(2, "h"), "1h", "2h"),
        (Every(60, "m"), "1h", "1h"),
        (DayTimes((540,)), "0 9 * * 1", "0 9 * * *"),
        (DayTimes((540,)), "", "0 9 * * *"),
        (Moment("2026-12-24", "18:00"), "2026-12-24T18:00Z", "2026-12-24T18:00"),
    ],
)
def test_only_what_says_something_else_is_written_anew(recipe: Recipe, present: str, text: str) -> None:
    assert kept_or_written(recipe, present) == text


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("0 2 * * *", ScheduleType.CRON),
        ("@daily", ScheduleType.CRON),
        (" 15m ", ScheduleType.INTERVAL),
        ("2026-12-24 18:00", ScheduleType.ONE_TIME),
    ],
)
def test_the_kind_of_a_schedule_shows_in_its_text(text: str, kind: ScheduleType) -> None:
    assert kind_of(text) is kind


def _fires(text: str, change: tuple[str, str]) -> list[str]:
    key, begin = change
    schedule, at, found = CronSchedule(text, key), in_utc(begin), list[str]()
    until = at + timedelta(days=40)
    while len(found) < 60 and (following := schedule.next_after(at)) is not None and following < until:
        found.append(following.isoformat())
        at = following
    return found
