from datetime import timedelta

import pytest

from domain.errors import InvalidScheduleError, InvalidTimezoneError
from domain.scheduling.cron.zone import EPOCH
from domain.scheduling.schedule import IntervalSchedule, OneTimeSchedule
from tests.support.cron_oracle import in_utc


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
        ("0" * 62 + "7s", 7, "7s"),
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
    ("text", "key", "expected"),
    [
        ("2026-06-01T12:00Z", "Europe/Berlin", "2026-06-01T12:00"),
        ("2026-06-01T12:00:30z", "Europe/Berlin", "2026-06-01T12:00:30"),
        ("2026-06-01T12:00:00+02:00", "UTC", "2026-06-01T10:00"),
        ("2026-06-01 12:00-0330", "UTC", "2026-06-01T15:30"),
        ("2026-06-01t12:00+02", "UTC", "2026-06-01T10:00"),
        ("2026-06-01T12:00+23:59", "UTC", "2026-05-31T12:01"),
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
