"""`History` in SQL."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Text, bindparam, select

from adapters.records.executions import changes_of, skips_of
from adapters.sql.engine import Database
from adapters.sql.store.audit_lists import AuditLists
from adapters.sql.store.counts import counted, living
from adapters.sql.store.dialect import Dialect, prepared
from adapters.sql.store.evidence import EvidenceReads
from adapters.sql.store.execution_lists import ExecutionLists
from adapters.sql.store.execution_rows import CHANGE_COLUMNS, SKIP_COLUMNS
from adapters.sql.store.guard import Guard
from adapters.sql.store.pruning import Pruning
from adapters.sql.store.tables import Whole, changes, skips
from adapters.sql.store.task_lists import TaskLists
from adapters.sql.store.unserved import selecting_unserved
from adapters.sql.store.versions import NEWEST, Versions
from application.scheduling.ports.history import (
    AskedHandler,
    AuditFilter,
    AuditPage,
    Counts,
    ExecutionFilter,
    ExecutionPage,
    Retention,
    TaskFilter,
    TaskOrder,
    TaskPage,
    TaskSlice,
)
from application.scheduling.ports.records import ChangeRecord, Evidence, ExecutionRecord, VersionRecord
from domain.scheduling.identifiers import ExecutionId, TaskId, microseconds
from domain.scheduling.task import ScheduledTask, Skip

LATEST = 2**62
"""Microseconds later than every instant."""


class SqlHistory:
    """`History` in one SQL database."""

    def __init__(self, database: Database, dialect: Dialect, guard: Guard) -> None:
        self._database = database
        self._guard = guard
        self._tasks = prepared(TaskLists, dialect)
        self._executions = prepared(ExecutionLists, dialect)
        self._audit = prepared(AuditLists, dialect)
        self._dialect = dialect
        self._unserved = dialect.query(selecting_unserved(dialect))
        self._evidence = prepared(EvidenceReads, dialect)
        self._versions = prepared(Versions, dialect)
        self._pruning = Pruning(database, dialect)
        task_id, limit = bindparam("task_id", type_=Text), bindparam("limit", type_=Whole)
        of_task = select(*SKIP_COLUMNS).where(
            skips.c.task_id == task_id, skips.c.first_at < bindparam("until", type_=Whole)
        )
        self._skips = dialect.query(of_task.order_by(skips.c.first_at.desc()).limit(limit))
        made = select(*CHANGE_COLUMNS).where(changes.c.task_id == task_id)
        self._changes = dialect.query(made.order_by(changes.c.id.desc()).limit(limit))

    async def tasks(
        self, which: TaskFilter, *, order: TaskOrder, descending: bool, limit: int, cursor: str | None
    ) -> TaskPage:
        """See the port."""
        async with self._database.browsing("tasks") as connection:
            return await self._tasks.page(
                connection, which, order=order, descending=descending, limit=limit, cursor=cursor
            )

    async def tasks_by_name(self, *, after: str | None, limit: int) -> TaskSlice:
        """See the port."""
        async with self._database.browsing("tasks by name") as connection:
            return await self._tasks.by_name(connection, after=after, limit=limit)

    async def upcoming(self, limit: int) -> Sequence[ScheduledTask]:
        """See the port."""
        async with self._database.browsing("upcoming") as connection:
            return await self._tasks.upcoming(connection, limit)

    async def executions(self, which: ExecutionFilter, *, limit: int, cursor: str | None) -> ExecutionPage:
        """See the port. The newest is that of the latest occurrence, or the one asked for last."""
        async with self._database.browsing("executions") as connection:
            return await self._executions.page(connection, which, limit=limit, cursor=cursor)

    async def execution(self, execution_id: ExecutionId) -> ExecutionRecord | None:
        """See the port."""
        async with self._database.browsing("execution") as connection:
            return await self._executions.record(connection, execution_id)

    async def skips(self, task_id: TaskId, *, limit: int, until: datetime | None = None) -> Sequence[Skip]:
        """See the port."""
        before = LATEST if until is None else microseconds(until)
        async with self._database.browsing("skips") as connection:
            return skips_of(await self._skips.rows(connection, task_id=task_id, until=before, limit=limit))

    async def changes(self, task_id: TaskId, *, limit: int) -> Sequence[ChangeRecord]:
        """See the port."""
        async with self._database.browsing("changes") as connection:
            return changes_of(await self._changes.rows(connection, task_id=task_id, limit=limit))

    async def audit(self, which: AuditFilter, *, limit: int, cursor: str | None) -> AuditPage:
        """See the port."""
        async with self._database.browsing("audit") as connection:
            return await self._audit.page(connection, which, limit=limit, cursor=cursor)

    async def unserved(self, announced: Sequence[tuple[str, str | None]], *, limit: int) -> Sequence[AskedHandler]:
        """See the port."""
        async with self._database.browsing("unserved") as connection:
            rows = await self._unserved.rows(connection, announced=self._dialect.pack(announced), limit=limit)
        return [AskedHandler(*row) for row in rows]

    async def evidence(self, task_id: TaskId, *, since: datetime, until: datetime) -> Evidence | None:
        """See the port."""
        async with self._database.browsing("evidence") as connection:
            now = await self._guard.now(connection)
            return await self._evidence.around(connection, task_id, since=since, until=until, now=now)

    async def versions(self, task_id: TaskId, *, limit: int) -> Sequence[VersionRecord]:
        """See the port."""
        async with self._database.browsing("versions") as connection:
            return await self._versions.up_to(connection, task_id, NEWEST, limit=limit)

    async def version(self, task_id: TaskId, version: int) -> VersionRecord | None:
        """See the port."""
        async with self._database.browsing("version") as connection:
            found = await self._versions.up_to(connection, task_id, version, limit=1)
        return next((each for each in found if each.version == version), None)

    async def counts(self) -> Counts:
        """See the port."""
        async with self._database.browsing("counts") as connection:
            return await counted(connection, await self._guard.now(connection))

    async def task_count(self) -> int:
        """See the port."""
        async with self._database.browsing("task_count") as connection:
            return await living(connection)

    async def prune(self, retention: Retention, *, limit: int) -> int:
        """See the port. Many short transactions: one that fails undoes none before it."""
        async with self._database.browsing("prune") as connection:
            now = await self._guard.now(connection)
        return await self._pruning.prune(retention, now, limit=limit)
