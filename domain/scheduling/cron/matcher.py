"""Which wall clock seconds an expression matches, whatever the zone: integer sets, no calendar objects.

A *wall second* is a local date and time counted as if it were UTC: seconds from 1970-01-01 00:00 on that clock. A day
either matches or not, and on a matching day the times are the same every day; so a match is a matching day and one of
its times. A month has only 28 shapes (four lengths, seven weekdays to begin on): its matching days, one bit a day, are
worked out once a shape. Hours, minutes and seconds are bit sets too, so nothing here grows with the expression.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from datetime import date
from itertools import pairwise

from domain.scheduling.cron.expression import LAST_IN_MONTH, CronExpression

DAY_SECONDS = 86_400
# Wall seconds that no real one reaches: the answers of a search that found nothing.
BEFORE_ALL = -(1 << 60)
AFTER_ALL = 1 << 60

_FIRST_YEAR, _LAST_YEAR = 1969, 2200
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
_EVERY_SEVENTH = 0b10000001000000100000010000001
_SATURDAY, _SUNDAY = 6, 0


def _month_starts() -> Iterator[int]:
    for year in range(_FIRST_YEAR, _LAST_YEAR + 1):
        for month in range(1, 13):
            yield date(year, month, 1).toordinal() - _EPOCH_ORDINAL
    yield date(_LAST_YEAR + 1, 1, 1).toordinal() - _EPOCH_ORDINAL


# Days from 1970-01-01 to the first of each month, January 1969 to January 2201: a day more than any zone can show of
# the supported years, at both ends.
_STARTS = tuple(_month_starts())
_MONTHS = len(_STARTS) - 1
# The shape of each of those months; 1970-01-01 was a Thursday.
_SHAPES = tuple((end - start) * 7 + (start + 4) % 7 for start, end in pairwise(_STARTS))


class CronMatcher:
    """The matching wall seconds of one expression, as far as January 1969 to December 2200 reach.

    It never changes but for its table of month shapes, which fills as it is asked (idempotent, so safe in threads).
    """

    __slots__ = (
        "_days",
        "_first",
        "_hours",
        "_last",
        "_minutes",
        "_months",
        "_per_day",
        "_seconds",
        "_two_years",
        "expression",
    )

    def __init__(self, expression: CronExpression) -> None:
        seconds = (0,) if expression.second is None else expression.second.values
        minutes, hours = expression.minute.values, expression.hour.values
        self.expression = expression
        self._seconds, self._minutes, self._hours = _bits(seconds), _bits(minutes), _bits(hours)
        self._months = _bits(expression.month.values) >> 1
        # The months twice over: from any of them, the bits after or before it say how far the next one is.
        self._two_years = self._months << 12 | self._months
        self._days: dict[int, int] = {}
        self._per_day = len(seconds) * len(minutes) * len(hours)
        self._first = (hours[0] * 60 + minutes[0]) * 60 + seconds[0]
        self._last = (hours[-1] * 60 + minutes[-1]) * 60 + seconds[-1]

    def first_from(self, wall: int) -> int:
        """The earliest match at or after `wall`; AFTER_ALL if none."""
        day, second = divmod(wall, DAY_SECONDS)
        time = self._time_from(second)
        if time < 0:
            day, time = day + 1, self._first
        found = self._day_from(day)
        if found == AFTER_ALL:
            return AFTER_ALL
        return found * DAY_SECONDS + (time if found == day else self._first)

    def last_until(self, wall: int) -> int:
        """The latest match at or before `wall`; BEFORE_ALL if none."""
        day, second = divmod(wall, DAY_SECONDS)
        time = self._time_until(second)
        if time < 0:
            day, time = day - 1, self._last
        found = self._day_until(day)
        if found == BEFORE_ALL:
            return BEFORE_ALL
        return found * DAY_SECONDS + (time if found == day else self._last)

    def count(self, low: int, high: int) -> int:
        """How many matches lie in [low, high)."""
        low_day, low_second = divmod(low, DAY_SECONDS)
        high_day, high_second = divmod(high, DAY_SECONDS)
        whole = self._days_between(low_day, high_day) * self._per_day
        return whole + self._times_before(high_day, high_second) - self._times_before(low_day, low_second)

    def _day_from(self, day: int) -> int:
        index = bisect_right(_STARTS, day) - 1
        ahead = self._month_days(index) >> (day - _STARTS[index])
        while not ahead:
            index += 1 + _lowest(self._two_years >> (index % 12 + 1))
            if index >= _MONTHS:
                return AFTER_ALL
            ahead, day = self._month_days(index), _STARTS[index]
        return day + (ahead & -ahead).bit_length() - 1

    def _day_until(self, day: int) -> int:
        index = bisect_right(_STARTS, day) - 1
        behind = self._month_days(index) & ((2 << (day - _STARTS[index])) - 1)
        while not behind:
            this = index % 12 + 12
            index -= this + 1 - (self._two_years & ((1 << this) - 1)).bit_length()
            if index < 0:
                return BEFORE_ALL
            behind = self._month_days(index)
        return _STARTS[index] + behind.bit_length() - 1

    def _days_between(self, low: int, high: int) -> int:
        """How many matching days lie in [low, high)."""
        first = bisect_right(_STARTS, low) - 1
        last = bisect_right(_STARTS, high) - 1
        whole = sum(self._month_days(index).bit_count() for index in range(first, last))
        before_low = self._month_days(first) & ((1 << (low - _STARTS[first])) - 1)
        before_high = self._month_days(last) & ((1 << (high - _STARTS[last])) - 1)
        return whole + before_high.bit_count() - before_low.bit_count()

    def _times_before(self, day: int, second: int) -> int:
        """How many matches lie on `day` before `second` of it."""
        if second == 0 or self._day_from(day) != day:
            return 0
        hour, minute, second = second // 3600, second // 60 % 60, second % 60
        count = (self._hours & ((1 << hour) - 1)).bit_count()
        count *= self._minutes.bit_count()
        if self._hours >> hour & 1:
            count += (self._minutes & ((1 << minute) - 1)).bit_count()
        count *= self._seconds.bit_count()
        if self._hours >> hour & 1 and self._minutes >> minute & 1:
            count += (self._seconds & ((1 << second) - 1)).bit_count()
        return count

    def _time_from(self, second: int) -> int:
        """The earliest matching second of a day at or after `second`; -1 if none."""
        hour, minute, second = second // 3600, second // 60 % 60, second % 60
        if self._hours >> hour & 1:
            if self._minutes >> minute & 1:
                ahead = self._seconds >> second
                if ahead:
                    return hour * 3600 + minute * 60 + second + _lowest(ahead)
            ahead = self._minutes >> (minute + 1)
            if ahead:
                return hour * 3600 + (minute + 1 + _lowest(ahead)) * 60 + self._first % 60
        ahead = self._hours >> (hour + 1)
        if ahead:
            return (hour + 1 + _lowest(ahead)) * 3600 + self._first % 3600
        return -1

    def _time_until(self, second: int) -> int:
        """The latest matching second of a day at or before `second`; -1 if none."""
        hour, minute, second = second // 3600, second // 60 % 60, second % 60
        if self._hours >> hour & 1:
            if self._minutes >> minute & 1:
                behind = self._seconds & ((2 << second) - 1)
                if behind:
                    return hour * 3600 + minute * 60 + behind.bit_length() - 1
            behind = self._minutes & ((1 << minute) - 1)
            if behind:
                return hour * 3600 + (behind.bit_length() - 1) * 60 + self._last % 60
        behind = self._hours & ((1 << hour) - 1)
        if behind:
            return (behind.bit_length() - 1) * 3600 + self._last % 3600
        return -1

    def _month_days(self, index: int) -> int:
        """The matching days of the month at `index` of the table; bit 0 is the first."""
        if not self._months >> index % 12 & 1:
            return 0
        shape = _SHAPES[index]
        days = self._days.get(shape)
        if days is None:
            days = self._days[shape] = _days_in(self.expression, length=shape // 7, first_weekday=shape % 7)
        return days


def _lowest(bits: int) -> int:
    return (bits & -bits).bit_length() - 1


def _bits(values: Iterable[int]) -> int:
    bits = 0
    for value in values:
        bits |= 1 << value
    return bits


def _days_in(expression: CronExpression, *, length: int, first_weekday: int) -> int:
    """The matching days of a month of that shape. Two restricted day fields match when either does."""
    every = (1 << length) - 1
    days = every
    if expression.day_of_month.restricted:
        days = _by_date(expression, length, first_weekday)
        if expression.day_of_week.restricted:
            days |= _by_weekday(expression, every, first_weekday)
    elif expression.day_of_week.restricted:
        days = _by_weekday(expression, every, first_weekday)
    return days & every


def _by_date(expression: CronExpression, length: int, first_weekday: int) -> int:
    field = expression.day_of_month
    days = _bits(field.values) >> 1
    if field.last:
        days |= 1 << (length - 1)
    if field.last_workday:
        days |= 1 << (_workday_near(length, length, first_weekday) - 1)
    if field.nearest_workday is not None and field.nearest_workday <= length:
        days |= 1 << (_workday_near(field.nearest_workday, length, first_weekday) - 1)
    return days


def _workday_near(day: int, length: int, first_weekday: int) -> int:
    """The Monday to Friday nearest to `day` without leaving the month."""
    weekday = (first_weekday + day - 1) % 7
    if weekday == _SATURDAY:
        return day - 1 if day > 1 else day + 2
    if weekday == _SUNDAY:
        return day + 1 if day < length else day - 2
    return day


def _by_weekday(expression: CronExpression, every: int, first_weekday: int) -> int:
    field = expression.day_of_week
    days = 0
    for weekday in field.values:
        days |= _EVERY_SEVENTH << (weekday - first_weekday) % 7
    for weekday, nth in field.nth:
        first = (weekday - first_weekday) % 7
        if nth == LAST_IN_MONTH:
            days |= 1 << (((_EVERY_SEVENTH << first) & every).bit_length() - 1)
        else:
            days |= 1 << (first + 7 * (nth - 1))
    return days
