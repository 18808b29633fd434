"""Who may ask for what: the names we answer to, the sites changes may come from, the permission of each route.

Also the headers that tell a browser how little these pages need. They go with every answer, errors included.
"""

import re
from enum import StrEnum

from aiohttp import web
from aiohttp.typedefs import Handler
from yarl import URL

from entrypoints.web.errors import RequestError
from entrypoints.web.keys import SETTINGS

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
LOCAL_ACTOR = "local"
_LOOPBACK = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:\d{1,5})?", re.ASCII | re.IGNORECASE)


class Permission(StrEnum):
    """What a route asks of its caller, each including the one before; `public` asks nothing."""

    PUBLIC = "public"
    VIEWER = "viewer"
    OPERATOR = "operator"
    EDITOR = "editor"
    ADMIN = "admin"


def admitted(request: web.Request, permission: Permission) -> str:  # noqa: ARG001 - one local user may do everything
    """Return who is asking, if the route's permission is theirs: the one hook every route passes."""
    return LOCAL_ACTOR


@web.middleware
async def check_host(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer to the names of the loopback only, where there is no login to ask for."""
    hosts = request.headers.getall("Host", [])
    if request.app[SETTINGS].loopback_hosts_only and not (len(hosts) == 1 and _LOOPBACK.fullmatch(hosts[0])):
        raise RequestError("wrong_host", "this dashboard answers to 127.0.0.1 and localhost only", header="Host")
    return await handler(request)


@web.middleware
async def check_origin(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Take changes from our own pages and from programs, never from another site's page in somebody's browser."""
    if request.method not in SAFE_METHODS and not comes_from_here(request):
        raise RequestError("cross_site", "the request came from another site")
    return await handler(request)


def comes_from_here(request: web.Request) -> bool:
    """True unless a browser says that another site sent it.

    Browsers set Sec-Fetch-Site where they trust the connection, and Origin with every unsafe request; a program that
    sets neither carries no cookies either, so nobody can borrow its rights.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("Origin")
    if origin is None:
        return True
    try:
        return URL(origin).authority.lower() == request.headers.get("Host", "").lower() != ""
    except ValueError:
        return False


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:  # noqa: ARG001 - a signal's shape
    """Set what is missing of the headers; an answer that may be cached has said so itself."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    # Which software answers, and in which version, is nobody's business.
    response.headers.pop("Server", None)
