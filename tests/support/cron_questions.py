"""Expressions, zones and instants worth asking about, and the walks that collect a schedule's answers."""

from bisect import bisect_right
from datetime import datetime, timedelta

from hypothesis import strategies as st

from domain.scheduling.cron.zone import EPOCH, zone_clock
from domain.scheduling.schedule import Schedule
from tests.support.cron_oracle import in_utc

TIMES = [
    "* *", "*/15 *", "0 *", "30 2", "30 1", "45 23", "0 0", "0 */2", "*/10 1-3", "10,50 0-22", "5/7 2/5", "0 0-23",
    "59 23", "*/45 */11", "0-20/10 1,2", "* 0", "17 0-23/1",
]  # fmt: skip
DAYS = [
    "* * *", "*/2 * *", "L * *", "LW * *", "1 * MON", "* * SUN", "29-31 * *", "15W * *", "* 3,10,11 *", "* * 7#5",
    "* * FRIL", "? * 6-7", "1,30,31 1-12/2 *", "*/1 * 0-6", "8 * SUN#2",
]  # fmt: skip
ZONES = [
    "UTC", "America/New_York", "Europe/Berlin", "Europe/London", "Africa/Cairo", "Asia/Beirut", "America/Havana",
    "America/Santiago", "Australia/Lord_Howe", "Pacific/Apia", "Africa/Casablanca", "Antarctica/Troll",
    "Asia/Kathmandu", "Asia/Pyongyang", "Pacific/Chatham", "America/St_Johns", "Europe/Dublin", "Asia/Gaza",
    "America/Nuuk", "Pacific/Kwajalein", "Asia/Tehran", "America/Caracas", "Europe/Moscow",
]  # fmt: skip

expressions = st.builds("{} {}".format, st.sampled_from(TIMES), st.sampled_from(DAYS))


@st.composite
def near_a_change(draw: st.DrawFn) -> tuple[str, datetime]:
    """A zone and an instant within a day of one of its offset changes."""
    key = draw(st.sampled_from(ZONES))
    clock = zone_clock(key)
    since_1973 = bisect_right(clock.starts, 3 * 366 * 86_400)
    change = draw(st.sampled_from(clock.starts[since_1973:-1] or [1_773_746_640]))
    shift = draw(st.integers(-86_400, 86_400 // 4))
    return key, EPOCH + timedelta(seconds=change + shift)


def walk(schedule: Schedule, after: datetime, until: datetime) -> list[datetime]:
    found = []
    while (following := schedule.next_after(after)) is not None and following <= until:
        found.append(after := following)
    return found


def walk_back(schedule: Schedule, after: datetime, until: datetime) -> list[datetime]:
    found, asked = [], until + timedelta(microseconds=1)
    while (preceding := schedule.previous_before(asked)) is not None and preceding > after:
        found.append(asked := preceding)
    return found[::-1]


def first_occurrences(schedule: Schedule, after: str, count: int) -> list[str]:
    """The next `count` occurrences in short; no table below needs a year."""
    found, asked = [], in_utc(after)
    for _ in range(count):
        following = schedule.next_after(asked)
        assert following is not None
        asked = following
        found.append(asked.strftime("%m-%d %H:%M" if asked.second == 0 else "%m-%d %H:%M:%S"))
    return found
