"""Where instants lie in the weeks of different zones."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.errors import InvalidTimezoneError
from domain.scheduling.week import hour_of_week, last_hours

SUNDAY_NIGHT = datetime(2024, 3, 31, 23, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "timezone", "expected"),
    [
        (SUNDAY_NIGHT, "UTC", (6, 23)),
        (SUNDAY_NIGHT, "Europe/Berlin", (0, 1)),
        (SUNDAY_NIGHT, "America/New_York", (6, 19)),
        (SUNDAY_NIGHT, "Asia/Kolkata", (0, 5)),
        # Clocks went ahead an hour before the second of these: the hour from two o'clock on was not shown.
        (datetime(2024, 3, 31, 0, 59, tzinfo=UTC), "Europe/Berlin", (6, 1)),
        (datetime(2024, 3, 31, 1, 0, tzinfo=UTC), "Europe/Berlin", (6, 3)),
    ],
)
def test_an_instant_lies_where_clocks_of_the_zone_show_it(
    at: datetime, timezone: str, expected: tuple[int, int]
) -> None:
    assert hour_of_week(at, timezone) == expected


def test_an_unknown_zone_has_no_week() -> None:
    with pytest.raises(InvalidTimezoneError):
        hour_of_week(SUNDAY_NIGHT, "Europe/Nowhere")


def test_the_last_hours_of_a_week_are_those_before_an_instant_and_lie_where_the_zone_shows_them() -> None:
    found = last_hours(SUNDAY_NIGHT, "UTC")

    assert len(found) == 7 * 24
    assert found[6, 23] == datetime(2024, 3, 31, 23, 0, tzinfo=UTC)
    assert found[0, 0] == datetime(2024, 3, 25, 0, 0, tzinfo=UTC)
    assert all(SUNDAY_NIGHT - timedelta(days=7) < at < SUNDAY_NIGHT for at in found.values())


def test_an_hour_that_clocks_left_out_has_none_and_of_one_shown_twice_it_is_the_later() -> None:
    spring = last_hours(datetime(2024, 3, 31, 20, 0, tzinfo=UTC), "Europe/Berlin")
    autumn = last_hours(datetime(2024, 10, 27, 20, 0, tzinfo=UTC), "Europe/Berlin")

    assert (6, 2) not in spring
    assert autumn[6, 2] == datetime(2024, 10, 27, 1, 0, tzinfo=UTC)
