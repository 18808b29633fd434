"""`Membership` in SQL."""

import json
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import bindparam, delete, select

from adapters.records.packing import UNREADABLE, Row, packed
from adapters.sql.engine import Database
from adapters.sql.store.batches import ROWS, replacing
from adapters.sql.store.dialect import Dialect
from adapters.sql.store.tables import Whole, members
from application.scheduling.ports.clock import Clock
from application.scheduling.ports.membership import SILENT_AFTER, HandlerSpec, Member
from domain.scheduling.identifiers import NodeId, instant_of, microseconds

# A process this long silent will not come back; its row is not worth keeping.
FORGOTTEN_AFTER = timedelta(hours=1)

_COLUMNS = (
    members.c.node_id,
    members.c.roles,
    members.c.host,
    members.c.pid,
    members.c.started_at,
    members.c.handlers,
    members.c.concurrency,
    members.c.announced_at,
)


class SqlMembership:
    """`Membership` in one SQL database."""

    def __init__(self, database: Database, dialect: Dialect, clock: Clock) -> None:
        self._database = database
        self._dialect = dialect
        self._clock = clock
        self._replace = replacing(dialect, members, _COLUMNS, ("node_id",))
        living = select(*_COLUMNS[:-1]).where(members.c.announced_at >= bindparam("since", type_=Whole))
        self._living = dialect.query(living.order_by(members.c.node_id))

    async def announce(self, member: Member) -> None:
        """See the port."""
        now = self._clock.now()
        row = (*_member_row(member), microseconds(now))
        forgotten = delete(members).where(members.c.announced_at < microseconds(now - FORGOTTEN_AFTER))
        async with self._database.writing("announce") as connection:
            await connection.execute(self._replace, {ROWS: self._dialect.pack([row])})
            await connection.execute(forgotten)

    async def leave(self, node_id: NodeId) -> None:
        """See the port."""
        async with self._database.writing("leave") as connection:
            await connection.execute(delete(members).where(members.c.node_id == node_id))

    async def members(self) -> Sequence[Member]:
        """See the port. A row that cannot be read is nobody."""
        since = microseconds(self._clock.now() - SILENT_AFTER)
        async with self._database.browsing("members") as connection:
            rows = await self._living.rows(connection, since=since)
        found = [_member_of(row) for row in rows]
        return [each for each in found if each is not None]


def _member_row(member: Member) -> Row:
    handlers = [
        [each.task_type, each.name, each.description, each.payload_schema, dict(each.defaults)]
        for each in member.handlers
    ]
    return (
        member.node_id,
        packed(sorted(member.roles)),
        member.host,
        member.pid,
        microseconds(member.started_at),
        packed(handlers),
        member.concurrency,
    )


def _member_of(row: Row) -> Member | None:
    node_id, roles, host, pid, started_at, handlers, concurrency = row
    try:
        return Member(
            node_id=node_id,
            roles=frozenset(json.loads(roles)),
            host=host,
            pid=pid,
            started_at=instant_of(started_at),
            handlers=tuple(HandlerSpec(*each) for each in json.loads(handlers)),
            concurrency=concurrency,
        )
    except UNREADABLE:
        return None
