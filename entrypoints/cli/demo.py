"""`peachpie-scheduler demo`: content to try the maintenance tasks on."""

import asyncio
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from application.fediverse.services.load_demo import load_demo
from domain.errors import SchedulerError
from entrypoints.cli.answers import EXIT_USAGE, fail, print_document
from entrypoints.clock import clock
from entrypoints.profiles import open_content
from entrypoints.settings import InvalidSettingsError, load_settings


@click.group("demo")
def demo_command() -> None:
    """Demonstration data in the content database."""


@demo_command.command("load")
@click.option(
    "--data",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="A folder with captured activities and known instances; without it they are invented.",
)
@click.option("--rows", type=click.IntRange(1, 10_000_000), default=10_000, show_default=True, help="Log entries.")
def load(data: Path | None, rows: int) -> None:
    """Fill it with instances, users, communities, posts, replies and log entries: some old, deleted or orphaned.

    Loading again adds what is missing and doubles nothing.
    """

    async def filled() -> dict[str, Any]:
        async with open_content(load_settings()) as content:
            return asdict(await load_demo(content, data, rows, clock().now()))

    try:
        print_document(asyncio.run(filled()))
    except InvalidSettingsError as error:
        click.echo("\n".join(error.lines), err=True)
        sys.exit(EXIT_USAGE)
    except SchedulerError as error:
        fail(error)
