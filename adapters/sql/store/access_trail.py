"""`AccessTrail` in SQL, and the step by which the other ports add to the chain inside their own transactions."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.records.trail import ACCESS_RECORD_FIELDS, access_record_of, access_record_row
from adapters.sql.engine import Database
from adapters.sql.store.guard import Guard
from adapters.sql.store.trail_tables import access_chain, access_records
from application.scheduling.ports.access_trail import AccessFilter, AccessPage, Stretch
from domain.access.record import AccessRecord, Deed, Link
from domain.scheduling.identifiers import microseconds

_RECORD = tuple(access_records.c[name] for name in ACCESS_RECORD_FIELDS)
_NUMBER = access_records.c.number
_ENDS = select(*list(access_chain.c)[1:])
_LAST = select(_NUMBER, access_records.c.hash).order_by(_NUMBER.desc()).limit(1)


class SqlTrail:
    """`AccessTrail` in one SQL database."""

    def __init__(self, database: Database, guard: Guard) -> None:
        self._database = database
        self._guard = guard

    async def note(self, deed: Deed) -> None:
        """See the port."""
        async with self._database.writing_alone("note") as connection:
            await record(connection, deed, await self._guard.now(connection))

    async def page(self, which: AccessFilter, *, limit: int, older_than: int | None = None) -> AccessPage:
        """See the port."""
        columns = {"actor": which.actor, "subject": which.subject, "action": which.action and which.action.value}
        found = select(*_RECORD).order_by(_NUMBER.desc()).limit(limit + 1)
        found = found.where(*(access_records.c[name] == asked for name, asked in columns.items() if asked is not None))
        if older_than is not None:
            found = found.where(older_than > _NUMBER)
        async with self._database.browsing("access records") as connection:
            rows = (await connection.execute(found)).all()
        return AccessPage(_readable(rows[:limit]), rows[limit - 1][0] if len(rows) > limit else None)

    async def stretch(self, after: int, *, limit: int) -> Stretch:
        """See the port."""
        found = select(*_RECORD).where(after < _NUMBER).order_by(_NUMBER).limit(limit)
        async with self._database.browsing("access records") as connection:
            anchor, head = await ends(connection)
            rows = (await connection.execute(found)).all()
        return Stretch(_readable(rows), anchor, head)


async def record(connection: AsyncConnection, deed: Deed, at: datetime) -> None:
    """Put a deed on record in the connection's transaction, beside which nobody else does."""
    anchor, head = await ends(connection)
    made = head.record(deed, at)
    values = dict(zip(ACCESS_RECORD_FIELDS, access_record_row(made), strict=True))
    await connection.execute(insert(access_records).values(values))
    await keep_ends(connection, anchor, Link(made.number, made.hash))


async def forget(connection: AsyncConnection, before: datetime, limit: int) -> int:
    """Forget at most `limit` from the beginning that are older than an instant; return how many."""
    fresh = select(_NUMBER).where(access_records.c.at >= microseconds(before)).order_by(_NUMBER).limit(1)
    anchor, head = await ends(connection)
    first_kept = (await connection.execute(fresh)).scalar()
    until = min(head.number if first_kept is None else first_kept - 1, anchor.number + limit)
    last = select(_NUMBER, access_records.c.hash).where(until >= _NUMBER).order_by(_NUMBER.desc()).limit(1)
    row = (await connection.execute(last)).first()
    if row is None:
        return 0
    # First: only what lies before the anchor may be removed.
    await keep_ends(connection, Link(*row), head)
    return (await connection.execute(delete(access_records).where(row[0] >= _NUMBER))).rowcount


async def ends(connection: AsyncConnection) -> tuple[Link, Link]:
    """Anchor and head. Where nothing says so, the chain is all there is, from the first number on."""
    row = (await connection.execute(_ENDS)).first()
    if row is not None:
        return Link(row[0], row[1]), Link(row[2], row[3])
    last = (await connection.execute(_LAST)).first()
    return Link(), Link() if last is None else Link(*last)


async def keep_ends(connection: AsyncConnection, anchor: Link, head: Link) -> None:
    values = {
        "anchor_number": anchor.number,
        "anchor_hash": anchor.hash,
        "head_number": head.number,
        "head_hash": head.hash,
    }
    if (await connection.execute(update(access_chain).values(values))).rowcount == 0:
        await connection.execute(insert(access_chain).values(id=1, **values))


def _readable(rows: Iterable[Any]) -> tuple[AccessRecord, ...]:
    """The records of those rows that can be read."""
    return tuple(record for row in rows if (record := access_record_of(row)) is not None)
