"""What commands ask about and as whom: the task that is named, the person at the terminal, and their reason."""

import getpass
import os
from datetime import datetime
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from application.scheduling import json_text
from application.scheduling.drafts import reason_from
from application.scheduling.services.change_task import Author
from application.scheduling.services.errors import TaskNotFoundError
from domain.access.record import Doer
from domain.errors import DomainError, MalformedJsonError
from domain.scheduling.change import Via
from domain.scheduling.identifiers import TaskId
from domain.scheduling.schedule import OneTimeSchedule
from domain.scheduling.task import ScheduledTask
from entrypoints.cli.answers import note

if TYPE_CHECKING:
    from entrypoints.container import Container

reason_option = click.option("--reason", default="", help="Why, for the record.")


def json_in(file: BinaryIO) -> Any:
    """The JSON in a file, which is read no further than a body of the API. Raises MalformedJsonError."""
    text = file.read(json_text.BYTES_MAX + 1)
    if len(text) > json_text.BYTES_MAX:
        raise MalformedJsonError(f"more than {json_text.BYTES_MAX:,} bytes", code="too_large")
    return json_text.read(text)


async def named(services: "Container", task: str) -> ScheduledTask:
    """The task of this id or, if there is none, of this name. Raises TaskNotFoundError."""
    tasks = services.stores().tasks
    found = await tasks.get(TaskId(task)) or await tasks.find(task)
    if not isinstance(found, ScheduledTask):
        raise TaskNotFoundError(task)
    return found


def wall_instant(text: str, timezone: str, field: str) -> datetime:
    """An instant as one-time tasks are given theirs; what is wrong is told of that field. Raises DomainError."""
    try:
        return OneTimeSchedule.parse(text, timezone).at
    except DomainError as error:
        raise DomainError(
            error.detail, code=error.reason, pointer=f"/{field}", position=error.position, hint=error.hint
        ) from error


async def note_if_idle(services: "Container") -> None:
    """Tell who asks for a run that nobody is there to carry it out."""
    if not any("worker" in member.roles for member in await services.stores().membership.members()):
        note("No worker is running: it starts when one is, with the service.")


def author(reason: str) -> Author:
    """That person, by the command line. Raises InvalidTaskError for too long a reason."""
    return Author(user(), Via.CLI, reason_from(reason))


def doer() -> Doer:
    """That person, for the record of access."""
    return Doer(user(), Via.CLI)


def user() -> str:
    """The name of whoever is logged in on this machine."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # A container may run under a number that has no name.
        return f"uid:{os.getuid()}"
