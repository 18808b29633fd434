"""Coming in with name and password, and leaving."""

from dataclasses import dataclass, field

from application.scheduling.ports.access import Access, AccessLog
from application.scheduling.ports.clock import Clock, Entropy
from application.scheduling.services.access_errors import SignInRefusedError
from application.scheduling.services.check_password import CheckPassword
from application.scheduling.services.credentials import digest, new_secret
from domain.access.account import Account, Session
from domain.access.events import SignedIn, SignedOut
from domain.access.record import Doer
from domain.scheduling.change import Via


@dataclass(frozen=True, slots=True)
class OpenedSession:
    """A session that has just begun; `secret` is known to its browser alone, the store has the digest."""

    user_name: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SignIn:
    """Open and end sessions."""

    access: Access
    check: CheckPassword
    clock: Clock
    entropy: Entropy
    log: AccessLog

    async def run(self, name: str, password: str, address: str, *, instead_of: str | None = None) -> OpenedSession:
        """Open a session under a new secret, and end the one of `instead_of`, which the browser had before.

        Raises SignInDelayedError, SignInRefusedError.
        """
        account = await self.check.run(name, password, address)
        if instead_of is not None:
            await self.access.end_session(digest(instead_of), by=Doer(account.user.name, Via.PAGE, address))
        return await self.open(account, address)

    async def open(self, account: Account, address: str) -> OpenedSession:
        """A session of somebody who has just proved to be that user, by the password of that hash.

        Raises SignInRefusedError if the user is disabled or has another password by now.
        """
        user_name, now, secret = account.user.name, self.clock.now(), new_secret(self.entropy)
        session = Session(user_name, now, now, address)
        if not await self.access.open_session(digest(secret), session, password_hash=account.password_hash):
            raise SignInRefusedError
        self.log.observe(SignedIn(user_name, address))
        return OpenedSession(user_name, secret)

    async def leave(self, user_name: str, secret: str, address: str) -> None:
        """End this session, at once."""
        await self.access.end_session(digest(secret), by=Doer(user_name, Via.PAGE, address))
        self.log.observe(SignedOut(user_name))
