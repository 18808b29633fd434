"""What an expression says, in no language yet: at which times, on which days, in which months.

Facts are derived from the sets of values that the matcher uses, never from the text: two texts that fire alike are told
alike, and what is told cannot differ from what fires. A language turns facts into a sentence as its grammar wants;
`english` is one.
"""

from dataclasses import dataclass, replace

from domain.scheduling.cron.expression import CronExpression, DaysOfMonth, DaysOfWeek
from domain.scheduling.cron.field import HOUR, MINUTE, MONTH, SECOND
from domain.scheduling.cron.times import Beat, PastHours, Pattern, Shape, Times, pattern_of, times_of


@dataclass(frozen=True, slots=True)
class CronFacts:
    """When on a day, on which days, in which months.

    `seconds` are those of each minute that `times` names; None if `times` says it all. With both day fields, a day
    counts if either matches; with neither, every day does. No weekday of `days_of_week.values` is in its `nth` again.
    """

    times: Times
    seconds: Pattern | None
    days_of_month: DaysOfMonth | None
    days_of_week: DaysOfWeek | None
    months: Pattern

    @property
    def every_hour(self) -> bool:
        """Whether it is told as going on all day long."""
        match self.times:
            case Beat(windows=windows):
                return not windows
            case PastHours(hours=hours):
                return hours.shape is Shape.EVERY
        return False


def facts_of(expression: CronExpression) -> CronFacts:
    """What `expression` says."""
    seconds = (0,) if expression.second is None else expression.second.values
    by_date, by_weekday = _days(expression)
    months = pattern_of(expression.month.values, MONTH)
    times, left = times_of(
        pattern_of(seconds, SECOND),
        pattern_of(expression.minute.values, MINUTE),
        pattern_of(expression.hour.values, HOUR),
        over_midnight=by_date is None and by_weekday is None and months.shape is Shape.EVERY,
    )
    return CronFacts(times, left, by_date, by_weekday, months)


def _days(expression: CronExpression) -> tuple[DaysOfMonth | None, DaysOfWeek | None]:
    """The day fields that leave out any day, None for one that does not; without what they say twice."""
    by_date, by_weekday = expression.day_of_month, expression.day_of_week
    whole_month = by_date.restricted and len(by_date.values) == 31
    whole_week = by_weekday.restricted and len(by_weekday.values) == 7
    if whole_month or whole_week:
        return None, None
    nth = tuple(each for each in by_weekday.nth if each[0] not in by_weekday.values)
    return (
        by_date if by_date.restricted else None,
        replace(by_weekday, nth=nth) if by_weekday.restricted else None,
    )
