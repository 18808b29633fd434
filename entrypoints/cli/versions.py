"""Commands on what a task was: its versions, going back to one, and coming back from deletion."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from application.scheduling.differences import version_document
from application.scheduling.documents import task_document
from application.scheduling.iso_text import instant
from application.scheduling.services.change_task import Done
from application.scheduling.services.inspect_history import ComparedVersion
from domain.scheduling.identifiers import TaskId
from entrypoints.cli.answers import Count, Output, note, output_option, print_document, print_rows, with_services
from entrypoints.cli.asking import author, named, reason_option

if TYPE_CHECKING:
    from entrypoints.container import Container


@click.command("versions")
@click.argument("task")
@click.option("--limit", type=Count(1, 200), default=20, show_default=True)
@output_option
def versions_command(task: str, limit: int, output: Output) -> None:
    """List the versions of TASK, newest first: who made each, when and why, and what it says otherwise."""

    async def read(services: "Container") -> Sequence[ComparedVersion]:
        return await services.inspect_history().versions((await named(services, task)).id, limit=limit)

    found: Sequence[ComparedVersion] = with_services(read)
    if output == Output.JSON:
        print_rows([version_document(each.record, each.differences) for each in found], output)
    else:
        print_rows([_row(each) for each in found], output)


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


def _row(compared: ComparedVersion) -> dict[str, Any]:
    record, change = compared.record, compared.record.made_by
    return {
        "version": record.version,
        "at": change and instant(change.at),
        "action": change and change.action.value,
        "by": change and change.actor,
        "via": change and change.via.value,
        "reason": change and change.reason,
        "changes": ", ".join(_names(compared)),
        "name": record.definition.name,
        "schedule": record.definition.schedule_text,
        "timezone": record.definition.timezone,
    }


def _names(compared: ComparedVersion) -> list[str]:
    """The fields that say something else, those of a policy one by one, a payload as a whole."""
    found = (each.pointer.removeprefix("/").removeprefix("policy/") for each in compared.differences or ())
    return list(dict.fromkeys(each.partition("/")[0] for each in found))
