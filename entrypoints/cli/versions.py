"""Commands on what a task was: its versions, going back to one, and coming back from deletion."""

from collections.abc import Iterator
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

import click

from application.scheduling.documents import task_document, version_document
from application.scheduling.services.change_task import Done
from domain.scheduling.identifiers import TaskId
from entrypoints.cli.answers import Count, Output, note, output_option, print_document, print_rows, with_services
from entrypoints.cli.asking import author, named, reason_option

if TYPE_CHECKING:
    from entrypoints.container import Container

_DERIVED = frozenset({"schedule_sentence", "anchor"})


@click.command("versions")
@click.argument("task")
@click.option("--limit", type=Count(1, 200), default=20, show_default=True)
@output_option
def versions_command(task: str, limit: int, output: Output) -> None:
    """List the versions of TASK, newest first: who made each, when and why, and what it says otherwise."""

    async def read(services: "Container") -> list[dict[str, Any]]:
        # One more than is shown: what the last of them changed is seen beside the one before.
        found = await services.inspect_tasks().versions((await named(services, task)).id, limit=limit + 1)
        return [version_document(each) for each in found]

    found = with_services(read)
    rows = [_row(each, before) for each, before in zip_longest(found, found[1:])]
    print_rows((found if output == Output.JSON else rows)[:limit], output)


@click.command("restore")
@click.argument("task")
@click.argument("version", type=Count(1))
@click.option("--dry-run", is_flag=True, help="Only show what the task would be, with its next run.")
@reason_option
def restore_command(task: str, version: int, dry_run: bool, reason: str) -> None:
    """Give TASK the definition of VERSION again; pause, counters and history stay as they are."""

    async def restore(services: "Container") -> Done:
        found = await named(services, task)
        return await services.restore_version().restore(found.id, version, author(reason), dry_run=dry_run)

    done = with_services(restore)
    print_document(task_document(done.task))
    if done.unchanged:
        note(f"Nothing to restore: {task} says what version {version} said.")
    else:
        note("Dry run: nothing was restored." if dry_run else f"Restored version {version} of {task}.")


@click.command("undelete")
@click.argument("task_id", metavar="ID")
@reason_option
def undelete_command(task_id: str, reason: str) -> None:
    """Bring the deleted task ID back; list --deleted shows the ids."""
    done = with_services(lambda services: services.manage_tasks().undelete(TaskId(task_id), author(reason)))
    click.echo(f"Undeleted {done.task.definition.name}.")


def _row(version: dict[str, Any], before: dict[str, Any] | None) -> dict[str, Any]:
    change, definition = version["change"] or {}, version["definition"]
    return {
        "version": version["version"],
        "at": change.get("at"),
        "action": change.get("action"),
        "by": change.get("by"),
        "via": change.get("via"),
        "reason": change.get("reason"),
        "changes": "" if before is None else ", ".join(_differing(before["definition"], definition)),
        "name": definition["name"],
        "schedule": definition["schedule"],
        "timezone": definition["timezone"],
    }


def _differing(before: dict[str, Any], after: dict[str, Any]) -> Iterator[str]:
    """The names of the fields that say something else, those of a policy one by one; derived ones are left out."""
    for name, value in after.items():
        if name == "policy":
            yield from _differing(before[name], value)
        elif name not in _DERIVED and value != before[name]:
            yield name
