"""Commands on files of tasks: what a file would change, changing it, and tasks out of a crontab."""

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from application.scheduling import json_text
from application.scheduling.declarations import DeclaredFile, file_in, from_crontab
from application.scheduling.services.apply_document import apply_document
from application.scheduling.services.apply_plan import PRUNE_LIMIT, ApplyItem, ApplyOutcome, ApplyPlan
from application.scheduling.services.error_reports import on_one_line
from domain.errors import DomainError, MalformedJsonError
from entrypoints.cli.answers import (
    EXIT_CONFLICT,
    Count,
    Output,
    fail,
    note,
    output_option,
    print_document,
    sentence_of,
    with_services,
)
from entrypoints.cli.asking import author, reason_option

if TYPE_CHECKING:
    from entrypoints.container import Container

EXIT_DIFFERENT = 1
_MARKS = {
    ApplyOutcome.CREATED: "+",
    ApplyOutcome.CHANGED: "~",
    ApplyOutcome.UNCHANGED: "=",
    ApplyOutcome.PRUNED: "-",
    ApplyOutcome.REFUSED: "!",
}

_file_option = click.option(
    "-f", "--file", type=click.File("rb"), required=True, help="YAML or JSON; - for standard input."
)
_manager_option = click.option("--manager", help="Whose file it is: goes before the name that stands in it.")


def _prune_options(command: Callable[..., None]) -> Callable[..., None]:
    limit = click.option(
        "--prune-limit",
        type=Count(1, 100),
        default=PRUNE_LIMIT,
        show_default=True,
        metavar="PERCENT",
        help="Do nothing if more of what the manager has created were deleted.",
    )
    prune = click.option(
        "--prune", is_flag=True, help="Delete what the manager has created and the file does not have."
    )
    return prune(limit(command))


@click.command("diff")
@_file_option
@_manager_option
@_prune_options
@output_option
def diff_command(file: BinaryIO, manager: str | None, prune: bool, prune_limit: int, output: Output) -> None:
    """Tell what applying FILE would change, and leave with 1 if that is anything.

    What somebody else said and FILE does not mention is told as drift, and is no difference.
    """
    plan = _applied(_read(file, file_in), manager, prune, prune_limit, reason="", dry_run=True)
    _print(plan, output, dry_run=True)
    sys.exit(EXIT_DIFFERENT if plan.changes else 0)


@click.command("apply")
@_file_option
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@_manager_option
@_prune_options
@reason_option
@output_option
def apply_command(
    file: BinaryIO, dry_run: bool, manager: str | None, prune: bool, prune_limit: int, reason: str, output: Output
) -> None:
    """Make the tasks what FILE says; applied again, it changes nothing.

    With one fault in FILE nothing is done. What somebody else said and FILE does not mention stays, and is told.
    """
    _finish(_applied(_read(file, file_in), manager, prune, prune_limit, reason, dry_run), output, dry_run)


@click.group("import")
def import_command() -> None:
    """Make tasks of what another scheduler has."""


@import_command.command("crontab")
@click.argument("file", type=click.File("rb"))
@click.option("--task-type", default="crontab", show_default=True, help="The type of the tasks.")
@click.option("--handler", default="command", show_default=True, help='What runs them, given {"command": "…"}.')
@click.option("--tz", "timezone", default="UTC", show_default=True, help="The zone of lines without CRON_TZ.")
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@_manager_option
@reason_option
@output_option
def crontab_command(
    file: BinaryIO,
    task_type: str,
    handler: str,
    timezone: str,
    dry_run: bool,
    manager: str | None,
    reason: str,
    output: Output,
) -> None:
    """Make a task of each line of the crontab in FILE (- for standard input), named by its command.

    No command is ever run by the scheduler itself: a processor of yours gets it as payload.
    """
    found = _read(file, lambda raw: from_crontab(raw, task_type=task_type, handler=handler, timezone=timezone))
    _finish(_applied(found, manager, False, PRUNE_LIMIT, reason, dry_run), output, dry_run)


def _read(file: BinaryIO, read: Callable[[bytes], DeclaredFile]) -> DeclaredFile:
    raw = file.read(json_text.BYTES_MAX + 1)
    try:
        if len(raw) > json_text.BYTES_MAX:
            raise MalformedJsonError(f"more than {json_text.BYTES_MAX:,} bytes", code="too_large")
        return read(raw)
    except DomainError as error:
        fail(error)


def _applied(
    file: DeclaredFile, manager: str | None, prune: bool, prune_limit: int, reason: str, dry_run: bool
) -> ApplyPlan:
    async def apply(services: "Container") -> ApplyPlan:
        by, applying = author(reason), services.apply_file()
        plan = await applying.plan(file, by, manager=manager, prune=prune, limit=prune_limit)
        return plan if dry_run else await applying.carry_out(plan, by)

    found: ApplyPlan = with_services(apply)
    return found


def _finish(plan: ApplyPlan, output: Output, dry_run: bool) -> None:
    _print(plan, output, dry_run=dry_run)
    if plan.of(ApplyOutcome.REFUSED):
        note("Somebody changed some of them meanwhile: look at what it is, and apply the file again.")
        sys.exit(EXIT_CONFLICT)


def _print(plan: ApplyPlan, output: Output, *, dry_run: bool) -> None:
    if output == Output.JSON:
        print_document(apply_document(plan, dry_run=dry_run))
    else:
        for item in plan.items:
            _print_item(item)
        counts: dict[str, Any] = {outcome: count for outcome, count in plan.counts.items() if count}
        told = ", ".join(f"{count:,} {outcome}" for outcome, count in counts.items()) or "no tasks"
        click.echo(f"{told}; {plan.drifting:,} with drift.")
    if dry_run:
        note("Dry run: nothing was done.")
        if plan.refusal is not None:
            note(f"As asked for, it would be refused: {sentence_of(plan.refusal)}")


def _print_item(item: ApplyItem) -> None:
    if item.outcome is not ApplyOutcome.UNCHANGED or item.drift:
        why = f": {item.detail}" if item.detail else ""
        click.echo(f"{_MARKS[item.outcome]} {on_one_line(item.name)} {item.outcome}{on_one_line(why)}")
    for difference in item.differences:
        click.echo(f"    {on_one_line(difference.sentence)}")
    for drift in item.drift:
        told = f"drift, kept: {drift.label}: {drift.told_after} (the file alone: {drift.told_before})"
        click.echo(f"    {on_one_line(told)}")
