"""What every step of a maintenance task shares: its transaction, its walk over ids, its checkpoint."""

import json
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.sql.content.tables import task_checkpoint
from adapters.sql.engine import Database
from application.fediverse.ports.checkpoints import Batch, Checkpoint, Patience, Stretch
from application.fediverse.ports.errors import ContentRefusedError, FenceLostError, StepBusyError

CURSOR_VERSION = 1

Row = sa.Row[*tuple[Any, ...]]

# https://www.postgresql.org/docs/current/errcodes-appendix.html. A foreign key that was broken means that somebody
# came to refer to what was to go, between our look and our removal.
_TOO_LONG = frozenset({"57014"})  # query_canceled: statement_timeout
_IN_THE_WAY = frozenset({"40001", "40P01", "55P03", "23503"})
_NOT_AS_NEEDED = frozenset({"42P01", "42703", "42883", "42501", "42804"})  # table, column, operator, right, type


@asynccontextmanager
async def step(database: Database, at: Checkpoint) -> AsyncIterator[AsyncConnection]:
    """The transaction of the step taken from `at`: a rehearsal reads a snapshot, any other holds its checkpoint.

    SQLite's write lock keeps everybody else out; in PostgreSQL the checkpoint is locked, so that another run can take
    it over before or after the step, and the step is held to the patience of `at`. Its commit does not wait for the
    disk: a crash undoes content and checkpoint alike, and the commit that ends the run waits for all before it.
    """
    doing = f"{at.task_name}: {at.phase}"
    async with database.reading(doing) if at.is_rehearsal else database.writing(doing) as connection:
        with content_errors(doing):
            settings = _settings(at.patience) if connection.dialect.name == "postgresql" else ()
            if not at.is_rehearsal:
                await _hold(connection, at, settings)
            elif settings:
                await connection.execute(sa.select(*settings))
            yield connection


def _settings(patience: Patience) -> Sequence[sa.ColumnElement[str]]:
    """What makes the server end statements of this transaction that take longer, or wait longer for a lock."""
    limits = {"statement_timeout": patience.statement, "lock_timeout": patience.lock}
    values = {name: f"{limit.total_seconds() * 1000:.0f}" for name, limit in limits.items()}
    values["synchronous_commit"] = "off"
    return [sa.func.set_config(name, value, True) for name, value in values.items()]


@contextmanager
def content_errors(doing: str) -> Iterator[None]:
    """Tell by PostgreSQL's error codes what may pass in a moment, and what the tables have to be mended for."""
    try:
        yield
    except DBAPIError as error:
        code, text = getattr(error.orig, "sqlstate", None), f"{doing}: {error.orig}"
        if code in _TOO_LONG or code in _IN_THE_WAY:
            raise StepBusyError(text, is_too_long=code in _TOO_LONG) from error
        if code in _NOT_AS_NEEDED:
            raise ContentRefusedError("schema_mismatch", text) from error
        raise


async def _hold(connection: AsyncConnection, at: Checkpoint, settings: Sequence[sa.ColumnElement[str]]) -> None:
    query = sa.select(task_checkpoint.c.fence, *settings).where(held_by(at), task_checkpoint.c.fence == at.fence)
    if await connection.scalar(query.with_for_update()) is None:
        raise FenceLostError(f"{at.task_name}: another run has taken over")


async def concluded(connection: AsyncConnection, at: Checkpoint, batch: Batch) -> Batch:
    """Save the checkpoint that lies behind `batch`, in the step's own transaction; a rehearsal saves nothing."""
    if not at.is_rehearsal:
        await connection.execute(sa.update(task_checkpoint).where(held_by(at)).values(written(at.after(batch))))
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


def inserted(connection: AsyncConnection, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
    """An insert in the dialect of the connection, which can say what to do about a row that is there already."""
    return sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)


async def locked(
    connection: AsyncConnection, column: sa.Column[int], ids: Sequence[int], *conditions: sa.ColumnElement[bool]
) -> Sequence[int]:
    """Those of the rows that fit by now and that nobody else holds, ascending, locked until the end of the step."""
    query = sa.select(column).where(column.in_(ids), *conditions).order_by(column)
    return (await connection.scalars(query.with_for_update(skip_locked=True))).all()


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
