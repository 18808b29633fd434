"""`peachpie-scheduler access`: what happened at the door, for whoever may read the store."""

import sys
from typing import TYPE_CHECKING

import click

from application.scheduling.iso_text import instant
from application.scheduling.ports.access_trail import AccessFilter, AccessPage
from entrypoints.cli.answers import Count, Output, note, output_option, print_rows, with_services

if TYPE_CHECKING:
    from application.scheduling.services.inspect_access import TrailFinding
    from entrypoints.container import Container

LIMIT_DEFAULT = 50
LIMIT_MAX = 10_000
FINDINGS = 1


@click.group("access")
def access_command() -> None:
    """Tell who came in, who was refused and who let whom in, and check that the record is as it was written."""


@access_command.command("list")
@click.option("--actor", help="Only what this user or token did.")
@click.option("--limit", type=Count(1, LIMIT_MAX), default=LIMIT_DEFAULT, show_default=True)
@output_option
def list_records(actor: str | None, limit: int, output: Output) -> None:
    """List the records, newest first."""

    async def read(services: "Container") -> AccessPage:
        return await services.inspect_access().page(AccessFilter(actor), limit=limit)

    rows = [
        {
            "number": each.number,
            "at": instant(each.at),
            "who": each.deed.by.actor or "(a stranger)",
            "via": each.deed.by.via.value,
            "from": each.deed.by.address,
            "what": each.deed.action.value,
            "to": each.deed.subject,
            "details": each.deed.detail,
        }
        for each in with_services(read).records
    ]
    print_rows(rows, output)


@access_command.command("check")
def check() -> None:
    """Follow the chain of hashes; exits 1 if a record was altered or removed."""

    async def checked(services: "Container") -> "TrailFinding":
        return await services.inspect_access().check()

    found = with_services(checked)
    click.echo(f"{found.whole} records fit, from number {found.first} on.")
    click.echo(f"The last of them, number {found.head.number}, has the hash {found.head.hash}.")
    if found.broken_at is not None:
        note(f"Record {found.broken_at} was altered or removed.")
        sys.exit(FINDINGS)
