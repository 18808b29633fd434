"""Where instants lie in the weeks of different zones."""

from datetime import UTC, datetime

import pytest

from domain.errors import InvalidTimezoneError
from domain.scheduling.week import hour_of_week

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
