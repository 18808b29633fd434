"""What happened at the door, in the past tense: who came in, who was refused, who gave whom which right.

Nothing here ever holds a password, a token or a session's secret.
"""

from dataclasses import dataclass

from domain.access.role import Role
from domain.scheduling.change import Via


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Somebody came in with name and password."""

    user_name: str
    address: str


@dataclass(frozen=True, slots=True)
class SignedOut:
    """Somebody ended a session."""

    user_name: str


@dataclass(frozen=True, slots=True)
class SignInFailed:
    """A name and a password did not fit. `user_name` is None for a name that nobody has: it may be a password."""

    user_name: str | None
    address: str


@dataclass(frozen=True, slots=True)
class SignInDelayed:
    """An attempt was not looked at, because too many before it failed."""

    address: str


@dataclass(frozen=True, slots=True)
class CredentialRefused:
    """A request named a token that is not good: unknown, expired, revoked, or of somebody who is disabled."""

    address: str


@dataclass(frozen=True, slots=True)
class PermissionRefused:
    """Somebody known asked for what their role does not include."""

    actor: str
    role: Role
    method: str
    path: str
    address: str
    via: Via = Via.PAGE


@dataclass(frozen=True, slots=True)
class AccessChanged:
    """`actor` changed who may come in: `what` in words, such as `disabled user ana`."""

    actor: str
    what: str


AccessEvent = (
    SignedIn | SignedOut | SignInFailed | SignInDelayed | CredentialRefused | PermissionRefused | AccessChanged
)
