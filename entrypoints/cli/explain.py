"""`peachpie-scheduler explain`: why a task did, or did not, run at a time."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from application.scheduling.explanations import Explanation, Finding, explanation_document
from application.scheduling.explanations.words import Clockface
from application.scheduling.ports.task_store import Unreadable
from domain.errors import DomainError
from domain.scheduling.asked_time import AskedTime
from domain.scheduling.identifiers import TaskId
from entrypoints.cli.answers import Output, fail, output_option, print_document, with_services

if TYPE_CHECKING:
    from entrypoints.container import Container


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
    """Tell why TASK (its id or name; a deleted one's id) did, or did not, run at a time."""
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
    """The task of this name; any other text may be an id, also of a task that is deleted or cannot be read."""
    found = await services.stores().tasks.find(task)
    if found is None:
        return TaskId(task)
    return found.task_id if isinstance(found, Unreadable) else found.id


def _lines(told: Explanation) -> Iterator[str]:
    face = Clockface(told.timezone)
    yield f"{told.task_name or told.task_id} at {told.asked} ({told.timezone})"
    yield from (f"! {said}" for said in told.remarks.values())
    yield ""
    if len(told.findings) > 1:
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
    yield f"On record since {face.about(told.records_since)}."


def _told(finding: Finding) -> Iterator[str]:
    gist, *more = finding.sentences
    yield gist
    yield from (f"  {said}" for said in more)
    yield from (
        f"  execution {each.id}" for each in finding.executions[:1] if each.id not in " ".join(finding.sentences)
    )
