"""`peachpie-scheduler next`: when a schedule fires, computed by the engine that fires it."""

from datetime import datetime, timedelta, tzinfo

import click

from application.scheduling.documents import instant
from domain.errors import DomainError
from domain.scheduling.cron.zone import zone
from domain.scheduling.schedule import CronSchedule, IntervalSchedule, Schedule
from entrypoints.cli.answers import Output, fail, output_option, print_rows
from entrypoints.container import clock


@click.command("next")
@click.argument("schedule")
@click.option("--tz", "timezone", default="UTC", show_default=True, help="The IANA time zone of the schedule.")
@click.option("-n", "count", type=click.IntRange(1, 100), default=10, show_default=True, help="How many instants.")
@output_option
def next_command(schedule: str, timezone: str, count: int, output: Output) -> None:
    """Show when SCHEDULE, a cron expression or an interval such as 1h30m, fires next."""
    now = clock().now()
    try:
        zoned = zone(timezone)
        parsed: Schedule = (
            CronSchedule(schedule, timezone)
            if " " in schedule.strip() or schedule.strip().startswith("@")
            else IntervalSchedule.parse(schedule, anchor=now)
        )
    except DomainError as error:
        fail(error)
    rows: list[dict[str, str | int | None]] = []
    at = now
    while len(rows) < count and (following := parsed.next_after(at)) is not None:
        rows.append(_row(following, zoned, following - now, output))
        at = following
    print_rows(rows, output)


def _row(at: datetime, zoned: tzinfo, wait: timedelta, output: Output) -> dict[str, str | int | None]:
    local = at.astimezone(zoned)
    if output is Output.JSON:
        return {"local": local.isoformat(), "utc": instant(at), "in_seconds": int(wait.total_seconds())}
    hours, minutes = wait.seconds // 3_600, wait.seconds // 60 % 60
    soon = f"{wait.days} d {hours} h" if wait.days else f"{hours} h {minutes} min" if hours else f"{minutes} min"
    return {"local": f"{local:%a %Y-%m-%d %H:%M:%S %Z}", "utc": instant(at), "in": soon}
