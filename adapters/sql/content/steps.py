"""What every step of a maintenance task shares: its transaction, its walk over ids, its checkpoint."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.sql.content.tables import task_checkpoint
from adapters.sql.engine import Database
from application.fediverse.ports.checkpoints import Batch, Checkpoint, Stretch
from application.fediverse.ports.errors import FenceLostError

CURSOR_VERSION = 1

Row = sa.Row[*tuple[Any, ...]]


@asynccontextmanager
async def step(database: Database, at: Checkpoint) -> AsyncIterator[AsyncConnection]:
    """The transaction of the step taken from `at`: a rehearsal reads a snapshot, any other holds the write lock."""
    doing = f"{at.task_name}: {at.phase}"
    async with database.reading(doing) if at.is_rehearsal else database.writing(doing) as connection:
        yield connection


async def concluded(connection: AsyncConnection, at: Checkpoint, batch: Batch) -> Batch:
    """Save the checkpoint that lies behind `batch`, in the step's own transaction; a rehearsal saves nothing.

    Raises FenceLostError, which rolls the step back, if the checkpoint is not held under this fence any more.
    """
    if not at.is_rehearsal:
        held = sa.and_(held_by(at), task_checkpoint.c.fence == at.fence)
        update = sa.update(task_checkpoint).where(held).values(written(at.after(batch)))
        if (await connection.execute(update)).rowcount == 0:
            raise FenceLostError(f"{at.task_name}: another run has taken over")
    return batch


def held_by(checkpoint: Checkpoint) -> sa.ColumnElement[bool]:
    """The row of this checkpoint's task and scope."""
    return sa.and_(task_checkpoint.c.task_name == checkpoint.task_name, task_checkpoint.c.scope == checkpoint.scope)


def written(checkpoint: Checkpoint) -> dict[str, Any]:
    """The columns of a checkpoint besides its key."""
    cursor = {
        "v": CURSOR_VERSION,
        "started_at": checkpoint.started_at.isoformat(),
        "finished": checkpoint.finished,
        "phase": checkpoint.phase,
        "stretch": None if checkpoint.stretch is None else asdict(checkpoint.stretch),
        "after_id": checkpoint.after_id,
    }
    totals = {"rows": dict(checkpoint.rows), "changed": checkpoint.changed, "batches": checkpoint.batches}
    return {
        "run_id": checkpoint.run_id,
        "fence": checkpoint.fence,
        "updated_at": checkpoint.saved_at,
        "cursor_json": json.dumps(cursor),
        "totals_json": json.dumps(totals),
    }


async def stretch_of(
    connection: AsyncConnection, at: Checkpoint, column: sa.Column[int], *conditions: sa.ColumnElement[bool]
) -> Stretch:
    """The ids the phase walks over, upwards: fixed at its first step, so that a growing table cannot keep it going."""
    if at.stretch is not None:
        return at.stretch
    # Two subqueries, because SQLite takes the ends of an index one by one, but not min and max together.
    ends = (sa.select(end(column)).where(*conditions).scalar_subquery() for end in (sa.func.min, sa.func.max))
    first, last = (await connection.execute(sa.select(*ends))).one()
    return Stretch(first or 0, last or 0)


def ahead(at: Checkpoint, stretch: Stretch, column: sa.Column[int]) -> sa.ColumnElement[bool]:
    """What the walk has not seen yet, in whichever direction it goes."""
    if stretch.first > stretch.last:
        ceiling = column <= stretch.first if at.after_id is None else column < at.after_id
        return sa.and_(ceiling, column >= stretch.last)
    floor = column >= stretch.first if at.after_id is None else column > at.after_id
    return sa.and_(floor, column <= stretch.last)


async def next_ids(
    connection: AsyncConnection,
    at: Checkpoint,
    stretch: Stretch,
    column: sa.Column[int],
    *conditions: sa.ColumnElement[bool],
    limit: int,
) -> Sequence[int]:
    """The next ids of an upward walk, ascending, `limit` at most; fewer only at its end."""
    query = sa.select(column).where(ahead(at, stretch, column), *conditions).order_by(column).limit(limit)
    return (await connection.scalars(query)).all()
