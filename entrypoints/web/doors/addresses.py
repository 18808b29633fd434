"""Where requests come from, and where they may be led to."""

import re
from ipaddress import IPv4Address, IPv6Address, ip_address

from aiohttp import web

from entrypoints.web.keys import SETTINGS, under_prefix

HOPS_MAX = 20
NEXT_MAX = 2_000
_PATH = re.compile(r"/[\x21-\x5b\x5d-\x7e]*", re.ASCII)


def client_address(request: web.Request) -> str:
    """The IP address the request came from.

    X-Forwarded-For is read from its end, and only as far as proxies the settings trust have written it: what stands
    before that is what its sender claims.
    """
    proxies = request.app[SETTINGS].trusted_proxies
    address = _address(request.remote or "")
    hops = ",".join(request.headers.getall("X-Forwarded-For", [])).split(",")[-HOPS_MAX:]
    while address is not None and hops and any(address in network for network in proxies):
        before = _address(hops.pop().strip())
        if before is None:
            break
        address = before
    return str(address or "unknown")


def own_path(request: web.Request, text: str) -> str | None:
    """The text if it is a path of ours to lead somebody to; None otherwise.

    It begins with our prefix, so with a single slash before a letter: no browser takes it for another site's address.
    """
    prefix = under_prefix(request, "/")
    if len(text) > NEXT_MAX or not text.startswith(prefix) or not _PATH.fullmatch(text):
        return None
    return text


def page_above(request: web.Request, path: str) -> str:
    """The path, its query kept, if it is a page's, else the nearest one above it that is: where a form stands.

    Forms are sent to addresses beneath their page's, most of which nobody can open.
    """
    pages = [
        re.sub(r"\\{[^}]*\\}", "[^/]+", re.escape(resource.canonical))
        for resource in request.app.router.resources()
        if any(route.method == "GET" for route in resource)
    ]
    while path and not any(re.fullmatch(page, path.partition("?")[0]) for page in pages):
        path = path.partition("?")[0].rpartition("/")[0]
    return path or under_prefix(request, "/")


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(text)
    except ValueError:
        return None
    # A socket that serves both families tells IPv4 addresses as IPv6 ones.
    return found.ipv4_mapped or found if isinstance(found, IPv6Address) else found
