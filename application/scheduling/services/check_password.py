"""Whether a password is somebody's: counted first, then looked at in a time that tells nothing."""

from dataclasses import dataclass
from datetime import timedelta

from application.scheduling.ports.access import Access
from application.scheduling.ports.clock import Clock
from application.scheduling.ports.passwords import Passwords, PasswordsBusyError
from application.scheduling.services.access_errors import SignInDelayedError, SignInRefusedError
from application.scheduling.services.credentials import login_keys
from application.scheduling.services.note_refusals import NoteRefusals
from domain.access.account import Account, user_name
from domain.access.events import SignInDelayed, SignInFailed
from domain.access.passwords import LENGTH_MAX, normalised
from domain.access.throttle import LoginKeys
from domain.errors import InvalidAccountError

BUSY_FOR = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class CheckPassword:
    """Compare a name and a password with the accounts."""

    access: Access
    passwords: Passwords
    clock: Clock
    refusals: NoteRefusals

    async def run(self, name: str, password: str, address: str) -> Account:
        """The enabled account they belong to.

        Raises SignInDelayedError if there were too many attempts; SignInRefusedError, after the same work, whether
        there is no such user, the user is disabled or the password is another.
        """
        known = _known(name)
        keys = login_keys(known or name.strip().lower(), address)
        if (until := await self.access.admit_login(keys)) is not None:
            await self.refusals.run(SignInDelayed(address))
            raise SignInDelayedError(until - self.clock.now())
        account = await self.access.account(known) if known else None
        fits = await self._fits(password, account, keys)
        if account is None or not fits:
            await self.refusals.run(SignInFailed(account.user.name if account else None, address))
            raise SignInRefusedError
        await self.access.forgive_login(keys)
        return account

    async def _fits(self, password: str, account: Account | None, keys: LoginKeys) -> bool:
        kept = account.password_hash if account is not None and account.user.is_enabled else None
        # None that was ever accepted is longer, and bringing it to its normal form could take long.
        text = normalised(password) if len(password) <= LENGTH_MAX else ""
        try:
            return await self.passwords.matches(text, kept)
        except PasswordsBusyError:
            await self.access.retract_login(keys)
            raise SignInDelayedError(BUSY_FOR) from None


def _known(name: str) -> str | None:
    """The name as accounts have it; None for what cannot be one."""
    try:
        return user_name(name)
    except InvalidAccountError:
        return None
