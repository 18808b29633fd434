"""Who may ask for what: the permission of each route, and the one hook that every request passes.

Denied by default: a route is `public` or asks for a role, and who is not known to have it gets nothing. A program
shows a token (`Authorization: Bearer`, never in an address), a person has a session in a cookie; a request that shows
a token is judged by it alone.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import NoReturn
from urllib.parse import urlencode

from aiohttp import web
from yarl import URL

from application.scheduling.services.batch_orders import BatchAction
from application.scheduling.services.identify import Caller
from domain.access.events import PermissionRefused
from domain.access.record import Doer
from domain.access.role import Role
from domain.scheduling.change import Via
from entrypoints.web.doors.addresses import client_address, own_path, page_above
from entrypoints.web.doors.audience import is_for_browser
from entrypoints.web.doors.cookies import session_of
from entrypoints.web.doors.origins import SAFE_METHODS
from entrypoints.web.doors.veil import set_veil
from entrypoints.web.keys import ACTOR, CALLER, SERVICES, SETTINGS, under_prefix
from entrypoints.web.requests.errors import RequestError

LOCAL = Caller("local", Role.ADMIN)
"""Whoever is at this machine, where no login is asked for."""
CREDENTIAL_MAX = 500
LOGIN = "/login"
# Pages that fetch themselves anew keep nobody from falling idle.
REFRESH_HEADER = "X-Refresh"
EVENT_STREAM = "text/event-stream"


class Permission(StrEnum):
    """What a route asks of its caller, each including the one before; `public` asks nothing."""

    PUBLIC = "public"
    VIEWER = Role.VIEWER.value
    OPERATOR = Role.OPERATOR.value
    EDITOR = Role.EDITOR.value
    ADMIN = Role.ADMIN.value


CHANGES_OF_MANY: Mapping[BatchAction, Permission] = {
    BatchAction.PAUSE: Permission.OPERATOR,
    BatchAction.RESUME: Permission.OPERATOR,
    BatchAction.RUN: Permission.OPERATOR,
    BatchAction.ADD_TAG: Permission.EDITOR,
    BatchAction.REMOVE_TAG: Permission.EDITOR,
    BatchAction.SET_TIMEZONE: Permission.EDITOR,
    BatchAction.DELETE: Permission.EDITOR,
    BatchAction.UNDELETE: Permission.EDITOR,
}
"""What each action on many tasks asks of its caller: the same as that change of one task."""


async def admit(request: web.Request, permission: Permission) -> None:
    """Let a request pass if the route's permission is its sender's, who is known under CALLER and ACTOR from then on.

    The one hook every route passes. Raises RequestError `unauthenticated` or `forbidden`; leads a browser without a
    session to the login page.
    """
    # Until it is known who asks.
    set_veil(True)
    if permission is Permission.PUBLIC:
        return
    caller = await identified(request)
    if caller is None:
        _ask_to_sign_in(request)
    request[CALLER], request[ACTOR] = caller, caller.actor
    sees_payloads = caller.role.includes(Role.OPERATOR) or request.app[SETTINGS].viewers_see_payloads
    set_veil(not sees_payloads)
    if not caller.role.includes(Role(permission)):
        event = PermissionRefused(
            caller.actor,
            caller.role,
            request.method,
            request.rel_url.raw_path,
            client_address(request),
            via_of(request),
        )
        await request.app[SERVICES].access.refusals.run(event)
        raise RequestError("forbidden", f"this takes the role {permission}, and you are {caller.role}")


def check_login(request: web.Request) -> None:
    """Refuse where no login is asked for: whoever is at this machine must not make accounts for later.

    Raises HTTPNotFound.
    """
    if not request.app[SETTINGS].login_required:
        raise web.HTTPNotFound


def doer_of(request: web.Request) -> Doer:
    """Who changes something of access, for the record of it."""
    return Doer(request[ACTOR], via_of(request), client_address(request))


def via_of(request: web.Request) -> Via:
    """Whether it was asked for by the API or by a page."""
    return Via.API if request.path.startswith(under_prefix(request, "/api/")) else Via.PAGE


async def identified(request: web.Request) -> Caller | None:
    """Who is asking; None for a stranger. Raises RequestError for an Authorization that cannot be read."""
    if not request.app[SETTINGS].login_required:
        return LOCAL
    identify = request.app[SERVICES].access.identify
    shown = request.headers.getall("Authorization", [])
    if shown:
        return await identify.by_token(_bearer(shown), client_address(request))
    secret = session_of(request)
    if secret is None:
        return None
    return await identify.by_session(secret, noting=not _comes_by_itself(request))


def _comes_by_itself(request: web.Request) -> bool:
    """True for what an open page asks for although nobody touches it."""
    return REFRESH_HEADER in request.headers or EVENT_STREAM in request.headers.get("Accept", "")


def _bearer(shown: list[str]) -> str:
    scheme, _, token = shown[0].partition(" ")
    if len(shown) > 1 or scheme.lower() != "bearer" or not 0 < len(token.strip()) <= CREDENTIAL_MAX:
        detail = "show one token, as Authorization: Bearer <token>"
        raise RequestError("unauthenticated", detail, header="Authorization")
    return token.strip()


def _ask_to_sign_in(request: web.Request) -> NoReturn:
    if not is_for_browser(request):
        raise RequestError("unauthenticated", "show a token, as Authorization: Bearer <token>")
    way_on = {"next": request.rel_url.raw_path_qs}
    if request.method not in SAFE_METHODS:
        # Nothing is sent a second time.
        way_on = {"next": _page_of_form(request), "notice": "session_over"}
    raise web.HTTPSeeOther(f"{under_prefix(request, LOGIN)}?{urlencode(way_on)}")


def _page_of_form(request: web.Request) -> str:
    """Where a form stood, as the browser tells or, if it does not, as the form's own address does."""
    try:
        told = URL(request.headers.get("Referer", "")).without_query_params("notice")
    except ValueError:
        told = URL()
    own = own_path(request, told.raw_path_qs)
    return page_above(request, own or request.rel_url.raw_path)
