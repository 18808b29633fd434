"""The fire set of a cron expression by brute force: every tick of the UTC clock, converted, compared, kept or not.

It shares no idea with the product: no bit sets, no offset table, no search. It reads valid expressions only, asks
`zoneinfo` for every single tick, and states the two rules of offset changes once, in `occurrences`.
"""

import calendar
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, tzinfo

MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
# Longer than any fold since 1970, so that what was shown before the window is known when it begins.
WARM_UP = timedelta(hours=8)

_MONTHS = {name: number for number, name in enumerate(calendar.month_abbr) if name}
_WEEKDAYS = {name: number for number, name in enumerate(("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"))}


def occurrences(expression: str, zone: tzinfo, after: datetime, until: datetime) -> Iterator[datetime]:
    """Yield every instant in (after, until] at which `expression` fires in `zone`, ascending, in UTC."""
    fields = expression.split()
    step = MINUTE if len(fields) == 5 else SECOND
    matches = _matcher(fields if len(fields) == 6 else ["0", *fields])
    hour = fields[-4]
    every_hour = len(set(_numbers(hour, 0, 23, {}))) == 24
    starred = any(field.startswith("*") for field in fields[:-3])

    tick = (after - WARM_UP).replace(second=0, microsecond=0)
    before = shown = _wall(tick - step, zone)
    while tick <= until:
        wall = _wall(tick, zone)
        if every_hour:
            fires = matches(wall)  # by the clock: what a gap skips stays skipped, what a fold repeats repeats
        elif starred:
            fires = matches(wall) or any(matches(skipped) for skipped in _between(before, wall, step))
        else:  # each wall time counts once, when the clock first reaches or passes it
            fires = any(matches(new) for new in _between(shown, wall + step, step))
        if fires and tick > after:
            yield tick
        before, shown, tick = wall, max(shown, wall), tick + step


def _wall(tick: datetime, zone: tzinfo) -> datetime:
    return tick.astimezone(zone).replace(tzinfo=None)


def _between(low: datetime, high: datetime, step: timedelta) -> Iterator[datetime]:
    """Walk the wall times strictly between the two; none if they do not ascend."""
    wall = low + step
    while wall < high:
        yield wall
        wall += step


def _matcher(fields: list[str]) -> Callable[[datetime], bool]:
    seconds = set(_numbers(fields[0], 0, 59, {}))
    minutes = set(_numbers(fields[1], 0, 59, {}))
    hours = set(_numbers(fields[2], 0, 23, {}))
    months = set(_numbers(fields[4], 1, 12, _MONTHS))
    by_date = None if fields[3] in ("*", "?", "*/1") else fields[3].split(",")
    by_weekday = None if fields[5] in ("*", "?", "*/1") else fields[5].split(",")

    def matches(wall: datetime) -> bool:
        if wall.minute not in minutes or wall.hour not in hours or wall.second not in seconds:
            return False
        return wall.month in months and matches_day(wall)

    def matches_day(wall: datetime) -> bool:
        answers = []
        if by_date is not None:
            answers.append(any(_date_matches(item, wall) for item in by_date))
        if by_weekday is not None:
            answers.append(any(_weekday_matches(item, wall) for item in by_weekday))
        return any(answers) or not answers

    return matches


def _date_matches(item: str, wall: datetime) -> bool:
    last = calendar.monthrange(wall.year, wall.month)[1]
    if item == "L":
        return wall.day == last
    if item == "LW":
        return wall.day == max(day for day in range(1, last + 1) if _is_workday(wall, day))
    if item.endswith("W"):
        wanted = int(item[:-1])
        workdays = [day for day in range(1, last + 1) if _is_workday(wall, day)]
        return wanted <= last and wall.day == min(workdays, key=lambda day: abs(day - wanted))
    return wall.day in _numbers(item, 1, 31, {})


def _is_workday(wall: datetime, day: int) -> bool:
    return calendar.weekday(wall.year, wall.month, day) < 5


def _weekday_matches(item: str, wall: datetime) -> bool:
    weekday = wall.isoweekday() % 7
    name, mark, number = item.partition("#")
    if number == "L" or item.endswith("L") or item.startswith("L"):
        last = calendar.monthrange(wall.year, wall.month)[1]
        return weekday == _weekday(name.strip("L")) and wall.day > last - 7
    if mark:
        return weekday == _weekday(name) and (wall.day + 6) // 7 == int(number)
    return weekday in {number % 7 for number in _numbers(item, 0, 6, _WEEKDAYS)}


def _weekday(name: str) -> int:
    return int(name) % 7 if name.isdigit() else _WEEKDAYS[name.title()]


def _numbers(field: str, low: int, high: int, names: dict[str, int]) -> Iterator[int]:
    for item in field.split(","):
        base, _, step = item.partition("/")
        begin, dash, end = base.partition("-")
        if base == "*":
            first, last = low, high
        else:
            first = int(names.get(begin.title(), begin))
            last = high if step else first
        if dash:
            # `MON-SUN` ends on the seventh day, `SUN-SUN` is one day.
            last = first if begin == end else 7 if end.title() == "Sun" else int(names.get(end.title(), end))
        yield from range(first, last + 1, int(step or 1))


def in_utc(text: str) -> datetime:
    """Read a literal such as `2026-03-08T07:00` as UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
