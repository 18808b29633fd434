"""`DeletedContent` in the content database: a verdict in SQL for each deleted row, then one removal for those that go.

Rows that something is to be done to are locked, and judged again under the lock: what somebody restores before that is
spared, what somebody restores after the step is gone. Rows that somebody else holds are left to a later run.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.sql.content.cross_posts import leave_cross_posts
from adapters.sql.content.dependents import Plan, plan_of
from adapters.sql.content.host import Host
from adapters.sql.content.purge_rules import PURGE, YOUNG, post_verdict, reply_verdict
from adapters.sql.content.steps import Row, ahead, concluded, locked, step, stretch_of
from adapters.sql.content.tables import file, media_outbox, post, post_reply, tombstone
from adapters.sql.engine import Database
from application.fediverse.ports.checkpoints import SKIPPED_LOCKED, Batch, Checkpoint, Stretch
from application.fediverse.ports.deleted_content import Purge
from application.fediverse.ports.errors import ContentRefusedError
from application.fediverse.ports.orphaned_content import Content

_TABLES: Mapping[Content, sa.Table] = {"post": post, "post_reply": post_reply}
CHUNK_ROWS = 1000
_PLURAL: Mapping[Content, str] = {"post": "posts", "post_reply": "replies"}


@dataclass(slots=True)
class SqlDeletedContent:
    """See the port. The plan of dependents is read anew at the first step of every phase."""

    database: Database
    host: Host
    plan: Plan | None = field(default=None, init=False)

    async def purge_replies(self, purge: Purge, at: Checkpoint, limit: int) -> Batch:
        """See the port. Newest first, because an answer is younger than what it answers: leaves go before branches."""
        async with step(self.database, at) as connection:
            plan = await self._plan(connection, purge, at)
            stretch = await _stretch(connection, at, post_reply, downwards=True)
            look = Look(connection, at, stretch, post_reply, reply_verdict(self.host, purge))
            found = await look.examined(limit)
            judged = await look.confirmed(found, {PURGE})
            removal = Removal(connection, self.host, plan, purge, at)
            await removal.remove("post_reply", _going(judged))
            await removal.enqueue_media()
            return await concluded(connection, at, _batch(at, stretch, found, judged, removal.rows, limit))

    async def purge_posts(self, purge: Purge, at: Checkpoint, limit: int) -> Batch:
        """See the port."""
        async with step(self.database, at) as connection:
            plan = await self._plan(connection, purge, at)
            stretch = await _stretch(connection, at, post, downwards=False)
            look = Look(connection, at, stretch, post, post_verdict(self.host, purge, rehearsal=at.is_rehearsal))
            found = await look.examined(limit)
            judged = await look.confirmed(found, {PURGE, "kept_live_replies"} if purge.overwrite_kept else {PURGE})
            removal = Removal(connection, self.host, plan, purge, at)
            going = _going(judged)
            if not purge.keep_with_live_replies:
                await removal.remove("post_reply", await self._replies_of(connection, purge, at, going))
            await removal.remove("post", going)
            await removal.enqueue_media()
            if purge.overwrite_kept:
                await removal.overwrite([row.id for row in judged if row.verdict == "kept_live_replies"])
            return await concluded(connection, at, _batch(at, stretch, found, judged, removal.rows, limit))

    async def _plan(self, connection: AsyncConnection, purge: Purge, at: Checkpoint) -> Plan:
        if self.plan is None or at.stretch is None:
            if purge.clock == "deleted_at" and not {"post", "post_reply"} <= self.host.dated:
                raise ContentRefusedError("schema_mismatch", "post and post_reply have no column deleted_at")
            self.plan = await plan_of(connection, self.host, allow_unindexed=purge.allow_unindexed_fk)
        return self.plan

    async def _replies_of(
        self, connection: AsyncConnection, purge: Purge, at: Checkpoint, posts: Sequence[Row]
    ) -> Sequence[Row]:
        """The replies that go with their posts; in a rehearsal without those it has already counted."""
        query = sa.select(post_reply.c.id, post_reply.c.image_id)
        query = query.where(post_reply.c.post_id.in_([row.id for row in posts]))
        if at.is_rehearsal and purge.replies_first:
            counted = sa.and_(post_reply.c.deleted == sa.true(), reply_verdict(self.host, purge) == PURGE)
            query = query.where(sa.not_(counted))
        return (await connection.execute(query)).all()


@dataclass(slots=True)
class Removal:
    """What one step takes away. A rehearsal counts the rows and takes none."""

    connection: AsyncConnection
    host: Host
    plan: Plan
    purge: Purge
    at: Checkpoint
    rows: Counter[str] = field(default_factory=Counter)
    media: set[tuple[str, int, int]] = field(default_factory=set)  # entity, its id, the file's id

    async def remove(self, entity: Content, going: Sequence[Row]) -> None:
        """Remove these rows of `entity` with what depends on them."""
        self.rows[f"{_PLURAL[entity]}.purged"] += len(going)
        if self.at.is_rehearsal:
            return
        # A post may have more replies than a statement takes values.
        for start in range(0, len(going), CHUNK_ROWS):
            await self._remove(entity, going[start : start + CHUNK_ROWS])

    async def _remove(self, entity: Content, going: Sequence[Row]) -> None:
        ids = [row.id for row in going]
        await self._note_links(entity, ids)
        if entity == "post" and self.host.has_cross_posts:
            await leave_cross_posts(self.connection, ids)
        for table, count in (await self.plan.clear(self.connection, entity, ids)).items():
            self.rows[f"dependents.{table}"] += count
        await self.connection.execute(sa.delete(_TABLES[entity]).where(_TABLES[entity].c.id.in_(ids)))
        mine = sa.and_(tombstone.c.entity == entity, tombstone.c.entity_id.in_(ids))
        await self.connection.execute(sa.delete(tombstone).where(mine))
        self.media.update((entity, row.id, row.image_id) for row in going if row.image_id is not None)

    async def _note_links(self, entity: Content, ids: Sequence[int]) -> None:
        """The files that rows which go with the content lead to, as those of a gallery."""
        for link, other in self.plan.links(entity):
            relation = sa.table(link.table, sa.column(link.column), sa.column(other.column), schema=link.schema)
            source, file_id = relation.c[link.column], relation.c[other.column]
            query = sa.select(source, file_id).where(source.in_(ids), file_id.is_not(None))
            rows = await self.connection.execute(query)
            self.media.update((entity, row[0], row[1]) for row in rows)

    async def enqueue_media(self) -> None:
        """Hand the files that nobody refers to any more to the media outbox, and forget them here."""
        if not self.purge.enqueue_media or not self.media:
            return
        unused = sa.select(file.c.id, file.c.file_path, file.c.thumbnail_path).where(
            file.c.id.in_({file_id for _, _, file_id in self.media})
        )
        for reference in self.plan.media:
            source = reference.relation.c[reference.column]
            unused = unused.where(~sa.select(source).where(source == file.c.id).correlate(file).exists())
        rows = (await self.connection.execute(unused)).all()
        orders = list(_orders(rows, {id_: (entity, source) for entity, source, id_ in self.media}, self.at.saved_at))
        if orders:
            await self.connection.execute(sa.insert(media_outbox), orders)
        await self.connection.execute(sa.delete(file).where(file.c.id.in_([row.id for row in rows])))
        self.rows["media.enqueued"] += len(orders)

    async def overwrite(self, ids: Sequence[int]) -> None:
        """Blank the text of posts that stay for the sake of their answers; once."""
        blanking = self.host.blanking("post", ids)
        if self.at.is_rehearsal:
            assert blanking.whereclause is not None
            left = sa.select(sa.func.count()).select_from(blanking.table).where(blanking.whereclause)
            count = await self.connection.scalar(left) or 0
        else:
            count = (await self.connection.execute(blanking)).rowcount
        self.rows["posts.overwritten"] += count


def _orders(files: Iterable[Row], sources: Mapping[int, tuple[str, int]], now: datetime) -> Iterable[dict[str, Any]]:
    for row in files:
        entity, source_id = sources[row.id]
        for locator in filter(None, (row.file_path, row.thumbnail_path)):
            kind = "s3" if locator.startswith(("https://", "http://", "s3://")) else "file"
            order = {"kind": kind, "locator": locator, "source_entity": entity, "source_id": source_id}
            yield order | {"created_at": now}


async def _stretch(connection: AsyncConnection, at: Checkpoint, table: sa.Table, *, downwards: bool) -> Stretch:
    upwards = await stretch_of(connection, at, table.c.id, table.c.deleted == sa.true())
    # A walk over a single id has no direction, and needs none.
    return Stretch(upwards.last, upwards.first) if downwards and at.stretch is None else upwards


@dataclass(frozen=True, slots=True)
class Look:
    """The deleted rows of one table in the direction of the walk, each with its verdict."""

    connection: AsyncConnection
    at: Checkpoint
    stretch: Stretch
    table: sa.Table
    verdict: sa.ColumnElement[str]

    async def examined(self, limit: int) -> Sequence[Row]:
        """The next rows, `limit` at most."""
        ids = self.table.c.id
        order = ids.desc() if self.stretch.first > self.stretch.last else ids
        query = self._judged.where(ahead(self.at, self.stretch, ids)).order_by(order).limit(limit)
        return (await self.connection.execute(query)).all()

    async def confirmed(self, found: Sequence[Row], matter: Set[str]) -> Sequence[Row]:
        """The rows found; those whose verdict matters are locked first and judged anew, unless it is a rehearsal.

        Without those that somebody else holds, or has restored.
        """
        if self.at.is_rehearsal or not any(row.verdict in matter for row in found):
            return found
        ids = [row.id for row in found if row.verdict in matter]
        held = await locked(self.connection, self.table.c.id, ids, self.table.c.deleted == sa.true())
        anew = (await self.connection.execute(self._judged.where(self.table.c.id.in_(held)))).all()
        return [*(row for row in found if row.verdict not in matter), *anew]

    @property
    def _judged(self) -> sa.Select[*tuple[Any, ...]]:
        columns = (self.table.c.id, self.table.c.image_id, self.verdict.label("verdict"))
        return sa.select(*columns).where(self.table.c.deleted == sa.true())


def _going(found: Sequence[Row]) -> list[Row]:
    return [row for row in found if row.verdict == PURGE]


def _batch(
    at: Checkpoint, stretch: Stretch, found: Sequence[Row], judged: Sequence[Row], done: Counter[str], limit: int
) -> Batch:
    kept = Counter(row.verdict for row in judged if row.verdict not in {PURGE, YOUNG})
    kept[SKIPPED_LOCKED] = len(found) - len(judged)
    return Batch(
        stretch=stretch,
        after_id=found[-1].id if found else at.after_id,
        rows=dict(done + kept) | {name: 0 for name in done if not done[name]},
        changed=done["posts.purged"] + done["replies.purged"],
        is_last=len(found) < limit,
    )
