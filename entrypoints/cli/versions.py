"""Commands on what a task was: its versions, going back to one, and coming back from deletion."""

from typing import TYPE_CHECKING, Any

import click

from application.scheduling.documents import task_document, version_document
from domain.scheduling.identifiers import TaskId
from domain.scheduling.task import ScheduledTask
from entrypoints.cli.answers import Output, output_option, print_document, print_rows, with_services
from entrypoints.cli.asking import author, named, reason_option

if TYPE_CHECKING:
    from entrypoints.container import Container


@click.command("versions")
@click.argument("task")
@click.option("--limit", type=click.IntRange(1, 200), default=20, show_default=True)
@output_option
def versions_command(task: str, limit: int, output: Output) -> None:
    """List the versions of TASK, newest first: who made each, when and why, and whether it says something else."""

    async def read(services: "Container") -> list[dict[str, Any]]:
        found = await services.inspect_tasks().versions((await named(services, task)).id, limit=limit)
        return [version_document(each) for each in found]

    found = with_services(read)
    print_rows(found if output == Output.JSON else [_row(each) for each in found], output)


@click.command("restore")
@click.argument("task")
@click.argument("version", type=click.IntRange(1))
@click.option("--dry-run", is_flag=True, help="Only show what the task would be, with its next run.")
@reason_option
def restore_command(task: str, version: int, dry_run: bool, reason: str) -> None:
    """Give TASK the definition of VERSION again; pause, counters and history stay as they are."""

    async def restore(services: "Container") -> ScheduledTask:
        found = await named(services, task)
        done = await services.restore_version().restore(found.id, version, author(reason), dry_run=dry_run)
        return done.task

    print_document(task_document(with_services(restore)))


@click.command("undelete")
@click.argument("task_id", metavar="ID")
@reason_option
def undelete_command(task_id: str, reason: str) -> None:
    """Bring the deleted task ID back; list --deleted shows the ids."""
    done = with_services(lambda services: services.manage_tasks().undelete(TaskId(task_id), author(reason)))
    click.echo(f"Undeleted {done.task.definition.name}.")


def _row(version: dict[str, Any]) -> dict[str, Any]:
    change, definition = version["change"] or {}, version["definition"]
    return {
        "version": version["version"],
        "at": change.get("at"),
        "action": change.get("action"),
        "by": change.get("by"),
        "via": change.get("via"),
        "reason": change.get("reason"),
        "redefines": "yes" if version["redefines"] else "no",
        "name": definition["name"],
        "schedule": definition["schedule"],
        "timezone": definition["timezone"],
    }
