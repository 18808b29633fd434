from datetime import timedelta

import pytest

from domain.errors import InvalidTimezoneError
from domain.scheduling.description import described
from domain.scheduling.schedule import CronSchedule, IntervalSchedule, OneTimeSchedule
from tests.support.cron_oracle import in_utc


@pytest.mark.parametrize(
    ("interval", "length"),
    [
        ("1s", "second"),
        ("90s", "minute and 30 seconds"),
        ("1m", "minute"),
        ("15m", "15 minutes"),
        ("1h", "hour"),
        ("1h30m", "hour and 30 minutes"),
        ("1d", "24 hours"),
        ("1d12h", "36 hours"),
        ("2d", "2 days of 24 hours"),
        ("1w", "7 days of 24 hours"),
        ("1w1h", "7 days of 24 hours and 1 hour"),
        ("521w5d23h59m59s", "3,652 days of 24 hours, 23 hours, 59 minutes and 59 seconds"),
    ],
)
def test_an_interval_is_told_as_elapsed_time(interval: str, length: str) -> None:
    schedule = IntervalSchedule.parse(interval, anchor=in_utc("2026-01-15T12:00"))

    assert described(schedule, "UTC") == f"Every {length}, counted from 2026-01-15 at 12:00 UTC"


def test_instants_are_told_in_the_zone_of_the_task() -> None:
    summer = in_utc("2026-07-01T10:00")
    anchored = IntervalSchedule(timedelta(hours=6), anchor=summer)

    assert described(anchored, "Europe/Berlin") == "Every 6 hours, counted from 2026-07-01 at 12:00 CEST"
    assert described(OneTimeSchedule(summer), "Asia/Kathmandu") == "Once, on 2026-07-01 at 15:45 +0545"


def test_instants_are_told_as_exactly_as_they_are() -> None:
    second = in_utc("2026-07-01T10:00:07")

    assert described(OneTimeSchedule(second), "UTC") == "Once, on 2026-07-01 at 10:00:07 UTC"
    assert described(OneTimeSchedule(second + timedelta(milliseconds=250)), "UTC").endswith("at 10:00:07.25 UTC")


def test_a_cron_expression_is_told_without_its_zone() -> None:
    schedule = CronSchedule("30 2 * * 1-5", "Europe/Berlin")

    assert described(schedule, "Europe/Berlin") == "At 02:30, Monday to Friday"


def test_an_unknown_zone_is_refused() -> None:
    with pytest.raises(InvalidTimezoneError):
        described(OneTimeSchedule(in_utc("2026-07-01")), "Europe/Pariss")
