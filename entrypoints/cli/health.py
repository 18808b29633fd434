"""`peachpie-scheduler health`: whether the work gets done, for people and for whatever watches over it."""

import sys
from typing import TYPE_CHECKING

import click

from application.scheduling.documents import held_document
from application.scheduling.explanations.words import counted, sentence
from application.scheduling.iso_text import instant
from application.scheduling.services.error_reports import on_one_line
from application.scheduling.services.inspect_tasks import Health
from entrypoints.cli.answers import Output, output_option, print_document, with_services

if TYPE_CHECKING:
    from entrypoints.container import Container

EXIT_FINDINGS = 1


@click.command("health")
@output_option
def health_command(output: Output) -> None:
    """Tell whether the work gets done; exit code 1 if it does not, and why."""

    async def read(services: "Container") -> Health:
        return await services.inspect_tasks().health()

    found: Health = with_services(read)
    if output is Output.JSON:
        print_document(
            {
                "status": "unhealthy" if found.problems else "healthy",
                "problems": [each.told for each in found.problems],
                "schedulers": found.schedulers,
                "workers": found.workers,
                "overdue_since": instant(found.overdue_since),
                "held": held_document(found.held),
            }
        )
    else:
        here = f"{counted(found.schedulers, 'scheduler')} and {counted(found.workers, 'worker')} at work."
        held = [on_one_line(f"All firing is held, by {found.held.actor}: {found.held.reason}")] if found.held else []
        click.echo("\n".join([*held, *(sentence(each.told) for each in found.problems), here]))
    sys.exit(EXIT_FINDINGS if found.problems else 0)
