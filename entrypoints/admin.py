"""The dashboard and the API, served by the scheduler's process."""

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web

from entrypoints.container import Container
from entrypoints.process import CannotServeError
from entrypoints.settings import Settings
from entrypoints.web.app import WebServices, WebSettings, create_app, create_runner

OPEN_TO_THIS_MACHINE = "Open without a login to everybody on this machine, and to nobody else."


@asynccontextmanager
async def serve_admin(settings: Settings, container: Container, ready: Callable[[], bool]) -> AsyncIterator[str]:
    """Serve for as long as the context lasts; yields the dashboard's address. Raises CannotServeError."""
    services = WebServices(
        manage=container.manage_tasks(),
        inspect=container.inspect_tasks(),
        explain=container.explain(),
        restore=container.restore_version(),
        redrive=container.redrive_execution(),
        backfill=container.backfill_task(),
        preview=container.preview(),
        clock=container.clock(),
        entropy=container.entropy(),
        ready=ready,
    )
    app = create_app(services, WebSettings(loopback_hosts_only=True, banner=OPEN_TO_THIS_MACHINE))
    runner = create_runner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, settings.scheduler_host, settings.scheduler_port)
        try:
            await site.start()
        except OSError as error:
            where = _authority(settings.scheduler_host, settings.scheduler_port)
            # uvloop's text repeats the address.
            reason = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
            raise CannotServeError(f"cannot serve on {where}: {reason}; choose another --port") from error
        yield f"http://{_authority(*runner.addresses[0][:2])}/admin/scheduler/"
    finally:
        await runner.cleanup()


def _authority(host: str, port: int) -> str:
    """Host and port as they stand in a URL; RFC 3986, 3.2.2."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
