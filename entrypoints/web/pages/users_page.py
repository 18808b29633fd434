"""Who may come in: an admin's page of users, and of the tokens that programs have.

What would let somebody in beyond the session takes the admin's own password, so that a screen left alone, or a session
that was stolen, does not become an account or a token.
"""

from collections.abc import Mapping

from aiohttp import web

from application.scheduling.services.manage_tokens import NewToken
from domain.access.role import Role
from domain.errors import InvalidAccountError, SchedulerError
from entrypoints.web.doors.access import check_login, doer_of
from entrypoints.web.doors.addresses import client_address
from entrypoints.web.doors.origins import own_origin
from entrypoints.web.keys import CALLER, SERVICES, under_prefix
from entrypoints.web.pages.account_page import LIVES, life_of
from entrypoints.web.pages.forms import (
    ACCESS_REFUSALS,
    NOTHING_REFUSED,
    Refused,
    fields_of,
    refused,
    role_of,
    see_other,
)
from entrypoints.web.pages.notices import OF_USERS, notice_of
from entrypoints.web.rendering import render
from entrypoints.web.requests.parameters import Query

USERS = "/users"


async def users(request: web.Request) -> web.Response:
    """Everybody, and every token."""
    return await _page(request, notice=Query(request, "notice").given.get("notice"))


async def add_user(request: web.Request) -> web.StreamResponse:
    """Add somebody."""
    fields = await _fields(request, "name", "password", "role", "own_password")
    try:
        await _confirm(request, fields)
        await request.app[SERVICES].access.users.add(
            doer_of(request), fields.get("name", ""), fields.get("password", ""), role_of(fields)
        )
    except ACCESS_REFUSALS as error:
        return await _page(request, refused("add", fields, error))
    return _see(request, "user_added")


async def set_role(request: web.Request) -> web.StreamResponse:
    """Give somebody another role; to make an admin takes the password."""
    fields, name = await _fields(request, "role", "own_password"), request.match_info["name"]
    try:
        role = role_of(fields)
        if role is Role.ADMIN:
            await _confirm(request, fields)
        await request.app[SERVICES].access.users.change(doer_of(request), name, role=role)
    except ACCESS_REFUSALS as error:
        return await _refused_row(request, error)
    return _see(request, "user_changed")


async def disable(request: web.Request) -> web.StreamResponse:
    """Let somebody in no more."""
    await _fields(request)
    try:
        await request.app[SERVICES].access.users.change(doer_of(request), request.match_info["name"], disabled=True)
    except ACCESS_REFUSALS as error:
        return await _refused_row(request, error)
    return _see(request, "user_disabled")


async def enable(request: web.Request) -> web.StreamResponse:
    """Let somebody in again."""
    await _fields(request)
    try:
        await request.app[SERVICES].access.users.change(doer_of(request), request.match_info["name"], disabled=False)
    except ACCESS_REFUSALS as error:
        return await _refused_row(request, error)
    return _see(request, "user_changed")


async def reset_password(request: web.Request) -> web.StreamResponse:
    """Give somebody else a new password."""
    fields, name = await _fields(request, "password", "own_password"), request.match_info["name"]
    try:
        if name.strip().lower() == request[CALLER].user_name:
            raise InvalidAccountError("your own password is changed on your account page", code="own_password")
        await _confirm(request, fields)
        await request.app[SERVICES].access.users.reset_password(doer_of(request), name, fields.get("password", ""))
    except ACCESS_REFUSALS as error:
        return await _refused_row(request, error)
    return _see(request, "user_password")


async def end_sessions(request: web.Request) -> web.StreamResponse:
    """End every session of somebody, who may sign in again."""
    await _fields(request)
    await request.app[SERVICES].access.users.end_sessions(doer_of(request), request.match_info["name"])
    return _see(request, "user_sessions")


async def create_token(request: web.Request) -> web.StreamResponse:
    """Make a token of the installation; it is shown in this answer and never again."""
    fields, services = await _fields(request, "name", "role", "days", "own_password"), request.app[SERVICES]
    try:
        await _confirm(request, fields)
        life = life_of(fields)
        expires_at = request[CALLER].end_within(None if life is None else services.clock.now() + life)
        made = await services.access.tokens.create(
            doer_of(request), fields.get("name", ""), role_of(fields), expires_at=expires_at
        )
    except ACCESS_REFUSALS as error:
        return await _page(request, refused("token", fields, error))
    return await _page(request, made=made)


async def revoke_token(request: web.Request) -> web.StreamResponse:
    """Revoke any token."""
    await _fields(request)
    await request.app[SERVICES].access.tokens.revoke(doer_of(request), request.match_info["token_id"])
    return _see(request, "token_revoked")


async def _fields(request: web.Request, *known: str) -> dict[str, str]:
    check_login(request)
    return await fields_of(request, *known)


async def _confirm(request: web.Request, fields: Mapping[str, str]) -> None:
    """See that it is the admin who asks; a program shows its token each time. Raises as ManageAccount.confirm."""
    name, account = request[CALLER].user_name, request.app[SERVICES].access.account
    if name is not None:
        await account.confirm(name, fields.get("own_password", ""), client_address(request))


async def _refused_row(request: web.Request, error: SchedulerError) -> web.Response:
    return await _page(request, refused("row", {"name": request.match_info["name"]}, error))


def _see(request: web.Request, notice: str) -> web.Response:
    return see_other(under_prefix(request, f"{USERS}?notice={notice}"))


async def _page(
    request: web.Request, sent: Refused = NOTHING_REFUSED, *, made: NewToken | None = None, notice: str | None = None
) -> web.Response:
    check_login(request)
    access = request.app[SERVICES].access
    return render(
        request,
        "users.html",
        {
            "users": await access.users.list(),
            "sessions": await access.users.all_sessions(),
            "tokens": await access.tokens.list(),
            "roles": list(Role),
            "lives": LIVES,
            "refused": sent,
            "made": made,
            "notice": notice_of(notice, OF_USERS),
            "server": own_origin(request),
        },
        status=sent.problem.status if sent.problem else 200,
        headers=sent.problem.all_headers if sent.problem else None,
    )
