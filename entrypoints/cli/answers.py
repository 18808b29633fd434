"""How commands answer: tables for people, JSON for programs, one line and an exit code when something is wrong."""

import json
import re
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NoReturn

import click

from application.scheduling.ports.errors import PortError
from application.scheduling.services.access_errors import TokenNotFoundError, UserNotFoundError
from application.scheduling.services.error_reports import LINE_BREAKING, on_one_line
from application.scheduling.services.errors import (
    ExecutionNotFoundError,
    ServiceError,
    TaskNotFoundError,
    VersionNotFoundError,
)
from domain.access.events import AccessEvent
from domain.errors import DomainError, InvalidInputError, SchedulerError, TaskStateError
from domain.scheduling.events import Event

if TYPE_CHECKING:
    from entrypoints.container import Container

EXIT_USAGE = 2
EXIT_CONFLICT = 3
EXIT_NOT_FOUND = 4
EXIT_UNREACHABLE = 5

_EXACT_INSTANT = re.compile(r"\A(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.\d+(Z|[+-]\d\d:\d\d)\Z")
# What the domain says in words of the API, in those of the command line; and what helps to find what was not there.
_HINTS = {
    "already_running": "wait for it, cancel it, or give --allow-overlap",
    "runs_overlap": "give --allow-overlap, or ask for one occurrence at a time",
    "task_not_found": "`list` shows the tasks, `list --deleted` those that can come back",
    "execution_not_found": "`executions TASK` shows those on record",
    "version_not_found": "`versions TASK` shows those on record",
}


class Count(click.IntRange):
    """A whole number within bounds; what is none is told in these words."""

    name = "whole number"


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
    """`Observer` and `AccessLog` of a command: it says itself what it has done, and nothing else beside its answer."""

    def observe(self, event: Event | AccessEvent) -> None:
        """See the port."""


def with_services(use: "Callable[[Container], Awaitable[Any]]") -> Any:
    """What `use` answers, given the services over the store the settings name; errors end the command."""
    # Imported here: with them come the database drivers, which help and usage errors need not wait for.
    import asyncio  # noqa: PLC0415

    from entrypoints.container import Container  # noqa: PLC0415
    from entrypoints.profiles import profile_of  # noqa: PLC0415
    from entrypoints.settings import InvalidSettingsError, load_settings  # noqa: PLC0415

    async def opened() -> Any:
        settings = load_settings()
        profile = profile_of(settings)
        async with profile.open_begun_store() as stores, profile.open_parting_words() as wakeup:
            unheard = _Unheard()
            services = Container(
                settings=settings,
                stores=stores,
                wakeup=wakeup,
                clock=profile.clock,
                observer=unheard,
                access_log=unheard,
            )
            return await use(services)

    try:
        return asyncio.run(opened())
    except InvalidSettingsError as error:
        click.echo("\n".join(error.lines), err=True)
        sys.exit(EXIT_USAGE)
    except SchedulerError as error:
        fail(error)


def fail(error: SchedulerError, *, about: str = "") -> NoReturn:
    """Say what was wrong, where and what would be right, and leave with the code for it.

    `about` names which of several things asked for it is about.
    """
    for fault in error.faults if isinstance(error, InvalidInputError) else (error,):
        click.echo(f"Error: {about and f'{about}: '}{sentence_of(fault)}", err=True)
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


def note(text: str) -> None:
    """Say something to the person beside the answer, which others may read by program."""
    click.echo(text, err=True)


def print_rows(rows: Sequence[Mapping[str, Any]], output: Output) -> None:
    """Rows of one shape; none is said in words. A table shows instants to the second."""
    if output == Output.JSON:
        click.echo(_json(list(rows)))
        return
    if not rows:
        click.echo("None.")
        return
    cells = [list(rows[0]), *[[_cell(value) for value in row.values()] for row in rows]]
    widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
    for line in cells:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _cell(value: object) -> str:
    return "" if value is None else _EXACT_INSTANT.sub(r"\1\2", on_one_line(str(value)))


def print_document(document: Mapping[str, Any]) -> None:
    """One thing, whole, as JSON."""
    click.echo(_json(document))


def _json(value: object) -> str:
    """JSON as people read it; what could turn the direction of its lines or move a terminal's cursor is escaped."""
    # A line feed inside a text is escaped by now: what is left of them ends the lines.
    return LINE_BREAKING.sub(
        lambda found: found[0] if found[0] == "\n" else f"\\u{ord(found[0]):04x}",
        json.dumps(value, indent=2, ensure_ascii=False),
    )


def sentence_of(error: SchedulerError) -> str:
    """What was wrong, where and what would be right, in the words of the command line."""
    if isinstance(error, DomainError):
        where = f"{_place(error.pointer)}: " if error.pointer else ""
        at = "" if error.position is None else f" (at character {error.position + 1})"
        said, hint = f"{where}{error.detail}{at}", _HINTS.get(error.reason, error.hint)
    else:
        said = str(error)
        hint = _HINTS.get(error.code, error.hint) if isinstance(error, ServiceError) else None
    return f"{said} - {hint}" if hint else said


def _place(pointer: str) -> str:
    """The option or argument a fault lies in; of what was read from a file, the pointer in there as it is."""
    first, *rest = pointer.removeprefix("/").split("/")
    context = click.get_current_context(silent=True)
    if context is None:
        return pointer
    for parameter in context.command.params:
        if first == parameter.name or f"--{first}" in parameter.opts:
            named = parameter.opts[0] if isinstance(parameter, click.Option) else parameter.make_metavar(context)
            return "/".join((named, *rest))
    return pointer
