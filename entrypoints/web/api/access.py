"""Users and tokens as JSON, for admins' programs: what takes the password on the pages takes a token here."""

from datetime import timedelta
from typing import Literal

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict

from application.scheduling.document_types import InstantText
from application.scheduling.iso_text import instant
from domain.access.account import TOKEN_LIFE_MAX, ApiToken, Session, User
from domain.access.role import Role
from entrypoints.web.answers import json_answer
from entrypoints.web.contract import examples
from entrypoints.web.contract.operations import Answer, created, nothing, ok, operation
from entrypoints.web.doors.access import check_login, doer_of
from entrypoints.web.keys import CALLER, SERVICES, under_prefix
from entrypoints.web.requests.bodies import RequestBody
from entrypoints.web.requests.errors import RequestError

_STRICT = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)
RoleName = Literal["viewer", "operator", "editor", "admin"]
TEXT_MAX = 1_000


class NewUserBody(BaseModel):
    """A user to be added."""

    model_config = _STRICT
    name: str = Field(max_length=TEXT_MAX)
    password: str = Field(max_length=TEXT_MAX, repr=False)
    role: RoleName


class UserBody(BaseModel):
    """What is to change of a user; what is left out stays."""

    model_config = _STRICT
    role: RoleName | None = None
    disabled: bool | None = None


class PasswordBody(BaseModel):
    """A new password."""

    model_config = _STRICT
    password: str = Field(max_length=TEXT_MAX, repr=False)


class NewTokenBody(BaseModel):
    """A token to be made: of a user, or without an owner of the installation."""

    model_config = _STRICT
    name: str = Field(max_length=TEXT_MAX)
    role: RoleName
    owner: str | None = Field(default=None, max_length=TEXT_MAX)
    expires_in_days: int | None = Field(default=None, ge=1, le=TOKEN_LIFE_MAX.days)


class CallerDocument(TypedDict):
    """Who is asking; `user` is null for a token."""

    actor: str
    role: Role
    user: str | None


class UserDocument(TypedDict):
    """Somebody who may come in."""

    name: str
    role: Role
    disabled: bool
    disabled_at: InstantText | None
    created_at: InstantText


class SessionDocument(TypedDict):
    """Somebody at one browser."""

    address: str
    created_at: InstantText
    seen_at: InstantText


class SessionListDocument(TypedDict):
    """Where a user is signed in, newest first."""

    sessions: list[SessionDocument]


class UserListDocument(TypedDict):
    """Everybody, by name."""

    users: list[UserDocument]


class TokenDocument(TypedDict):
    """A token; `owner` is null for one of the installation's own."""

    id: str
    name: str
    owner: str | None
    role: Role
    created_at: InstantText
    expires_at: InstantText | None
    used_at: InstantText | None


class NewTokenDocument(TokenDocument):
    """A token with its secret, which is told this once."""

    token: str


class TokenListDocument(TypedDict):
    """Every token, without its secret."""

    tokens: list[TokenDocument]


NEW_USER = RequestBody(NewUserBody, examples=examples.USERS)
USER = RequestBody(UserBody, examples=examples.USER_CHANGES)
PASSWORD = RequestBody(PasswordBody, examples=examples.PASSWORDS)
NEW_TOKEN = RequestBody(NewTokenBody, examples=examples.TOKENS)
# Without login there are no people and no tokens.
NO_LOGIN = ("not_found",)


@operation("Tell who is asking", ok(CallerDocument, "Who you are."))
async def me(request: web.Request) -> web.Response:
    """Who is asking, and what they may do."""
    caller = request[CALLER]
    document: CallerDocument = {"actor": caller.actor, "role": caller.role, "user": caller.user_name}
    return json_answer(document)


@operation("List users", ok(UserListDocument, "Everybody."), problems=NO_LOGIN)
async def list_users(request: web.Request) -> web.Response:
    """Everybody, by name."""
    check_login(request)
    found = await request.app[SERVICES].access.users.list()
    document: UserListDocument = {"users": [_user(each) for each in found]}
    return json_answer(document)


@operation("Add a user", created(UserDocument, "The user."), body=NEW_USER, problems=(*NO_LOGIN, "user_exists"))
async def add_user(request: web.Request) -> web.Response:
    """Add somebody."""
    check_login(request)
    body = await NEW_USER.read(request)
    _check_token(request)
    user = await request.app[SERVICES].access.users.add(doer_of(request), body.name, body.password, Role(body.role))
    headers = {"Location": under_prefix(request, "/api/users")}
    return json_answer(_user(user), status=201, headers=headers)


@operation("Change a user", ok(UserDocument, "The user."), body=USER, problems=(*NO_LOGIN, "last_admin"))
async def change_user(request: web.Request) -> web.Response:
    """Change a user's role, or let them in or out, in one step."""
    check_login(request)
    body, name = await USER.read(request), request.match_info["name"]
    role = None if body.role is None else Role(body.role)
    if role is Role.ADMIN:
        _check_token(request)
    users = request.app[SERVICES].access.users
    return json_answer(_user(await users.change(doer_of(request), name, role=role, disabled=body.disabled)))


@operation("Set a password", nothing("It counts from now on."), body=PASSWORD, problems=NO_LOGIN)
async def reset_password(request: web.Request) -> web.Response:
    """Give somebody a new password; their sessions end."""
    check_login(request)
    body = await PASSWORD.read(request)
    _check_token(request)
    await request.app[SERVICES].access.users.reset_password(doer_of(request), request.match_info["name"], body.password)
    return web.Response(status=204)


@operation("List a user's sessions", ok(SessionListDocument, "The sessions."), problems=NO_LOGIN)
async def list_sessions(request: web.Request) -> web.Response:
    """Where a user is signed in, newest first."""
    check_login(request)
    found = await request.app[SERVICES].access.users.sessions(request.match_info["name"])
    document: SessionListDocument = {"sessions": [_session(each) for each in found]}
    return json_answer(document)


@operation("End a user's sessions", nothing("They have ended."), problems=NO_LOGIN)
async def end_sessions(request: web.Request) -> web.Response:
    """End every session of a user, who may sign in again."""
    check_login(request)
    await request.app[SERVICES].access.users.end_sessions(doer_of(request), request.match_info["name"])
    return web.Response(status=204)


@operation("List tokens", ok(TokenListDocument, "Every token."), problems=NO_LOGIN)
async def list_tokens(request: web.Request) -> web.Response:
    """Every token, without its secret."""
    check_login(request)
    found = await request.app[SERVICES].access.tokens.list()
    document: TokenListDocument = {"tokens": [_token(each) for each in found]}
    return json_answer(document)


@operation(
    "Make a token",
    Answer(201, "The token.", NewTokenDocument),
    body=NEW_TOKEN,
    problems=(*NO_LOGIN, "token_exists", "user_not_found"),
)
async def create_token(request: web.Request) -> web.Response:
    """Make a token, which ends with the one that was shown at the latest; `token` is told this once."""
    check_login(request)
    body, services = await NEW_TOKEN.read(request), request.app[SERVICES]
    _check_token(request)
    asked = None if body.expires_in_days is None else services.clock.now() + timedelta(days=body.expires_in_days)
    made = await services.access.tokens.create(
        doer_of(request),
        body.name,
        Role(body.role),
        owner=body.owner,
        expires_at=request[CALLER].end_within(asked),
    )
    document: NewTokenDocument = {**_token(made.token), "token": made.secret}
    return json_answer(document, status=201)


@operation("Revoke a token", nothing("It is good no more."), problems=NO_LOGIN)
async def revoke_token(request: web.Request) -> web.Response:
    """Revoke a token, at once."""
    check_login(request)
    await request.app[SERVICES].access.tokens.revoke(doer_of(request), request.match_info["token_id"])
    return web.Response(status=204)


def _check_token(request: web.Request) -> None:
    """Refuse who has a session alone: it may be somebody's at a screen left alone. Raises RequestError."""
    if request[CALLER].user_name is not None:
        raise RequestError("forbidden", "this takes a token, or your password on the page of users")


def _user(user: User) -> UserDocument:
    return {
        "name": user.name,
        "role": user.role,
        "disabled": not user.is_enabled,
        "disabled_at": instant(user.disabled_at),
        "created_at": instant(user.created_at),
    }


def _session(session: Session) -> SessionDocument:
    return {
        "address": session.address,
        "created_at": instant(session.created_at),
        "seen_at": instant(session.seen_at),
    }


def _token(token: ApiToken) -> TokenDocument:
    return {
        "id": token.id,
        "name": token.name,
        "owner": token.owner,
        "role": token.role,
        "created_at": instant(token.created_at),
        "expires_at": instant(token.expires_at),
        "used_at": instant(token.used_at),
    }
