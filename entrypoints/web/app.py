"""The admin as an aiohttp application: dashboard and API over the same use cases."""

from aiohttp import web

from entrypoints.web.assets import ASSETS, load_assets
from entrypoints.web.doors.connections import Runner
from entrypoints.web.doors.origins import add_headers, check_host, check_origin
from entrypoints.web.doors.request_ids import add_request_id, name_request
from entrypoints.web.events import end_streams, keep_feed
from entrypoints.web.feed import FEED
from entrypoints.web.keys import SERVICES, SETTINGS, WebServices, WebSettings
from entrypoints.web.problems import answer_problems
from entrypoints.web.rendering import set_up_templates
from entrypoints.web.requests.bodies import BODY_BYTES_MAX
from entrypoints.web.route import TABLE
from entrypoints.web.routes import ROUTES, web_routes

LINGERING_SECONDS = 2.0
SHUTDOWN_SECONDS = 3.0
# Also how long a request's head may take, from its connection's beginning or its last answer on.
KEEP_ALIVE_SECONDS = 15.0

__all__ = ["WebServices", "WebSettings", "create_app", "create_runner"]


def create_app(services: WebServices, settings: WebSettings) -> web.Application:
    """The application, ready to be served or to be mounted."""
    # Outermost first: whatever the checks refuse is answered as a problem, too.
    doors = [name_request, answer_problems, check_host, check_origin]
    app = web.Application(middlewares=doors, client_max_size=BODY_BYTES_MAX)
    app[SERVICES] = services
    app[SETTINGS] = settings
    app[FEED] = services.feed
    app[TABLE] = ROUTES
    app[ASSETS] = load_assets()
    set_up_templates(app)
    app.on_response_prepare.extend([add_headers, add_request_id])
    app.add_routes(web_routes(settings.prefix))
    app.cleanup_ctx.append(keep_feed)
    app.on_shutdown.append(end_streams)
    return app


def create_runner(app: web.Application) -> web.AppRunner:
    """A runner that hands bodies over as they came: nothing is decompressed, and the process handles its signals.

    What is left of a body that was refused is read on for a moment only, so that its sender sees the answer.
    """
    return Runner(
        app,
        auto_decompress=False,
        keepalive_timeout=KEEP_ALIVE_SECONDS,
        lingering_time=LINGERING_SECONDS,
        shutdown_timeout=SHUTDOWN_SECONDS,
        handle_signals=False,
        access_log=None,
    )
