"""Commands on tasks, over the same services as the dashboard and the API."""

from datetime import datetime
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from application.scheduling.document_types import TaskDocument
from application.scheduling.documents import next_run_at, task_document
from application.scheduling.drafts import body_from
from application.scheduling.iso_text import instant
from application.scheduling.ports.history import TaskFilter
from application.scheduling.services.change_task import Done
from application.scheduling.services.error_reports import on_one_line
from application.scheduling.services.manage_tasks import KEPT
from domain.errors import DomainError
from domain.scheduling.cron.zone import zone
from domain.scheduling.policy import Misfire
from domain.scheduling.task import PauseMode, ScheduledTask, TaskStatus
from entrypoints.cli.answers import Count, Output, fail, note, output_option, print_document, print_rows, with_services
from entrypoints.cli.asking import author, json_in, named, note_if_idle, reason_option, wall_instant

if TYPE_CHECKING:
    from entrypoints.container import Container

FOR_EVER = "never"


@click.command("list")
@click.option("--status", type=click.Choice([each.value for each in TaskStatus]))
@click.option("--search", help="Text in name, description or handler.")
@click.option("--deleted", is_flag=True, help="Those that are deleted and can be undeleted, by their ids.")
@click.option("--limit", type=Count(1, 200), default=50, show_default=True)
@output_option
def list_command(status: str | None, search: str | None, deleted: bool, limit: int, output: Output) -> None:
    """List the tasks by name."""
    which = TaskFilter(text=search, status=TaskStatus(status) if status else None, deleted=deleted)
    found = with_services(lambda services: services.inspect_tasks().list(which, limit=limit))
    rows = [_row(view.task) for view in found.views]
    print_rows(rows, output)
    if output == Output.TABLE and found.page.total > len(rows):
        click.echo(f"({len(rows)} of {found.page.total}; see --search and --limit)")


@click.command("get")
@click.argument("task")
def get_command(task: str) -> None:
    """Show TASK (its id or name) as JSON."""

    async def read(services: "Container") -> TaskDocument:
        view = await services.inspect_tasks().view(await named(services, task))
        return task_document(view.task, view.warnings)

    print_document(with_services(read))


@click.command("create")
@click.argument("file", type=click.File("rb"))
@click.option("--dry-run", is_flag=True, help="Only say what would be created.")
@reason_option
def create_command(file: BinaryIO, dry_run: bool, reason: str) -> None:
    """Create a task from the JSON in FILE (- for standard input)."""
    try:
        body = body_from(json_in(file))
    except DomainError as error:
        fail(error)
    done = with_services(lambda services: services.manage_tasks().create(body, author(reason), dry_run=dry_run))
    print_document(task_document(done.task))


@click.command("run")
@click.argument("task")
@click.option("--payload", type=click.File("rb"), help="A file with the payload for this run only.")
@click.option("--allow-overlap", is_flag=True, help="Run although another execution is open.")
@reason_option
def run_command(task: str, payload: BinaryIO | None, allow_overlap: bool, reason: str) -> None:
    """Run TASK now; its schedule stays as it is."""
    try:
        given = json_in(payload) if payload else None
    except DomainError as error:
        fail(error)

    async def run(services: "Container") -> str:
        found = await named(services, task)
        done = await services.manage_tasks().run_now(
            found.id, author(reason), payload=given, allow_overlap=allow_overlap
        )
        await note_if_idle(services)
        return str(done.execution_id)

    click.echo(with_services(run))


@click.command("pause")
@click.argument("task")
@click.option("--until", help=f"2026-03-29T02:30 in the task's zone, or with Z or +02:00; {FOR_EVER}: no end.")
@click.option(
    "--mode",
    type=click.Choice([each.value for each in PauseMode]),
    help="What becomes of open work: drain lets it end (as without --mode), now ends it.",
)
@reason_option
def pause_command(task: str, until: str | None, mode: str | None, reason: str) -> None:
    """Pause TASK. Of one that is paused already, only what is given changes."""

    async def pause(services: "Container") -> Done:
        found = await named(services, task)
        return await services.manage_tasks().pause(
            found.id,
            author(reason),
            until=KEPT if until is None else _end(until, found.definition.timezone),
            mode=KEPT if mode is None else PauseMode(mode),
        )

    done = with_services(pause)
    click.echo(f"{'Already paused' if done.unchanged else 'Paused'} {task}{_pause_words(done.task)}.")


@click.command("resume")
@click.argument("task")
@click.option("--missed", type=click.Choice([each.value for each in Misfire]), default="skip", show_default=True)
@reason_option
def resume_command(task: str, missed: str, reason: str) -> None:
    """Resume TASK; --missed says what becomes of the instants that passed meanwhile."""

    async def resume(services: "Container") -> Done:
        found = await named(services, task)
        return await services.manage_tasks().resume(found.id, author(reason), missed=Misfire(missed))

    done = with_services(resume)
    click.echo(f"{task} was not paused: nothing changed." if done.unchanged else f"Resumed {task}.")


@click.command("delete")
@click.argument("task")
@reason_option
@click.option("--yes", is_flag=True, help="Do not ask.")
def delete_command(task: str, reason: str, yes: bool) -> None:
    """Delete TASK."""
    if not yes:
        _confirm("Delete it, ending what is open?")

    async def delete(services: "Container") -> None:
        await services.manage_tasks().delete((await named(services, task)).id, author(reason))

    with_services(delete)
    click.echo(f"Deleted {task}.")


def _confirm(question: str) -> None:
    try:
        click.confirm(question, abort=True)
    except click.Abort:
        note("Nothing was done. Where nobody can answer, say --yes.")
        raise


def _end(text: str, timezone: str) -> datetime | None:
    return None if text == FOR_EVER else wall_instant(text, timezone, "until")


def _pause_words(task: ScheduledTask) -> str:
    """What the pause of a task says now."""
    pause = task.pause
    if pause is None:
        return ""
    shown_in = zone(task.definition.timezone)
    until = f" until {pause.until.astimezone(shown_in):%a %Y-%m-%d %H:%M:%S %Z}" if pause.until else ""
    return f"{until}: {on_one_line(pause.reason)}" if pause.reason else until


def _row(task: ScheduledTask) -> dict[str, Any]:
    definition = task.definition
    return {
        "name": definition.name,
        "type": definition.task_type,
        "schedule": definition.schedule_text,
        "timezone": definition.timezone,
        "status": task.status.value,
        "next run": instant(next_run_at(task)),
        "last run": instant(task.last_run_at),
        "runs": task.run_count,
        **({} if task.deleted_at is None else {"id": task.id, "deleted": instant(task.deleted_at)}),
    }
