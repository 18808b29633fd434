"""`peachpie-scheduler next`: a schedule in words, when it fires and what might surprise, from the engine that fires."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import click

from application.scheduling.iso_text import instant
from application.scheduling.services.forecast import ComingOccurrence, Forecast, forecast
from domain.errors import DomainError
from domain.scheduling.cron.lint import Finding
from domain.scheduling.cron.zone import zone
from domain.scheduling.identifiers import TaskId
from domain.scheduling.recipes import kind_of
from domain.scheduling.schedule import CronSchedule, IntervalSchedule, OneTimeSchedule, Schedule, ScheduleType
from domain.scheduling.timeline import Occurrence, Timeline
from entrypoints.cli.answers import Count, Output, fail, output_option, print_document, print_rows
from entrypoints.clock import clock

_SECOND = timedelta(seconds=1)
_NEGATIVE = re.compile(r"-[0-9]")


class _ScheduleCommand(click.Command):
    """A command whose argument may begin as no option does: `-5m` is told to be no interval, not to be no option."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As usual, with what begins with a minus and a digit taken for an argument."""
        negative = [each for each in args if _NEGATIVE.match(each)]
        if negative and "--" not in args:
            args = [*(each for each in args if each not in negative), "--", *negative]
        return super().parse_args(ctx, args)


@click.command("next", cls=_ScheduleCommand)
@click.argument("schedule")
@click.option("--tz", "timezone", default="UTC", show_default=True, help="The IANA time zone of the schedule.")
@click.option("-n", "count", type=Count(1, 100), default=10, show_default=True, help="How many instants.")
@output_option
def next_command(schedule: str, timezone: str, count: int, output: Output) -> None:
    """Say in words what SCHEDULE means, when it fires next, and what might surprise you.

    SCHEDULE is a cron expression, an interval such as 1h30m, or an instant such as 2026-12-24T18:00.
    """
    now = clock().now()
    try:
        zone(timezone)
        parsed = _parsed(schedule, timezone, now)
    except DomainError as error:
        fail(error)
    told = forecast(parsed, timezone, _occurrences(parsed, now, count), now=now)
    if output is Output.JSON:
        print_document(_document(told, now))
    else:
        _print(told, now)


def _parsed(text: str, timezone: str, now: datetime) -> Schedule:
    match kind_of(text):
        case ScheduleType.ONE_TIME:
            return OneTimeSchedule.parse(text.strip(), timezone)
        case ScheduleType.CRON:
            return CronSchedule(text, timezone)
        case ScheduleType.INTERVAL:
            return IntervalSchedule.parse(text, anchor=now.replace(microsecond=0))


def _occurrences(schedule: Schedule, now: datetime, count: int) -> list[Occurrence]:
    timeline, found = Timeline(TaskId("next"), schedule), list[Occurrence]()
    while len(found) < count and (following := timeline.after(found[-1].nominal_at if found else now)) is not None:
        found.append(following)
    return found


def _print(told: Forecast, now: datetime) -> None:
    click.echo(f"{told.sentence} ({told.timezone})\n")
    with_notes = any(each.affected for each in told.coming)
    print_rows([_row(each, told.timezone, now, with_notes=with_notes) for each in told.coming], Output.TABLE)
    if told.findings:
        click.echo()
    for finding in told.findings:
        click.echo(_line(finding))


def _row(coming: ComingOccurrence, timezone: str, now: datetime, *, with_notes: bool) -> Mapping[str, str | None]:
    at = coming.occurrence.nominal_at
    row = {
        "local": f"{at.astimezone(zone(timezone)):%a %Y-%m-%d %H:%M:%S %Z}",
        "utc": instant(at),
        "in": _wait(at - now),
    }
    return row | {"note": coming.affected.told if coming.affected else None} if with_notes else row


def _wait(wait: timedelta) -> str:
    """In the two largest units; a second that has begun counts."""
    wait = -(-wait // _SECOND) * _SECOND
    hours, minutes = wait.seconds // 3_600, wait.seconds // 60 % 60
    if wait.days or hours:
        return f"{wait.days} d {hours} h" if wait.days else f"{hours} h {minutes} min"
    return f"{minutes} min" if minutes else f"{wait.seconds} s"


def _line(finding: Finding) -> str:
    where = "" if finding.position is None else f" (at character {finding.position + 1})"
    hint = f" - {finding.hint}" if finding.hint else ""
    return f"{finding.severity.capitalize()}: {finding.detail}{where}{hint}"


def _document(told: Forecast, now: datetime) -> Mapping[str, Any]:
    # Imported here: it brings the shapes of all documents along, for which a table need not wait.
    from application.scheduling.documents import finding_document  # noqa: PLC0415

    shown_in = zone(told.timezone)
    return {
        "sentence": told.sentence,
        "timezone": told.timezone,
        "next": [
            {
                "local": each.occurrence.nominal_at.astimezone(shown_in).isoformat(),
                "utc": instant(each.occurrence.nominal_at),
                "in_seconds": int((each.occurrence.nominal_at - now).total_seconds()),
                "flags": [{"code": each.affected.effect, "detail": each.affected.told}] if each.affected else [],
            }
            for each in told.coming
        ],
        "lint": [finding_document(each) for each in told.findings],
    }
