"""`peachpie-scheduler backfill`: a task run for occurrences of the past."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import click

from application.scheduling.iso_text import instant
from application.scheduling.services.backfill_task import Backfilled
from domain.scheduling.asked_time import AskedTime
from domain.scheduling.identifiers import MICROSECOND
from entrypoints.cli.answers import Output, note, output_option, print_rows, sentence_of, with_services
from entrypoints.cli.asking import author, named, note_if_idle, reason_option, wall_instant

if TYPE_CHECKING:
    from entrypoints.container import Container


@click.command("backfill")
@click.argument("task")
@click.option(
    "--from", "begin", required=True, help="2026-03-01T00:00: wall time in the task's zone, or with Z or +02:00."
)
@click.option("--until", required=True, help="The end of the span, itself included; a date alone is that whole day.")
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
        done = await services.backfill_task().backfill(
            found.id,
            author(reason),
            begin=wall_instant(begin, timezone, "from"),
            until=_end(until, timezone),
            allow_overlap=allow_overlap,
            dry_run=dry_run,
        )
        if not dry_run:
            await note_if_idle(services)
        return done

    found = with_services(backfill)
    rows = [
        {"nominal_at": instant(each.nominal_at), "execution_id": None if dry_run else each.id}
        for each in found.executions
    ]
    print_rows(rows, output)
    if dry_run:
        note("Dry run: nothing was run.")
    if found.refusal is not None:
        note(f"As asked for, a real run would be refused: {sentence_of(found.refusal)}")


def _end(text: str, timezone: str) -> datetime:
    """An instant, or the last one of a day. Raises DomainError."""
    end = wall_instant(text, timezone, "until")
    asked = AskedTime.parse(text)
    return asked.in_zone(timezone).spans[-1].until - MICROSECOND if asked.width == timedelta(days=1) else end
