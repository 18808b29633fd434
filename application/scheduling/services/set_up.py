"""The first admin: made by whoever can read the log, once."""

from dataclasses import dataclass
from datetime import timedelta

from application.scheduling.ports.access import Access, AccessLog
from application.scheduling.ports.clock import Clock, Entropy
from application.scheduling.ports.passwords import Passwords
from application.scheduling.services.access_errors import SetUpRefusedError
from application.scheduling.services.credentials import digest
from domain.access.account import Account, User, user_name
from domain.access.events import AccessChanged
from domain.access.passwords import accepted
from domain.access.record import Doer
from domain.access.role import Role
from domain.scheduling.change import Via

OFFER_LASTS = timedelta(minutes=15)
BY = "set-up"


@dataclass(frozen=True, slots=True)
class SetUp:
    """Offer the making of the first user, and take it up."""

    access: Access
    passwords: Passwords
    clock: Clock
    entropy: Entropy
    log: AccessLog

    async def is_open(self) -> bool:
        """True while nobody could come in, also when the offer has run out."""
        return await self.access.is_bare()

    async def offer(self) -> str | None:
        """A token of 128 bits that is good for OFFER_LASTS or one use; None if somebody can come in already."""
        secret = self.entropy.token()
        until = self.clock.now() + OFFER_LASTS
        return secret if await self.access.offer_set_up(digest(secret), until=until) else None

    async def run(self, secret: str, name: str, password: str, address: str) -> Account:
        """Make the first user, an admin. Raises InvalidAccountError, SetUpRefusedError, PasswordsBusyError."""
        known = digest(secret.strip())
        # Asked first, so that nobody without the token makes us hash passwords.
        if not await self.access.may_set_up(known):
            raise SetUpRefusedError
        user = User(user_name(name), Role.ADMIN, self.clock.now())
        account = Account(user, await self.passwords.hash(accepted(password, user.name)))
        if not await self.access.set_up(known, user, account.password_hash, by=Doer(BY, Via.PAGE, address)):
            raise SetUpRefusedError
        self.log.observe(AccessChanged(BY, f"added user {user.name} as {user.role}"))
        return account
