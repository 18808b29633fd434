"""The part of `Access` that every request and every attempt to come in passes: sessions, tokens, attempts."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.records.access import (
    SESSION_FIELDS,
    TOKEN_FIELDS,
    session_of,
    session_row,
    token_of,
    token_row,
    user_of,
)
from adapters.records.packing import at
from adapters.sql.engine import Database
from adapters.sql.store.access_tables import SESSION, TOKEN, USER, api_tokens, login_attempts, sessions, users
from adapters.sql.store.access_trail import record
from adapters.sql.store.guard import Guard
from application.scheduling.ports.access import SESSIONS_MAX, TokenUse, Visit
from domain.access import deeds
from domain.access.account import IDLE_MAX, SESSION_MAX, ApiToken, Session
from domain.access.record import Doer
from domain.access.throttle import FORGOTTEN_AFTER, SET_BACK_MAX, Attempts, LoginKeys, opens_at
from domain.scheduling.identifiers import microseconds

_VISIT = select(*SESSION, *USER).join_from(sessions, users, sessions.c.user_name == users.c.name)
# The owner of the installation's tokens is nobody.
_USE = select(*TOKEN, *USER).join_from(api_tokens, users, api_tokens.c.owner == users.c.name, isouter=True)


class SqlDoors:
    """Sessions, tokens and attempts in one SQL database."""

    def __init__(self, database: Database, guard: Guard) -> None:
        self._database = database
        self._guard = guard

    async def open_session(self, digest: str, session: Session, *, password_hash: str) -> bool:
        """See the port."""
        values = {"digest": digest, **dict(zip(SESSION_FIELDS, session_row(session), strict=True))}
        compared = (users.c.name == session.user_name, users.c.password_hash == password_hash)
        enabled = select(users.c.name).where(*compared, users.c.disabled_at.is_(None))
        mine = sessions.c.user_name == session.user_name
        newest_first = (sessions.c.created_at.desc(), sessions.c.digest.desc())
        newest = select(sessions.c.digest).where(mine).order_by(*newest_first).limit(SESSIONS_MAX)
        async with self._database.writing_alone("open_session") as connection:
            await self._forget_ended(connection)
            if (await connection.execute(enabled)).first() is None:
                return False
            # Whoever did not hear the answer asks again, and has one session.
            await connection.execute(delete(sessions).where(sessions.c.digest == digest))
            await connection.execute(insert(sessions).values(values))
            await connection.execute(delete(sessions).where(mine, sessions.c.digest.not_in(newest)))
            await record(connection, deeds.signed_in(session), await self._guard.now(connection))
        return True

    async def visit(self, digest: str, *, noting: bool = True) -> Visit | None:
        """See the port."""
        async with self._database.browsing("visit") as connection:
            now = await self._guard.now(connection)
            row = (await connection.execute(_VISIT.where(sessions.c.digest == digest))).first()
        session = session_of(row[: len(SESSION)]) if row else None
        user = user_of(row[len(SESSION) :]) if row else None
        if session is None or user is None or not user.is_enabled or not session.is_live(now):
            return None
        seen = session.seen(now) if noting else session
        if seen != session:
            noted = update(sessions).where(sessions.c.digest == digest).values(seen_at=microseconds(now))
            async with self._database.writing("visit") as connection:
                await connection.execute(noted)
        return Visit(user, seen)

    async def sessions(self, name: str | None = None) -> Sequence[Session]:
        """See the port."""
        asked = select(*SESSION).order_by(sessions.c.created_at.desc(), sessions.c.digest.desc())
        if name is not None:
            asked = asked.where(sessions.c.user_name == name)
        async with self._database.browsing("sessions") as connection:
            now = await self._guard.now(connection)
            found = map(session_of, (await connection.execute(asked)).all())
        return [each for each in found if each is not None and each.is_live(now)]

    async def end_session(self, digest: str, *, by: Doer) -> None:
        """See the port."""
        gone = delete(sessions).where(sessions.c.digest == digest).returning(*SESSION)
        async with self._database.writing_alone("end_session") as connection:
            now = await self._guard.now(connection)
            row = (await connection.execute(gone)).first()
            session = session_of(row) if row else None
            if session is not None and session.is_live(now):
                await record(connection, deeds.signed_out(session.user_name, by), now)

    async def end_sessions(self, name: str, *, by: Doer, but: str | None = None) -> int:
        """See the port."""
        mine = (sessions.c.user_name == name, sessions.c.digest != (but or ""))
        async with self._database.writing_alone("end_sessions") as connection:
            await self._forget_ended(connection)
            ended = (await connection.execute(delete(sessions).where(*mine))).rowcount
            if ended:
                await record(connection, deeds.sessions_ended(name, ended, by), await self._guard.now(connection))
        return ended

    async def add_token(self, digest: str, token: ApiToken, *, by: Doer) -> bool:
        """See the port."""
        values = {"digest": digest, **dict(zip(TOKEN_FIELDS, token_row(token), strict=True))}
        same = (api_tokens.c.owner == values["owner"], api_tokens.c.name == token.name)
        async with self._database.writing_alone("add_token") as connection:
            if (await connection.execute(select(api_tokens.c.id).where(*same))).first():
                return False
            await connection.execute(insert(api_tokens).values(values))
            await record(connection, deeds.token_made(token, by), await self._guard.now(connection))
        return True

    async def use_token(self, digest: str) -> TokenUse | None:
        """See the port."""
        async with self._database.browsing("use_token") as connection:
            now = await self._guard.now(connection)
            row = (await connection.execute(_USE.where(api_tokens.c.digest == digest))).first()
        token = token_of(row[: len(TOKEN)]) if row else None
        if row is None or token is None or not token.is_valid(now):
            return None
        owner = user_of(row[len(TOKEN) :]) if token.owner else None
        if token.owner and (owner is None or not owner.is_enabled):
            return None
        used = token.used(now)
        if used != token:
            noted = update(api_tokens).where(api_tokens.c.digest == digest).values(used_at=microseconds(now))
            async with self._database.writing("use_token") as connection:
                await connection.execute(noted)
        return TokenUse(used, owner)

    async def tokens(self, owner: str | None = None) -> Sequence[ApiToken]:
        """See the port."""
        found = select(*TOKEN).order_by(api_tokens.c.owner, api_tokens.c.name)
        if owner is not None:
            found = found.where(api_tokens.c.owner == owner)
        async with self._database.browsing("tokens") as connection:
            rows = (await connection.execute(found)).all()
        return [token for row in rows if (token := token_of(row)) is not None]

    async def revoke_token(self, token_id: str, *, by: Doer, owner: str | None = None) -> ApiToken | None:
        """See the port. A row that cannot be read is removed as well, and answered as none."""
        gone = delete(api_tokens).where(api_tokens.c.id == token_id)
        if owner is not None:
            gone = gone.where(api_tokens.c.owner == owner)
        async with self._database.writing_alone("revoke_token") as connection:
            row = (await connection.execute(gone.returning(*TOKEN))).first()
            token = token_of(row) if row else None
            if token is not None:
                await record(connection, deeds.token_revoked(token, by), await self._guard.now(connection))
        return token

    async def admit_login(self, keys: LoginKeys) -> datetime | None:
        """See the port."""
        async with self._database.writing_alone("admit_login") as connection:
            now = await self._guard.now(connection)
            await connection.execute(delete(login_attempts).where(_is_forgotten(now)))
            counted = [(key, await _attempts(connection, key), free) for key, free in keys.limits]
            until = opens_at(now, tuple((attempts, free) for _, attempts, free in counted))
            if until is None:
                for key, attempts, _ in counted:
                    await _count(connection, key, attempts.with_another(now))
        return until

    async def forgive_login(self, keys: LoginKeys) -> None:
        """See the port."""
        async with self._database.writing_alone("forgive_login") as connection:
            await connection.execute(delete(login_attempts).where(login_attempts.c.key == keys.account))
            await _take_off(connection, keys.address)

    async def retract_login(self, keys: LoginKeys) -> None:
        """See the port."""
        async with self._database.writing_alone("retract_login") as connection:
            await _take_off(connection, keys.account)
            await _take_off(connection, keys.address)

    async def _forget_ended(self, connection: AsyncConnection) -> None:
        now = await self._guard.now(connection)
        created, seen = microseconds(now - SESSION_MAX), microseconds(now - IDLE_MAX)
        ended = (sessions.c.created_at <= created) | (sessions.c.seen_at <= seen)
        await connection.execute(delete(sessions).where(ended))


def _is_forgotten(now: datetime) -> ColumnElement[bool]:
    last_at = login_attempts.c.last_at
    return (last_at <= microseconds(now - FORGOTTEN_AFTER)) | (last_at > microseconds(now + SET_BACK_MAX))


async def _attempts(connection: AsyncConnection, key: str) -> Attempts:
    tried = select(login_attempts.c.count, login_attempts.c.last_at).where(login_attempts.c.key == key)
    row = (await connection.execute(tried)).first()
    return Attempts() if row is None else Attempts(row[0], at(row[1]))


async def _take_off(connection: AsyncConnection, key: str) -> None:
    await _count(connection, key, (await _attempts(connection, key)).with_one_less())


async def _count(connection: AsyncConnection, key: str, attempts: Attempts) -> None:
    await connection.execute(delete(login_attempts).where(login_attempts.c.key == key))
    if attempts.count and attempts.last_at is not None:
        row = {"key": key, "count": attempts.count, "last_at": microseconds(attempts.last_at)}
        await connection.execute(insert(login_attempts).values(row))
