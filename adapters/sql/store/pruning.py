"""Forgetting old records, a bounded number of each kind at a time, oldest first.

Whoever writes waits for whoever prunes, so each transaction forgets a slice that holds the write lock for some 20 ms,
and then lets others have it. The log of an execution may have a thousand lines, so it goes before the execution does,
and so do its attempts: for a moment an old execution is there without them.
"""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Delete, Executable, Table, and_, bindparam, delete, exists, or_, select, text, tuple_, update

from adapters.sql.engine import Database
from adapters.sql.store.access_trail import forget
from adapters.sql.store.dialect import Dialect
from adapters.sql.store.tables import (
    IS_FINAL,
    IS_OPEN,
    Whole,
    attempts,
    changes,
    definitions,
    executions,
    finished,
    log_lines,
    skips,
    tasks,
)
from application.scheduling.ports.history import Retention
from domain.scheduling.change import Via
from domain.scheduling.identifiers import microseconds

# Rows of a slice; those that may bring a payload with them, whose pages are freed one by one, are fewer.
NARROW_MAX = 2_500
WIDE_MAX = 200
# Longer than a writer of another process waits before it asks for the lock again.
BREATH_SECONDS = 0.01

_BEFORE = bindparam("before", type_=Whole)
_LIMIT = bindparam("limit", type_=Whole)


class Pruning:
    """The statements, prepared for one dialect."""

    def __init__(self, database: Database, dialect: Dialect) -> None:
        self._database = database
        self._dialect = dialect
        ended = select(executions.c.id).where(IS_FINAL, executions.c.finished_at < _BEFORE)
        self._ended = dialect.query(ended.order_by(executions.c.finished_at, executions.c.id).limit(_LIMIT))
        self._log_lines = _forgetting_parts(dialect, log_lines)
        self._attempts = _forgetting_parts(dialect, attempts)
        some = select(executions.c.id).where(dialect.is_among(executions.c.id, "ids"), IS_FINAL).limit(_LIMIT)
        self._executions = delete(executions).where(executions.c.id.in_(some))
        skip = select(skips.c.task_id, skips.c.first_at).where(skips.c.last_at < _BEFORE)
        skip = skip.order_by(skips.c.last_at).limit(_LIMIT)
        self._skips = delete(skips).where(tuple_(skips.c.task_id, skips.c.first_at).in_(skip))
        self._hours = _forgetting_hours()
        self._definitions = _forgetting_definitions()
        self._changes = _forgetting_changes()
        is_busy = exists().where(executions.c.task_id == tasks.c.id, IS_OPEN)
        gone = select(tasks.c.id).where(text("deleted_at IS NOT NULL"), tasks.c.deleted_at < _BEFORE, ~is_busy)
        gone = gone.order_by(tasks.c.deleted_at, tasks.c.id).limit(_LIMIT)
        # Locked, so that none is brought back meanwhile.
        self._gone = dialect.query(gone.with_for_update(of=tasks, skip_locked=True))
        # Skips go with their task.
        self._tasks = delete(tasks).where(dialect.is_among(tasks.c.id, "ids"))
        orphans = update(definitions).where(dialect.is_among(definitions.c.task_id, "ids"))
        self._orphan = orphans.where(definitions.c.superseded_at.is_(None)).values(superseded_at=bindparam("now"))

    async def prune(self, retention: Retention, now: datetime, *, limit: int) -> int:
        """Forget at most `limit` executions, Skips, changes, access records and deleted tasks each; return how many."""
        old = {"before": microseconds(now - retention.executions)}
        forgotten = await self._prune_executions(old, limit)
        forgotten += await self._sweep(self._skips, old, NARROW_MAX, limit)
        ancient = {"before": microseconds(now - retention.changes)}
        await self._sweep(self._hours, {"before": microseconds(now - retention.hours)}, NARROW_MAX, limit)
        # Versions that were superseded, and that no execution refers to any more, are no records by themselves.
        await self._sweep(self._definitions, ancient, WIDE_MAX, limit)
        forgotten += await self._sweep(self._changes, ancient, NARROW_MAX, limit)
        async with self._database.writing_alone("prune") as connection:
            forgotten += await forget(connection, now - retention.changes, min(limit, NARROW_MAX))
        return forgotten + await self._prune_tasks(now - retention.deleted_tasks, limit, now)

    async def _prune_executions(self, old: Mapping[str, int], limit: int) -> int:
        async with self._database.browsing("prune") as connection:
            rows = await self._ended.rows(connection, **old, limit=limit)
        if not rows:
            return 0
        ids = {"ids": self._dialect.pack_values([row[0] for row in rows])}
        await self._sweep(self._log_lines, ids, NARROW_MAX)
        await self._sweep(self._attempts, ids, NARROW_MAX)
        return await self._sweep(self._executions, ids, WIDE_MAX)

    async def _prune_tasks(self, before: datetime, limit: int, now: datetime) -> int:
        gone = 0
        while gone < limit:
            most = min(WIDE_MAX, limit - gone)
            async with self._database.writing("prune") as connection:
                rows = await self._gone.rows(connection, before=microseconds(before), limit=most)
                ids = {"ids": self._dialect.pack_values([row[0] for row in rows])}
                if rows:
                    await connection.execute(self._orphan, {**ids, "now": microseconds(now)})
                    await connection.execute(self._tasks, ids)
            gone += len(rows)
            if len(rows) < most:
                break
            await asyncio.sleep(BREATH_SECONDS)
        return gone

    async def _sweep(
        self, statement: Executable, parameters: Mapping[str, Any], slice_max: int, limit: int | None = None
    ) -> int:
        """Repeat a DELETE that takes a limit until it finds no more; return how many rows went, `limit` at most."""
        gone = 0
        while limit is None or gone < limit:
            most = slice_max if limit is None else min(slice_max, limit - gone)
            async with self._database.writing("prune") as connection:
                found = (await connection.execute(statement, {**parameters, "limit": most})).rowcount
            gone += found
            if found < most:
                break
            await asyncio.sleep(BREATH_SECONDS)
        return gone


def _forgetting_parts(dialect: Dialect, table: Table) -> Delete:
    """DELETE a slice of what belongs to the given executions."""
    key = tuple(table.primary_key)
    some = select(*key).where(dialect.is_among(table.c.execution_id, "ids")).limit(_LIMIT)
    return delete(table).where(tuple_(*key).in_(some))


def _forgetting_hours() -> Delete:
    key = tuple(finished.primary_key)
    return delete(finished).where(tuple_(*key).in_(select(*key).where(finished.c.hour < _BEFORE).limit(_LIMIT)))


def _forgetting_changes() -> Delete:
    # A default task must not be created twice, so the system's own keys are remembered for ever.
    by_people = or_(changes.c.idempotency_key.is_(None), changes.c.via != str(Via.SYSTEM))
    change = select(changes.c.id).where(changes.c.at < _BEFORE, by_people).order_by(changes.c.at, changes.c.id)
    return delete(changes).where(changes.c.id.in_(change.limit(_LIMIT)))


def _forgetting_definitions() -> Delete:
    refers = and_(executions.c.task_id == definitions.c.task_id, executions.c.version == definitions.c.version)
    # Each alternative is a partial index by task; the two together are all executions.
    referred = or_(exists().where(refers, IS_OPEN), exists().where(refers, IS_FINAL))
    version = select(definitions.c.task_id, definitions.c.version)
    version = version.where(definitions.c.superseded_at < _BEFORE, ~referred).limit(_LIMIT)
    return delete(definitions).where(tuple_(definitions.c.task_id, definitions.c.version).in_(version))
