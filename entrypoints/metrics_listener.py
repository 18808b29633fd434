"""Where a process tells its figures if it has no dashboard to do so, or nobody is to need a token for them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from entrypoints.listening import listening
from entrypoints.metrics import ProcessMetrics
from entrypoints.settings import Settings
from entrypoints.web.answers import figures_answer
from entrypoints.web.app import create_runner
from entrypoints.web.doors.origins import HEADERS

PATH = "/metrics"


@asynccontextmanager
async def serve_metrics(settings: Settings, metrics: ProcessMetrics) -> AsyncIterator[str | None]:
    """Serve the figures, and nothing else, without a login, on the address the settings name for that.

    Yields their URL; None if there is no such address. Raises CannotServeError.
    """
    if settings.scheduler_metrics_port is None:
        yield None
        return

    async def answer(_request: web.Request) -> web.Response:
        return figures_answer(await metrics.text())

    async def add_headers(_request: web.Request, response: web.StreamResponse) -> None:
        response.headers.update({**HEADERS, "Server": ""})

    app = web.Application()
    app.on_response_prepare.append(add_headers)
    app.add_routes([web.get(PATH, answer)])
    host, port = settings.scheduler_metrics_host, settings.scheduler_metrics_port
    async with listening(create_runner(app), host, port, choose="SCHEDULER_METRICS_PORT") as where:
        yield f"http://{where}{PATH}"
