"""The dashboard and the API, served by the scheduler's process."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web

from application.scheduling.ports.errors import StoreRefusedError
from entrypoints.container import Container
from entrypoints.settings import Settings
from entrypoints.web.app import WebServices, WebSettings, create_app, create_runner

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
OPEN_TO_THIS_MACHINE = "Open without a login to everybody on this machine, and to nobody else."


@asynccontextmanager
async def serve_admin(settings: Settings, container: Container, ready: Callable[[], bool]) -> AsyncIterator[str]:
    """Serve for as long as the context lasts; yields the dashboard's address. Raises PortError if the port is taken."""
    services = WebServices(
        manage=container.manage_tasks(),
        inspect=container.inspect_tasks(),
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
            where = f"{settings.scheduler_host}:{settings.scheduler_port}"
            raise StoreRefusedError(f"cannot serve on {where}: {error.strerror}; choose another --port") from error
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}/admin/scheduler/"
    finally:
        await runner.cleanup()
