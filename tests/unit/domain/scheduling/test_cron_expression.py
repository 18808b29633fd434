import pytest

from domain.errors import InvalidScheduleError
from domain.scheduling.cron.expression import LAST_IN_MONTH, LENGTH_MAX, parse

VALUES = [
    ("minute", "*", range(60)),
    ("minute", "7", [7]),
    ("minute", "07", [7]),
    ("minute", "*/15", [0, 15, 30, 45]),
    ("minute", "*/60", [0]),
    ("minute", "*/7", [0, 7, 14, 21, 28, 35, 42, 49, 56]),
    ("minute", "50/4", [50, 54, 58]),
    ("minute", "5-5", [5]),
    ("minute", "5-20/5", [5, 10, 15, 20]),
    ("minute", "5-6/30", [5]),
    ("minute", "59/2", [59]),
    ("minute", "5-05", [5]),
    ("minute", "30,10,10,0-2", [0, 1, 2, 10, 30]),
    ("hour", "*", range(24)),
    ("hour", "22/1", [22, 23]),
    ("hour", "*/24", [0]),
    ("month", "JAN-MAR", [1, 2, 3]),
    ("month", "jan,Dec", [1, 12]),
    ("month", "10/1", [10, 11, 12]),
    ("month", "*/5", [1, 6, 11]),
    ("day_of_month", "*", range(1, 32)),
    ("day_of_month", "*/10", [1, 11, 21, 31]),
    ("day_of_month", "29/2", [29, 31]),
    ("day_of_week", "*", range(7)),
    ("day_of_week", "0", [0]),
    ("day_of_week", "7", [0]),
    ("day_of_week", "MON-FRI", [1, 2, 3, 4, 5]),
    ("day_of_week", "SAT-SUN", [0, 6]),
    ("day_of_week", "MON-SUN", range(7)),
    ("day_of_week", "MON-MON", [1]),
    ("day_of_week", "1-MON", [1]),
    ("day_of_week", "SUN-SUN", [0]),
    ("day_of_week", "SUN-TUE", [0, 1, 2]),
    ("day_of_week", "5-7", [0, 5, 6]),
    ("day_of_week", "5-7/2", [0, 5]),
    ("day_of_week", "0-7", range(7)),
    ("day_of_week", "5/2", [5]),
    ("day_of_week", "SUN/2", [0, 2, 4, 6]),
    ("day_of_week", "*/2", [0, 2, 4, 6]),
    ("day_of_week", "*/7", [0]),
]
FIELDS = ("minute", "hour", "day_of_month", "month", "day_of_week")


@pytest.mark.parametrize(("field", "text", "expected"), VALUES)
def test_an_item_names_these_values(field: str, text: str, expected: list[int]) -> None:
    expression = parse(" ".join(text if name == field else "*" for name in FIELDS))

    assert getattr(expression, field).values == tuple(expected)


@pytest.mark.parametrize(
    ("macro", "fields"),
    [
        ("@hourly", "0 * * * *"),
        ("@daily", "0 0 * * *"),
        ("@midnight", "0 0 * * *"),
        ("@weekly", "0 0 * * 0"),
        ("@monthly", "0 0 1 * *"),
        ("@yearly", "0 0 1 1 *"),
        (" @Annually ", "0 0 1 1 *"),
    ],
)
def test_a_macro_means_its_five_fields_and_keeps_its_name(macro: str, fields: str) -> None:
    spelled, named = parse(fields), parse(macro)

    assert named.text == macro.strip()
    for field in FIELDS:
        assert getattr(named, field) == getattr(spelled, field)


def test_six_fields_begin_with_seconds_and_five_have_none() -> None:
    six = parse("*/20 1 2 3 4 5")

    assert six.second is not None
    assert six.second.values == (0, 20, 40)
    assert (six.minute.values, six.hour.values) == ((1,), (2,))
    assert parse("1 2 3 4 5").second is None


def test_blanks_and_tabs_separate_and_white_space_around_is_dropped() -> None:
    expression = parse(" \t 0\t 2  * * *\r\n")

    assert expression.text == "0\t 2  * * *"
    assert expression.hour.values == (2,)


@pytest.mark.parametrize(
    ("text", "last", "last_workday", "nearest", "values"),
    [
        ("L", True, False, None, ()),
        ("lw", False, True, None, ()),
        ("1,15,L", True, False, None, (1, 15)),
        ("L,LW", True, True, None, ()),
        ("15W", False, False, 15, ()),
        ("31w", False, False, 31, ()),
    ],
)
def test_days_of_the_month_may_be_counted_from_its_end_or_to_a_workday(
    text: str, last: bool, last_workday: bool, nearest: int | None, values: tuple[int, ...]
) -> None:
    days = parse(f"0 0 {text} * *").day_of_month

    assert (days.last, days.last_workday, days.nearest_workday, days.values) == (last, last_workday, nearest, values)


@pytest.mark.parametrize(
    ("text", "nth"),
    [
        ("MON#1", [(1, 1)]),
        ("1#2,fri#5", [(1, 2), (5, 5)]),
        ("TUE#3,WED#4", [(2, 3), (3, 4)]),
        ("7#5", [(0, 5)]),
        ("5L", [(5, LAST_IN_MONTH)]),
        ("FRIL", [(5, LAST_IN_MONTH)]),
        ("L7", [(0, LAST_IN_MONTH)]),
        ("LSAT", [(6, LAST_IN_MONTH)]),
        ("5#L", [(5, LAST_IN_MONTH)]),
        ("MON#L", [(1, LAST_IN_MONTH)]),
    ],
)
def test_weekdays_may_be_counted_within_the_month(text: str, nth: list[tuple[int, int]]) -> None:
    days = parse(f"0 0 * * {text}").day_of_week

    assert days.nth == tuple(nth)
    assert days.values == ()


@pytest.mark.parametrize("text", ["*", "?", "*/1"])
def test_a_day_field_is_unrestricted_only_when_it_says_so(text: str) -> None:
    expression = parse(f"0 0 {text} * {text}")

    assert not expression.day_of_month.restricted
    assert not expression.day_of_week.restricted


@pytest.mark.parametrize("text", ["*/2", "1-31", "1-30", "*,1"])
def test_any_other_day_field_is_restricted_even_if_it_names_every_day(text: str) -> None:
    assert parse(f"0 0 {text} * *").day_of_month.restricted


@pytest.mark.parametrize("text", ["0-7", "0-6", "MON-SUN", "*/7"])
def test_any_other_weekday_field_is_restricted_too(text: str) -> None:
    assert parse(f"0 0 * * {text}").day_of_week.restricted


@pytest.mark.parametrize(
    "text",
    [
        "*/15 * * * *",
        "0 * * * *",
        "*/5 1 * * *",
        "* 1-6 * * *",
        "0 */2 * * *",
        "30 0-23 * * *",
        "30 0/1 * * *",
        "*/10 30 2 * * *",
        "@hourly",
    ],
)
def test_an_expression_repeats_if_a_time_field_begins_with_a_star_or_all_hours_are_named(text: str) -> None:
    assert parse(text).repeats


@pytest.mark.parametrize("text", ["30 2 * * *", "0 30 2 * * *", "0-59/5 2 * * *", "0 0-22 * * *", "0,* 2 * * *"])
def test_other_expressions_mean_their_times_once(text: str) -> None:
    assert not parse(text).repeats


ERRORS = [
    ("", "field_count", 0),
    ("   ", "field_count", 0),
    ("* * * *", "field_count", 0),
    ("0 0 * * * * *", "field_count", 0),
    ("0 0 * * * * * 2030", "field_count", 0),
    ("*/0 * * * *", "out_of_range", 2),
    ("5-1 * * * *", "reversed_range", 0),
    ("0 22-6 * * *", "reversed_range", 2),
    ("0 0 * NOV-FEB *", "reversed_range", 6),
    ("0 0 * * FRI-MON", "reversed_range", 8),
    ("0 0 * * 7-1", "reversed_range", 8),
    ("0 0 * * 7/2", "reversed_range", 8),
    ("60 * * * *", "out_of_range", 0),
    ("0 24 * * *", "out_of_range", 2),
    ("0 0 0 * *", "out_of_range", 4),
    ("0 0 32 * *", "out_of_range", 4),
    ("0 0 * 0 *", "out_of_range", 6),
    ("0 0 * 13 *", "out_of_range", 6),
    ("0 0 * * 8", "out_of_range", 8),
    ("60 0 0 * * *", "out_of_range", 0),
    ("  0,5,61 * * * *", "out_of_range", 6),
    ("-1 * * * *", "missing_value", 0),
    ("1- * * * *", "missing_value", 2),
    (", * * * *", "missing_value", 0),
    ("1,,2 * * * *", "missing_value", 2),
    ("1, * * * *", "missing_value", 2),
    ("*/ * * * *", "missing_value", 2),
    ("/5 * * * *", "missing_value", 0),
    ("5/5/5 * * * *", "unsupported", 4),
    ("1-2-3 * * * *", "unsupported", 4),
    ("*-5 * * * *", "unsupported", 0),
    ("** * * * *", "unsupported", 0),
    ("*/90 * * * *", "step_too_big", 2),
    ("*/61 * * * *", "step_too_big", 2),
    ("0 */25 * * *", "step_too_big", 4),
    ("0 0 * * */8", "step_too_big", 10),
    ("*/1x * * * *", "bad_number", 2),
    ("99999999999 * * * *", "bad_number", 0),
    ("0-4294967295 * * * *", "bad_number", 2),
    ("007 * * * *", "bad_number", 0),
    ("1e1 * * * *", "bad_number", 0),
    ("MON * * * *", "unknown_name", 0),
    ("0 0 * FOO *", "unknown_name", 6),
    ("0 0 * * MONDAY", "unknown_name", 8),
    ("0 0 * MON *", "unknown_name", 6),
    ("0 0 * * MO-FR", "unknown_name", 8),
    ("? * * * *", "unsupported", 0),
    ("0 0 ?,1 * *", "unsupported", 4),
    ("0 0 ?/2 * *", "unsupported", 4),
    ("H H * * *", "unsupported", 0),
    ("0 R * * *", "unsupported", 2),
    ("L * * * *", "unsupported", 0),
    ("0 0 L-3 * *", "unsupported", 4),
    ("0 0 W * *", "unsupported", 4),
    ("0 0 WL * *", "unsupported", 4),
    ("0 0 15W,20 * *", "unsupported", 4),
    ("0 0 1,15W * *", "unsupported", 6),
    ("0 0 32W * *", "out_of_range", 4),
    ("0 0 * * L", "unsupported", 8),
    ("0 0 * * MON-FRI#1", "unsupported", 8),
    ("0 0 * * MON#1#2", "unsupported", 14),
    ("0 0 * * MON#", "missing_value", 12),
    ("0 0 * * MON#0", "out_of_range", 12),
    ("0 0 * * MON#6", "out_of_range", 12),
    ("0 0 * * #1", "missing_value", 8),
    ("0 0 * * 8L", "out_of_range", 8),
    ("0 0 * * L8", "out_of_range", 9),
    ("0 0 15#1 * *", "unsupported", 4),
    ("@reboot", "unsupported", 0),
    ("@every 1s", "unsupported", 0),
    (" @foo", "unsupported", 1),
    ("@daily 5", "unsupported", 0),
    ("0 0 * * * @daily", "unsupported", 0),
    ("٣ * * * *", "not_ascii", 0),
    ("² * * * *", "not_ascii", 0),
    ("0 0 * * ſun", "not_ascii", 8),
    ("0\u00a00 * * *", "not_ascii", 1),
    ("\u00a00 0 * * *", "not_ascii", 0),
    ("0 0 * * *\x00", "bad_character", 9),
    ("0 0 * *\n*", "bad_character", 7),
    ("1_0 * * * *", "bad_character", 1),
    ("+1 * * * *", "bad_character", 0),
    ("1.5 * * * *", "bad_character", 1),
    ("H(0-5) * * * *", "bad_character", 1),
    ("0~30 * * * *", "bad_character", 1),
    ("0 0 30 2 *", "never_fires", 4),
    ("0 0 31 4,6,9,11 *", "never_fires", 4),
    ("0 0 31 2-2 ?", "never_fires", 4),
    ("0 0 30W 2 *", "never_fires", 4),
    ("0 0 31W APR,JUN */1", "never_fires", 4),
    ("0 0 0 30 FEB *", "never_fires", 6),
    ("0-59," * 200 + "0 * * * *", "too_long", 1_000),
    (" " * 10_000, "too_long", 1_000),
]


@pytest.mark.parametrize(("text", "code", "position"), ERRORS)
def test_what_cannot_be_meant_is_refused_with_its_position(text: str, code: str, position: int) -> None:
    with pytest.raises(InvalidScheduleError) as caught:
        parse(text)

    assert (caught.value.reason, caught.value.position) == (code, position)
    assert caught.value.pointer == "/schedule"


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("0 22-6 * * *", "write 22-23,0-6"),
        ("*/90 * * * *", "use an interval schedule, such as 90m"),
        ("@every 5m", "use an interval schedule, such as 5m"),
        ("@reboot", "use a start-up hook of the application"),
        ("* * * *", "minute hour day-of-month month day-of-week"),
    ],
)
def test_an_error_says_what_to_write_instead(text: str, hint: str) -> None:
    with pytest.raises(InvalidScheduleError) as caught:
        parse(text)

    assert caught.value.hint == hint


@pytest.mark.parametrize("text", ["0 0 29 2 *", "0 0 29W 2 *", "0 0 31 2 MON", "0 0 L 2 *", "0 0 * 2 MON#5"])
def test_rare_is_not_never(text: str) -> None:
    assert parse(text).text == text


def test_an_expression_of_a_thousand_characters_is_read() -> None:
    text = ",".join(["0-59"] * 198) + " * * * *"
    text = text.replace(" ", " " * (LENGTH_MAX - len(text) + 1), 1)

    assert len(text) == LENGTH_MAX
    assert parse(text).minute.values == tuple(range(60))
