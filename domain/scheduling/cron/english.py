"""Facts as an English sentence, and every English word there is for it.

A translation is a module like this one: it gets the same facts and is free in word order, number and case, because no
sentence is put together outside. Clock times are 24-hour, as in the expression.
"""

from collections.abc import Sequence

from domain.scheduling.cron.expression import LAST_IN_MONTH, DaysOfMonth, DaysOfWeek
from domain.scheduling.cron.facts import CronFacts
from domain.scheduling.cron.field import DAY_OF_MONTH
from domain.scheduling.cron.times import (
    LISTED_MAX,
    AtTimes,
    Beat,
    PastHours,
    Pattern,
    Shape,
    Tick,
    Times,
    Window,
    pattern_of,
    runs_of,
)

MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
WEEKDAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
ORDINALS = {1: "first", 2: "second", 3: "third", 4: "fourth", 5: "fifth", 6: "sixth", 7: "seventh"}

_TICKS = {Tick.SECOND: "second", Tick.MINUTE: "minute", Tick.HOUR: "hour"}
_WORKDAY = "working day"
_WORKDAY_EXPLAINED = "working day (Monday to Friday)"
_NEIGHBOURS_MIN = 3


def sentence_of(facts: CronFacts, *, items_max: int) -> str:
    """One sentence without a full stop; of a list about `items_max` items, then how many more there are."""
    words = _English(items_max)
    times = words.times(facts.times)
    if facts.seconds is not None:
        times = f"{times}, {words.seconds(facts.seconds)}"
    days = words.days(facts)
    if not days:
        return times
    short = isinstance(facts.times, AtTimes) and len(facts.times.times) <= LISTED_MAX and facts.seconds is None
    return f"{times} {days}" if short and days.startswith(("on ", "every ")) else f"{times}, {days}"


class _English:
    """The clauses of a sentence, their lists cut to a length."""

    def __init__(self, items_max: int) -> None:
        self._items_max = items_max

    def times(self, times: Times) -> str:
        match times:
            case AtTimes():
                return f"At {self._clock_times(times.times)}"
            case Beat():
                return _beat(times)
            case PastHours():
                return self._past_hours(times)

    def seconds(self, seconds: Pattern) -> str:
        """Which seconds of each minute that the times name."""
        if seconds.shape is Shape.EVERY:
            return "every second of that minute"
        if seconds.shape is Shape.LISTED:
            return f"at {self._numbers('second', seconds.values)}"
        if seconds.beat and seconds.first == 0:
            return f"every {seconds.step} seconds of that minute"
        every = "every second" if seconds.step == 1 else f"every {seconds.step} seconds"
        return f"{every} from second {seconds.first} to {seconds.last}"

    def days(self, facts: CronFacts) -> str:
        """Which days of which months; nothing if all of them, and the times leave no doubt of it."""
        by_date, by_weekday, months = facts.days_of_month, facts.days_of_week, facts.months
        if by_date is not None and by_weekday is not None:
            either = f"on {self._dates(by_date, workday=_WORKDAY)} of the month or {self._or_weekdays(by_weekday)}"
            return either if months.shape is Shape.EVERY else f"{self._in_months(months)}, {either}"
        if by_date is not None:
            return self._on_dates(by_date, months)
        if by_weekday is not None:
            return self._on_weekdays(by_weekday, months)
        if months.shape is Shape.EVERY:
            return "" if facts.every_hour else "every day"
        return self._in_months(months) if facts.every_hour else f"every day {self._in_months(months)}"

    def _clock_times(self, times: Sequence[int]) -> str:
        to_the_second = any(time % 60 for time in times)
        return self._list([_clock(time, to_the_second=to_the_second) for time in times])

    def _past_hours(self, times: PastHours) -> str:
        minutes, hours = times.minutes, times.hours
        if minutes.shape is Shape.EVERY:
            return f"Every minute of {self._hours(hours, listed='the hours beginning at ')}"
        past = self._hours(hours)
        if minutes.shape is Shape.LISTED:
            return f"At {self._numbers('minute', minutes.values)} past {past}"
        every = "Every minute" if minutes.step == 1 else f"Every {minutes.step} minutes"
        return f"{every} from minute {minutes.first} to {minutes.last} past {past}"

    def _hours(self, hours: Pattern, *, listed: str = "") -> str:
        if hours.shape is Shape.EVERY:
            return "every hour"
        if hours.shape is Shape.LISTED:
            return listed + self._clock_times([hour * 3_600 for hour in hours.values])
        every = "every hour" if hours.step == 1 else f"every {ORDINALS[hours.step]} hour"
        if hours.beat and hours.first == 0:
            return every
        return f"{every} from {hours.first:02}:00 to {hours.last:02}:00"

    def _on_dates(self, days: DaysOfMonth, months: Pattern) -> str:
        if len(days.values) == 1 and months.is_single and not (days.last or days.last_workday):
            return f"on {days.values[0]} {MONTHS[months.first - 1]}"
        return f"on {self._dates(days, workday=_WORKDAY_EXPLAINED)} {self._of_months(months)}"

    def _dates(self, days: DaysOfMonth, *, workday: str) -> str:
        if days.nearest_workday is not None:
            return f"the {workday} nearest to day {days.nearest_workday}"
        parts = [self._days_by_number(days.values)] if days.values else []
        if days.last:
            parts.append("the last day")
        if days.last_workday:
            parts.append(f"the last {workday}")
        return self._list(parts)

    def _days_by_number(self, values: tuple[int, ...]) -> str:
        days = pattern_of(values, DAY_OF_MONTH)
        if days.shape is Shape.STEPPED and days.step > 1:
            return f"every {ORDINALS[days.step]} day from day {days.first} to {days.last}"
        return self._numbers("day", values)

    def _on_weekdays(self, days: DaysOfWeek, months: Pattern) -> str:
        in_months = "" if months.shape is Shape.EVERY else f" {self._in_months(months)}"
        nth = f"on {self._nth_weekdays(days)} {self._of_months(months)}" if days.nth else ""
        if not days.values:
            return nth
        row = _row_of(days.values, size=7)
        if row is None:
            every = f"every {self._list(_names_from_monday(days.values))}{in_months}"
        elif nth:
            every = f"every day from {_weekday_row(row)}{in_months}"
        else:
            return f"{_weekday_row(row)},{in_months}" if in_months else _weekday_row(row)
        return f"{every} and {nth}" if nth else every

    def _or_weekdays(self, days: DaysOfWeek) -> str:
        nth = f"on {self._nth_weekdays(days, last='or')} of the month" if days.nth else ""
        if not days.values:
            return nth
        row = _row_of(days.values, size=7)
        listed = f"on {self._list(_names_from_monday(days.values), last='or')}"
        week = listed if row is None else f"from {_weekday_row(row)}"
        return f"{week} or {nth}" if nth else week

    def _nth_weekdays(self, days: DaysOfWeek, *, last: str = "and") -> str:
        from_monday = sorted(days.nth, key=lambda each: ((each[0] - 1) % 7, each[1] == LAST_IN_MONTH, each[1]))
        names = [f"the {'last' if nth == LAST_IN_MONTH else ORDINALS[nth]} {WEEKDAYS[day]}" for day, nth in from_monday]
        return self._list(names, last=last)

    def _in_months(self, months: Pattern) -> str:
        row = _row_of(months.values, size=12)
        if row is None:
            return f"in {self._month_names(months)}"
        return f"from {MONTHS[row[0] - 1]} to {MONTHS[row[1] - 1]}"

    def _of_months(self, months: Pattern) -> str:
        if months.shape is Shape.EVERY:
            return "of the month"
        if _row_of(months.values, size=12) is not None:
            return f"of each month {self._in_months(months)}"
        return f"of {self._month_names(months)}"

    def _month_names(self, months: Pattern) -> str:
        return self._list([MONTHS[month - 1] for month in months.values])

    def _numbers(self, noun: str, values: tuple[int, ...]) -> str:
        """`minute 5`, `minutes 5 and 9`, `days 1 to 7 and 20`."""
        if len(values) == 1:
            return f"{noun} {values[0]}"
        items: list[str] = []
        counts: list[int] = []
        for first, last in runs_of(values):
            if last - first + 1 >= _NEIGHBOURS_MIN:
                items.append(f"{first} to {last}")
                counts.append(last - first + 1)
            else:
                items.extend(str(value) for value in range(first, last + 1))
                counts.extend(1 for _ in range(first, last + 1))
        return f"{noun}s {self._list(items, counts)}"

    def _list(self, items: Sequence[str], counts: Sequence[int] = (), *, last: str = "and") -> str:
        """The items joined; of a long list the first ones, and how many values the others stand for."""
        # Rather one item too many than `and 1 more`, unless every character counts.
        if len(items) <= self._items_max + (self._items_max > 1):
            return _joined(items, last=last)
        left = sum(counts[self._items_max :]) if counts else len(items) - self._items_max
        return f"{', '.join(items[: self._items_max])} … and {left:,} more"


def _beat(beat: Beat) -> str:
    noun = _TICKS[beat.tick]
    every = f"Every {noun}" if beat.step == 1 else f"Every {beat.step} {noun}s"
    if not beat.windows:
        return "Every hour on the hour" if beat.tick is Tick.HOUR else every
    return f"{every} {_joined([_window(window, beat.tick) for window in beat.windows])}"


def _window(window: Window, tick: Tick) -> str:
    first, last = (_clock(second, to_the_second=tick is Tick.SECOND) for second in window)
    return f"from {first} to {last}"


def _clock(second: int, *, to_the_second: bool) -> str:
    shown = f"{second // 3_600:02}:{second // 60 % 60:02}"
    return f"{shown}:{second % 60:02}" if to_the_second else shown


def _weekday_row(row: tuple[int, int]) -> str:
    return f"{WEEKDAYS[row[0]]} to {WEEKDAYS[row[1]]}"


def _names_from_monday(weekdays: tuple[int, ...]) -> list[str]:
    return [WEEKDAYS[day] for day in sorted(weekdays, key=lambda day: (day - 1) % 7)]


def _row_of(values: tuple[int, ...], *, size: int) -> tuple[int, int] | None:
    """The first and the last of at least three neighbours; the end of a round is next to its beginning."""
    if not _NEIGHBOURS_MIN <= len(values) < size:
        return None
    runs = runs_of(values)
    if len(runs) == 1:
        return runs[0]
    # The lowest value of a week is 0, of a year 1; the highest lies a round further, less one.
    wraps = len(runs) == 2 and runs[0][0] + size == runs[1][1] + 1
    return (runs[1][0], runs[0][1]) if wraps else None


def _joined(items: Sequence[str], *, last: str = "and") -> str:
    if len(items) == 1:
        return items[0]
    return f"{', '.join(items[:-1])} {last} {items[-1]}"
