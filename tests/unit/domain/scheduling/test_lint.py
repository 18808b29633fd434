"""Findings: which schedules have them, where they point, and that ordinary schedules have none."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings

from domain.errors import InvalidScheduleError, InvalidTimezoneError
from domain.scheduling.cron.expression import parse
from domain.scheduling.cron.lint import Finding, Severity
from domain.scheduling.lint import lint, lint_wall_time
from domain.scheduling.schedule import CronSchedule, IntervalSchedule, OneTimeSchedule, Schedule
from tests.support.cron_oracle import in_utc
from tests.support.cron_texts import cron_texts

NOW = in_utc("2026-01-15T12:00")
BERLIN = "Europe/Berlin"


def findings(expression: str, timezone: str = "UTC") -> list[Finding]:
    return lint(CronSchedule(expression, timezone), timezone, NOW)


def codes(schedule: Schedule, timezone: str = "UTC") -> list[str]:
    return [finding.code for finding in lint(schedule, timezone, NOW)]


@pytest.mark.parametrize(
    "expression",
    [
        "30 2 * * *", "*/15 * * * *", "0 */6 * * *", "5/15 * * * *", "30/20 * * * *", "0 9-17 * * MON-FRI", "@daily",
        "0 0 1 * *", "0 0 L * *", "0 0 28 * *", "0 0 30,L * *", "0 0 31 1,3,5 *", "0 9 * * MON#4", "0 9 * * FRIL",
        "*/7 9 * * *", "1-59/7 * * * *", "*/20 */5 * * * *", "*/7 5 9 * * *", "0 0 */1 * */1", "0 0 1 */3 *",
        "0 0 * * */7", "*/7 9,14 * * *", "0 */5 * * MON", "0 */5 1,15 * *", "0 0 */2 1,7 *", "*/7 0,30 9 * * *",
        "0 0 * * MON#5,MON#1", "0 0 * * MON,TUE#5", "0 0 1 1 *", "0 9 * 1 FRI#1",
    ],
)  # fmt: skip
def test_an_ordinary_expression_has_no_finding(expression: str) -> None:
    assert findings(expression) == []


@pytest.mark.parametrize(
    ("expression", "code", "position", "detail"),
    [
        ("0 0 13 * FRI", "day_fields_or", 4, "fires on a day that matches either of them"),
        ("0 0 L * MON#1", "day_fields_or", 4, "either"),
        ("0 0 1-31 * MON", "day_fields_or", 4, "either"),
        ("5 0 0 13 * FRI", "day_fields_or", 6, "either"),
        ("*/7 * * * *", "uneven_step", 0, "/7 begins again every hour: from its last minute to the next it is 4 min"),
        ("*/40 * * * *", "uneven_step", 0, "20 minutes"),
        ("20/25 * * * *", "uneven_step", 0, "35 minutes"),
        ("*/59 * * * *", "uneven_step", 0, "1 minute"),
        ("*/7 0-9 9 * * *", "uneven_step", 0, "/7 begins again every minute: from its last second to the next it is 4"),
        ("0  */5 * * *", "uneven_step", 3, "/5 begins again every day: from its last hour to the next it is 4 hours"),
        ("0 */5 * * MON-FRI", "uneven_step", 2, "/5 begins again every day"),
        ("0 */5 1-7 * *", "uneven_step", 2, "/5 begins again every day"),
        ("0 0 */2 * *", "uneven_step", 4, "to the next it is 1 day after a month of 31 days"),
        ("0 0 1 */5 *", "uneven_step", 6, "/5 begins again every year: from its last month to the next it is 2 months"),
        ("0 0 * * */2", "uneven_step", 8, "/2 begins again every week: from its last day to the next it is 1 day"),
        ("0 0 31 * *", "not_every_month", 4, "day 31 does not come in each of its months"),
        ("0 0 30,31 * *", "not_every_month", 4, "day 30"),
        ("0 0 29 2,3 *", "not_every_month", 4, "day 29"),
        ("0 0 31W * *", "not_every_month", 4, "day 31"),
        ("0 0 * * MON#5", "not_every_month", 8, "not every month has a fifth"),
        ("0 0 29 2 *", "leap_day_only", 4, "it runs in leap years only"),
        ("0 0 29-31 FEB *", "leap_day_only", 4, "leap years"),
        ("0 0 29W 2 *", "leap_day_only", 4, "leap years"),
        ("* * * * *", "runs_often", None, "it runs 1,440 times a day"),
        ("*/30 * * * * *", "runs_often", None, "it runs 2,880 times a day"),
        ("* * * * * *", "runs_often", None, "it runs 86,400 times a day"),
    ],
)  # fmt: skip
def test_a_finding_says_what_and_where(expression: str, code: str, position: int | None, detail: str) -> None:
    [finding] = findings(expression)

    assert (finding.code, finding.position, finding.pointer) == (code, position, "/schedule")
    assert detail in finding.detail


def test_the_load_of_every_minute_is_told_and_more_is_a_warning() -> None:
    assert [each.severity for each in findings("* * * * *")] == [Severity.INFO]
    assert [each.severity for each in findings("*/30 * * * * *")] == [Severity.WARNING]
    assert codes(IntervalSchedule(timedelta(minutes=1))) == ["runs_often"]
    assert codes(IntervalSchedule(timedelta(seconds=61))) == ["interval_uneven"]


def test_what_runs_less_than_once_a_year_is_told_with_its_next_two_days() -> None:
    [fifth, rare] = findings("0 0 * 2 SUN#5")

    assert (fifth.code, rare.code) == ("not_every_month", "rare")
    assert rare.detail == "it runs less than once a year: on 2032-02-29 and then on 2060-02-29"
    assert rare.at == in_utc("2032-02-29")
    assert "on 2032-02-29 and then" in findings("0 0 * 2 SUN#5", "Pacific/Auckland")[-1].detail


def test_what_can_never_fire_is_no_finding_but_an_error() -> None:
    with pytest.raises(InvalidScheduleError) as caught:
        findings("0 0 31 2 *")

    assert caught.value.reason == "never_fires"


def test_the_next_gap_and_the_next_fold_are_told_with_their_instants() -> None:
    gap, fold = findings("30 2 * * *", BERLIN)

    assert (gap.code, gap.severity, gap.position, gap.at) == (
        "dst_gap", Severity.WARNING, 3, in_utc("2026-03-29T01:00"),
    )  # fmt: skip
    assert gap.detail == ("in Europe/Berlin on 2026-03-29, the clocks skip 02:30: what is due then runs once, at 03:00")
    assert (fold.code, fold.severity, fold.position, fold.at) == (
        "dst_fold", Severity.INFO, 3, in_utc("2026-10-25T00:30"),
    )  # fmt: skip
    assert fold.detail == ("in Europe/Berlin on 2026-10-25, the clocks show 02:30 twice: it runs the first time only")


def test_of_two_springs_ahead_the_first_is_told() -> None:
    spring = in_utc("2026-03-01")

    assert [each.at for each in lint(CronSchedule("30 2 * * *", BERLIN), BERLIN, spring)] == [
        in_utc("2026-03-29T01:00"),
        in_utc("2026-10-25T00:30"),
    ]


@pytest.mark.parametrize("expression", ["*/15 * * * *", "0 * * * *", "30 4 * * *", "30 2 * 6 *"])
def test_clock_changes_that_matter_to_nobody_are_no_finding(expression: str) -> None:
    assert findings(expression, BERLIN) == []


def test_positions_of_a_macro_are_its_beginning() -> None:
    # Beirut turns its clocks at midnight, forward to 01:00 and back to 23:00: the latter repeats no midnight.
    [gap] = findings("@daily", "Asia/Beirut")

    assert (gap.code, gap.position) == ("dst_gap", 0)


@pytest.mark.parametrize(
    ("interval", "timezone", "expected"),
    [
        ("15m", BERLIN, []),
        ("1h", BERLIN, []),
        ("1d", "UTC", []),
        ("1h", "Australia/Lord_Howe", ["interval_shifts"]),
        ("2h", BERLIN, ["interval_shifts"]),
        ("1d", BERLIN, ["interval_shifts"]),
        ("1w", BERLIN, ["interval_shifts"]),
        ("7m", BERLIN, ["interval_uneven"]),
        ("36h", "UTC", ["interval_uneven"]),
        ("30s", "UTC", ["runs_often"]),
    ],
)
def test_an_interval_is_held_against_the_clock_on_the_wall(interval: str, timezone: str, expected: list[str]) -> None:
    assert codes(IntervalSchedule.parse(interval, anchor=NOW), timezone) == expected


def test_a_day_of_elapsed_time_is_told_by_how_much_it_shifts_and_when() -> None:
    [spring] = lint(IntervalSchedule.parse("1d"), BERLIN, NOW)
    [autumn] = lint(IntervalSchedule.parse("1d"), "Australia/Lord_Howe", NOW)

    assert spring.at == in_utc("2026-03-29T01:00")
    assert "from 2026-03-29 on it runs 60 minutes later by the clocks of Europe/Berlin" in spring.detail
    # 2026-04-05 in Lord Howe is still the 4th in UTC.
    assert "from 2026-04-05 on it runs 30 minutes earlier" in autumn.detail


@pytest.mark.parametrize(
    ("at", "timezone", "expected"),
    [
        ("2026-01-15T12:00:01", BERLIN, []),
        ("2026-01-15T12:00:00", BERLIN, ["one_time_past"]),
        ("2026-10-25T00:30", BERLIN, ["one_time_twice"]),
        ("2026-10-25T01:30", BERLIN, ["one_time_twice"]),
        ("2026-10-24T23:59:59", BERLIN, []),
        ("2026-10-25T02:00", BERLIN, []),
        ("2026-10-25T00:30", "UTC", []),
        ("2026-03-29T01:00", BERLIN, []),
    ],
)
def test_a_single_instant_may_be_past_or_ambiguous(at: str, timezone: str, expected: list[str]) -> None:
    assert codes(OneTimeSchedule(in_utc(at)), timezone) == expected


def test_an_ambiguous_instant_is_told_as_the_first_or_the_second() -> None:
    told = [lint(OneTimeSchedule(in_utc(f"2026-10-25T0{hour}:30")), BERLIN, NOW)[0].detail for hour in (0, 1)]

    assert told == [
        f"the clocks of Europe/Berlin show 02:30 twice that day: it runs the {which} time"
        for which in ("first", "second")
    ]


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("2026-03-29T02:30", "the clocks of Europe/Berlin skip 02:30 that day: it runs when they go on, at 03:00 CEST"),
        ("2026-03-29T03:00", None),
        ("2026-03-29T02:30+01:00", None),
        ("2026-10-25T02:30", None),
    ],
)
def test_a_wall_time_that_the_clocks_skip_is_told_of_its_text(text: str, detail: str | None) -> None:
    way_out = "another time, if that is too late"

    found = list(lint_wall_time(text, BERLIN))

    moved = None if detail is None else Finding("one_time_moved", Severity.WARNING, detail, way_out, at=SPRING)
    assert found == ([] if moved is None else [moved])


UNEVEN = "7m does not divide the day: its times differ from one day to the next"
SHIFTS = "1d is elapsed time: from 2026-03-29 on it runs 60 minutes later by the clocks of Europe/Berlin"
TWICE = "the clocks of Europe/Berlin show 02:30 twice that day: it runs the first time"
CLOCK = "a cron expression keeps to the clock, such as 0 9 * * *"
OFFSET = "with an offset, such as +02:00, the instant says which"
PASSED = "the instant has passed: a task for it is refused"
RUN_NOW = 'with "if_past": "run_now" it is created and runs at once'
OLD = "US/Eastern is an old name that is kept for old data"
SPRING, AUTUMN = in_utc("2026-03-29T01:00"), in_utc("2026-10-25T00:30")


@pytest.mark.parametrize(
    ("schedule", "timezone", "finding"),
    [
        (IntervalSchedule.parse("7m"), BERLIN, Finding("interval_uneven", Severity.INFO, UNEVEN, CLOCK)),
        (IntervalSchedule.parse("1d"), BERLIN, Finding("interval_shifts", Severity.INFO, SHIFTS, CLOCK, at=SPRING)),
        (OneTimeSchedule(NOW), "UTC", Finding("one_time_past", Severity.WARNING, PASSED, RUN_NOW, at=NOW)),
        (OneTimeSchedule(AUTUMN), BERLIN, Finding("one_time_twice", Severity.INFO, TWICE, OFFSET, at=AUTUMN)),
        (
            CronSchedule("0 12 * * *", "US/Eastern"),
            "US/Eastern",
            Finding(
                "deprecated_timezone", Severity.INFO, OLD, "America/New_York has the same rules", pointer="/timezone"
            ),
        ),
    ],
)
def test_a_finding_says_what_is_wrong_how_badly_when_and_what_would_be_right(
    schedule: Schedule, timezone: str, finding: Finding
) -> None:
    assert lint(schedule, timezone, NOW) == [finding]


def test_an_unknown_zone_is_an_error_for_every_kind() -> None:
    with pytest.raises(InvalidTimezoneError):
        lint(OneTimeSchedule(NOW), "Europe/Pariss", NOW)


@pytest.mark.parametrize("now", [in_utc("1970-01-01"), in_utc("2199-12-31T23:59:59")])
def test_the_ends_of_time_are_no_obstacle(now: datetime) -> None:
    assert [each.code for each in lint(CronSchedule("* * * * *", BERLIN), BERLIN, now)] == ["runs_often"]
    assert lint(IntervalSchedule.parse("15m"), BERLIN, now) == []


@settings(max_examples=30)
@given(cron_texts)
def test_every_position_is_the_beginning_of_a_field(text: str) -> None:
    expression = parse(text).text
    begins = [index for index in range(len(expression)) if index == 0 or expression[index - 1] == " "]

    for finding in lint(CronSchedule(text, "America/New_York"), "America/New_York", NOW):
        assert finding.position is None or finding.position in begins
        assert len(finding.detail) <= 200
