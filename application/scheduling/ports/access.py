"""Who may come in: users, their sessions and API tokens, the counting of attempts, and the one-time set-up.

Secrets never reach this port. A session, a token and the set-up are known by the SHA-256 of their secret: it has 128
random bits or more, so nothing is found by trying, and whoever reads the store cannot use what is in it. Passwords
come as the hash that ports/passwords.py makes.

Roles and what is disabled are read with every request, so that a change acts at once, on sessions and tokens alike.

Whatever changes who may come in, and every session that is opened or ended by somebody, goes on record in the same
step (domain/access/record.py), with `by`, who does it. What changes nothing leaves no record; nor does a session that
ends by itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from domain.access.account import Account, ApiToken, Session, User
from domain.access.events import AccessEvent
from domain.access.record import Doer
from domain.access.role import Role
from domain.access.throttle import LoginKeys

SESSIONS_MAX = 20
"""How many sessions a user has; a further one ends the oldest."""


class Refusal(StrEnum):
    """Why a user was not changed."""

    UNKNOWN = "unknown"
    LAST_ADMIN = "last_admin"


@dataclass(frozen=True, slots=True)
class Visit:
    """A live session and whose it is, as they are now."""

    user: User
    session: Session


@dataclass(frozen=True, slots=True)
class TokenUse:
    """A valid token and its owner, who is enabled; None: it belongs to the installation."""

    token: ApiToken
    owner: User | None

    @property
    def role(self) -> Role:
        """What it may: never more than its owner."""
        return self.token.role if self.owner is None else self.token.role.within(self.owner.role)


class Access(Protocol):
    """Accounts and what opens the door. Each method is one atomic step; all raise StoreUnavailableError.

    Instants are judged by the store's clock.
    """

    async def add_user(self, user: User, password_hash: str, *, by: Doer) -> bool:
        """Keep a new user. False: the name is somebody's, who may be disabled; nothing was changed."""

    async def users(self) -> Sequence[User]:
        """Return everybody, by name."""

    async def account(self, name: str) -> Account | None:
        """Return the user and the hash of the password, also of somebody who is disabled."""

    async def change_user(
        self, name: str, *, by: Doer, role: Role | None = None, disabled: bool | None = None
    ) -> User | Refusal:
        """Set what is not None; who becomes disabled loses every session in the same step.

        Answers the user as it is now; UNKNOWN; or LAST_ADMIN (unchanged): no other enabled user would be an admin.
        """

    async def set_password(self, name: str, password_hash: str, *, by: Doer, replacing: str | None = None) -> bool:
        """Change the password and end every session of the user.

        False: nobody has that name, or `replacing`, the hash that was compared, is not the present one any more.
        """

    async def open_session(self, digest: str, session: Session, *, password_hash: str) -> bool:
        """Begin a session; False if its user is unknown or disabled, or has another password by now.

        `password_hash` is the one that was compared: a sign-in under way must not survive a change of the password.
        Sessions that have ended by themselves are forgotten, and beyond SESSIONS_MAX the user's oldest ones end.
        """

    async def visit(self, digest: str, *, noting: bool = True) -> Visit | None:
        """Return the session if it is live and its user enabled; `noting`: and note that it was seen now."""

    async def sessions(self, name: str | None = None) -> Sequence[Session]:
        """Return the live sessions of a user, or of everybody, newest first."""

    async def end_session(self, digest: str, *, by: Doer) -> None:
        """End a session; no error if there is none."""

    async def end_sessions(self, name: str, *, by: Doer, but: str | None = None) -> int:
        """End every session of a user, but the one of this digest; return how many were live."""

    async def add_token(self, digest: str, token: ApiToken, *, by: Doer) -> bool:
        """Keep a new token. False: its owner, or the installation, has one of that name."""

    async def use_token(self, digest: str) -> TokenUse | None:
        """Return the token if it is valid and its owner enabled, and note that it was used now."""

    async def tokens(self, owner: str | None = None) -> Sequence[ApiToken]:
        """Return the tokens of a user, or all there are, by owner and name; the expired ones too."""

    async def revoke_token(self, token_id: str, *, by: Doer, owner: str | None = None) -> ApiToken | None:
        """Remove a token, at once and for good; None if there is none, or it is not this owner's."""

    async def admit_login(self, keys: LoginKeys) -> datetime | None:
        """Count an attempt as failed, before the password is looked at, so that many at once are counted too.

        Answers None; or, counting nothing, the instant until which the rule of throttle.py refuses it.
        """

    async def forgive_login(self, keys: LoginKeys) -> None:
        """The attempt succeeded: forget those for the account from this address, and take this one off the address."""

    async def retract_login(self, keys: LoginKeys) -> None:
        """The password was not looked at after all: take the attempt off both keys."""

    async def is_bare(self) -> bool:
        """True if there is neither a user nor a token: nobody could come in."""

    async def offer_set_up(self, digest: str, *, until: datetime) -> bool:
        """Let whoever has the secret make the first user, once; an earlier offer ends. False: it is not bare."""

    async def may_set_up(self, digest: str) -> bool:
        """True if `set_up` with this secret would be taken."""

    async def set_up(self, digest: str, user: User, password_hash: str, *, by: Doer) -> bool:
        """Keep the first user and end the offer. False, and nothing changed: no such offer, too late, or not bare."""


class AccessLog(Protocol):
    """Hears what happens at the door. Never blocks for long and never raises."""

    def observe(self, event: AccessEvent) -> None:
        """Take note of one event."""
