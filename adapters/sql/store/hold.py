"""`Holds` in SQL."""

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.records.hold import HOLD_FIELDS, hold_of, hold_row
from adapters.sql.engine import Database
from adapters.sql.store.access_trail import record
from adapters.sql.store.guard import Guard
from adapters.sql.store.hold_tables import holds
from application.scheduling.ports.hold import Hold
from domain.access import deeds
from domain.access.record import Doer

_HOLD = select(*(holds.c[name] for name in HOLD_FIELDS))


class SqlHolds:
    """`Holds` in one SQL database."""

    def __init__(self, database: Database, guard: Guard) -> None:
        self._database = database
        self._guard = guard

    async def current(self) -> Hold | None:
        """See the port."""
        async with self._database.reading("hold") as connection:
            return await _current(connection)

    async def hold(self, reason: str, *, by: Doer) -> Hold:
        """See the port."""
        async with self._database.writing_alone("hold") as connection:
            if (standing := await _current(connection)) is not None:
                return standing
            made = Hold(by.actor, reason, await self._guard.now(connection))
            values = dict(zip(HOLD_FIELDS, hold_row(made), strict=True))
            await connection.execute(insert(holds).values(id=1, **values))
            await record(connection, deeds.firing_held(reason, by), made.since)
        return made

    async def release(self, reason: str, *, by: Doer) -> Hold | None:
        """See the port."""
        async with self._database.writing_alone("release") as connection:
            ended = await _current(connection)
            if ended is not None:
                await connection.execute(delete(holds))
                await record(connection, deeds.firing_released(reason, by), await self._guard.now(connection))
        return ended


async def _current(connection: AsyncConnection) -> Hold | None:
    row = (await connection.execute(_HOLD)).first()
    return None if row is None else hold_of(tuple(row))
