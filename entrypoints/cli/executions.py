"""Commands on executions: list them, stop one, see what died, and give it another chance."""

from typing import TYPE_CHECKING, Any

import click

from application.scheduling.documents import execution_document
from application.scheduling.ports.history import ExecutionFilter
from domain.scheduling.execution import ErrorReport, ExecutionState
from domain.scheduling.identifiers import ExecutionId
from entrypoints.cli.answers import Output, output_option, print_rows, with_services
from entrypoints.cli.asking import author, named, reason_option

if TYPE_CHECKING:
    from entrypoints.container import Container

limit_option = click.option("--limit", type=click.IntRange(1, 200), default=20, show_default=True)


@click.command("executions")
@click.argument("task")
@limit_option
@output_option
def executions_command(task: str, limit: int, output: Output) -> None:
    """List the executions of TASK, newest first."""
    shown = ("id", "kind", "state", "scheduled_at", "started_at", "finished_at", "starts", "rescues")
    _print(task, frozenset(), limit, output, shown)


@click.command("cancel")
@click.argument("execution")
@reason_option
def cancel_command(execution: str, reason: str) -> None:
    """Cancel EXECUTION (its id): at once, or by asking it to stop if it runs."""
    answer = with_services(
        lambda services: services.manage_tasks().cancel(ExecutionId(execution), author(reason)),
    )
    match answer.state:
        case ExecutionState.CANCELLED:
            click.echo(f"Cancelled {execution}.")
        case ExecutionState.RUNNING:
            click.echo(f"Asked {execution} to stop.")
        case state:
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
        for each in executions:
            done = await services.redrive_execution().redrive(
                ExecutionId(each), author(reason), allow_overlap=allow_overlap
            )
            click.echo(done.execution_id)

    with_services(redrive)


def _print(
    task: str | None, states: frozenset[ExecutionState], limit: int, output: Output, shown: tuple[str, ...]
) -> None:
    async def read(services: "Container") -> list[dict[str, Any]]:
        which = ExecutionFilter(None if task is None else (await named(services, task)).id, states)
        page = await services.inspect_tasks().executions(which, limit=limit)
        return [execution_document(each) for each in page.executions]

    found = with_services(read)
    rows = found if output == Output.JSON else [{name: _cell(each[name]) for name in shown} for each in found]
    print_rows(rows, output)


def _cell(value: Any) -> Any:
    """The gist of an error, everything else as it is."""
    return ErrorReport(value["kind"], value["text"]).gist if isinstance(value, dict) else value
