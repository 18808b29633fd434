"""`Checkpoints` in the content database."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.sql.content.steps import CURSOR_VERSION, content_errors, held_by, inserted, written
from adapters.sql.content.tables import task_checkpoint
from adapters.sql.engine import Database
from application.fediverse.ports.checkpoints import ABANDONED_AFTER, FORGOTTEN_AFTER, Checkpoint, Stretch
from application.fediverse.ports.errors import FenceLostError, StepBusyError


@dataclass(frozen=True, slots=True)
class SqlCheckpoints:
    """See the port."""

    database: Database

    async def take(self, fresh: Checkpoint, *, resume: bool) -> Checkpoint:
        """See the port. Forgotten checkpoints of the same task go on the way, whatever their scope."""
        doing = f"{fresh.task_name}: take checkpoint"
        async with self.database.writing(doing) as connection:
            with content_errors(doing):
                return await _taken(connection, fresh, resume=resume)

    async def remove(self, checkpoint: Checkpoint) -> None:
        """See the port."""
        async with self.database.writing(f"{checkpoint.task_name}: remove checkpoint") as connection:
            mine = sa.and_(held_by(checkpoint), task_checkpoint.c.fence == checkpoint.fence)
            if (await connection.execute(sa.delete(task_checkpoint).where(mine))).rowcount == 0:
                raise FenceLostError(f"{checkpoint.task_name}: another run has taken over")


async def _taken(connection: AsyncConnection, fresh: Checkpoint, *, resume: bool) -> Checkpoint:
    forgotten = task_checkpoint.c.updated_at < fresh.saved_at - FORGOTTEN_AFTER
    await connection.execute(
        sa.delete(task_checkpoint).where(task_checkpoint.c.task_name == fresh.task_name, forgotten)
    )
    new = inserted(connection, task_checkpoint).values(_keys(fresh) | written(fresh)).on_conflict_do_nothing()
    if (await connection.execute(new)).rowcount:
        return fresh
    # Locked before it is read: the step that its holder has under way counts, too.
    row = (await connection.execute(sa.select(task_checkpoint).where(held_by(fresh)).with_for_update())).one_or_none()
    if row is None:
        raise StepBusyError(f"{fresh.task_name}: its checkpoint was removed this moment", is_too_long=False)
    if row.fence > fresh.fence and row.updated_at >= fresh.saved_at - ABANDONED_AFTER:
        raise FenceLostError(f"{fresh.task_name}: another run is at it")
    kept = _read(row) if resume else None
    taken = fresh if kept is None else kept.resumed_by(fresh)
    await connection.execute(sa.update(task_checkpoint).where(held_by(fresh)).values(written(taken)))
    return taken


def _keys(checkpoint: Checkpoint) -> dict[str, Any]:
    return {"task_name": checkpoint.task_name, "scope": checkpoint.scope}


def _read(row: sa.Row[Any]) -> Checkpoint | None:
    """The checkpoint as it was saved; None if another version of the cursor wrote it."""
    cursor, totals = json.loads(row.cursor_json), json.loads(row.totals_json)
    if cursor.pop("v") != CURSOR_VERSION:
        return None
    stretch = cursor["stretch"]
    return Checkpoint(
        task_name=row.task_name,
        scope=row.scope,
        run_id=row.run_id,
        fence=row.fence,
        saved_at=row.updated_at,
        started_at=datetime.fromisoformat(cursor["started_at"]),
        finished=tuple(cursor["finished"]),
        phase=cursor["phase"],
        stretch=None if stretch is None else Stretch(**stretch),
        after_id=cursor["after_id"],
        **totals,
    )
