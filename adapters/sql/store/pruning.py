"""Forgetting old records, a bounded number of each kind at a time, oldest first."""

from datetime import datetime

from sqlalchemy import Delete, and_, bindparam, delete, exists, or_, select, text, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.sql.store.dialect import Dialect
from adapters.sql.store.tables import IS_FINAL, IS_OPEN, Whole, changes, definitions, executions, skips, tasks
from domain.scheduling.change import Via
from domain.scheduling.identifiers import microseconds

_BEFORE = bindparam("before", type_=Whole)
_LIMIT = bindparam("limit", type_=Whole)


class Pruning:
    """The statements, prepared for one dialect."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        ended = select(executions.c.id).where(IS_FINAL, executions.c.finished_at < _BEFORE)
        ended = ended.order_by(executions.c.finished_at, executions.c.id).limit(_LIMIT)
        # Attempts and log lines go with their execution, Skips with their task.
        self._executions = delete(executions).where(executions.c.id.in_(ended))
        skip = select(skips.c.task_id, skips.c.first_at).where(skips.c.last_at < _BEFORE)
        skip = skip.order_by(skips.c.last_at).limit(_LIMIT)
        self._skips = delete(skips).where(tuple_(skips.c.task_id, skips.c.first_at).in_(skip))
        # A default task must not be created twice, so the system's own keys are remembered for ever.
        by_people = or_(changes.c.idempotency_key.is_(None), changes.c.via != str(Via.SYSTEM))
        change = (
            select(changes.c.id)
            .where(changes.c.at < _BEFORE, by_people)
            .order_by(changes.c.at, changes.c.id)
            .limit(_LIMIT)
        )
        self._changes = delete(changes).where(changes.c.id.in_(change))
        is_busy = exists().where(executions.c.task_id == tasks.c.id, IS_OPEN)
        gone = select(tasks.c.id).where(text("deleted_at IS NOT NULL"), tasks.c.deleted_at < _BEFORE, ~is_busy)
        self._gone = dialect.query(gone.order_by(tasks.c.deleted_at, tasks.c.id).limit(_LIMIT))
        self._tasks = delete(tasks).where(dialect.is_among(tasks.c.id, "ids"))
        orphans = update(definitions).where(dialect.is_among(definitions.c.task_id, "ids"))
        self._orphan = orphans.where(definitions.c.superseded_at.is_(None)).values(superseded_at=bindparam("now"))
        self._definitions = _forgetting_definitions()

    async def executions(self, connection: AsyncConnection, before: datetime, limit: int) -> int:
        """Forget executions that ended before then; return how many."""
        return (await connection.execute(self._executions, _bounds(before, limit))).rowcount

    async def skips(self, connection: AsyncConnection, before: datetime, limit: int) -> int:
        """Forget Skips of occurrences before then; return how many."""
        return (await connection.execute(self._skips, _bounds(before, limit))).rowcount

    async def changes(self, connection: AsyncConnection, before: datetime, limit: int) -> int:
        """Forget changes from before then; return how many."""
        return (await connection.execute(self._changes, _bounds(before, limit))).rowcount

    async def tasks(self, connection: AsyncConnection, before: datetime, limit: int, now: datetime) -> int:
        """Forget tasks deleted before then that have nothing open; return how many."""
        rows = await self._gone.rows(connection, **_bounds(before, limit))
        if rows:
            ids = self._dialect.pack_values([row[0] for row in rows])
            await connection.execute(self._orphan, {"ids": ids, "now": microseconds(now)})
            await connection.execute(self._tasks, {"ids": ids})
        return len(rows)

    async def definitions(self, connection: AsyncConnection, before: datetime, limit: int) -> None:
        """Forget versions superseded before then that no execution refers to; by themselves they are no records."""
        await connection.execute(self._definitions, _bounds(before, limit))


def _forgetting_definitions() -> Delete:
    refers = and_(executions.c.task_id == definitions.c.task_id, executions.c.version == definitions.c.version)
    # Each alternative is a partial index by task; the two together are all executions.
    referred = or_(exists().where(refers, IS_OPEN), exists().where(refers, IS_FINAL))
    version = select(definitions.c.task_id, definitions.c.version)
    version = version.where(definitions.c.superseded_at < _BEFORE, ~referred).limit(_LIMIT)
    return delete(definitions).where(tuple_(definitions.c.task_id, definitions.c.version).in_(version))


def _bounds(before: datetime, limit: int) -> dict[str, int]:
    return {"before": microseconds(before), "limit": limit}
