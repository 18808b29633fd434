"""`ActivityLog` in the content database: bounded deletes along the primary key."""

from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.sql.content.steps import ahead, concluded, step
from adapters.sql.content.tables import activity_pub_log as log
from adapters.sql.engine import Database
from application.fediverse.ports.activity_log import OldActivities
from application.fediverse.ports.checkpoints import Batch, Checkpoint, Stretch

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
            window = sa.select(log.c.id).where(ahead(at, stretch, log.c.id)).order_by(log.c.id).limit(limit).subquery()
            last, seen = (
                await connection.execute(sa.select(sa.func.max(window.c.id), sa.func.count(window.c.id)))
            ).one()
            if last is None:
                nothing = Batch(stretch, at.after_id, rows={DELETED: 0}, is_last=True)
                return await concluded(connection, at, nothing)
            here = sa.and_(ahead(at, stretch, log.c.id), log.c.id <= last)
            rows = await _kept(connection, old, here)
            deleted = await _delete(connection, sa.and_(here, _may_go(old)), rehearsal=at.is_rehearsal)
            batch = Batch(
                stretch=stretch,
                after_id=last,
                rows={DELETED: deleted} | rows,
                changed=deleted,
                is_last=seen < limit or last == stretch.last,
            )
            return await concluded(connection, at, batch)


async def _delete(connection: AsyncConnection, which: sa.ColumnElement[bool], *, rehearsal: bool) -> int:
    if rehearsal:
        return await connection.scalar(sa.select(sa.func.count()).select_from(log).where(which)) or 0
    return (await connection.execute(sa.delete(log).where(which))).rowcount


async def _kept(connection: AsyncConnection, old: OldActivities, here: sa.ColumnElement[bool]) -> dict[str, int]:
    """How many of the entries here stay for want of a date, and how many because they failed."""
    failed = sa.and_(log.c.result == "failure", log.c.created_at < old.before)
    kept = {
        "null_timestamps": sa.and_(log.c.created_at.is_(None), sa.literal(not old.undated_too)),
        "kept_failures": sa.and_(failed, log.c.created_at >= old.failures_before),
    }
    counts = (sa.func.count(sa.case((which, 1))).label(name) for name, which in kept.items())
    row = (await connection.execute(sa.select(*counts).where(here, _direction(old)))).one()
    return {name: count for name, count in row._asdict().items() if count}


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
