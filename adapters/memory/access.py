"""`Access` in memory."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from adapters.memory.state import State
from application.scheduling.ports.access import SESSIONS_MAX, Refusal, TokenUse, Visit
from domain.access import deeds
from domain.access.account import Account, ApiToken, Session, User
from domain.access.record import Deed, Doer
from domain.access.role import Role
from domain.access.throttle import Attempts, LoginKeys, opens_at


@dataclass(frozen=True, slots=True)
class MemoryAccess:
    """`Access`; of the shared state it needs the clock, whether the store answers, and the chain of records."""

    state: State
    _accounts: dict[str, Account] = field(default_factory=dict)
    _sessions: dict[str, Session] = field(default_factory=dict)
    _tokens: dict[str, ApiToken] = field(default_factory=dict)
    _attempts: dict[str, Attempts] = field(default_factory=dict)
    _offers: dict[str, datetime] = field(default_factory=dict)

    async def add_user(self, user: User, password_hash: str, *, by: Doer) -> bool:
        """See the port."""
        self.state.now()
        if user.name in self._accounts:
            return False
        self._accounts[user.name] = Account(user, password_hash)
        self._record(deeds.user_added(user, by))
        return True

    async def users(self) -> Sequence[User]:
        """See the port."""
        self.state.now()
        return [account.user for _, account in sorted(self._accounts.items())]

    async def account(self, name: str) -> Account | None:
        """See the port."""
        self.state.now()
        return self._accounts.get(name)

    async def change_user(
        self, name: str, *, by: Doer, role: Role | None = None, disabled: bool | None = None
    ) -> User | Refusal:
        """See the port."""
        now = self.state.now()
        if (account := self._accounts.get(name)) is None:
            return Refusal.UNKNOWN
        user = account.user.changed(role=role, disabled=disabled, now=now)
        others = any(each.user.is_active_admin for each in self._accounts.values() if each.user.name != name)
        if account.user.is_active_admin and not user.is_active_admin and not others:
            return Refusal.LAST_ADMIN
        self._accounts[name] = replace(account, user=user)
        if not user.is_enabled:
            self._end(name)
        if user != account.user:
            self._record(deeds.user_changed(account.user, user, by))
        return user

    async def set_password(self, name: str, password_hash: str, *, by: Doer, replacing: str | None = None) -> bool:
        """See the port."""
        self.state.now()
        account = self._accounts.get(name)
        if account is None or replacing not in (None, account.password_hash):
            return False
        self._accounts[name] = replace(account, password_hash=password_hash)
        self._end(name)
        self._record(deeds.password_set(name, by))
        return True

    async def open_session(self, digest: str, session: Session, *, password_hash: str) -> bool:
        """See the port."""
        now = self.state.now()
        for ended in [each for each, kept in self._sessions.items() if not kept.is_live(now)]:
            del self._sessions[ended]
        if self._enabled(session.user_name) is None or self._accounts[session.user_name].password_hash != password_hash:
            return False
        self._sessions[digest] = session
        mine = [each for each, kept in self._sessions.items() if kept.user_name == session.user_name]
        for oldest in sorted(mine, key=lambda each: (self._sessions[each].created_at, each))[:-SESSIONS_MAX]:
            del self._sessions[oldest]
        self._record(deeds.signed_in(session))
        return True

    async def visit(self, digest: str, *, noting: bool = True) -> Visit | None:
        """See the port."""
        now = self.state.now()
        session = self._sessions.get(digest)
        if session is None or not session.is_live(now) or (user := self._enabled(session.user_name)) is None:
            return None
        if noting:
            session = self._sessions[digest] = session.seen(now)
        return Visit(user, session)

    async def sessions(self, name: str | None = None) -> Sequence[Session]:
        """See the port."""
        now = self.state.now()
        live = [each for each in self._sessions.items() if name in (None, each[1].user_name) and each[1].is_live(now)]
        return [session for _, session in sorted(live, key=lambda each: (each[1].created_at, each[0]), reverse=True)]

    async def end_session(self, digest: str, *, by: Doer) -> None:
        """See the port."""
        now = self.state.now()
        session = self._sessions.pop(digest, None)
        if session is not None and session.is_live(now):
            self._record(deeds.signed_out(session.user_name, by))

    async def end_sessions(self, name: str, *, by: Doer, but: str | None = None) -> int:
        """See the port."""
        now = self.state.now()
        if ended := sum(session.is_live(now) for session in self._end(name, but)):
            self._record(deeds.sessions_ended(name, ended, by))
        return ended

    async def add_token(self, digest: str, token: ApiToken, *, by: Doer) -> bool:
        """See the port."""
        self.state.now()
        if any((each.owner, each.name) == (token.owner, token.name) for each in self._tokens.values()):
            return False
        self._tokens[digest] = token
        self._record(deeds.token_made(token, by))
        return True

    async def use_token(self, digest: str) -> TokenUse | None:
        """See the port."""
        now = self.state.now()
        token = self._tokens.get(digest)
        if token is None or not token.is_valid(now):
            return None
        owner = self._enabled(token.owner) if token.owner else None
        if token.owner and owner is None:
            return None
        token = self._tokens[digest] = token.used(now)
        return TokenUse(token, owner)

    async def tokens(self, owner: str | None = None) -> Sequence[ApiToken]:
        """See the port."""
        self.state.now()
        found = [each for each in self._tokens.values() if owner in (None, each.owner)]
        return sorted(found, key=lambda each: (each.owner or "", each.name))

    async def revoke_token(self, token_id: str, *, by: Doer, owner: str | None = None) -> ApiToken | None:
        """See the port."""
        self.state.now()
        for digest, token in self._tokens.items():
            if token.id == token_id and owner in (None, token.owner):
                self._record(deeds.token_revoked(token, by))
                return self._tokens.pop(digest)
        return None

    async def admit_login(self, keys: LoginKeys) -> datetime | None:
        """See the port."""
        now = self.state.now()
        for key in [each for each, attempts in self._attempts.items() if attempts.is_forgotten(now)]:
            del self._attempts[key]
        (account, allowed), (address, allowed_there) = keys.limits
        tried, tried_there = self._attempts.get(account, Attempts()), self._attempts.get(address, Attempts())
        if (until := opens_at(now, ((tried, allowed), (tried_there, allowed_there)))) is not None:
            return until
        self._attempts[account] = tried.with_another(now)
        self._attempts[address] = tried_there.with_another(now)
        return None

    async def forgive_login(self, keys: LoginKeys) -> None:
        """See the port."""
        self.state.now()
        self._attempts.pop(keys.account, None)
        self._take_off(keys.address)

    async def retract_login(self, keys: LoginKeys) -> None:
        """See the port."""
        self.state.now()
        self._take_off(keys.account)
        self._take_off(keys.address)

    async def is_bare(self) -> bool:
        """See the port."""
        self.state.now()
        return not self._accounts and not self._tokens

    async def offer_set_up(self, digest: str, *, until: datetime) -> bool:
        """See the port."""
        if not await self.is_bare():
            return False
        self._offers.clear()
        self._offers[digest] = until
        return True

    async def may_set_up(self, digest: str) -> bool:
        """See the port."""
        now, until = self.state.now(), self._offers.get(digest)
        return await self.is_bare() and until is not None and now < until

    async def set_up(self, digest: str, user: User, password_hash: str, *, by: Doer) -> bool:
        """See the port."""
        if not await self.may_set_up(digest):
            return False
        self._offers.clear()
        return await self.add_user(user, password_hash, by=by)

    def _record(self, deed: Deed) -> None:
        self.state.chain.add(deed, self.state.now())

    def _take_off(self, key: str) -> None:
        if (attempts := self._attempts.get(key)) is not None:
            self._attempts[key] = attempts.with_one_less()

    def _enabled(self, name: str) -> User | None:
        account = self._accounts.get(name)
        return account.user if account is not None and account.user.is_enabled else None

    def _end(self, name: str, but: str | None = None) -> list[Session]:
        ended = [each for each, session in self._sessions.items() if session.user_name == name and each != but]
        return [self._sessions.pop(each) for each in ended]
