"""`peachpie-scheduler store`: migrating one, and moving everything from one to another, whatever they are kept in."""

import sys
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from entrypoints.cli.answers import Output, note, output_option, print_document, print_rows
from entrypoints.cli.outbox import outbox_command
from entrypoints.cli.store_urls import StoreUrl, carried_out, with_store

if TYPE_CHECKING:
    from application.scheduling.ports.transfer import Facts, Mark
    from application.scheduling.services.copy_store import CopyReport
    from entrypoints.stores import MovableStores

WAIT_DEFAULT = 600
FINDINGS = 1


@dataclass(frozen=True, slots=True)
class Moved:
    """A finished copy, where it is, and how many executions were running when the source was sealed."""

    report: "CopyReport"
    where: str
    running: int


@click.group("store")
def store_command() -> None:
    """Migrate the store at a URL (sqlite:///path, redis://host, postgresql://host/database), or move it to another.

    Where a URL has a password, name the environment variable it is in instead: env:NAME.

    What is copied is the work of the whole service with everything on record: tasks, versions, executions, changes,
    users and tokens. Sessions of the dashboard are not: people sign in again.
    """


store_command.add_command(outbox_command)


@store_command.command("copy")
@click.option(
    "--from",
    "source",
    required=True,
    type=StoreUrl(),
    metavar="URL",
    help="The store to copy. It may be served meanwhile.",
)
@click.option(
    "--to", "target", required=True, type=StoreUrl(), metavar="URL", help="An empty store, or the copy to go on with."
)
@click.option(
    "--wait",
    type=click.IntRange(0, 7 * 86_400),
    default=WAIT_DEFAULT,
    show_default=True,
    help="Seconds to wait, once the copy is up to date, for the services to be stopped.",
)
@output_option
def copy(source: str, target: str, wait: int, output: Output) -> None:
    """Copy everything, check it, and hand the service over.

    The source is served until the copy is up to date; then you are told to stop the services, the rest is copied, all
    of it is compared, and the source refuses to be served from then on. Interrupted, the same command goes on.
    """
    moved: Moved = carried_out(lambda: _copied(source, target, timedelta(seconds=wait)))
    report = moved.report
    rows = [
        {
            "kind": each.kind.value.replace("_", " ") if output is Output.TABLE else each.kind.value,
            "records": each.counts[1],
            "unreadable": each.unreadable,
            "sha256": each.digests[1][:16] if output is Output.TABLE else each.digests[1],
        }
        for each in report.kinds
    ]
    unreadable = sum(each.unreadable for each in report.kinds)
    if output is Output.JSON:
        seconds = round(report.sealed_for.total_seconds(), 3)
        told = {"passes": report.passes, "sealed_seconds": seconds, "running": moved.running, "kinds": rows}
        print_document({"copied_to": moved.where, **told})
    else:
        if rows:
            print_rows(rows, output)
        _tell_what_now(moved, unreadable)
    sys.exit(FINDINGS if unreadable else 0)


@store_command.command("release")
@click.argument("url", type=StoreUrl())
@click.option("--although-moved", is_flag=True, help="Also if its copy is finished, and is thrown away.")
def release(url: str, although_moved: bool) -> None:
    """Let a store be served again that is sealed for a copy.

    Never serve it beside its copy: both would run the same occurrences.
    """

    async def released(stores: "MovableStores", where: str) -> "Mark | None":
        from application.scheduling.services.copy_store import End  # noqa: PLC0415 - with drivers
        from application.scheduling.services.copy_store import release as let_go  # noqa: PLC0415

        return await let_go(End(stores.transfer, where), although_moved=although_moved)

    mark: Mark | None = with_store(url, released)
    click.echo("It was not sealed." if mark is None else "It can be served again.")


@store_command.command("migrate")
@click.argument("url", type=StoreUrl())
def migrate(url: str) -> None:
    """Make the store, or bring it to this program's version, and leave.

    Services do so at their start. This is for those whose user may not change the schema; what runs goes on.
    """

    async def met(stores: "MovableStores", _: str) -> str:
        return (await stores.transfer.facts()).store_id

    click.echo(f"Ready for this version: store {with_store(url, met, begun=False)}.")


@store_command.command("info")
@click.argument("url", type=StoreUrl())
def info(url: str) -> None:
    """Show what a store is: its name, and whether it is being moved."""

    async def read(stores: "MovableStores", _: str) -> "Facts":
        return await stores.transfer.facts()

    facts: Facts = with_store(url, read)
    print_document(
        {
            "store_id": facts.store_id,
            "generation": facts.generation,
            "tzdata": facts.tzdata,
            "standing": facts.mark.standing.value if facts.mark else "served",
            "other_store": facts.mark.other if facts.mark else None,
        }
    )


def _tell_what_now(moved: Moved, unreadable: int) -> None:
    report = moved.report
    seconds = f"{report.sealed_for.total_seconds():.1f} s"
    if report.kinds:
        click.echo(f"Copied and compared in {report.passes} passes; the source was sealed for {seconds} of that.")
    else:
        click.echo("An earlier run had copied and compared everything.")
    if moved.running:
        told = "what was running then is begun again by its workers, on record as rescued"
        click.echo(f"{moved.running} executions: {told}.")
    if unreadable:
        note(f"{unreadable} records could not be read at all and are not in the copy.")
    click.echo(f"Now serve {moved.where}. The source refuses to be served, and is kept as it was.")


async def _copied(source: str, target: str, wait: timedelta) -> Moved:
    from application.scheduling.services.copy_store import CopyRefusedError, CopyStore, End  # noqa: PLC0415
    from entrypoints.cli.copy_watch import watching  # noqa: PLC0415
    from entrypoints.clock import clock  # noqa: PLC0415
    from entrypoints.keepers import keeper_of  # noqa: PLC0415
    from entrypoints.profiles import profile_at  # noqa: PLC0415

    there, here = profile_at(source), profile_at(target)
    here.check()
    there.check()
    async with AsyncExitStack() as leaving:
        locks = there.lock(), here.lock()
        for lock in locks:
            if lock is not None:
                leaving.callback(lock.release)
        begun = await leaving.enter_async_context(there.open_for_transfer(begun=True))
        if locks[1] is not None and not locks[1].acquire():
            raise CopyRefusedError(f"{here.where} is served by process {locks[1].holder()}")
        new = await leaving.enter_async_context(here.open_for_transfer(begun=False))
        watcher = leaving.enter_context(watching(there.where))
        ends = End(begun.transfer, there.where), End(new.transfer, here.where)
        copying = CopyStore(*ends, keeper_of(begun, locks[0]), watcher, clock(), wait)
        return Moved(await copying.run(), here.where, len(await new.executions.held()))
