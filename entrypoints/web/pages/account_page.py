"""A person's own account: the password, the sessions, and the tokens for programs."""

from collections.abc import Mapping
from datetime import timedelta

from aiohttp import web

from application.scheduling.services.identify import Caller
from application.scheduling.services.manage_tokens import NewToken
from domain.access.account import TOKEN_LIFE_MAX
from domain.access.role import Role
from domain.errors import InvalidAccountError
from entrypoints.web.doors.access import doer_of
from entrypoints.web.doors.addresses import client_address
from entrypoints.web.doors.cookies import keep_session
from entrypoints.web.doors.origins import own_origin
from entrypoints.web.keys import CALLER, SERVICES, SETTINGS, under_prefix
from entrypoints.web.pages.forms import (
    ACCESS_REFUSALS,
    NOTHING_REFUSED,
    Refused,
    fields_of,
    refused,
    role_of,
    see_other,
)
from entrypoints.web.pages.notices import OF_ACCOUNTS, notice_of
from entrypoints.web.rendering import render
from entrypoints.web.requests.parameters import Query

ACCOUNT = "/account"
LIVES = (("30", "30 days"), ("90", "90 days"), ("365", "1 year"), ("", "never"))


async def account(request: web.Request) -> web.Response:
    """The account of whoever has signed in."""
    return await _page(request, notice=Query(request, "notice").given.get("notice"))


async def change_password(request: web.Request) -> web.StreamResponse:
    """Another password, for who knows the old one; every other session ends."""
    fields, name = await fields_of(request, "old", "new"), _person(request)
    try:
        opened = await request.app[SERVICES].access.account.change_password(
            name, fields.get("old", ""), fields.get("new", ""), client_address(request)
        )
    except ACCESS_REFUSALS as error:
        return await _page(request, refused("password", fields, error))
    response = see_other(under_prefix(request, f"{ACCOUNT}?notice=password_changed"))
    keep_session(request, response, opened.secret)
    return response


async def end_other_sessions(request: web.Request) -> web.StreamResponse:
    """End every session but this one."""
    await fields_of(request)
    caller = request[CALLER]
    name = _person(request)
    await request.app[SERVICES].access.account.end_other_sessions(
        name, caller.session_digest or "", client_address(request)
    )
    return see_other(under_prefix(request, f"{ACCOUNT}?notice=sessions_ended"))


async def create_token(request: web.Request) -> web.StreamResponse:
    """Make a token for who knows the password; it is shown in this answer and never again."""
    fields, name = await fields_of(request, "name", "role", "days", "password"), _person(request)
    access = request.app[SERVICES].access
    try:
        await access.account.confirm(name, fields.get("password", ""), client_address(request))
        made = await access.tokens.create(
            doer_of(request),
            fields.get("name", ""),
            role_of(fields),
            owner=name,
            expires_at=None if (life := life_of(fields)) is None else request.app[SERVICES].clock.now() + life,
        )
    except ACCESS_REFUSALS as error:
        return await _page(request, refused("token", fields, error))
    return await _page(request, made=made)


async def revoke_token(request: web.Request) -> web.StreamResponse:
    """Revoke one of one's own tokens."""
    await fields_of(request)
    name = _person(request)
    await request.app[SERVICES].access.tokens.revoke(doer_of(request), request.match_info["token_id"], owner=name)
    return see_other(under_prefix(request, f"{ACCOUNT}?notice=token_revoked"))


def life_of(fields: Mapping[str, str]) -> timedelta | None:
    """For how long a token is to be good; None: for ever. Raises InvalidAccountError."""
    days = fields.get("days", "")
    if not days:
        return None
    if not (days.isascii() and days.isdigit()) or not 0 < int(days[:6]) <= TOKEN_LIFE_MAX.days:
        raise InvalidAccountError("a number of days", code="out_of_range", pointer="/days")
    return timedelta(days=int(days[:6]))


def _person(request: web.Request) -> str:
    """The name of who has signed in. Raises HTTPNotFound for a program, and where there is no login."""
    caller: Caller = request[CALLER]
    if caller.user_name is None or not request.app[SETTINGS].login_required:
        raise web.HTTPNotFound
    return caller.user_name


async def _page(
    request: web.Request, sent: Refused = NOTHING_REFUSED, *, made: NewToken | None = None, notice: str | None = None
) -> web.Response:
    name, access = _person(request), request.app[SERVICES].access
    role = request[CALLER].role
    return render(
        request,
        "account.html",
        {
            "tokens": await access.tokens.list(name),
            "sessions": await access.account.sessions(name),
            "roles": [each for each in Role if role.includes(each)],
            "lives": LIVES,
            "refused": sent,
            "made": made,
            "notice": notice_of(notice, OF_ACCOUNTS),
            "server": own_origin(request),
        },
        status=sent.problem.status if sent.problem else 200,
        headers=sent.problem.all_headers if sent.problem else None,
    )
