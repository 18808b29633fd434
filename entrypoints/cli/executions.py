"""Commands on executions: list them, stop one, see what died, and give it another chance."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from application.scheduling.document_types import ExecutionDocument
from application.scheduling.documents import execution_document, record_document
from application.scheduling.iso_text import instant
from application.scheduling.ports.history import ExecutionFilter
from application.scheduling.ports.records import AttemptRecord, ExecutionRecord
from application.scheduling.services.error_reports import on_one_line
from domain.errors import DomainError
from domain.scheduling.execution import ErrorReport, Execution, ExecutionState
from domain.scheduling.identifiers import ExecutionId
from entrypoints.cli.answers import Count, Output, fail, output_option, print_document, print_rows, with_services
from entrypoints.cli.asking import author, named, note_if_idle, reason_option

if TYPE_CHECKING:
    from entrypoints.container import Container

limit_option = click.option("--limit", type=Count(1, 200), default=20, show_default=True)


@click.command("executions")
@click.argument("task")
@limit_option
@output_option
def executions_command(task: str, limit: int, output: Output) -> None:
    """List the executions of TASK, newest first."""
    shown = ("id", "kind", "state", "scheduled_at", "started_at", "finished_at", "starts", "rescues")
    _print(task, frozenset(), limit, output, shown)


@click.command("execution")
@click.argument("execution")
@output_option
def execution_command(execution: str, output: Output) -> None:
    """Show EXECUTION (its id): its attempts, what went wrong in them, and its log."""
    record = with_services(lambda services: services.inspect_tasks().execution(ExecutionId(execution)))
    if output == Output.JSON:
        print_document(record_document(record))
    else:
        click.echo("\n".join(_told(record)))


@click.command("cancel")
@click.argument("execution")
@reason_option
def cancel_command(execution: str, reason: str) -> None:
    """Cancel EXECUTION (its id): at once, or by asking it to stop if it runs."""

    async def cancel(services: "Container") -> tuple[Execution, ExecutionState]:
        record = await services.inspect_tasks().execution(ExecutionId(execution))
        answer = await services.manage_tasks().cancel(ExecutionId(execution), author(reason))
        return record.summary.execution, answer.state

    before, state = with_services(cancel)
    if state is ExecutionState.RUNNING:
        click.echo(f"{'Asked' if before.cancel is None else 'Had already asked'} {execution} to stop.")
    elif state is ExecutionState.CANCELLED and before.is_open:
        click.echo(f"Cancelled {execution}.")
    else:
        click.echo(f"{execution} had already ended: {state}.")


@click.command("dead-letters")
@click.argument("task", required=False)
@limit_option
@output_option
def dead_letters_command(task: str | None, limit: int, output: Output) -> None:
    """List the executions that are dead, of TASK or of all, newest first; redriven_by says what came of each."""
    shown = ("id", "task_name", "kind", "finished_at", "error", "redriven_by")
    _print(task, frozenset({ExecutionState.DEAD}), limit, output, shown)


@click.command("redrive")
@click.argument("executions", nargs=-1, required=True, metavar="EXECUTION...")
@click.option("--allow-overlap", is_flag=True, help="Run although another execution of the task is open.")
@reason_option
def redrive_command(executions: tuple[str, ...], allow_overlap: bool, reason: str) -> None:
    """Run each dead EXECUTION again, once for ever: the id of what runs in its place is printed.

    Stops at the first that is refused; repeating the command is harmless.
    """

    async def redrive(services: "Container") -> None:
        redriving = services.redrive_execution()
        for each in executions:
            try:
                done = await redriving.redrive(ExecutionId(each), author(reason), allow_overlap=allow_overlap)
            except DomainError as error:
                fail(error, about=each)
            click.echo(done.execution_id)
        await note_if_idle(services)

    with_services(redrive)


def _print(
    task: str | None, states: frozenset[ExecutionState], limit: int, output: Output, shown: tuple[str, ...]
) -> None:
    async def read(services: "Container") -> list[ExecutionDocument]:
        which = ExecutionFilter(None if task is None else (await named(services, task)).id, states)
        page = await services.inspect_tasks().executions(which, limit=limit)
        return [execution_document(each) for each in page.executions]

    found = with_services(read)
    rows = found if output == Output.JSON else [{name: _cell(each[name]) for name in shown} for each in found]
    print_rows(rows, output)


def _cell(value: Any) -> Any:
    """The gist of an error, everything else as it is."""
    return ErrorReport(value["kind"], value["text"]).gist if isinstance(value, dict) else value


def _told(record: ExecutionRecord) -> Iterator[str]:
    execution, summary = record.summary.execution, record.summary
    yield f"{execution.id} of {on_one_line(summary.task_name or execution.task_id)}: {execution.state}"
    yield f"  {execution.kind}, version {execution.version}, asked for at {instant(execution.scheduled_at)}"
    if execution.result_json is not None:
        yield f"  result: {on_one_line(execution.result_json)}"
    if execution.cancel is not None:
        cancel = execution.cancel
        why = f": {on_one_line(cancel.reason)}" if cancel.reason else ""
        yield f"  {on_one_line(cancel.actor)} asked for it to be cancelled at {instant(cancel.at)}{why}"
    if execution.error is not None and not any(each.error for each in record.attempts):
        yield from _error_told(execution.error)
    for attempt in record.attempts:
        yield from _attempt_told(attempt)
    yield "" if record.log else "No log."
    yield from (f"{instant(each.at)} {each.level:7} {on_one_line(each.text)}" for each in record.log)


def _attempt_told(attempt: AttemptRecord) -> Iterator[str]:
    ended = f"{attempt.outcome} at {instant(attempt.finished_at)}" if attempt.outcome else "running"
    yield f"Start {attempt.start} at {instant(attempt.started_at)} on {attempt.worker_id}: {ended}"
    if attempt.error is not None:
        yield from _error_told(attempt.error)


def _error_told(error: ErrorReport) -> Iterator[str]:
    """A traceback line by line, or what there is instead; nothing in it may move a terminal's cursor."""
    lines = error.text.strip().splitlines()
    return (f"  {on_one_line(line)}" for line in (lines if len(lines) > 1 else [error.gist]))
