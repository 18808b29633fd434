"""How commands answer: tables for people, JSON for programs, one line and an exit code when something is wrong."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NoReturn

import click

from application.scheduling.ports.errors import PortError, StoreRefusedError
from application.scheduling.services.access_errors import TokenNotFoundError, UserNotFoundError
from application.scheduling.services.errors import (
    ExecutionNotFoundError,
    ServiceError,
    TaskNotFoundError,
    VersionNotFoundError,
)
from domain.access.events import AccessEvent
from domain.errors import DomainError, InvalidInputError, SchedulerError, TaskStateError
from entrypoints.hints import Hints
from entrypoints.settings import InvalidSettingsError, load_settings

if TYPE_CHECKING:
    from entrypoints.container import Container

EXIT_USAGE = 2
EXIT_CONFLICT = 3
EXIT_NOT_FOUND = 4
EXIT_UNREACHABLE = 5


class Output(StrEnum):
    """What an answer is written as."""

    TABLE = "table"
    JSON = "json"


output_option = click.option(
    "--output",
    type=click.Choice([each.value for each in Output]),
    default=Output.TABLE.value,
    show_default=True,
    callback=lambda _context, _option, value: Output(value),
)


class _Unheard:
    """`AccessLog` of a command, which says itself what it has done, and on standard output nothing else."""

    def observe(self, event: AccessEvent) -> None:
        """See the port."""


def with_services(use: "Callable[[Container], Awaitable[Any]]") -> Any:
    """What `use` answers, given the services over the store the settings name; errors end the command."""
    # Imported here: with it come the database drivers, which help and usage errors need not wait for.
    from entrypoints.container import Container, open_store  # noqa: PLC0415

    async def opened() -> Any:
        settings = load_settings()
        if not settings.scheduler_store_path.exists():
            # Making an empty store here would answer truly of the wrong file.
            raise StoreRefusedError(
                f"there is no store at {settings.scheduler_store_path}: start the service first, run this in its"
                " folder, or set SCHEDULER_STORE_PATH"
            )
        async with open_store(settings) as stores:
            return await use(Container(settings=settings, stores=stores, wakeup=Hints(), access_log=_Unheard()))

    try:
        return asyncio.run(opened())
    except InvalidSettingsError as error:
        click.echo("\n".join(error.lines), err=True)
        sys.exit(EXIT_USAGE)
    except SchedulerError as error:
        fail(error)


def fail(error: SchedulerError) -> NoReturn:
    """Say what was wrong, where and what would be right, and leave with the code for it."""
    for fault in error.faults if isinstance(error, InvalidInputError) else (error,):
        click.echo(f"Error: {_sentence(fault)}", err=True)
    match error:
        case TaskNotFoundError() | VersionNotFoundError() | ExecutionNotFoundError() | UserNotFoundError():
            sys.exit(EXIT_NOT_FOUND)
        case TokenNotFoundError():
            sys.exit(EXIT_NOT_FOUND)
        case ServiceError() | TaskStateError():
            sys.exit(EXIT_CONFLICT)
        case PortError():
            sys.exit(EXIT_UNREACHABLE)
        case _:
            sys.exit(EXIT_USAGE)


def print_rows(rows: Sequence[Mapping[str, Any]], output: Output) -> None:
    """Rows of one shape; none is said in words."""
    if output == Output.JSON:
        click.echo(json.dumps(list(rows), indent=2, ensure_ascii=False))
        return
    if not rows:
        click.echo("None.")
        return
    cells = [list(rows[0]), *[["" if value is None else str(value) for value in row.values()] for row in rows]]
    widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
    for line in cells:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def print_document(document: Mapping[str, Any]) -> None:
    """One thing, whole, as JSON."""
    click.echo(json.dumps(document, indent=2, ensure_ascii=False))


def _sentence(error: SchedulerError) -> str:
    if not isinstance(error, DomainError):
        return str(error)
    where = f"{error.pointer}: " if error.pointer else ""
    at = "" if error.position is None else f" (at character {error.position + 1})"
    return f"{where}{error.detail}{at}" + (f" - {error.hint}" if error.hint else "")
