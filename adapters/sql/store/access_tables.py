"""The tables of access, and their rows as values of the domain.

A session, a token and the offer of the set-up are known by the SHA-256 of their secret. What belongs to the
installation has the empty text as its owner, so that one unique index covers it.

A row that was changed by hand into something unreadable opens nothing: it is as if it were not there.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Column, Index, Table, Text

from adapters.records.packing import UNREADABLE, at_or_none, us_or_none
from adapters.sql.store.tables import METADATA, Whole
from domain.access.account import Account, ApiToken, Session, User
from domain.access.role import Role
from domain.scheduling.identifiers import instant_of, microseconds

users = Table(
    "users",
    METADATA,
    Column("name", Text, primary_key=True, nullable=False),
    Column("role", Text, nullable=False),
    Column("password_hash", Text, nullable=False),
    Column("created_at", Whole, nullable=False),
    Column("disabled_at", Whole),
    sqlite_strict=True,
)

sessions = Table(
    "sessions",
    METADATA,
    Column("digest", Text, primary_key=True, nullable=False),
    Column("user_name", Text, nullable=False),
    Column("created_at", Whole, nullable=False),
    Column("seen_at", Whole, nullable=False),
    Column("address", Text, nullable=False),
    sqlite_strict=True,
)
Index("sessions_user", sessions.c.user_name)

api_tokens = Table(
    "api_tokens",
    METADATA,
    Column("digest", Text, primary_key=True, nullable=False),
    Column("id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("created_at", Whole, nullable=False),
    Column("expires_at", Whole),
    Column("used_at", Whole),
    sqlite_strict=True,
)
Index("api_tokens_id", api_tokens.c.id, unique=True)
Index("api_tokens_name", api_tokens.c.owner, api_tokens.c.name, unique=True)

login_attempts = Table(
    "login_attempts",
    METADATA,
    Column("key", Text, primary_key=True, nullable=False),
    Column("count", Whole, nullable=False),
    Column("last_at", Whole, nullable=False),
    sqlite_strict=True,
)
Index("login_attempts_last_at", login_attempts.c.last_at)

set_up_offers = Table(
    "set_up_offers",
    METADATA,
    Column("digest", Text, primary_key=True, nullable=False),
    Column("until", Whole, nullable=False),
    sqlite_strict=True,
)

USER = (users.c.name, users.c.role, users.c.created_at, users.c.disabled_at)
SESSION = (sessions.c.user_name, sessions.c.created_at, sessions.c.seen_at, sessions.c.address)
TOKEN = (
    api_tokens.c.id,
    api_tokens.c.name,
    api_tokens.c.role,
    api_tokens.c.created_at,
    api_tokens.c.owner,
    api_tokens.c.expires_at,
    api_tokens.c.used_at,
)


def user_of(row: Sequence[Any]) -> User | None:
    """The user of a row of USER."""
    try:
        name, role, created_at, disabled_at = row
        return User(name, Role(role), instant_of(created_at), at_or_none(disabled_at))
    except UNREADABLE:
        return None


def account_of(row: Sequence[Any] | None) -> Account | None:
    """The account of a row of USER with the hash behind it."""
    user = None if row is None else user_of(row[:-1])
    return None if row is None or user is None else Account(user, row[-1])


def account_values(user: User, password_hash: str) -> dict[str, Any]:
    """The row of a user."""
    return {**user_values(user), "name": user.name, "password_hash": password_hash}


def user_values(user: User) -> dict[str, Any]:
    """The columns of a user but for the name and the password."""
    return {
        "role": user.role.value,
        "created_at": microseconds(user.created_at),
        "disabled_at": us_or_none(user.disabled_at),
    }


def session_of(row: Sequence[Any]) -> Session | None:
    """The session of a row of SESSION."""
    try:
        user_name, created_at, seen_at, address = row
        return Session(user_name, instant_of(created_at), instant_of(seen_at), address)
    except UNREADABLE:
        return None


def session_values(digest: str, session: Session) -> dict[str, Any]:
    """The row of a session."""
    return {
        "digest": digest,
        "user_name": session.user_name,
        "created_at": microseconds(session.created_at),
        "seen_at": microseconds(session.seen_at),
        "address": session.address,
    }


def token_of(row: Sequence[Any]) -> ApiToken | None:
    """The token of a row of TOKEN."""
    try:
        id_, name, role, created_at, owner, expires_at, used_at = row
        return ApiToken(
            id_, name, Role(role), instant_of(created_at), owner or None, at_or_none(expires_at), at_or_none(used_at)
        )
    except UNREADABLE:
        return None


def token_values(digest: str, token: ApiToken) -> dict[str, Any]:
    """The row of a token."""
    return {
        "digest": digest,
        "id": token.id,
        "name": token.name,
        "owner": token.owner or "",
        "role": token.role.value,
        "created_at": microseconds(token.created_at),
        "expires_at": us_or_none(token.expires_at),
        "used_at": us_or_none(token.used_at),
    }
