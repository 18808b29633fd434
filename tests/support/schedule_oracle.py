"""Which instants a task owes, by counting and by brute force, sharing nothing with the product's search."""

from bisect import bisect_right
from datetime import datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from domain.scheduling.schedule import CronSchedule, IntervalSchedule, Schedule
from domain.scheduling.task import ScheduledTask
from tests.support.cron_oracle import occurrences

CHUNK = timedelta(days=1)
LOOK_AHEAD = timedelta(days=2)

_moved: dict[str, str] = {}


def move(zone: str, *, like: str) -> None:
    """From now on a zone has the rules of another one."""
    _moved[zone] = like


def forget_moves() -> None:
    """Every zone has its own rules again."""
    _moved.clear()


def owed(task: ScheduledTask, after: datetime, until: datetime) -> list[datetime]:
    """The nominal instants in (after, until] of the task's definition, within its bounds; none once it has run out."""
    policy = task.definition.policy
    if until <= after or (policy.max_runs is not None and task.auto_runs >= policy.max_runs):
        return []
    found = instants(task.definition.schedule, after, until)
    start, end = policy.start_at, policy.end_at
    return [each for each in found if (start is None or start <= each) and (end is None or each <= end)]


def instants(schedule: Schedule, after: datetime, until: datetime) -> list[datetime]:
    """The instants of a schedule in (after, until]."""
    if isinstance(schedule, CronSchedule):
        return _of_cron(schedule, after, until)
    if isinstance(schedule, IntervalSchedule):
        first = max((after - schedule.anchor) // schedule.interval + 1, 0)
        last = (until - schedule.anchor) // schedule.interval
        return [schedule.anchor + number * schedule.interval for number in range(first, last + 1)]
    return [schedule.at] if after < schedule.at <= until else []


def _of_cron(schedule: CronSchedule, after: datetime, until: datetime) -> list[datetime]:
    found: list[datetime] = []
    zone = _moved.get(schedule.timezone, schedule.timezone)
    day = after.replace(hour=0, minute=0, second=0, microsecond=0)
    while day <= until:
        of_day = _cron_day(schedule.expression, zone, day)
        found += of_day[bisect_right(of_day, after) : bisect_right(of_day, until)]
        day += CHUNK
    return found


@lru_cache(maxsize=4_000)
def _cron_day(expression: str, timezone: str, day: datetime) -> tuple[datetime, ...]:
    # The brute force asks for (after, until]; a day is [00:00, 24:00).
    moment = timedelta(microseconds=1)
    return tuple(occurrences(expression, ZoneInfo(timezone), day - moment, day + CHUNK - moment))
