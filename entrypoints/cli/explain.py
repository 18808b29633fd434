"""`peachpie-scheduler explain`: why a task did, or did not, run at a time."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from application.scheduling.explanations import Code, Explanation, Finding, explanation_document
from application.scheduling.ports.history import TaskFilter, TaskOrder
from application.scheduling.ports.task_store import Unreadable
from domain.errors import DomainError
from domain.scheduling.asked_time import AskedTime
from domain.scheduling.identifiers import TaskId
from entrypoints.cli.answers import Output, fail, output_option, print_document, with_services

if TYPE_CHECKING:
    from entrypoints.container import Container

# Deleted tasks with the text in name, description or handler, among which one of that name is looked for.
LOOKED_MAX = 200


@click.command("explain")
@click.argument("task")
@click.option(
    "--at",
    "at",
    required=True,
    help="2026-03-29T02:30 on the clocks of the task's zone, or with Z or an offset; or a day.",
)
@output_option
def explain_command(task: str, at: str, output: Output) -> None:
    """Tell why TASK (its id or name; deleted ones too) did, or did not, run at a time."""
    try:
        asked = AskedTime.parse(at)
    except DomainError as error:
        fail(error)

    async def explained(services: "Container") -> Explanation:
        return await services.explain().at(await _id_of(services, task), asked)

    explanation = with_services(explained)
    if output is Output.JSON:
        print_document(explanation_document(explanation))
    else:
        click.echo("\n".join(_lines(explanation)))


async def _id_of(services: "Container", task: str) -> TaskId:
    """The task of this id or name, or the one deleted last that bore the name; any other text is taken for an id."""
    stores = services.stores()
    found = await stores.tasks.get(TaskId(task)) or await stores.tasks.find(task)
    if found is not None:
        return found.task_id if isinstance(found, Unreadable) else found.id
    which = TaskFilter(text=task, deleted=True)
    gone = await stores.history.tasks(which, order=TaskOrder.UPDATED_AT, descending=True, limit=LOOKED_MAX, cursor=None)
    return next((each.id for each in gone.tasks if each.definition.name == task), TaskId(task))


def _lines(told: Explanation) -> Iterator[str]:
    yield f"{told.task_name or told.task_id} at {told.asked} ({told.timezone})"
    yield from (f"! {said}" for said in told.remarks.values())
    yield ""
    if told.code is Code.SEVERAL:
        yield told.summary
    for finding in told.findings:
        yield from _told(finding)
    if told.also:
        yield "Meanwhile:"
        for finding in told.also:
            yield from _told(finding)
    yield ""
    if told.before is not None:
        yield f"Before: {told.before.sentence}"
    if told.after is not None:
        yield f"After:  {told.after.sentence}"
    yield told.reach


def _told(finding: Finding) -> Iterator[str]:
    gist, *more = finding.sentences
    yield gist
    yield from (f"  {said}" for said in more)
    yield from (
        f"  execution {each.id}" for each in finding.executions[:1] if each.id not in " ".join(finding.sentences)
    )
