"""`Membership` in SQL."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import bindparam, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.records.members import MEMBER_FIELDS, member_of, member_row
from adapters.sql.engine import Database
from adapters.sql.store.batches import ROWS, replacing
from adapters.sql.store.dialect import Dialect
from adapters.sql.store.guard import Guard
from adapters.sql.store.tables import Whole, members
from application.scheduling.ports.membership import SILENT_AFTER, Member
from domain.scheduling.identifiers import NodeId, microseconds

# A process this long silent will not come back; its row is not worth keeping.
FORGOTTEN_AFTER = timedelta(hours=1)

_COLUMNS = (*(members.c[name] for name in MEMBER_FIELDS), members.c.announced_at)


class SqlMembership:
    """`Membership` in one SQL database."""

    def __init__(self, database: Database, dialect: Dialect, guard: Guard) -> None:
        self._database = database
        self._dialect = dialect
        self._guard = guard
        self._replace = replacing(dialect, members, _COLUMNS, ("node_id",))
        living = select(*_COLUMNS[:-1]).where(members.c.announced_at >= bindparam("since", type_=Whole))
        self._living = dialect.query(living.order_by(members.c.node_id))

    async def announce(self, member: Member) -> None:
        """See the port."""

        async def announced(connection: AsyncConnection) -> None:
            now = await self._guard.now(connection)
            row = (*member_row(member), microseconds(now))
            await connection.execute(self._replace, {ROWS: self._dialect.pack([row])})
            await connection.execute(
                delete(members).where(members.c.announced_at < microseconds(now - FORGOTTEN_AFTER))
            )

        await self._database.carry_out("announce", announced)

    async def leave(self, node_id: NodeId) -> None:
        """See the port."""
        async with self._database.writing("leave") as connection:
            await connection.execute(delete(members).where(members.c.node_id == node_id))

    async def members(self) -> Sequence[Member]:
        """See the port. A row that cannot be read is nobody."""
        async with self._database.browsing("members") as connection:
            since = microseconds(await self._guard.now(connection) - SILENT_AFTER)
            rows = await self._living.rows(connection, since=since)
        return [member for row in rows if (member := member_of(row)) is not None]
