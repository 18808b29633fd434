"""`ActivityLog` in the content database: bounded deletes along the primary key."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.sql.content.steps import ahead, concluded, step
from adapters.sql.content.tables import activity_pub_log as log
from adapters.sql.engine import Database
from application.fediverse.ports.activity_log import OldActivities
from application.fediverse.ports.checkpoints import SKIPPED_LOCKED, Batch, Checkpoint, Stretch

# Ids grow with time, but only nearly: writers commit out of order by this much at most.
DISORDER = timedelta(hours=1)
DELETED = "activity_pub_log.deleted"


@dataclass(frozen=True, slots=True)
class SqlActivityLog:
    """See the port. Needs no index but the primary key; PieFed has none on `created_at`."""

    database: Database

    async def delete_old(self, old: OldActivities, at: Checkpoint, limit: int) -> Batch:
        """See the port."""
        async with step(self.database, at) as connection:
            stretch = at.stretch or await _stretch(connection, old)
            seen = (await connection.execute(_seen(old, at, stretch, limit))).one()
            if seen.last is None:
                nothing = Batch(stretch, at.after_id, rows={DELETED: 0}, is_last=True)
                return await concluded(connection, at, nothing)
            deleted = seen.old
            if seen.old and not at.is_rehearsal:
                here = sa.and_(ahead(at, stretch, log.c.id), log.c.id <= seen.last)
                deleted = await _delete(connection, sa.and_(here, _may_go(old)))
            told = {name: getattr(seen, name) for name in ("null_timestamps", "kept_failures")}
            told[SKIPPED_LOCKED] = max(seen.old - deleted, 0)
            batch = Batch(
                stretch=stretch,
                after_id=seen.last,
                rows={DELETED: deleted} | {name: count for name, count in told.items() if count},
                changed=deleted,
                is_last=seen.entries < limit or seen.last == stretch.last,
            )
            return await concluded(connection, at, batch)


def _seen(old: OldActivities, at: Checkpoint, stretch: Stretch, limit: int) -> sa.Select[*tuple[Any, ...]]:
    """Of the next entries: the last, and how many may go, stay for want of a date, and stay because they failed."""
    here = sa.select(log.c.id, *_flags(old)).where(ahead(at, stretch, log.c.id)).order_by(log.c.id).limit(limit)
    window = here.subquery()
    counts = (sa.func.count(sa.case((window.c[flag.name], 1))).label(flag.name) for flag in _flags(old))
    return sa.select(sa.func.max(window.c.id).label("last"), sa.func.count(window.c.id).label("entries"), *counts)


def _flags(old: OldActivities) -> Sequence[sa.Label[bool]]:
    mine = _direction(old)
    failed = sa.and_(log.c.result == "failure", log.c.created_at < old.before)
    return (
        _may_go(old).label("old"),
        sa.and_(mine, log.c.created_at.is_(None), sa.literal(not old.undated_too)).label("null_timestamps"),
        sa.and_(mine, failed, log.c.created_at >= old.failures_before).label("kept_failures"),
    )


async def _delete(connection: AsyncConnection, which: sa.ColumnElement[bool]) -> int:
    if connection.dialect.name == "postgresql":
        # Found by their place, which stays the same under the lock: one walk along the key, no second. Partitions may
        # each have a row in that place, so what may go is asked again.
        place: sa.ColumnClause[Any] = sa.literal_column("activity_pub_log.ctid")
        held = sa.select(place).select_from(log).where(which).with_for_update(skip_locked=True)
        which = sa.and_(sa.literal_column("ctid") == sa.func.any(sa.func.array(held.scalar_subquery())), which)
    return (await connection.execute(sa.delete(log).where(which))).rowcount


def _may_go(old: OldActivities) -> sa.ColumnElement[bool]:
    failed = log.c.result.is_not_distinct_from("failure")
    dated = sa.and_(log.c.created_at < old.before, sa.or_(sa.not_(failed), log.c.created_at < old.failures_before))
    undated = sa.and_(log.c.created_at.is_(None), sa.literal(old.undated_too))
    return sa.and_(_direction(old), sa.or_(dated, undated))


def _direction(old: OldActivities) -> sa.ColumnElement[bool]:
    return sa.true() if old.direction is None else log.c.direction == old.direction


async def _stretch(connection: AsyncConnection, old: OldActivities) -> Stretch:
    """From the first entry to the last before one that is too young, found by halving: some 25 look-ups in 10 M rows.

    https://sqlite.org/queryplanner.html: each look-up is one descent of the table's own tree.
    """
    ends = (sa.select(end(log.c.id)).scalar_subquery() for end in (sa.func.min, sa.func.max))
    first, last = (await connection.execute(sa.select(*ends))).one()
    if first is None:
        return Stretch(0, 0)
    dated = sa.select(log.c.id, log.c.created_at).where(log.c.created_at.is_not(None)).limit(1)
    newest = (await connection.execute(dated.order_by(log.c.id.desc()))).one_or_none()
    if newest is None or newest.created_at < old.before + DISORDER:
        return Stretch(first, last)
    low, high, young = first, newest.id, newest.id
    while low <= high:
        middle = (low + high) // 2
        met = (await connection.execute(dated.where(log.c.id >= middle).order_by(log.c.id))).one()
        if met.created_at >= old.before + DISORDER:
            high, young = middle - 1, met.id
        else:
            low = met.id + 1
    # If even the first entry is too young the walk looks at it alone, and its row decides.
    return Stretch(first, max(first, young - 1))
