"""What commands ask about and as whom: the task that is named, the person at the terminal, and their reason."""

import getpass
import os
from typing import TYPE_CHECKING

import click

from application.scheduling.services.change_task import Author
from application.scheduling.services.errors import TaskNotFoundError
from domain.scheduling.change import Via
from domain.scheduling.identifiers import TaskId
from domain.scheduling.task import ScheduledTask

if TYPE_CHECKING:
    from entrypoints.container import Container

reason_option = click.option("--reason", default="", help="Why, for the record.")


async def named(services: "Container", task: str) -> ScheduledTask:
    """The task of this id or, if there is none, of this name. Raises TaskNotFoundError."""
    tasks = services.stores().tasks
    found = await tasks.get(TaskId(task)) or await tasks.find(task)
    if not isinstance(found, ScheduledTask):
        raise TaskNotFoundError(task)
    return found


def author(reason: str) -> Author:
    """That person, by the command line."""
    return Author(user(), Via.CLI, reason)


def user() -> str:
    """The name of whoever is logged in on this machine."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # A container may run under a number that has no name.
        return f"uid:{os.getuid()}"
