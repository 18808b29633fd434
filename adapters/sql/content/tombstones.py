"""`Tombstones` in the content database, and the instant of a deletion as the other tables read it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from adapters.sql.content.host import Host
from adapters.sql.content.steps import concluded, inserted, next_ids, step, stretch_of
from adapters.sql.content.tables import UtcDateTime, post, post_reply, tombstone, user
from adapters.sql.engine import Database
from application.fediverse.ports.checkpoints import Batch, Checkpoint
from application.fediverse.ports.tombstones import Entity

TABLES: Mapping[Entity, sa.Table] = {"user": user, "post": post, "post_reply": post_reply}


def tombstone_of(entity: Entity, row: sa.FromClause) -> sa.Select[Any]:
    """The tombstone of `row`, a row of `entity` in the enclosing query."""
    mine = sa.and_(tombstone.c.entity == entity, tombstone.c.entity_id == row.c.id)
    return sa.select(tombstone.c.seen_deleted_at).where(mine).correlate(row)


def seen_deleted_at(host: Host, entity: Entity, row: sa.FromClause) -> sa.ColumnElement[Any]:
    """When the row was deleted, by its own word or else by its tombstone; null if nobody knows."""
    tombstone_date = tombstone_of(entity, row).scalar_subquery()
    if entity not in host.dated:
        return tombstone_date
    return sa.func.coalesce(host.own_date(entity, row), tombstone_date, type_=UtcDateTime())


@dataclass(frozen=True, slots=True)
class SqlTombstones:
    """See the port. Walks the partial indexes over deleted rows where they exist."""

    database: Database
    host: Host

    async def observe(self, entity: Entity, at: Checkpoint, limit: int, *, dated_too: bool = False) -> Batch:
        """See the port."""
        table = TABLES[entity]
        is_deleted = table.c.deleted == sa.true()
        async with step(self.database, at) as connection:
            stretch = await stretch_of(connection, at, table.c.id, is_deleted)
            ids = await next_ids(connection, at, stretch, table.c.id, is_deleted, limit=limit)
            unseen = [table.c.id.in_(ids), is_deleted, ~tombstone_of(entity, table).exists()]
            if not dated_too and entity in self.host.dated:
                unseen.append(self.host.own_date(entity, table).is_(None))
            new = sa.select(sa.literal(entity), table.c.id, sa.literal(at.saved_at, UtcDateTime())).where(*unseen)
            if at.is_rehearsal:
                observed = await connection.scalar(sa.select(sa.func.count()).select_from(new.subquery())) or 0
            else:
                columns = ["entity", "entity_id", "seen_deleted_at"]
                noted = inserted(connection, tombstone).from_select(columns, new).on_conflict_do_nothing()
                observed = (await connection.execute(noted)).rowcount
            batch = Batch(
                stretch=stretch,
                after_id=ids[-1] if ids else at.after_id,
                rows={f"{entity}.observed": observed},
                is_last=len(ids) < limit,
            )
            return await concluded(connection, at, batch)

    async def forget(self, entity: Entity, at: Checkpoint, limit: int) -> Batch:
        """See the port."""
        table, column = TABLES[entity], tombstone.c.entity_id
        of_entity = tombstone.c.entity == entity
        async with step(self.database, at) as connection:
            stretch = await stretch_of(connection, at, column, of_entity)
            ids = await next_ids(connection, at, stretch, column, of_entity, limit=limit)
            still = sa.select(table.c.id).where(table.c.id == column, table.c.deleted == sa.true())
            gone = sa.and_(of_entity, column.in_(ids), ~still.correlate(tombstone).exists())
            if at.is_rehearsal:
                restored = await connection.scalar(sa.select(sa.func.count()).select_from(tombstone).where(gone)) or 0
            else:
                restored = (await connection.execute(sa.delete(tombstone).where(gone))).rowcount
            batch = Batch(
                stretch=stretch,
                after_id=ids[-1] if ids else at.after_id,
                rows={f"{entity}.restored": restored},
                is_last=len(ids) < limit,
            )
            return await concluded(connection, at, batch)
