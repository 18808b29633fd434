"""`DeletedContent` in the content database: a verdict in SQL for each deleted row, then one removal for those that go.

SQLite's write lock makes verdict and removal one: what somebody restores before the step is spared, what somebody
restores after it is gone.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.sql.content.dependents import Plan, plan_of
from adapters.sql.content.orphaned_content import BLANK_TITLE
from adapters.sql.content.purge_rules import PURGE, YOUNG, post_verdict, reply_verdict
from adapters.sql.content.steps import Row, ahead, concluded, step, stretch_of
from adapters.sql.content.tables import file, media_outbox, post, post_reply, tombstone
from adapters.sql.engine import Database
from application.fediverse.ports.checkpoints import Batch, Checkpoint, Stretch
from application.fediverse.ports.deleted_content import Purge
from application.fediverse.ports.orphaned_content import Content

_TABLES: Mapping[Content, sa.Table] = {"post": post, "post_reply": post_reply}
_PLURAL: Mapping[Content, str] = {"post": "posts", "post_reply": "replies"}


@dataclass(slots=True)
class SqlDeletedContent:
    """See the port. The plan of dependents is read anew at the first step of every phase."""

    database: Database
    plan: Plan | None = field(default=None, init=False)

    async def purge_replies(self, purge: Purge, at: Checkpoint, limit: int) -> Batch:
        """See the port. Newest first, because an answer is younger than what it answers: leaves go before branches."""
        async with step(self.database, at) as connection:
            plan = await self._plan(connection, purge, at)
            stretch = await _stretch(connection, at, post_reply, downwards=True)
            found = await _examined(connection, at, stretch, post_reply, reply_verdict(purge), limit)
            removal = Removal(connection, plan, purge, at)
            await removal.remove("post_reply", _going(found))
            await removal.enqueue_media()
            return await concluded(connection, at, _batch(at, stretch, found, removal.rows, limit))

    async def purge_posts(self, purge: Purge, at: Checkpoint, limit: int) -> Batch:
        """See the port."""
        async with step(self.database, at) as connection:
            plan = await self._plan(connection, purge, at)
            stretch = await _stretch(connection, at, post, downwards=False)
            verdict = post_verdict(purge, rehearsal=at.is_rehearsal)
            found = await _examined(connection, at, stretch, post, verdict, limit)
            removal = Removal(connection, plan, purge, at)
            going = _going(found)
            if not purge.keep_with_live_replies:
                await removal.remove("post_reply", await _replies_of(connection, purge, at, [row.id for row in going]))
            await removal.remove("post", going)
            await removal.enqueue_media()
            if purge.overwrite_kept:
                await removal.overwrite([row.id for row in found if row.verdict == "kept_live_replies"])
            return await concluded(connection, at, _batch(at, stretch, found, removal.rows, limit))

    async def _plan(self, connection: AsyncConnection, purge: Purge, at: Checkpoint) -> Plan:
        if self.plan is None or at.stretch is None:
            self.plan = await plan_of(connection, allow_unindexed=purge.allow_unindexed_fk)
        return self.plan


@dataclass(slots=True)
class Removal:
    """What one step takes away. A rehearsal counts the rows and takes none."""

    connection: AsyncConnection
    plan: Plan
    purge: Purge
    at: Checkpoint
    rows: Counter[str] = field(default_factory=Counter)
    media: set[tuple[str, int, int]] = field(default_factory=set)  # entity, its id, the file's id

    async def remove(self, entity: Content, going: Sequence[Row]) -> None:
        """Remove these rows of `entity` with what depends on them."""
        ids = [row.id for row in going]
        self.rows[f"{_PLURAL[entity]}.purged"] += len(ids)
        if self.at.is_rehearsal or not ids:
            return
        for table, count in (await self.plan.clear(self.connection, entity, ids)).items():
            self.rows[f"dependents.{table}"] += count
        await self.connection.execute(sa.delete(_TABLES[entity]).where(_TABLES[entity].c.id.in_(ids)))
        mine = sa.and_(tombstone.c.entity == entity, tombstone.c.entity_id.in_(ids))
        await self.connection.execute(sa.delete(tombstone).where(mine))
        self.media.update((entity, row.id, row.image_id) for row in going if row.image_id is not None)

    async def enqueue_media(self) -> None:
        """Hand the files that nobody refers to any more to the media outbox, and forget them here."""
        if not self.purge.enqueue_media or not self.media:
            return
        unused = sa.select(file).where(file.c.id.in_({file_id for _, _, file_id in self.media}))
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
        blank = {"title": BLANK_TITLE, "body": "", "url": None}
        differs = sa.or_(*(post.c[name].is_distinct_from(value) for name, value in blank.items()))
        which = sa.and_(post.c.id.in_(ids), differs)
        if self.at.is_rehearsal:
            count = await self.connection.scalar(sa.select(sa.func.count()).select_from(post).where(which)) or 0
        else:
            count = (await self.connection.execute(sa.update(post).where(which).values(blank))).rowcount
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


async def _examined(
    connection: AsyncConnection,
    at: Checkpoint,
    stretch: Stretch,
    table: sa.Table,
    verdict: sa.ColumnElement[str],
    limit: int,
) -> Sequence[Row]:
    """The next deleted rows in the direction of the walk, each with its verdict."""
    order = table.c.id.desc() if stretch.first > stretch.last else table.c.id
    query = (
        sa.select(table.c.id, table.c.image_id, verdict.label("verdict"))
        .where(ahead(at, stretch, table.c.id), table.c.deleted == sa.true())
        .order_by(order)
        .limit(limit)
    )
    return (await connection.execute(query)).all()


async def _replies_of(
    connection: AsyncConnection, purge: Purge, at: Checkpoint, post_ids: Sequence[int]
) -> Sequence[Row]:
    """The replies that go with their posts; in a rehearsal without those it has already counted."""
    query = sa.select(post_reply.c.id, post_reply.c.image_id).where(post_reply.c.post_id.in_(post_ids))
    if at.is_rehearsal and purge.replies_first:
        counted = sa.and_(post_reply.c.deleted == sa.true(), reply_verdict(purge) == PURGE)
        query = query.where(sa.not_(counted))
    return (await connection.execute(query)).all()


def _going(found: Sequence[Row]) -> list[Row]:
    return [row for row in found if row.verdict == PURGE]


def _batch(at: Checkpoint, stretch: Stretch, found: Sequence[Row], done: Counter[str], limit: int) -> Batch:
    kept = Counter(row.verdict for row in found if row.verdict not in {PURGE, YOUNG})
    return Batch(
        stretch=stretch,
        after_id=found[-1].id if found else at.after_id,
        rows=dict(done + kept) | {name: 0 for name in done if not done[name]},
        changed=done["posts.purged"] + done["replies.purged"],
        is_last=len(found) < limit,
    )
