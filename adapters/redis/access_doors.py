"""The part of `Access` that every request and every attempt to come in passes: sessions, tokens, attempts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from adapters.redis.access_reading import Reading, Sought
from adapters.redis.access_steps import (
    AccessSteps,
    Decision,
    ending,
    putting_attempts,
    putting_session,
    putting_token,
    removing_token,
)
from application.scheduling.ports.access import SESSIONS_MAX, TokenUse, Visit
from domain.access import deeds
from domain.access.account import ApiToken, Session
from domain.access.record import Doer
from domain.access.throttle import Attempts, LoginKeys, opens_at


@dataclass(frozen=True, slots=True)
class RedisDoors(AccessSteps):
    """Sessions, tokens and attempts in one Redis."""

    async def open_session(self, digest: str, session: Session, *, password_hash: str) -> bool:
        """See the port."""
        name = session.user_name

        def decide(found: Reading) -> Decision[bool]:
            account = found.users.get(name)
            if account is None or not account.user.is_enabled or account.password_hash != password_hash:
                return Decision(False)
            mine = dict([*_live(found), (digest, session)])
            oldest = sorted(mine, key=lambda each: (mine[each].created_at, each))[:-SESSIONS_MAX]
            over = [each for each in found.sessions if each not in mine]
            puts = [*putting_session(digest, session), *(put for each in oldest + over for put in ending(name, each))]
            return Decision(True, puts, deeds.signed_in(session))

        return await self._change("open_session", Sought(users=name, sessions_of=name), decide)

    async def visit(self, digest: str, *, noting: bool = True) -> Visit | None:
        """See the port."""

        def decide(found: Reading) -> Decision[Visit | None]:
            session = found.sessions.get(digest)
            if session is None or not session.is_live(found.now):
                return Decision(None)
            if (user := found.enabled(session.user_name)) is None:
                return Decision(None)
            seen = session.seen(found.now) if noting else session
            return Decision(Visit(user, seen), putting_session(digest, seen) if seen != session else ())

        return await self._change("visit", Sought(session=digest), decide)

    async def sessions(self, name: str | None = None) -> Sequence[Session]:
        """See the port."""
        found = await self._read(Sought(sessions_of=True if name is None else name))
        newest_first = sorted(((each.created_at, digest, each) for digest, each in _live(found)), reverse=True)
        return [session for _, _, session in newest_first]

    async def end_session(self, digest: str, *, by: Doer) -> None:
        """See the port."""

        def decide(found: Reading) -> Decision[None]:
            if (session := found.sessions.get(digest)) is None:
                return Decision(None)
            is_told = session.is_live(found.now)
            deed = deeds.signed_out(session.user_name, by) if is_told else None
            return Decision(None, ending(session.user_name, digest), deed)

        await self._change("end_session", Sought(session=digest), decide)

    async def end_sessions(self, name: str, *, by: Doer, but: str | None = None) -> int:
        """See the port."""

        def decide(found: Reading) -> Decision[int]:
            puts = [put for digest in found.sessions if digest != but for put in ending(name, digest)]
            ended = sum(digest != but for digest, _ in _live(found))
            return Decision(ended, puts, deeds.sessions_ended(name, ended, by) if ended else None)

        return await self._change("end_sessions", Sought(sessions_of=name), decide)

    async def add_token(self, digest: str, token: ApiToken, *, by: Doer) -> bool:
        """See the port."""

        def decide(found: Reading) -> Decision[bool]:
            if any((each.owner, each.name) == (token.owner, token.name) for each in _tokens(found)):
                return Decision(False)
            return Decision(True, [putting_token(digest, token)], deeds.token_made(token, by))

        return await self._change("add_token", Sought(tokens=True), decide)

    async def use_token(self, digest: str) -> TokenUse | None:
        """See the port."""

        def decide(found: Reading) -> Decision[TokenUse | None]:
            token = found.tokens.get(digest)
            if token is None or not token.is_valid(found.now):
                return Decision(None)
            owner = found.enabled(token.owner) if token.owner else None
            if token.owner and owner is None:
                return Decision(None)
            used = token.used(found.now)
            return Decision(TokenUse(used, owner), [putting_token(digest, used)] if used != token else ())

        return await self._change("use_token", Sought(tokens=digest), decide)

    async def tokens(self, owner: str | None = None) -> Sequence[ApiToken]:
        """See the port."""
        found = [each for each in _tokens(await self._read(Sought(tokens=True))) if owner in (None, each.owner)]
        return sorted(found, key=lambda each: (each.owner or "", each.name))

    async def revoke_token(self, token_id: str, *, by: Doer, owner: str | None = None) -> ApiToken | None:
        """See the port."""

        def decide(found: Reading) -> Decision[ApiToken | None]:
            for digest, token in found.tokens.items():
                if token is not None and token.id == token_id and owner in (None, token.owner):
                    return Decision(token, [removing_token(digest)], deeds.token_revoked(token, by))
            return Decision(None)

        return await self._change("revoke_token", Sought(tokens=True), decide)

    async def admit_login(self, keys: LoginKeys) -> datetime | None:
        """See the port."""

        def decide(found: Reading) -> Decision[datetime | None]:
            counted = tuple((found.attempts(key), free) for key, free in keys.limits)
            if (until := opens_at(found.now, counted)) is not None:
                return Decision(until)
            return Decision(
                None, [putting_attempts(key, found.attempts(key).with_another(found.now)) for key, _ in keys.limits]
            )

        return await self._change("admit_login", _sought(keys), decide)

    async def forgive_login(self, keys: LoginKeys) -> None:
        """See the port."""
        await self._take_off(keys, forgotten={keys.account})

    async def retract_login(self, keys: LoginKeys) -> None:
        """See the port."""
        await self._take_off(keys, forgotten=set())

    async def _take_off(self, keys: LoginKeys, *, forgotten: set[str]) -> None:
        def decide(found: Reading) -> Decision[None]:
            left = {key: found.attempts(key).with_one_less() for key in found.logins}
            left |= {key: Attempts() for key in forgotten}
            return Decision(None, [putting_attempts(*each) for each in left.items()])

        await self._change("take off an attempt", _sought(keys), decide)


def _sought(keys: LoginKeys) -> Sought:
    return Sought(logins=(keys.account, keys.address))


def _live(found: Reading) -> list[tuple[str, Session]]:
    """The sessions that have not ended by themselves, by digest."""
    return [(digest, each) for digest, each in found.sessions.items() if each is not None and each.is_live(found.now)]


def _tokens(found: Reading) -> list[ApiToken]:
    return [each for each in found.tokens.values() if each is not None]
