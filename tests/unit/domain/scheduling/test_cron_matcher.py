import calendar
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.scheduling.cron.expression import parse
from domain.scheduling.cron.matcher import AFTER_ALL, BEFORE_ALL, CronMatcher

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)

# Texts whose months have matching days of every kind; the oracle of whole expressions is in test_schedule.
EXPRESSIONS = [
    "* * * * *",
    "*/7 */5 * * *",
    "0 0 29 2 *",
    "15,45 8-17 * * MON-FRI",
    "59 23 L * *",
    "0 12 15W JAN,JUN *",
    "30 6 1 * SUN#5",
    "* * * * * *",
    "*/7 13 */5 1-7 * 2",
    "59 59 23 31 12 *",
]


def wall(text: str) -> int:
    return (datetime.fromisoformat(text).replace(tzinfo=UTC) - EPOCH) // SECOND


def shown(second: int) -> str:
    return (EPOCH + second * SECOND).strftime("%Y-%m-%dT%H:%M:%S")


def days_of(expression: str, month: str) -> list[int]:
    """The days of a month at which a once-a-day expression matches, walked with `first_from`."""
    matcher, start = CronMatcher(parse(expression)), wall(f"{month}-01T00:00")
    length = calendar.monthrange(int(month[:4]), int(month[5:]))[1]
    days = [start + day * 86_400 for day in range(length)]
    return [index + 1 for index, day in enumerate(days) if matcher.first_from(day) < day + 86_400]


@pytest.mark.parametrize(
    ("fields", "month", "expected"),
    [
        ("* * *", "2027-02", list(range(1, 29))),
        ("31 * *", "2026-04", []),
        ("29 2 *", "2028-02", [29]),
        ("29 2 *", "2100-02", []),
        ("L * *", "2026-02", [28]),
        ("L * *", "2028-02", [29]),
        ("1,L * *", "2026-04", [1, 30]),
        ("2-31,L * *", "2026-04", list(range(2, 31))),
        ("LW * *", "2026-05", [29]),  # the 31st is a Sunday
        ("LW * *", "2026-10", [30]),  # the 31st is a Saturday
        ("LW * *", "2026-06", [30]),
        ("1,LW * *", "2026-05", [1, 29]),
        ("15W * *", "2026-08", [14]),  # the 15th is a Saturday
        ("15W * *", "2026-02", [16]),  # the 15th is a Sunday
        ("15W * *", "2026-06", [15]),
        ("1W * *", "2026-08", [3]),  # the 1st is a Saturday: not back into July
        ("1W * *", "2026-11", [2]),
        ("2W * *", "2026-05", [1]),  # the 2nd is a Saturday
        ("31W * *", "2026-05", [29]),  # the 31st is a Sunday: not on into June
        ("31W * *", "2026-06", []),
        ("28W * *", "2027-02", [26]),  # the 28th is a Sunday and the last
        ("* * MON#1", "2026-06", [1]),
        ("* * MON#5", "2026-06", [29]),
        ("* * TUE#5", "2026-04", []),
        ("* * FRIL", "2026-02", [27]),
        ("* * SUN#L", "2026-05", [31]),
        ("* * MON#1,FRIL,WED", "2026-02", [2, 4, 11, 18, 25, 27]),
        ("* * SAT-SUN", "2026-02", [1, 7, 8, 14, 15, 21, 22, 28]),
    ],
)
def test_these_days_match(fields: str, month: str, expected: list[int]) -> None:
    assert days_of(f"0 0 {fields}", month) == expected


@pytest.mark.parametrize(
    ("fields", "month", "expected"),
    [
        ("1 * MON", "2026-09", [1, 7, 14, 21, 28]),
        ("1 * MON#1", "2026-09", [1, 7]),
        ("L * FRI", "2026-09", [4, 11, 18, 25, 30]),
        ("15W * FRIL", "2026-08", [14, 28]),
        ("*/10 * MON", "2026-09", [1, 7, 11, 14, 21, 28]),
        ("29 2 1", "2027-02", [1, 8, 15, 22]),
        ("*/1 * MON", "2026-09", [7, 14, 21, 28]),
        ("? * MON", "2026-09", [7, 14, 21, 28]),
        ("13 * ?", "2026-09", [13]),
        ("13 * */1", "2026-09", [13]),
        ("13 * 0-6", "2026-09", list(range(1, 31))),
    ],
)
def test_two_restricted_day_fields_match_when_either_does(fields: str, month: str, expected: list[int]) -> None:
    assert days_of(f"0 0 {fields}", month) == expected


@pytest.mark.parametrize(
    ("expression", "asked", "first", "last"),
    [
        ("30 2 * * *", "2026-03-10T02:30", "2026-03-10T02:30:00", "2026-03-10T02:30:00"),
        ("30 2 * * *", "2026-03-10T02:30:01", "2026-03-11T02:30:00", "2026-03-10T02:30:00"),
        ("30 2 * * *", "2026-03-10T02:29:59", "2026-03-10T02:30:00", "2026-03-09T02:30:00"),
        ("*/15 8-9 * * *", "2026-03-10T08:46", "2026-03-10T09:00:00", "2026-03-10T08:45:00"),
        ("*/15 8-9 * * *", "2026-03-10T09:46", "2026-03-11T08:00:00", "2026-03-10T09:45:00"),
        ("20,40 5 6 * * *", "2026-03-10T06:05:21", "2026-03-10T06:05:40", "2026-03-10T06:05:20"),
        ("20,40 5 6 * * *", "2026-03-10T06:05:41", "2026-03-11T06:05:20", "2026-03-10T06:05:40"),
        ("0 0 1 1 *", "2026-01-01T00:00:01", "2027-01-01T00:00:00", "2026-01-01T00:00:00"),
        ("59 23 31 12 *", "2026-12-31T23:58:59", "2026-12-31T23:59:00", "2025-12-31T23:59:00"),
        ("0 0 29 2 *", "2097-01-01", "2104-02-29T00:00:00", "2096-02-29T00:00:00"),
        ("0 0 * 2 WED#5", "2072-03-01", "2096-02-29T00:00:00", "2068-02-29T00:00:00"),
        ("0 0 * 2 MON#5", "2080-01-01", "2112-02-29T00:00:00", "2072-02-29T00:00:00"),
    ],
)
def test_the_nearest_matches_on_both_sides(expression: str, asked: str, first: str, last: str) -> None:
    matcher = CronMatcher(parse(expression))

    assert shown(matcher.first_from(wall(asked))) == first
    assert shown(matcher.last_until(wall(asked))) == last


def test_no_wait_is_longer_than_forty_years() -> None:
    matcher = CronMatcher(parse("0 0 * 2 MON#5"))

    assert matcher.first_from(wall("2072-02-29T00:01")) - wall("2072-02-29") == (40 * 365 + 9) * 86_400


def test_a_search_beyond_the_table_finds_nothing() -> None:
    matcher = CronMatcher(parse("0 0 29 2 *"))

    assert matcher.first_from(wall("2200-06-01")) == AFTER_ALL
    assert matcher.last_until(wall("1969-06-01")) == BEFORE_ALL


WALLS = st.integers(wall("1973-01-01"), wall("2195-12-31"))


@given(st.sampled_from(EXPRESSIONS), WALLS)
def test_a_match_found_from_either_side_is_the_same(expression: str, asked: int) -> None:
    matcher = CronMatcher(parse(expression))

    found = matcher.first_from(asked)

    assert found >= asked
    assert matcher.first_from(found) == matcher.last_until(found) == found
    assert matcher.last_until(found - 1) < asked


@given(st.sampled_from(EXPRESSIONS), WALLS, st.integers(0, 40))
def test_counting_equals_walking(expression: str, low: int, steps: int) -> None:
    matcher = CronMatcher(parse(expression))
    high = low
    for _ in range(steps):
        high = min(matcher.first_from(high), wall("2200-01-01")) + 1

    assert matcher.count(low, high) == sum(1 for _ in walk(matcher, low, high))


def walk(matcher: CronMatcher, low: int, high: int) -> list[int]:
    found = []
    while (match := matcher.first_from(low)) < high:
        found.append(match)
        low = match + 1
    return found


@pytest.mark.parametrize(
    ("expression", "expected"),
    [("* * * * *", 84_006 * 1_440), ("*/2 0 0 29 2 *", 56 * 30), ("0 0 L * *", 2_760), ("0 0 * * MON", 12_001)],
)
def test_230_years_are_counted_at_once(expression: str, expected: int) -> None:
    assert CronMatcher(parse(expression)).count(wall("1970-01-01"), wall("2200-01-01")) == expected
