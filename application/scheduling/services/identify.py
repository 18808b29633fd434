"""Who is asking: from a session's secret or a token to a name and a role, as they are at this very moment."""

from dataclasses import dataclass, field
from datetime import datetime
from hmac import compare_digest

from application.scheduling.ports.access import Access
from application.scheduling.services.credentials import digest
from application.scheduling.services.note_refusals import NoteRefusals
from domain.access.events import CredentialRefused
from domain.access.role import Role

SETTINGS_ACTOR = "settings:SCHEDULER_ADMIN_TOKEN"
"""Neither a user nor a token that is kept can have this name."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody known: `actor` goes into the records; `user_name` is set for a person who has signed in.

    `expires_at` is the end of the token that was shown, if it has one.
    """

    actor: str
    role: Role
    user_name: str | None = None
    session_digest: str | None = field(default=None, repr=False)
    expires_at: datetime | None = None

    def end_within(self, asked: datetime | None) -> datetime | None:
        """When what they make ends: as asked, but with the token they have shown at the latest; None: never."""
        return min((each for each in (asked, self.expires_at) if each is not None), default=None)


@dataclass(frozen=True, slots=True)
class Identify:
    """Look up who a secret belongs to. `admin_token` is the digest of the token the settings name, if any."""

    access: Access
    refusals: NoteRefusals
    admin_token: str | None = field(default=None, repr=False)

    async def by_session(self, secret: str, *, noting: bool = True) -> Caller | None:
        """Who has this session; None if it has ended. `noting`: the visit keeps it from falling idle."""
        known = digest(secret)
        visit = await self.access.visit(known, noting=noting)
        return None if visit is None else Caller(visit.user.name, visit.user.role, visit.user.name, known)

    async def by_token(self, secret: str, address: str) -> Caller | None:
        """Whose token this is; None, which is put on record, if it is not good any more or never was."""
        known = digest(secret)
        if self.admin_token is not None and compare_digest(known, self.admin_token):
            return Caller(SETTINGS_ACTOR, Role.ADMIN)
        use = await self.access.use_token(known)
        if use is None:
            await self.refusals.run(CredentialRefused(address))
            return None
        return Caller(use.token.actor, use.role, expires_at=use.token.expires_at)
