"""`peachpie-scheduler backfill`: a task run for occurrences of the past."""

from datetime import datetime
from typing import TYPE_CHECKING

import click

from application.scheduling.documents import instant
from application.scheduling.services.backfill_task import Backfilled
from domain.errors import DomainError
from domain.scheduling.schedule import OneTimeSchedule
from entrypoints.cli.answers import Output, output_option, print_rows, with_services
from entrypoints.cli.asking import author, named, reason_option

if TYPE_CHECKING:
    from entrypoints.container import Container


@click.command("backfill")
@click.argument("task")
@click.option(
    "--from", "begin", required=True, help="2026-03-01T00:00: wall time in the task's zone, or with Z or +02:00."
)
@click.option("--until", required=True, help="The end of the span, itself included; not ahead of now.")
@click.option("--allow-overlap", is_flag=True, help="Let them run beside each other and whatever is open.")
@click.option("--dry-run", is_flag=True, help="Only say which occurrences would be run.")
@reason_option
@output_option
def backfill_command(
    task: str, begin: str, until: str, allow_overlap: bool, dry_run: bool, reason: str, output: Output
) -> None:
    """Run TASK for every occurrence of its schedule from --from until --until, 100 at most."""

    async def backfill(services: "Container") -> Backfilled:
        found = await named(services, task)
        timezone = found.definition.timezone
        return await services.backfill_task().backfill(
            found.id,
            author(reason),
            begin=_instant("--from", begin, timezone),
            until=_instant("--until", until, timezone),
            allow_overlap=allow_overlap,
            dry_run=dry_run,
        )

    found = with_services(backfill)
    rows = [
        {"nominal_at": instant(each.nominal_at), "execution_id": None if dry_run else each.id}
        for each in found.executions
    ]
    print_rows(rows, output)


def _instant(option: str, text: str, timezone: str) -> datetime:
    """An instant as one-time tasks are given theirs; what is wrong is told of the option."""
    try:
        return OneTimeSchedule.parse(text, timezone).at
    except DomainError as error:
        raise DomainError(
            error.detail, code=error.reason, pointer=option, position=error.position, hint=error.hint
        ) from error
