"""The session's cookie.

Where browsers come by https its name begins with `__Host-`: they take and send it then only by https, for this host
alone and for every path (RFC 6265bis, 4.1.3.2). By plain http that name would be refused, so there the name is plain
and the cookie not `Secure`. Which of the two it is, is said by the public URL in the settings, never by a request.
"""

import re

from aiohttp import web

from entrypoints.web.keys import SETTINGS

NAME = "peachpie-session"
SECURE_NAME = f"__Host-{NAME}"
_SECRET = re.compile(r"[0-9a-f]{32,128}", re.ASCII)


def session_of(request: web.Request) -> str | None:
    """The secret of the session the browser shows; None if it shows none, or what can be none."""
    secret = request.cookies.get(_name(request))
    return secret if secret is not None and _SECRET.fullmatch(secret) else None


def keep_session(request: web.Request, response: web.StreamResponse, secret: str) -> None:
    """Have the browser keep the session until it is closed: never shown to scripts or to other sites."""
    response.set_cookie(
        _name(request),
        secret,
        path="/",
        secure=request.app[SETTINGS].is_https,
        httponly=True,
        samesite="Strict",
    )


def forget_session(request: web.Request, response: web.StreamResponse) -> None:
    """Have the browser forget the session, and what else it has kept of our pages.

    Nothing but the cache is cleared beside it: cookies and storage would be those of every port and domain of the host,
    which other services share.
    """
    response.del_cookie(
        _name(request), path="/", secure=request.app[SETTINGS].is_https, httponly=True, samesite="Strict"
    )
    response.headers["Clear-Site-Data"] = '"cache"'


def _name(request: web.Request) -> str:
    return SECURE_NAME if request.app[SETTINGS].is_https else NAME
