"""Where an instant lies in somebody's week."""

from datetime import datetime

from domain.scheduling.cron.zone import zone

DAYS = 7
HOURS = 24


def hour_of_week(at: datetime, timezone: str) -> tuple[int, int]:
    """The weekday (0: Monday) and the hour (0 to 23) that clocks of the zone show at `at`.

    Raises InvalidTimezoneError. Hours of UTC begin at half past in some zones; they lie where they begin.
    """
    shown = at.astimezone(zone(timezone))
    return shown.weekday(), shown.hour
