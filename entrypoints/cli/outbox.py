"""`peachpie-scheduler store outbox`: what waits for a Redis beside PostgreSQL, and giving it up."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from application.scheduling.iso_text import instant
from application.scheduling.ports.outbox import DISCARD_MAX
from entrypoints.cli.answers import Count, Output, output_option, print_document, print_rows
from entrypoints.cli.asking import doer, reason_option
from entrypoints.cli.store_urls import StoreUrl, with_store

if TYPE_CHECKING:
    from application.scheduling.ports.outbox import Outbox, WaitingType
    from domain.scheduling.identifiers import ExecutionId
    from entrypoints.stores import MovableStores


@click.command("outbox")
@click.argument("url", type=StoreUrl())
@click.option(
    "--discard",
    type=Count(1, DISCARD_MAX),
    metavar="COUNT",
    help="Give up the oldest COUNT messages for good; refused if fewer wait.",
)
@click.option("--type", "task_type", metavar="TYPE", help="Only messages of this task type.")
@reason_option
@output_option
def outbox_command(url: str, discard: int | None, task_type: str | None, reason: str, output: Output) -> None:
    """Show which messages for programs of others are in no stream yet, or give them up.

    They wait for the Redis of REDIS_URL, whichever that is: name another one there, and they go to its streams. What is
    given up reaches nobody, as its reason on record says; with --output json it is told which executions that were.
    """
    if discard is None:
        _show(with_store(url, _waiting), task_type, output)
        return
    if not reason.strip():
        raise click.UsageError("--discard needs a --reason, which is kept on record")

    async def discarded(stores: "MovableStores", where: str) -> "Sequence[ExecutionId]":
        from application.scheduling.services.discard_messages import DiscardMessages  # noqa: PLC0415 - as `with_store`

        messages = DiscardMessages(_outbox_of(stores, where))
        return await messages.discard(discard, task_type=task_type, reason=reason, by=doer())

    gone: Sequence[ExecutionId] = with_store(url, discarded)
    if output is Output.JSON:
        print_document({"discarded": list(gone)})
    else:
        click.echo(f"Discarded {len(gone):,}: they will reach nobody. It is in the record of access.")


async def _waiting(stores: "MovableStores", where: str) -> "Sequence[WaitingType]":
    return await _outbox_of(stores, where).waiting_by_type()


def _outbox_of(stores: "MovableStores", where: str) -> "Outbox":
    from application.scheduling.services.errors import ServiceError  # noqa: PLC0415 - as `with_store`

    if (outbox := stores.outbox()) is None:
        raise ServiceError(f"{where} has no outbox: only a PostgreSQL with a Redis beside it needs one")
    return outbox


def _show(waiting: "Sequence[WaitingType]", task_type: str | None, output: Output) -> None:
    rows = [
        {"task_type": each.task_type, "messages": each.count, "oldest": instant(each.oldest_at)}
        for each in waiting
        if task_type in (None, each.task_type)
    ]
    print_rows(rows, output)
