"""Users, sessions, tokens and what is counted of attempts, as rows of plain values, and back.

What belongs to the installation has the empty text as its owner. A row that was changed by hand into something
unreadable opens nothing: it is as if it were not there.
"""

from adapters.records.packing import UNREADABLE, Row, at, at_or_none, us_or_none
from domain.access.account import Account, ApiToken, Session, User
from domain.access.role import Role
from domain.access.throttle import Attempts
from domain.scheduling.identifiers import instant_of, microseconds

USER_FIELDS = ("name", "role", "created_at", "disabled_at")
ACCOUNT_FIELDS = (*USER_FIELDS, "password_hash")
SESSION_FIELDS = ("user_name", "created_at", "seen_at", "address")
TOKEN_FIELDS = ("id", "name", "role", "created_at", "owner", "expires_at", "used_at")


def user_row(user: User) -> Row:
    """A user as USER_FIELDS."""
    return user.name, user.role.value, microseconds(user.created_at), us_or_none(user.disabled_at)


def user_of(row: Row) -> User | None:
    """The user of a row of USER_FIELDS; None if it cannot be read."""
    try:
        name, role, created_at, disabled_at = row
        return User(name, Role(role), instant_of(created_at), at_or_none(disabled_at))
    except UNREADABLE:
        return None


def account_row(account: Account) -> Row:
    """An account as ACCOUNT_FIELDS."""
    return *user_row(account.user), account.password_hash


def account_of(row: Row) -> Account | None:
    """The account of a row of ACCOUNT_FIELDS; None if it cannot be read."""
    user = user_of(row[:-1])
    return None if user is None else Account(user, row[-1])


def session_row(session: Session) -> Row:
    """A session as SESSION_FIELDS."""
    return session.user_name, microseconds(session.created_at), microseconds(session.seen_at), session.address


def session_of(row: Row) -> Session | None:
    """The session of a row of SESSION_FIELDS; None if it cannot be read."""
    try:
        user_name, created_at, seen_at, address = row
        return Session(user_name, instant_of(created_at), instant_of(seen_at), address)
    except UNREADABLE:
        return None


def token_row(token: ApiToken) -> Row:
    """A token as TOKEN_FIELDS."""
    return (
        token.id,
        token.name,
        token.role.value,
        microseconds(token.created_at),
        token.owner or "",
        us_or_none(token.expires_at),
        us_or_none(token.used_at),
    )


def token_of(row: Row) -> ApiToken | None:
    """The token of a row of TOKEN_FIELDS; None if it cannot be read."""
    try:
        id_, name, role, created_at, owner, expires_at, used_at = row
        return ApiToken(
            id_, name, Role(role), instant_of(created_at), owner or None, at_or_none(expires_at), at_or_none(used_at)
        )
    except UNREADABLE:
        return None


def attempts_row(attempts: Attempts) -> Row:
    """What is counted under a key, and when the last one was made."""
    return attempts.count, us_or_none(attempts.last_at)


def attempts_of(row: Row) -> Attempts | None:
    """What was counted; None if it cannot be read."""
    try:
        count, last_at = row
        return Attempts(count, at(last_at))
    except UNREADABLE:
        return None
