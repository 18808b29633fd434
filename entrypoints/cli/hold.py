"""`peachpie-scheduler hold` and `release`: the maintenance switch."""

from typing import TYPE_CHECKING

import click

from application.scheduling.iso_text import instant
from application.scheduling.services.error_reports import on_one_line
from entrypoints.cli.answers import with_services
from entrypoints.cli.asking import doer, reason_option

if TYPE_CHECKING:
    from application.scheduling.ports.hold import Hold
    from entrypoints.container import Container


@click.command("hold")
@click.option("--reason", required=True, help="Why, for whoever wonders: shown on every page, and kept on record.")
def hold_command(reason: str) -> None:
    """Hold all firing: nothing new starts, what runs goes on. `release` ends it."""

    async def held(services: "Container") -> "tuple[Hold | None, Hold]":
        firing = services.hold_firing()
        return await firing.current(), await firing.hold(reason, doer())

    before, now = with_services(held)
    if before is not None:
        click.echo(f"Held already, {_told(before)}")
    else:
        click.echo(f"Held since {instant(now.since)}: nothing fires and nothing new starts until `release`.")


@click.command("release")
@reason_option
def release_command(reason: str) -> None:
    """End the hold: what was due meanwhile is decided now, each task by its own misfire policy."""

    async def released(services: "Container") -> "Hold | None":
        return await services.hold_firing().release(reason, doer())

    ended = with_services(released)
    if ended is None:
        click.echo("Nothing was held.")
    else:
        click.echo(f"Released. It was held {_told(ended)}")


def _told(hold: "Hold") -> str:
    return on_one_line(f"by {hold.actor} since {instant(hold.since)}: {hold.reason}")
