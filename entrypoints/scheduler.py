"""`python -m entrypoints.scheduler`: the service in the roles it is given, all of them unless that is said."""

import asyncio
import sys
from contextlib import AsyncExitStack

import click

from application.scheduling.ports.errors import StoreRefusedError
from domain.scheduling.identifiers import NodeId
from entrypoints.container import Container
from entrypoints.logs import configure_logging
from entrypoints.loop import unless_stopped
from entrypoints.presence import new_node_id
from entrypoints.process import EXIT_OK, EXIT_USAGE, run
from entrypoints.profiles import Profile, profile_of
from entrypoints.service import Service
from entrypoints.settings import InvalidSettingsError, Settings, load_settings
from entrypoints.stores import Lock

LOCK_LOOKS_MAX = 30
LOCK_LOOK_SECONDS = 0.1


async def serve(settings: Settings, node_id: NodeId, stop: asyncio.Event) -> int:
    """Take the lock, if there is one, open the store, serve; told to stop before that, end at once.

    Raises StoreRefusedError if another process serves the file, CannotServeError if the dashboard's port is taken.
    """
    profile = profile_of(settings)
    # Before the lock is made: beside a file that turns out to be somebody else's, nothing is left behind.
    await unless_stopped(asyncio.to_thread(profile.check), stop)
    lock = profile.lock()
    async with AsyncExitStack() as leaving:
        if lock is not None:
            leaving.callback(lock.release)
            await unless_stopped(_take(lock, profile), stop)
        # The store may have to wait for another program, or for a long migration.
        stores = await unless_stopped(leaving.enter_async_context(profile.open_store()), stop)
        return EXIT_OK if stores is None else await Service(settings, node_id, profile, lock, stop).run(stores)


async def _take(lock: Lock, profile: Profile) -> None:
    for _ in range(LOCK_LOOKS_MAX):
        if lock.acquire():
            return
        # A worker that outlived its supervisor by a moment still holds it.
        await asyncio.sleep(LOCK_LOOK_SECONDS)
    raise StoreRefusedError(f"{profile.where} is served by another process (pid {lock.holder()}); stop that one first")


@click.command()
@click.option("--roles", help="What to run, of scheduler, worker and admin [all].")
@click.option("--host", help="The address to serve the dashboard on [127.0.0.1].")
@click.option("--port", type=click.IntRange(0, 65_535), help="The port to serve the dashboard on [8080].")
def main(roles: str | None, host: str | None, port: int | None) -> None:
    """Serve PeachPie's task scheduler: scheduler, worker and dashboard, or those of them that are named."""
    try:
        settings = load_settings(scheduler_roles=roles, scheduler_host=host, scheduler_port=port)
        node_id = new_node_id(Container.entropy())
        configure_logging(settings.scheduler_log_format, settings.scheduler_log_level, node_id)
        sys.exit(run(lambda stop: serve(settings, node_id, stop)))
    except InvalidSettingsError as error:
        click.echo("\n".join(error.lines), err=True)
        sys.exit(EXIT_USAGE)


if __name__ == "__main__":
    main()
