"""What a valid schedule of any kind may do that its author did not have in mind: findings, never errors."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from domain.scheduling.cron.clock_change import changes_between
from domain.scheduling.cron.lint import LOOK_AHEAD, Finding, Severity, lint_cron, runs_often
from domain.scheduling.cron.zone import EPOCH, current_key, zone, zone_clock
from domain.scheduling.schedule import CronSchedule, IntervalSchedule, OneTimeSchedule, Schedule
from domain.scheduling.schedule_text import wall_time_from

_DAY = timedelta(days=1)
_CRON_HINT = "a cron expression keeps to the clock, such as 0 9 * * *"


def lint(schedule: Schedule, timezone: str, now: datetime) -> list[Finding]:
    """Findings of `schedule` in `timezone` as of `now`; clock changes are looked for up to LOOK_AHEAD from there.

    Codes beside those of `lint_cron`: interval_uneven, interval_shifts, one_time_past, one_time_twice,
    deprecated_timezone. Raises InvalidTimezoneError.
    """
    zone_clock(timezone)
    return [*_of_schedule(schedule, timezone, now), *_deprecated(timezone)]


def lint_wall_time(text: str, timezone: str) -> Iterator[Finding]:
    """Tell (`one_time_moved`) if the clocks of `timezone` skip the wall time that a one-time schedule was written as.

    The schedule itself no longer shows it. Raises as `OneTimeSchedule.parse`.
    """
    wall, offset = wall_time_from(text)
    at = OneTimeSchedule.parse(text, timezone).at
    shown = at.astimezone(zone(timezone))
    if offset is None and shown.replace(tzinfo=wall.tzinfo) != wall:
        detail = f"the clocks of {timezone} skip {wall:%H:%M} that day: it runs when they go on, at {shown:%H:%M %Z}"
        yield Finding("one_time_moved", Severity.WARNING, detail, "another time, if that is too late", at=at)


def _of_schedule(schedule: Schedule, timezone: str, now: datetime) -> list[Finding]:
    match schedule:
        case CronSchedule():
            return lint_cron(schedule.expression, timezone, now)
        case IntervalSchedule():
            return [*runs_often(_DAY // schedule.interval), *_against_the_clock(schedule, timezone, now)]
        case OneTimeSchedule():
            return [*_past(schedule, now), *_shown_twice(schedule, timezone)]


def _against_the_clock(schedule: IntervalSchedule, timezone: str, now: datetime) -> Iterator[Finding]:
    interval = schedule.interval
    if interval % _DAY and _DAY % interval:
        detail = f"{schedule.text} does not divide the day: its times differ from one day to the next"
        yield Finding("interval_uneven", Severity.INFO, detail, _CRON_HINT)
        return
    clock = zone_clock(timezone)
    for period in changes_between(clock, now, now + LOOK_AHEAD):
        moved = timedelta(seconds=clock.offsets[period] - clock.offsets[period - 1])
        if moved % interval:
            at = EPOCH + timedelta(seconds=clock.starts[period])
            shown = at + timedelta(seconds=clock.offsets[period])
            minutes, way = abs(moved) // timedelta(minutes=1), "later" if moved > timedelta(0) else "earlier"
            detail = (
                f"{schedule.text} is elapsed time: from {shown:%Y-%m-%d} on it runs {minutes} minutes {way}"
                f" by the clocks of {timezone}"
            )
            yield Finding("interval_shifts", Severity.INFO, detail, _CRON_HINT, at=at)
            return


def _past(schedule: OneTimeSchedule, now: datetime) -> Iterator[Finding]:
    if schedule.at <= now:
        detail = "the instant has passed: a task for it is refused"
        hint = 'with "if_past": "run_now" it is created and runs at once'
        yield Finding("one_time_past", Severity.WARNING, detail, hint, at=schedule.at)


def _shown_twice(schedule: OneTimeSchedule, timezone: str) -> Iterator[Finding]:
    clock = zone_clock(timezone)
    second = (schedule.at - EPOCH) // timedelta(seconds=1)
    period = clock.period_at(second)
    wall = second + clock.offsets[period]
    again = period + 1 < len(clock.offsets) and wall >= clock.starts[period + 1] + clock.offsets[period + 1]
    before = period > 0 and wall < clock.starts[period] + clock.offsets[period - 1]
    if again or before:
        shown, which = EPOCH + timedelta(seconds=wall), "first" if again else "second"
        detail = f"the clocks of {timezone} show {shown:%H:%M} twice that day: it runs the {which} time"
        hint = "with an offset, such as +02:00, the instant says which"
        yield Finding("one_time_twice", Severity.INFO, detail, hint, at=schedule.at)


def _deprecated(timezone: str) -> Iterator[Finding]:
    current = current_key(timezone)
    if current is not None:
        detail = f"{timezone} is an old name that is kept for old data"
        hint = f"{current} has the same rules"
        yield Finding("deprecated_timezone", Severity.INFO, detail, hint, pointer="/timezone")
