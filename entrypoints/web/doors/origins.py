"""The names we answer to, the sites changes may come from, and what our answers let browsers do.

The headers tell a browser how little these pages need; they go with every answer, errors included.
"""

import re
from collections.abc import Sequence

from aiohttp import HttpVersion11, web
from aiohttp.typedefs import Handler
from yarl import URL

from entrypoints.web.doors.cookies import session_of
from entrypoints.web.keys import SETTINGS
from entrypoints.web.requests.errors import RequestError

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
# Referrer-Policy: with `no-referrer`, browsers send `Origin: null` with our own forms, too (Fetch, 3.2), and over plain
# http beyond the loopback, where they don't set Sec-Fetch-Site, nothing else says where a form comes from.
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
HTTPS_FOR_A_YEAR = "max-age=31536000"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
# What a proxy adds when it hands a request on, besides X-Forwarded-For and its kin.
FORWARDED = frozenset({"forwarded", "via", "x-real-ip"})
FORWARDED_PREFIX = "x-forwarded-"
OPAQUE_ORIGIN = "null"
_LOOPBACK = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:\d{1,5})?", re.ASCII | re.IGNORECASE)


@web.middleware
async def check_host(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer to the names of the loopback only, where there is no login to ask for; else to the public name, too."""
    settings, hosts = request.app[SETTINGS], request.headers.getall("Host", [])
    is_loopback = len(hosts) == 1 and is_loopback_name(hosts[0])
    if settings.loopback_hosts_only:
        if not is_loopback:
            raise RequestError("wrong_host", "this dashboard answers to 127.0.0.1 and localhost only", header="Host")
        if _is_handed_on(request):
            # Many proxies send a Host of their own making, so the name alone does not show who asks.
            raise RequestError("wrong_host", "a proxy handed this on, and there is no login here to let others in")
    elif not (is_loopback or _is_probe(request) or _is_public(hosts, settings.public_origin)):
        raise RequestError("wrong_host", "this dashboard answers to its public name only", header="Host")
    return await handler(request)


def is_loopback_name(host: str) -> bool:
    """True for what the Host of a request to the loopback says, with or without a port."""
    return _LOOPBACK.fullmatch(host) is not None


@web.middleware
async def check_origin(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Take changes from our own pages and from programs, never from another site's page in somebody's browser."""
    if request.method not in SAFE_METHODS and not comes_from_here(request):
        raise RequestError("cross_site", "the request came from another site")
    return await handler(request)


def comes_from_here(request: web.Request) -> bool:
    """True unless a browser says that another site sent it.

    Browsers set Sec-Fetch-Site where they trust the connection, and Origin with every unsafe request. A program that
    sets neither carries no cookie either, so nobody can borrow its rights; with a session's cookie it is refused.
    Without a login both must agree: behind a proxy that hides itself, our own pages have another origin than Host says.
    """
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if origin == OPAQUE_ORIGIN or site not in (None, "same-origin", "none"):
        return False
    if origin is None:
        return site is not None or session_of(request) is None
    return (site is not None and not request.app[SETTINGS].loopback_hosts_only) or _is_asked_host(request, origin)


def own_origin(request: web.Request) -> str:
    """Where programs reach us: the public address if it is known, for TLS may end before us, else what was asked."""
    return (request.app[SETTINGS].public_origin or f"{request.scheme}://{request.host}").rstrip("/")


def _is_asked_host(request: web.Request, origin: str) -> bool:
    try:
        return URL(origin).authority.lower() == request.headers.get("Host", "").lower() != ""
    except ValueError:
        return False


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Set what is missing of the headers; an answer that may be cached has said so itself."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if request.app[SETTINGS].is_https:
        response.headers.setdefault("Strict-Transport-Security", HTTPS_FOR_A_YEAR)
    # Which software answers, and in which version, is nobody's business.
    response.headers.pop("Server", None)


def _is_public(hosts: Sequence[str], origin: str | None) -> bool:
    """True for the one host of the public address, and for any if that is not known."""
    if origin is None:
        return True
    public = URL(origin)
    try:
        asked = URL(f"{public.scheme}://{','.join(hosts)}")
        return (asked.host, asked.port) == (public.host, public.port) and asked.user is None
    except ValueError:
        return False


def _is_handed_on(request: web.Request) -> bool:
    """True for what a proxy says of itself; HTTP/1.0 is what nginx speaks to those behind it unless told otherwise."""
    names = {name.lower() for name in request.headers}
    forwarded = not FORWARDED.isdisjoint(names) or any(name.startswith(FORWARDED_PREFIX) for name in names)
    return forwarded or request.version < HttpVersion11


def _is_probe(request: web.Request) -> bool:
    """True for the questions of whoever starts processes, who asks by address."""
    return request.path.startswith("/health/")
