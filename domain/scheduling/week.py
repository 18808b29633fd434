"""Where an instant lies in somebody's week."""

from datetime import datetime, timedelta

from domain.scheduling.cron.zone import zone
from domain.scheduling.identifiers import MICROSECOND

DAYS = 7
HOURS = 24


def hour_of_week(at: datetime, timezone: str) -> tuple[int, int]:
    """The weekday (0: Monday) and the hour (0 to 23) that clocks of the zone show at `at`.

    Raises InvalidTimezoneError. Hours of UTC begin at half past in some zones; they lie where they begin.
    """
    shown = at.astimezone(zone(timezone))
    return shown.weekday(), shown.hour


def last_hours(before: datetime, timezone: str) -> dict[tuple[int, int], datetime]:
    """The last hour of UTC that began before an instant, by its place in the week that the zone shows.

    Hours that the clocks leave out that week have none; of two that show the same, it is the later one.
    """
    newest = (before - MICROSECOND).replace(minute=0, second=0, microsecond=0)
    found: dict[tuple[int, int], datetime] = {}
    for back in range(DAYS * HOURS):
        at = newest - back * timedelta(hours=1)
        found.setdefault(hour_of_week(at, timezone), at)
    return found
