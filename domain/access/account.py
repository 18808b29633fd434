"""People, their sessions and their tokens, and for how long each of these is good.

A user is known by a name that is never given to another one: accounts are disabled, not removed, so that the records
of what somebody did keep meaning the same person.
"""

import re
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from domain.access.role import Role
from domain.errors import InvalidAccountError

IDLE_MAX = timedelta(minutes=30)
SESSION_MAX = timedelta(hours=12)
NOTED_EVERY = timedelta(minutes=1)
"""How exactly it is kept when a session or a token was last used: a page every second must not write every second."""
TOKEN_LIFE_MAX = timedelta(days=3_660)

RESERVED_NAMES = frozenset({"local", "scheduler", "set-up"})
"""Under these the records tell what was done without a login, by the service itself, and at the set-up."""

_USER_NAME = re.compile(r"[a-z0-9][a-z0-9._@-]{0,63}", re.ASCII)
_TOKEN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)


@dataclass(frozen=True, slots=True)
class User:
    """A person; who is disabled keeps name and role and can do nothing."""

    name: str
    role: Role
    created_at: datetime
    disabled_at: datetime | None = None

    @property
    def is_enabled(self) -> bool:
        """True for a person who may come in."""
        return self.disabled_at is None

    @property
    def is_active_admin(self) -> bool:
        """True for one who can let others in; there is always one, once there was."""
        return self.is_enabled and self.role is Role.ADMIN

    def changed(self, *, role: Role | None, disabled: bool | None, now: datetime) -> "User":
        """The user with what is not None; who is disabled already stays so since then."""
        disabled_at = self.disabled_at if disabled is None else (self.disabled_at or now) if disabled else None
        return replace(self, role=role or self.role, disabled_at=disabled_at)


@dataclass(frozen=True, slots=True)
class Account:
    """A user and what is kept of the password."""

    user: User
    password_hash: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Session:
    """A person at one browser: ends IDLE_MAX after it was last seen, and SESSION_MAX after it began at the latest."""

    user_name: str
    created_at: datetime
    seen_at: datetime
    address: str

    def is_live(self, now: datetime) -> bool:
        """True if it has not ended by itself."""
        return now - self.created_at < SESSION_MAX and now - self.seen_at < IDLE_MAX

    def seen(self, now: datetime) -> "Session":
        """The session, having been seen noted if that is due."""
        return replace(self, seen_at=now) if is_due(self.seen_at, now) else self


@dataclass(frozen=True, slots=True)
class ApiToken:
    """A program's key, under a name that its owner's other tokens don't bear.

    It may what `role` says, and never more than its owner. Without an owner it belongs to the installation.
    """

    id: str
    name: str
    role: Role
    created_at: datetime
    owner: str | None = None
    expires_at: datetime | None = None
    used_at: datetime | None = None

    def is_valid(self, now: datetime) -> bool:
        """True if it has not expired; whether its owner may come in is another question."""
        return self.expires_at is None or now < self.expires_at

    def used(self, now: datetime) -> "ApiToken":
        """The token, its use noted if that is due."""
        return replace(self, used_at=now) if is_due(self.used_at, now) else self

    @property
    def actor(self) -> str:
        """The name under which its deeds are recorded; no user and no token of another owner has it."""
        return f"{self.owner}/{self.name}" if self.owner else f"token:{self.name}"


def user_name(text: str) -> str:
    """The name as it is kept, in small letters, so that no two look alike. Raises InvalidAccountError."""
    name = text.strip().lower()
    if not _USER_NAME.fullmatch(name):
        raise InvalidAccountError(
            "a user's name is 1 to 64 letters, digits and . _ @ -, beginning with a letter or digit",
            code="invalid_name",
            pointer="/name",
        )
    if name in RESERVED_NAMES:
        raise InvalidAccountError(f"{name} means nobody in the records", code="reserved_name", pointer="/name")
    return name


def token_name(text: str) -> str:
    """The name as it is kept. Raises InvalidAccountError."""
    name = text.strip()
    if not _TOKEN_NAME.fullmatch(name):
        raise InvalidAccountError(
            "a token's name is 1 to 64 letters, digits and . _ -, beginning with a letter or digit",
            code="invalid_name",
            pointer="/name",
        )
    return name


def is_due(noted_at: datetime | None, now: datetime) -> bool:
    """True if a use is to be noted: the last note is none, NOTED_EVERY old, or of a clock that was set back."""
    return noted_at is None or not timedelta(0) <= now - noted_at < NOTED_EVERY
