"""Who the users are: adding, disabling, roles and passwords, by an admin or by whoever has the store's file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from application.scheduling.ports.access import Access, AccessLog, Refusal
from application.scheduling.ports.clock import Clock
from application.scheduling.ports.passwords import Passwords
from application.scheduling.services.access_errors import LastAdminError, UserExistsError, UserNotFoundError
from domain.access.account import Session, User, user_name
from domain.access.events import AccessChanged
from domain.access.passwords import accepted
from domain.access.record import Doer
from domain.access.role import Role
from domain.errors import InvalidAccountError

USERS_MAX = 1_000


@dataclass(frozen=True, slots=True)
class ManageUsers:
    """Change who may come in; every change acts at once, also on those who are in."""

    access: Access
    passwords: Passwords
    clock: Clock
    log: AccessLog

    async def list(self) -> Sequence[User]:
        """Everybody, by name, the disabled ones too."""
        return await self.access.users()

    async def add(self, by: Doer, name: str, password: str, role: Role) -> User:
        """Add somebody. Raises InvalidAccountError, UserExistsError, PasswordsBusyError."""
        known = user_name(name)
        text = accepted(password, known)
        if len(await self.access.users()) >= USERS_MAX:
            raise InvalidAccountError(f"there are {USERS_MAX:,} users already", code="too_many")
        user = User(known, role, self.clock.now())
        if not await self.access.add_user(user, await self.passwords.hash(text), by=by):
            raise UserExistsError(known)
        self.log.observe(AccessChanged(by.actor, f"added user {known} as {role}"))
        return user

    async def change(self, by: Doer, name: str, *, role: Role | None = None, disabled: bool | None = None) -> User:
        """Set what is not None; who is disabled loses every session, and keeps name, role and password.

        Raises UserNotFoundError, LastAdminError.
        """
        known = name.strip().lower()
        match await self.access.change_user(known, by=by, role=role, disabled=disabled):
            case Refusal.UNKNOWN:
                raise UserNotFoundError
            case Refusal.LAST_ADMIN:
                raise LastAdminError(known)
            case User() as user:
                state = "enabled" if user.is_enabled else "disabled"
                self.log.observe(AccessChanged(by.actor, f"changed user {known} to {user.role}, {state}"))
                return user

    async def reset_password(self, by: Doer, name: str, password: str) -> None:
        """Set a new password without the old one, and end the user's sessions.

        Raises InvalidAccountError, UserNotFoundError, PasswordsBusyError.
        """
        known = user_name(name)
        text = accepted(password, known)
        if not await self.access.set_password(known, await self.passwords.hash(text), by=by):
            raise UserNotFoundError
        self.log.observe(AccessChanged(by.actor, f"set the password of user {known}"))

    async def sessions(self, name: str) -> Sequence[Session]:
        """Where somebody is signed in, newest first. Raises UserNotFoundError."""
        known = await self._known(name)
        return await self.access.sessions(known)

    async def all_sessions(self) -> Mapping[str, Sequence[Session]]:
        """Where everybody is signed in, newest first, by the users' names."""
        found: dict[str, list[Session]] = {}
        for session in await self.access.sessions():
            found.setdefault(session.user_name, []).append(session)
        return found

    async def end_sessions(self, by: Doer, name: str) -> int:
        """End every session of somebody; returns how many were live. Raises UserNotFoundError."""
        known = await self._known(name)
        ended = await self.access.end_sessions(known, by=by)
        self.log.observe(AccessChanged(by.actor, f"ended {ended} sessions of user {known}"))
        return ended

    async def _known(self, name: str) -> str:
        known = name.strip().lower()
        if await self.access.account(known) is None:
            raise UserNotFoundError
        return known
