"""`Access` in SQL: the users and the set-up here, sessions, tokens and attempts beside it.

Decisions are the domain's, taken inside the transaction that writes what follows from them.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, delete, exists, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.records.access import ACCOUNT_FIELDS, USER_FIELDS, account_of, account_row, user_of, user_row
from adapters.sql.store.access_doors import SqlDoors
from adapters.sql.store.access_tables import ACCOUNT, USER, api_tokens, sessions, set_up_offers, users
from adapters.sql.store.access_trail import record
from application.scheduling.ports.access import Refusal
from domain.access import deeds
from domain.access.account import Account, User
from domain.access.record import Doer
from domain.access.role import Role
from domain.scheduling.identifiers import microseconds

_ACCOUNT = select(*ACCOUNT)
_SOMEBODY = or_(exists(select(users.c.name)), exists(select(api_tokens.c.digest)))


class SqlAccess(SqlDoors):
    """`Access` in one SQL database."""

    async def add_user(self, user: User, password_hash: str, *, by: Doer) -> bool:
        """See the port."""
        async with self._database.writing_alone("add_user") as connection:
            if (await connection.execute(select(users.c.name).where(users.c.name == user.name))).first():
                return False
            await connection.execute(insert(users).values(_account_values(user, password_hash)))
            await record(connection, deeds.user_added(user, by), await self._guard.now(connection))
        return True

    async def users(self) -> Sequence[User]:
        """See the port."""
        async with self._database.browsing("users") as connection:
            rows = (await connection.execute(select(*USER).order_by(users.c.name))).all()
        return [user for row in rows if (user := user_of(row)) is not None]

    async def account(self, name: str) -> Account | None:
        """See the port."""
        async with self._database.browsing("account") as connection:
            return await _account(connection, name)

    async def change_user(
        self, name: str, *, by: Doer, role: Role | None = None, disabled: bool | None = None
    ) -> User | Refusal:
        """See the port."""
        async with self._database.writing_alone("change_user") as connection:
            now = await self._guard.now(connection)
            account = await _account(connection, name)
            if account is None:
                return Refusal.UNKNOWN
            user = account.user.changed(role=role, disabled=disabled, now=now)
            leaves = account.user.is_active_admin and not user.is_active_admin
            if leaves and not await self._has_admin_beside(connection, name):
                return Refusal.LAST_ADMIN
            values = dict(zip(USER_FIELDS, user_row(user), strict=True))
            await connection.execute(update(users).where(users.c.name == name).values(values))
            if not user.is_enabled:
                await connection.execute(delete(sessions).where(sessions.c.user_name == name))
            if user != account.user:
                await record(connection, deeds.user_changed(account.user, user, by), now)
        return user

    async def set_password(self, name: str, password_hash: str, *, by: Doer, replacing: str | None = None) -> bool:
        """See the port."""
        same: ColumnElement[bool] = users.c.name == name
        if replacing is not None:
            same = same & (users.c.password_hash == replacing)
        async with self._database.writing_alone("set_password") as connection:
            done = await connection.execute(update(users).where(same).values(password_hash=password_hash))
            if done.rowcount == 0:
                return False
            await connection.execute(delete(sessions).where(sessions.c.user_name == name))
            await record(connection, deeds.password_set(name, by), await self._guard.now(connection))
        return True

    async def is_bare(self) -> bool:
        """See the port."""
        async with self._database.browsing("is_bare") as connection:
            return await _is_bare(connection)

    async def offer_set_up(self, digest: str, *, until: datetime) -> bool:
        """See the port."""
        async with self._database.writing_alone("offer_set_up") as connection:
            if not await _is_bare(connection):
                return False
            await connection.execute(delete(set_up_offers))
            await connection.execute(insert(set_up_offers).values(digest=digest, until=microseconds(until)))
        return True

    async def may_set_up(self, digest: str) -> bool:
        """See the port."""
        async with self._database.browsing("may_set_up") as connection:
            return await self._may_set_up(connection, digest)

    async def set_up(self, digest: str, user: User, password_hash: str, *, by: Doer) -> bool:
        """See the port."""
        async with self._database.writing_alone("set_up") as connection:
            if not await self._may_set_up(connection, digest):
                return False
            await connection.execute(delete(set_up_offers))
            await connection.execute(insert(users).values(_account_values(user, password_hash)))
            await record(connection, deeds.user_added(user, by), await self._guard.now(connection))
        return True

    async def _may_set_up(self, connection: AsyncConnection, digest: str) -> bool:
        now = microseconds(await self._guard.now(connection))
        offered = select(set_up_offers.c.digest).where(set_up_offers.c.digest == digest, set_up_offers.c.until > now)
        return (await connection.execute(offered)).first() is not None and await _is_bare(connection)

    @staticmethod
    async def _has_admin_beside(connection: AsyncConnection, name: str) -> bool:
        others = select(users.c.name).where(
            users.c.name != name, users.c.role == Role.ADMIN.value, users.c.disabled_at.is_(None)
        )
        return (await connection.execute(others.limit(1))).first() is not None


async def _is_bare(connection: AsyncConnection) -> bool:
    return not (await connection.execute(select(_SOMEBODY))).scalar_one()


async def _account(connection: AsyncConnection, name: str) -> Account | None:
    row = (await connection.execute(_ACCOUNT.where(users.c.name == name))).first()
    return None if row is None else account_of(row)


def _account_values(user: User, password_hash: str) -> dict[str, Any]:
    return dict(zip(ACCOUNT_FIELDS, account_row(Account(user, password_hash)), strict=True))
