"""What people do with their own account: another password, and an end to forgotten sessions."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from application.scheduling.ports.access import Access, AccessLog
from application.scheduling.ports.passwords import Passwords
from application.scheduling.services.access_errors import SignInRefusedError
from application.scheduling.services.check_password import CheckPassword
from application.scheduling.services.sign_in import OpenedSession, SignIn
from domain.access.account import Session
from domain.access.events import AccessChanged
from domain.access.passwords import accepted
from domain.access.record import Doer
from domain.scheduling.change import Via


@dataclass(frozen=True, slots=True)
class ManageAccount:
    """A user's own account."""

    access: Access
    check: CheckPassword
    sign_in: SignIn
    passwords: Passwords
    log: AccessLog

    async def confirm(self, name: str, password: str, address: str) -> None:
        """See that it is the user who asks, not somebody at a screen left alone.

        Raises SignInDelayedError, SignInRefusedError.
        """
        await self.check.run(name, password, address)

    async def change_password(self, name: str, old: str, new: str, address: str) -> OpenedSession:
        """Change it, end every session, and open a new one for who asked.

        Raises InvalidAccountError, SignInDelayedError, SignInRefusedError, PasswordsBusyError.
        """
        text = accepted(new, name)
        account = await self.check.run(name, old, address)
        changed = await self.passwords.hash(text)
        if not await self.access.set_password(
            name, changed, by=_oneself(name, address), replacing=account.password_hash
        ):
            # Somebody else has just changed it: the old password is not that of the account any more.
            raise SignInRefusedError
        self.log.observe(AccessChanged(name, f"changed the password of user {name}"))
        return await self.sign_in.open(replace(account, password_hash=changed), address)

    async def sessions(self, name: str) -> Sequence[Session]:
        """The live sessions, newest first."""
        return await self.access.sessions(name)

    async def end_other_sessions(self, name: str, session_digest: str, address: str) -> int:
        """End all but this one; returns how many."""
        ended = await self.access.end_sessions(name, by=_oneself(name, address), but=session_digest)
        self.log.observe(AccessChanged(name, f"ended {ended} other sessions of user {name}"))
        return ended


def _oneself(name: str, address: str) -> Doer:
    """The user, on the account page: nothing else leads here."""
    return Doer(name, Via.PAGE, address)
