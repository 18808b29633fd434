"""`Access` in Redis: the users and the set-up here, sessions, tokens and attempts beside it.

Decisions are the domain's, taken on a reading and written only if it still holds (access_steps.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from adapters.redis.access_doors import RedisDoors
from adapters.redis.access_reading import Reading, Sought
from adapters.redis.access_steps import Decision, Put, ending, ending_offer, putting_account, putting_offer
from application.scheduling.ports.access import Refusal
from domain.access import deeds
from domain.access.account import Account, User
from domain.access.record import Doer
from domain.access.role import Role


@dataclass(frozen=True, slots=True)
class RedisAccess(RedisDoors):
    """`Access` in one Redis."""

    async def add_user(self, user: User, password_hash: str, *, by: Doer) -> bool:
        """See the port."""

        def decide(found: Reading) -> Decision[bool]:
            # Also one that cannot be read has the name.
            if user.name in found.users:
                return Decision(False)
            return _adding(user, password_hash, by)

        return await self._change("add_user", Sought(users=user.name), decide)

    async def users(self) -> Sequence[User]:
        """See the port."""
        found = (await self._read(Sought(users=True))).users
        return [account.user for _, account in sorted(found.items()) if account is not None]

    async def account(self, name: str) -> Account | None:
        """See the port."""
        return (await self._read(Sought(users=name))).users.get(name)

    async def change_user(
        self, name: str, *, by: Doer, role: Role | None = None, disabled: bool | None = None
    ) -> User | Refusal:
        """See the port."""

        def decide(found: Reading) -> Decision[User | Refusal]:
            if (account := found.users.get(name)) is None:
                return Decision(Refusal.UNKNOWN)
            user = account.user.changed(role=role, disabled=disabled, now=found.now)
            if account.user.is_active_admin and not user.is_active_admin and not _has_admin_beside(found, name):
                return Decision(Refusal.LAST_ADMIN)
            puts = [] if user.is_enabled else _ending_all(found, name)
            if user == account.user:
                return Decision(user, puts)
            return Decision(
                user, [putting_account(replace(account, user=user)), *puts], deeds.user_changed(account.user, user, by)
            )

        return await self._change("change_user", Sought(users=True, sessions_of=name), decide)

    async def set_password(self, name: str, password_hash: str, *, by: Doer, replacing: str | None = None) -> bool:
        """See the port."""

        def decide(found: Reading) -> Decision[bool]:
            account = found.users.get(name)
            if account is None or replacing not in (None, account.password_hash):
                return Decision(False)
            changed = putting_account(replace(account, password_hash=password_hash))
            return Decision(True, [changed, *_ending_all(found, name)], deeds.password_set(name, by))

        return await self._change("set_password", Sought(users=name, sessions_of=name), decide)

    async def is_bare(self) -> bool:
        """See the port."""
        return (await self._read(Sought())).is_bare

    async def offer_set_up(self, digest: str, *, until: datetime) -> bool:
        """See the port."""

        def decide(found: Reading) -> Decision[bool]:
            return Decision(found.is_bare, [putting_offer(digest, until)] if found.is_bare else ())

        return await self._change("offer_set_up", Sought(), decide)

    async def may_set_up(self, digest: str) -> bool:
        """See the port."""
        return _may_set_up(await self._read(Sought()), digest)

    async def set_up(self, digest: str, user: User, password_hash: str, *, by: Doer) -> bool:
        """See the port."""

        def decide(found: Reading) -> Decision[bool]:
            if not _may_set_up(found, digest):
                return Decision(False)
            added = _adding(user, password_hash, by)
            return replace(added, puts=[ending_offer(), *added.puts])

        return await self._change("set_up", Sought(), decide)


def _adding(user: User, password_hash: str, by: Doer) -> Decision[bool]:
    return Decision(True, [putting_account(Account(user, password_hash))], deeds.user_added(user, by))


def _ending_all(found: Reading, name: str) -> list[Put]:
    return [put for digest in found.sessions for put in ending(name, digest)]


def _has_admin_beside(found: Reading, name: str) -> bool:
    others = (account.user for each, account in found.users.items() if account is not None and each != name)
    return any(other.is_active_admin for other in others)


def _may_set_up(found: Reading, digest: str) -> bool:
    return found.is_bare and found.offer is not None and found.offer[0] == digest and found.now < found.offer[1]
