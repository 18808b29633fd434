"""Commands that change what a task says, and make another one like it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, BinaryIO

import click

from application.scheduling.documents import definition_document, task_document
from application.scheduling.drafts import body_from
from application.scheduling.services.change_task import Done
from domain.errors import DomainError, InvalidInputError
from entrypoints.cli.answers import fail, print_document, with_services
from entrypoints.cli.asking import author, json_in, named, reason_option

if TYPE_CHECKING:
    from entrypoints.container import Container


@click.command("edit")
@click.argument("task")
@click.argument("file", type=click.File("rb"))
@reason_option
def edit_command(task: str, file: BinaryIO, reason: str) -> None:
    """Change TASK as the JSON in FILE says (- for standard input).

    What FILE leaves out stays as it is; null takes it away. With the version that `get` prints, it is refused if
    somebody has changed the task since.
    """
    try:
        patch = json_in(file)
        if not isinstance(patch, Mapping):
            raise InvalidInputError((DomainError("a change is a JSON object", code="wrong_type"),))
    except DomainError as error:
        fail(error)

    async def edit(services: "Container") -> Done:
        return await services.manage_tasks().patch((await named(services, task)).id, patch, author(reason))

    print_document(task_document(with_services(edit).task))


@click.command("clone")
@click.argument("task")
@click.argument("name")
@click.option("--dry-run", is_flag=True, help="Only say what would be created.")
@reason_option
def clone_command(task: str, name: str, dry_run: bool, reason: str) -> None:
    """Create a task like TASK under NAME, with the same handler and no history; an interval begins anew."""

    async def clone(services: "Container") -> Done:
        definition = (await named(services, task)).definition
        like = {key: value for key, value in definition_document(definition).items() if key != "anchor"}
        body = body_from({**like, "name": name, "handler": definition.handler_name})
        return await services.manage_tasks().create(body, author(reason), dry_run=dry_run)

    print_document(task_document(with_services(clone).task))
