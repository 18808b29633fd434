"""Coming in, leaving, and the one-time set-up: what strangers see."""

from urllib.parse import urlencode

from aiohttp import web

from entrypoints.web.doors.access import LOGIN, identified
from entrypoints.web.doors.addresses import client_address, own_path
from entrypoints.web.doors.cookies import forget_session, keep_session, session_of
from entrypoints.web.keys import CALLER, SERVICES, SETTINGS, under_prefix
from entrypoints.web.pages.forms import ACCESS_REFUSALS, NOTHING_REFUSED, Refused, fields_of, refused, see_other
from entrypoints.web.pages.notices import OF_THE_DOOR, notice_of
from entrypoints.web.rendering import render
from entrypoints.web.requests.parameters import Query

SET_UP = "/set-up"
HOME = "/scheduled-tasks"


async def login(request: web.Request) -> web.StreamResponse:
    """The page to sign in on; who is in already goes on, and before the first user is made the set-up comes first."""
    query = Query(request, "next", "notice")
    way_on = _way_on(request, query.given.get("next", ""))
    if "Authorization" not in request.headers and await identified(request) is not None:
        return see_other(way_on)
    if await _needs_set_up(request):
        return see_other(under_prefix(request, SET_UP))
    return _login(request, way_on, NOTHING_REFUSED, notice=query.given.get("notice"))


async def sign_in(request: web.Request) -> web.StreamResponse:
    """Open a session, under a new secret, and go on to where the page was asked for."""
    fields = await fields_of(request, "name", "password", "next")
    way_on = _way_on(request, fields.get("next", ""))
    if not request.app[SETTINGS].login_required:
        return see_other(way_on)
    try:
        opened = await request.app[SERVICES].access.sign_in.run(
            fields.get("name", ""),
            fields.get("password", ""),
            client_address(request),
            instead_of=session_of(request),
        )
    except ACCESS_REFUSALS as error:
        return _login(request, way_on, refused("login", fields, error))
    response = see_other(way_on)
    keep_session(request, response, opened.secret)
    return response


async def sign_out(request: web.Request) -> web.StreamResponse:
    """End the session, here and at the server."""
    caller, secret = request[CALLER], session_of(request)
    if caller.user_name is not None and secret is not None:
        await request.app[SERVICES].access.sign_in.leave(caller.user_name, secret, client_address(request))
    response = see_other(under_prefix(request, f"{LOGIN}?{urlencode({'notice': 'signed_out'})}"))
    forget_session(request, response)
    return response


async def set_up(request: web.Request) -> web.StreamResponse:
    """The page that makes the first user; there is none once somebody can come in."""
    Query(request)
    if not await _needs_set_up(request):
        raise web.HTTPNotFound
    return _set_up(request, NOTHING_REFUSED)


async def make_first_user(request: web.Request) -> web.StreamResponse:
    """Make the first admin and let them in."""
    fields = await fields_of(request, "token", "name", "password")
    if not await _needs_set_up(request):
        raise web.HTTPNotFound
    access = request.app[SERVICES].access
    try:
        address = client_address(request)
        asked = (fields.get("token", ""), fields.get("name", ""), fields.get("password", ""))
        opened = await access.sign_in.open(await access.set_up.run(*asked, address), address)
    except ACCESS_REFUSALS as error:
        return _set_up(request, refused("set-up", fields, error))
    response = see_other(under_prefix(request, HOME))
    keep_session(request, response, opened.secret)
    return response


async def _needs_set_up(request: web.Request) -> bool:
    access = request.app[SERVICES].access
    is_asked = request.app[SETTINGS].login_required and access.identify.admin_token is None
    return is_asked and await access.set_up.is_open()


def _way_on(request: web.Request, asked: str) -> str:
    return own_path(request, asked) or under_prefix(request, HOME)


def _login(request: web.Request, way_on: str, sent: Refused, *, notice: str | None = None) -> web.Response:
    context = {"next": way_on, "refused": sent, "notice": notice_of(notice, OF_THE_DOOR)}
    return _page(request, "login.html", sent, context)


def _set_up(request: web.Request, sent: Refused) -> web.Response:
    return _page(request, "set_up.html", sent, {"refused": sent})


def _page(request: web.Request, template: str, sent: Refused, context: dict[str, object]) -> web.Response:
    problem = sent.problem
    return render(
        request,
        template,
        context,
        status=problem.status if problem else 200,
        headers=problem.all_headers if problem else None,
    )
