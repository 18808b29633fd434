"""Keys for programs: made and shown once, listed without their secret, revoked at once."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from application.scheduling.ports.access import Access, AccessLog
from application.scheduling.ports.clock import Clock, Entropy
from application.scheduling.services.access_errors import TokenExistsError, TokenNotFoundError, UserNotFoundError
from application.scheduling.services.credentials import PREFIX, digest, new_secret
from domain.access.account import TOKEN_LIFE_MAX, ApiToken, token_name
from domain.access.events import AccessChanged
from domain.access.record import Doer
from domain.access.role import Role
from domain.errors import InvalidAccountError

TOKENS_MAX = 100
"""How many tokens an owner has."""


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token that has just been made; `secret` is told this once."""

    token: ApiToken
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ManageTokens:
    """Make, list and revoke tokens."""

    access: Access
    clock: Clock
    entropy: Entropy
    log: AccessLog

    async def create(
        self, by: Doer, name: str, role: Role, *, owner: str | None = None, expires_at: datetime | None = None
    ) -> NewToken:
        """Make a token of a user, or, without an owner, of the installation.

        Raises InvalidAccountError (a role beyond the owner's, an end that is past or too far away), UserNotFoundError,
        TokenExistsError.
        """
        known, now = token_name(name), self.clock.now()
        _check_end(expires_at, now)
        if owner is not None:
            await self._check_owner(owner, role)
        if len([each for each in await self.access.tokens() if each.owner == owner]) >= TOKENS_MAX:
            raise InvalidAccountError(f"there are {TOKENS_MAX} tokens already; revoke one", code="too_many")
        token = ApiToken(self.entropy.identifier(), known, role, now, owner, expires_at)
        secret = PREFIX + new_secret(self.entropy)
        if not await self.access.add_token(digest(secret), token, by=by):
            raise TokenExistsError(known)
        self.log.observe(AccessChanged(by.actor, f"made token {token.actor} as {role}"))
        return NewToken(token, secret)

    async def list(self, owner: str | None = None) -> Sequence[ApiToken]:
        """The tokens of a user, or all, the expired ones too."""
        return await self.access.tokens(owner)

    async def revoke(self, by: Doer, token_id: str, *, owner: str | None = None) -> ApiToken:
        """Remove a token, of this owner if one is named. Raises TokenNotFoundError."""
        token = await self.access.revoke_token(token_id, by=by, owner=owner)
        if token is None:
            raise TokenNotFoundError
        self.log.observe(AccessChanged(by.actor, f"revoked token {token.actor}"))
        return token

    async def _check_owner(self, owner: str, role: Role) -> None:
        account = await self.access.account(owner)
        if account is None:
            raise UserNotFoundError
        if not account.user.role.includes(role):
            raise InvalidAccountError(
                f"{owner} is {account.user.role}, and a token may no more than its owner",
                code="role_too_high",
                pointer="/role",
            )


def _check_end(expires_at: datetime | None, now: datetime) -> None:
    if expires_at is not None and not now < expires_at <= now + TOKEN_LIFE_MAX:
        raise InvalidAccountError(
            "a token ends in the future, within ten years", code="out_of_range", pointer="/expires_at"
        )
