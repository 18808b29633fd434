"""`OrphanedContent` in the content database: windows of ids, classified row by row, changed and counted together.

Orphans are rare, so a step is bounded twice: by the rows it finds and by the ids it passes over. Without the second
bound one step could search the whole table while it holds the write lock.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.sql.content.host import Host
from adapters.sql.content.steps import Row, ahead, concluded, inserted, locked, step, stretch_of
from adapters.sql.content.tables import UtcDateTime, community, post, post_reply, report, tombstone, user
from adapters.sql.content.tombstones import seen_deleted_at
from adapters.sql.engine import Database
from application.fediverse.ports.checkpoints import SKIPPED_LOCKED, Batch, Checkpoint
from application.fediverse.ports.orphaned_content import Action, Content, Orphans

WINDOW_IDS = 50_000
DEPTH_MAX = 50
OPEN_REPORT = (0, 1, 2)
ORPHAN = "orphan"

_TABLES: Mapping[Content, sa.Table] = {"post": post, "post_reply": post_reply}
_REPORTED: Mapping[Content, sa.Column[int]] = {
    "post": report.c.suspect_post_id,
    "post_reply": report.c.suspect_post_reply_id,
}
_PLURAL: Mapping[Content, str] = {"post": "posts", "post_reply": "replies"}
_DONE: Mapping[Action, str] = {"soft_delete": "soft_deleted", "overwrite": "overwritten", "report": "found"}


def in_open_report(entity: Content, row: sa.FromClause) -> sa.ColumnElement[bool]:
    """Somebody has yet to judge `row`, a row of `entity` in the enclosing query."""
    which = sa.and_(_REPORTED[entity] == row.c.id, report.c.status.in_(OPEN_REPORT))
    return sa.select(report.c.id).where(which).correlate(row).exists()


@dataclass(frozen=True, slots=True)
class SqlOrphanedContent:
    """See the port."""

    database: Database
    host: Host

    async def retire(self, entity: Content, orphans: Orphans, at: Checkpoint, limit: int) -> Batch:
        """See the port."""
        async with step(self.database, at) as connection:
            stretch = await stretch_of(connection, at, _TABLES[entity].c.id)
            upto = min(stretch.last, (stretch.first - 1 if at.after_id is None else at.after_id) + WINDOW_IDS)
            query = _candidates(self.host, entity, orphans).where(ahead(at, stretch, _TABLES[entity].c.id))
            found = (await connection.execute(query.where(_TABLES[entity].c.id <= upto).limit(limit))).all()
            verdicts = [_verdict(row, orphans) for row in found]
            chosen = [row for row, verdict in zip(found, verdicts, strict=True) if verdict == ORPHAN]
            done: Sequence[Row] = chosen
            if chosen and not at.is_rehearsal and orphans.action != "report":
                done = await Retirement(connection, self.host, entity, orphans, at.saved_at).retire(chosen)
            passed = found[-1].id if len(found) == limit else upto
            kept = Counter(verdict for verdict in verdicts if verdict != ORPHAN)
            batch = Batch(
                stretch=stretch,
                after_id=passed,
                rows=_told(entity, orphans, chosen, done) | kept,
                changed=len(done),
                is_last=passed >= stretch.last,
            )
            return await concluded(connection, at, batch)


def _told(entity: Content, orphans: Orphans, chosen: Sequence[Row], done: Sequence[Row]) -> dict[str, int]:
    rows = {
        f"{_PLURAL[entity]}.{_DONE[orphans.action]}": len(done),
        f"{_PLURAL[entity]}.missing_author": sum(row.is_missing for row in done),
    }
    skipped = len(chosen) - len(done)
    return rows | {SKIPPED_LOCKED: skipped} if skipped else rows


def _candidates(host: Host, entity: Content, orphans: Orphans) -> sa.Select[*tuple[Any, ...]]:
    """Live content whose author is deleted or missing, ascending, with what the verdict needs."""
    table = _TABLES[entity]
    is_missing = user.c.id.is_(None)
    authorless = user.c.deleted == sa.true()
    if orphans.missing_authors:
        authorless = sa.or_(is_missing, authorless)
    place: list[sa.ColumnElement[Any]] = [table.c.id, table.c.community_id]
    if entity == "post_reply":
        place += [table.c.post_id, sa.func.coalesce(user.c.bot, sa.false()).label("by_bot")]
    return (
        sa.select(
            *place,
            is_missing.label("is_missing"),
            sa.and_(user.c.id.is_not(None), user.c.ap_id.is_(None)).label("is_local"),
            in_open_report(entity, table).label("is_reported"),
            _is_recent(host, orphans.seen_before).label("is_recent"),
            host.is_on_hold(table).label("is_on_hold"),
        )
        .select_from(table.outerjoin(user, user.c.id == table.c.user_id))
        .where(table.c.deleted == sa.false(), authorless)
        .order_by(table.c.id)
    )


def _is_recent(host: Host, seen_before: datetime | None) -> sa.ColumnElement[bool]:
    """The author was seen deleted too short a while ago, or is seen so only now; never if no grace is asked for."""
    if seen_before is None:
        return sa.false()
    seen = seen_deleted_at(host, "user", user)
    bound = sa.literal(seen_before, UtcDateTime())
    return sa.and_(user.c.id.is_not(None), sa.or_(seen.is_(None), seen > bound))


def _verdict(row: Row, orphans: Orphans) -> str:
    if row.is_local and not orphans.include_local:
        return "local_pending"
    if row.is_recent:
        return "skipped_grace"
    if row.is_on_hold and orphans.action == "overwrite":
        return "skipped_legal_hold"
    if row.is_reported and orphans.skip_reported:
        return "skipped_reported"
    return ORPHAN


@dataclass(frozen=True, slots=True)
class Retirement:
    """What one step takes out of sight, counters included."""

    connection: AsyncConnection
    host: Host
    entity: Content
    orphans: Orphans
    now: datetime

    async def retire(self, chosen: Sequence[Row]) -> Sequence[Row]:
        """Those of the rows that were still to be had, which are deleted now."""
        table = _TABLES[self.entity]
        held = await locked(self.connection, table.c.id, [row.id for row in chosen], table.c.deleted == sa.false())
        rows = [row for row in chosen if row.id in set(held)]
        await self._delete(held)
        if self.orphans.adjust_counters:
            await self._lower_counters(rows)
        return rows

    async def _delete(self, ids: Sequence[int]) -> None:
        table = _TABLES[self.entity]
        values: dict[Any, Any] = {table.c.deleted: True, table.c.deleted_by: self.orphans.system_user_id}
        if self.entity in self.host.dated:
            values[table.c.deleted_at] = self.now
        await self.connection.execute(sa.update(table).where(table.c.id.in_(ids)).values(values))
        if self.orphans.action == "overwrite":
            await self.connection.execute(self.host.blanking(self.entity, ids))
        if ids and self.entity not in self.host.dated:
            # The purge counts from this day, not from when it first comes by.
            rows = [{"entity": self.entity, "entity_id": id_, "seen_deleted_at": self.now} for id_ in ids]
            seen = inserted(self.connection, tombstone).values(rows)
            fresh = {"seen_deleted_at": seen.excluded.seen_deleted_at}
            await self.connection.execute(
                seen.on_conflict_do_update(index_elements=["entity", "entity_id"], set_=fresh)
            )

    async def _lower_counters(self, rows: Sequence[Row]) -> None:
        connection, places = self.connection, Counter(_known(row.community_id for row in rows))
        if self.entity == "post":
            await _lower(connection, community.c.post_count, places)
            return
        await _lower(connection, community.c.post_reply_count, places)
        # The application does not count what bots answer.
        await _lower(connection, post.c.reply_count, Counter(_known(row.post_id for row in rows if not row.by_bot)))
        await _lower(connection, post_reply.c.child_count, await _ancestors(connection, [row.id for row in rows]))


def _known(ids: Iterable[int | None]) -> Iterable[int]:
    return (id_ for id_ in ids if id_ is not None)


async def _ancestors(connection: AsyncConnection, ids: Sequence[int]) -> Mapping[int, int]:
    """Every reply above these ones, with the number of these that lie below it."""
    # UNION ALL: an ancestor counts once for each row below it; the level ends a chain that bites its own tail.
    up = sa.select(post_reply.c.parent_id.label("id"), sa.literal(1).label("level")).where(post_reply.c.id.in_(ids))
    above = up.where(post_reply.c.parent_id.is_not(None)).cte("above", recursive=True)
    higher = sa.select(post_reply.c.parent_id, above.c.level + 1).join(above, post_reply.c.id == above.c.id)
    above = above.union_all(higher.where(post_reply.c.parent_id.is_not(None), above.c.level < DEPTH_MAX))
    rows = await connection.execute(sa.select(above.c.id, sa.func.count()).group_by(above.c.id))
    return {row[0]: row[1] for row in rows}


async def _lower(connection: AsyncConnection, counter: sa.Column[int], by: Mapping[int, int]) -> None:
    if not by:
        return
    table, less = counter.table, sa.bindparam("less", type_=sa.Integer)
    lowered = sa.case((counter > less, counter - less), else_=0)
    statement = sa.update(table).where(table.c.id == sa.bindparam("which")).values({counter: lowered})
    await connection.execute(statement, [{"which": id_, "less": count} for id_, count in sorted(by.items())])
