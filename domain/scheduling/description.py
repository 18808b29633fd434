"""A schedule of any kind as an English sentence: what the pages, the API and the command line say of it."""

from datetime import datetime, timedelta

from domain.scheduling.cron.describe import describe
from domain.scheduling.cron.zone import zone
from domain.scheduling.schedule import CronSchedule, IntervalSchedule, OneTimeSchedule, Schedule

_UNITS = (("hour", timedelta(hours=1)), ("minute", timedelta(minutes=1)), ("second", timedelta(seconds=1)))
_DAY = timedelta(days=1)
# From here on hours are hard to picture; below, `24 hours` says that it is elapsed time and no calendar day.
_DAYS_FROM = timedelta(days=2)


def described(schedule: Schedule, timezone: str) -> str:
    """Say when `schedule` runs, in at most 300 characters, without a full stop.

    Instants are told in `timezone` with its abbreviation; a cron expression is wall time in its zone, which is not
    named. Raises InvalidTimezoneError.
    """
    match schedule:
        case CronSchedule():
            return describe(schedule.expression)
        case IntervalSchedule():
            return f"Every {_length(schedule.interval)}, counted from {_moment(schedule.anchor, timezone)}"
        case OneTimeSchedule():
            return f"Once, on {_moment(schedule.at, timezone)}"


def _length(interval: timedelta) -> str:
    """`15 minutes`, `24 hours`, `7 days of 24 hours and 30 minutes`; without a 1 in front, to stand behind `every`."""
    days, rest = divmod(interval, _DAY) if interval >= _DAYS_FROM else (0, interval)
    parts = [f"{days:,} days of 24 hours"] if days else []
    for name, length in _UNITS:
        count, rest = divmod(rest, length)
        if count:
            parts.append(f"{count} {name}" if count == 1 else f"{count} {name}s")
    whole = parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
    return whole.removeprefix("1 ")


def _moment(at: datetime, timezone: str) -> str:
    local = at.astimezone(zone(timezone))
    clock = f"{local:%H:%M:%S}" if local.second or local.microsecond else f"{local:%H:%M}"
    fraction = f".{local.microsecond:06d}".rstrip("0") if local.microsecond else ""
    return f"{local:%Y-%m-%d} at {clock}{fraction} {local:%Z}"
