"""What a person reads when something is refused; codes and positions are tested beside each rule."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from domain.errors import (
    DomainError,
    IllegalTransitionError,
    InvalidPolicyError,
    InvalidScheduleError,
    InvalidTaskError,
    InvalidTimezoneError,
)
from domain.scheduling.cron.expression import parse
from domain.scheduling.execution import ExecutionState
from domain.scheduling.policy import ExecutionPolicy
from domain.scheduling.retry import Backoff, BackoffKind, RetryPolicy
from domain.scheduling.schedule import CronSchedule, IntervalSchedule, OneTimeSchedule
from tests.support.builders import a_definition, an_execution

SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)
JANUARY = datetime(2026, 1, 1, tzinfo=UTC)

FIVE_FIELDS = "minute hour day-of-month month day-of-week"
YEAR_FIELD = (
    "a cron expression has five fields, or six with seconds first; this has 7"
    " (there is no year field: use the start and end of the task)"
)
UNITS = "units w d h m s in that order, such as 5m or 1h30m, or ISO 8601, such as PT5M"
CALENDAR = "months and years differ in length: use a cron expression, such as 0 0 1 * *"
WALL_TIME = "write 2026-03-29T02:30, with Z or +02:00 if it is not wall time in the task's zone"
TEN_YEARS = "an interval lasts from one second to ten years"


def refusal(error: DomainError) -> tuple[str, str | None]:
    return error.detail, error.hint


@pytest.mark.parametrize(
    ("text", "detail", "hint"),
    [
        ("* * * *", "a cron expression has five fields, or six with seconds first; this has 4", FIVE_FIELDS),
        (
            "* * * * * * *",
            YEAR_FIELD,
            FIVE_FIELDS,
        ),
        ("0 0 * * ſun", "character U+017F is not ASCII", "use plain 0-9"),
        ("1_0 * * * *", "_ has no meaning in a cron expression", None),
        ("0 0 * *\n*", "U+000A has no meaning in a cron expression", None),
        ("0 0 * * *\x00", "U+0000 has no meaning in a cron expression", None),
        ("0," * 500 + "0 * * * *", "a cron expression has at most 1,000 characters", None),
        (" @reboot", "@reboot is not a time", "use a start-up hook of the application"),
        ("@every 5m", "@every is not a cron expression", "use an interval schedule, such as 5m"),
        (
            "@Fortnightly",
            "there is no such macro",
            "@hourly @daily @midnight @weekly @monthly @yearly @annually",
        ),
        (
            "0 0 31 2,4 *",
            "no such day ever comes in the given months, so this would never fire",
            "L is the last day of a month",
        ),
        ("100 * * * *", "numbers have one or two digits", "minute is 0-59"),
        ("61 * * * * *", "second 61 is out of range", "second is 0-59"),
        ("* 24 * * *", "hour 24 is out of range", "hour is 0-23"),
        ("0 0 0 * *", "day-of-month 0 is out of range", "day-of-month is 1-31"),
        ("0 0 * 13 *", "month 13 is out of range", "month is 1-12"),
        ("0 0 * * 8", "day-of-week 8 is out of range", "day-of-week is 0-7"),
        ("JAN * * * *", "'JAN' is no minute", "minute is 0-59"),
        ("0 0 * June *", "'June' is no month", "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC"),
        ("0 0 * * JAN", "'JAN' is no day-of-week", "SUN MON TUE WED THU FRI SAT"),
        ("0 0 * * 1st", "'1st' is no day-of-week", "day-of-week is 0-7"),
        ("5,,6 * * * *", "a minute value is missing", "minute is 0-59"),
        ("? * * * *", "'?' cannot stand in the minute field", "? stands alone, in the day fields only"),
        ("0 0 ?,1 * *", "'?' cannot stand in the day-of-month field", "? stands alone, in the day fields only"),
        ("L * * * *", "'L' cannot stand in the minute field", "minute is 0-59"),
        ("*5 * * * *", "'*5' cannot stand in the minute field", "minute is 0-59"),
        ("*/5/2 * * * *", "one step is enough", "*/5"),
        ("1-2-3 * * * *", "a range has two ends", "1-2"),
        ("*/ * * * *", "a step is missing after /", "*/5"),
        ("*/a * * * *", "the step 'a' is not a whole number", "*/5"),
        ("*/0 * * * *", "a step is at least 1", "*/5"),
        (
            "*/90 * * * *",
            "a step of 90 does not fit in the 60 values of the minute field",
            "use an interval schedule, such as 90m",
        ),
        ("0 0 * * 7/2", "7 with a step ends before it begins", "Sunday is 0 here"),
        ("0 22-6 * * *", "the range 22-6 runs backwards", "write 22-23,0-6"),
        ("0 0 * DEC-FEB *", "the range DEC-FEB runs backwards", "write DEC,JAN-FEB"),
        ("0 0 * * FRI-MON", "the range FRI-MON runs backwards", "write FRI-SAT,SUN-MON"),
        ("0 0 15W,20 * *", "15W stands alone in its field", "make it a task of its own"),
        ("0 0 * * L", "L alone names no weekday", "SATL is the last Saturday, 6 every Saturday"),
        ("0 0 * * MON#1#2", "one # is enough", "MON#1,MON#3 are the first and third Monday"),
        ("0 0 * * MON#", "a number is missing after #", "MON#1 to MON#5, or MON#L"),
        ("0 0 * * MON#6", "a month has no weekday number 6", "MON#1 to MON#5, or MON#L"),
        ("0 0 * * MON-FRI#1", "# and L go with a single weekday", "list them: MON#1,TUE#1"),
        ("0 0 * * 1/2L", "# and L go with a single weekday", "list them: MON#1,TUE#1"),
    ],
)
def test_a_cron_expression_is_refused_in_these_words(text: str, detail: str, hint: str | None) -> None:
    with pytest.raises(InvalidScheduleError) as caught:
        parse(text)

    assert refusal(caught.value) == (detail, hint)


@pytest.mark.parametrize(
    ("text", "detail", "hint"),
    [
        ("", "the interval is missing", UNITS),
        ("300", "an interval needs a unit", "300s is that many seconds, 300m that many minutes"),
        ("1mo", "no months or years", CALENDAR),
        ("P1M", "no months or years", CALENDAR),
        ("5M", "units are lower case", "5m"),
        ("1h1.5m", "'1h1.5m' is not an interval", UNITS),
        ("0s", TEN_YEARS, None),
        ("٣m", "character U+0663 is not ASCII", None),
        ("5m" * 100, "at most 64 characters", None),
    ],
)
def test_an_interval_is_refused_in_these_words(text: str, detail: str, hint: str | None) -> None:
    with pytest.raises(InvalidScheduleError) as caught:
        IntervalSchedule.parse(text)

    assert refusal(caught.value) == (detail, hint)


@pytest.mark.parametrize(
    ("text", "detail", "hint"),
    [
        ("tomorrow", "'tomorrow' is not a date and time", WALL_TIME),
        ("2026-W23-1", "week dates and day numbers are not read", WALL_TIME),
        ("2200-01-01", "year 2200 is out of range", "a year from 1970 to 2199"),
        ("2026-13-01", "month 13 is out of range", "01 to 12"),
        ("2026-06-01T24:00", "hour 24 is out of range", "midnight at the end of a day is 00:00 of the next"),
        ("2026-06-01T12:60", "minute 60 is out of range", "00 to 59"),
        ("2026-06-30T23:59:60Z", "second 60 is out of range", "leap seconds are not counted: 00 to 59"),
        ("2026-02-29", "the month has no such day", None),
        ("2026-06-01T12:00+24:00", "there is no offset +24:00", None),
        ("1970-01-01T00:00+01:00", "the instant lies outside the years 1970 to 2199 UTC", None),
    ],
)
def test_an_instant_is_refused_in_these_words(text: str, detail: str, hint: str | None) -> None:
    with pytest.raises(InvalidScheduleError) as caught:
        OneTimeSchedule.parse(text, "UTC")

    assert refusal(caught.value) == (detail, hint)


@pytest.mark.parametrize(
    ("key", "detail", "hint"),
    [
        ("Europe/berlin", "unknown time zone 'Europe/berlin'", "did you mean Europe/Berlin?"),
        (" europe/berlin ", "unknown time zone ' europe/berlin '", "did you mean Europe/Berlin?"),
        ("New York", "unknown time zone 'New York'", "did you mean America/New_York?"),
        ("Asia/Sydney", "unknown time zone 'Asia/Sydney'", "did you mean Australia/Sydney?"),
        ("Europe/Berln", "unknown time zone 'Europe/Berln'", "did you mean Europe/Berlin?"),
        ("Mars/Base", "unknown time zone 'Mars/Base'", "use an IANA key, such as Europe/Berlin"),
        ("x" * 64, f"unknown time zone '{'x' * 64}'", "use an IANA key, such as Europe/Berlin"),
        ("x" * 65, "this is no time zone key", "use an IANA key, such as Europe/Berlin"),
        ("Europe/Berlin\n", "this is no time zone key", "use an IANA key, such as Europe/Berlin"),
    ],
)
def test_a_time_zone_is_refused_in_these_words(key: str, detail: str, hint: str) -> None:
    with pytest.raises(InvalidTimezoneError) as caught:
        CronSchedule("* * * * *", key)

    assert refusal(caught.value) == (detail, hint)


@pytest.mark.parametrize(
    ("schedule", "arguments", "code", "detail", "hint"),
    [
        (IntervalSchedule, (timedelta(0),), "out_of_range", TEN_YEARS, None),
        (IntervalSchedule, (1.5 * SECOND,), "bad_interval", "an interval is a whole number of seconds", None),
        (
            OneTimeSchedule,
            (JANUARY.replace(tzinfo=None),),
            "naive",
            "the instant has no time zone",
            "give an aware datetime",
        ),
        (
            OneTimeSchedule,
            (datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=1))),),
            "out_of_range",
            "the instant lies outside the years 1 to 9999",
            None,
        ),
    ],
)
def test_a_schedule_made_by_a_program_is_refused_in_these_words(
    schedule: Any, arguments: tuple[Any, ...], code: str, detail: str, hint: str | None
) -> None:
    with pytest.raises(InvalidScheduleError) as caught:
        schedule(*arguments)

    assert caught.value.reason == code
    assert refusal(caught.value) == (detail, hint)


@pytest.mark.parametrize(
    ("policy", "fields", "code", "detail"),
    [
        (ExecutionPolicy, {"catch_up_max": 101}, "out_of_range", "catch_up_max must lie between 1 and 100"),
        (ExecutionPolicy, {"timeout": 8 * DAY}, "out_of_range", "timeout must lie between 1s and 7d"),
        (ExecutionPolicy, {"jitter": -SECOND}, "out_of_range", "jitter must lie between 0s and 1d"),
        (ExecutionPolicy, {"start_at": JANUARY.replace(tzinfo=None)}, "naive", "start_at has no time zone"),
        (
            ExecutionPolicy,
            {"start_at": JANUARY, "end_at": JANUARY - SECOND},
            "end_before_start",
            "end_at lies before start_at",
        ),
        (RetryPolicy, {"max_retries": 101}, "out_of_range", "max_retries must lie between 0 and 100"),
        (Backoff, {"initial": -SECOND}, "out_of_range", "initial must lie between 0 seconds and 7 days"),
        (Backoff, {"cap": 8 * DAY}, "out_of_range", "cap must lie between 0 seconds and 7 days"),
        (
            Backoff,
            {"kind": BackoffKind.LIST},
            "out_of_range",
            "delays go with the kind 'list', which needs at least one",
        ),
        (
            Backoff,
            {"kind": BackoffKind.LIST, "delays": (8 * DAY,)},
            "out_of_range",
            "at most 100 delays between 0 seconds and 7 days",
        ),
    ],
)
def test_a_policy_is_refused_in_these_words(policy: Any, fields: dict[str, Any], code: str, detail: str) -> None:
    with pytest.raises(InvalidPolicyError) as caught:
        policy(**fields)

    assert (caught.value.reason, caught.value.detail) == (code, detail)


@pytest.mark.parametrize(
    ("fields", "detail"),
    [
        ({"name": ""}, "a name has 1 to 200 characters and no blanks at its ends"),
        ({"name": "na\nme"}, "a name has printable characters only"),
        ({"task_type": "mail:1"}, "1 to 64 letters, digits, dots, underscores or hyphens"),
        ({"tags": ("a b",)}, "1 to 64 letters, digits, dots, underscores or hyphens"),
        ({"tags": ("a", "a")}, "at most 20 different tags"),
        ({"handler": ""}, "a handler's name has 1 to 200 printable characters"),
        ({"description": "d" * 2_001}, "at most 2000 characters"),
        ({"description": "\x00"}, "not a character of any text"),
        ({"payload_json": "x" * 65_537}, "a payload has at most 65,536 bytes of JSON"),
    ],
)
def test_a_definition_is_refused_in_these_words(fields: dict[str, Any], detail: str) -> None:
    with pytest.raises(InvalidTaskError) as caught:
        replace(a_definition(), **fields).check()

    assert caught.value.detail == detail


def test_a_step_that_no_execution_takes_is_refused_in_these_words() -> None:
    with pytest.raises(IllegalTransitionError) as caught:
        an_execution(state=ExecutionState.DEAD).to(ExecutionState.PENDING, JANUARY)

    assert caught.value.detail == "an execution cannot go from dead to pending"
