"""Where a process tells its figures if it has no dashboard to do so, or nobody is to need a token for them.

Nobody signs in here, so a page of another site must not reach it through somebody's browser: it could let a name of its
own lead to this address (DNS rebinding), and then read what looks like its own. Such a name has a dot; an address is
none, and so is what a machine or a service is called among its own.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from ipaddress import ip_address

from aiohttp import web
from aiohttp.typedefs import Handler
from yarl import URL

from entrypoints.listening import listening
from entrypoints.metrics import ProcessMetrics
from entrypoints.settings import Settings
from entrypoints.web.answers import figures_answer
from entrypoints.web.app import create_runner
from entrypoints.web.doors.origins import HEADERS, is_loopback_name

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

    @web.middleware
    async def check_host(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not _answers_to(settings, request.headers.getall("Host", [])):
            told = "this address answers to its own names only: see SCHEDULER_METRICS_NAMES\n"
            raise web.HTTPMisdirectedRequest(text=told)
        return await handler(request)

    app = web.Application(middlewares=[check_host])
    app.on_response_prepare.append(add_headers)
    app.add_routes([web.get(PATH, answer)])
    host, port = settings.scheduler_metrics_host, settings.scheduler_metrics_port
    async with listening(create_runner(app), host, port, choose="SCHEDULER_METRICS_PORT") as where:
        yield f"http://{where}{PATH}"


def _answers_to(settings: Settings, hosts: Sequence[str]) -> bool:
    """True for the loopback's names and the settings'; beyond it for addresses and names without a dot, too."""
    if len(hosts) != 1:
        return False
    if is_loopback_name(hosts[0]):
        return True
    name = _name_of(hosts[0])
    if name is None or name in {each.lower() for each in settings.scheduler_metrics_names}:
        return name is not None
    is_for_this_machine = is_loopback_name(settings.scheduler_metrics_host)
    return not is_for_this_machine and ("." not in name or _is_address(name))


def _name_of(host: str) -> str | None:
    """The host without its port, in small letters; None: it is none."""
    try:
        url = URL(f"http://{host}")
        return url.host.lower() if url.host and url.user is None and url.raw_path == "/" else None
    except ValueError:
        return None


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
