"""`History` in Redis."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from adapters.records.executions import skips_of
from adapters.redis.audit_lists import AuditLists
from adapters.redis.counts import counted
from adapters.redis.evidence import evidence
from adapters.redis.execution_lists import BEHIND_ALL, ExecutionLists, rows_read
from adapters.redis.pruning import Limits, Pruning
from adapters.redis.script import script
from adapters.redis.server import Server
from adapters.redis.task_lists import TaskLists
from adapters.redis.versions import NEWEST, Versions
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
from domain.scheduling.identifiers import ExecutionId, TaskId, least_execution_id
from domain.scheduling.task import ScheduledTask, Skip


@dataclass(frozen=True, slots=True)
class RedisHistory:
    """`History` in one Redis. `limits` are those of number, beside the ages that `prune` is given."""

    server: Server
    task_lists: TaskLists
    limits: Limits = field(default_factory=Limits)

    async def tasks(
        self, which: TaskFilter, *, order: TaskOrder, descending: bool, limit: int, cursor: str | None
    ) -> TaskPage:
        """See the port."""
        return await self.task_lists.tasks(which, order=order, descending=descending, limit=limit, cursor=cursor)

    async def tasks_by_name(self, *, after: str | None, limit: int) -> TaskSlice:
        """See the port."""
        return await self.task_lists.tasks_by_name(after=after, limit=limit)

    async def upcoming(self, limit: int) -> Sequence[ScheduledTask]:
        """See the port."""
        return await self.task_lists.upcoming(limit)

    async def executions(self, which: ExecutionFilter, *, limit: int, cursor: str | None) -> ExecutionPage:
        """See the port. The newest is that of the latest occurrence, or the one asked for last."""
        return await ExecutionLists(self.server).page(which, limit=limit, cursor=cursor)

    async def execution(self, execution_id: ExecutionId) -> ExecutionRecord | None:
        """See the port."""
        return await ExecutionLists(self.server).record(execution_id)

    async def skips(self, task_id: TaskId, *, limit: int, until: datetime | None = None) -> Sequence[Skip]:
        """See the port."""
        before = BEHIND_ALL if until is None else least_execution_id(until)
        reply = await self.server.call(script("skips", only_reads=True), [task_id, before, limit])
        return skips_of(rows_read(reply.readings))

    async def changes(self, task_id: TaskId, *, limit: int) -> Sequence[ChangeRecord]:
        """See the port."""
        return await AuditLists(self.server).of_task(task_id, limit=limit)

    async def audit(self, which: AuditFilter, *, limit: int, cursor: str | None) -> AuditPage:
        """See the port."""
        return await AuditLists(self.server).page(which, limit=limit, cursor=cursor)

    async def unserved(self, announced: Sequence[tuple[str, str | None]], *, limit: int) -> Sequence[AskedHandler]:
        """See the port."""
        return await self.task_lists.unserved(announced, limit=limit)

    async def evidence(self, task_id: TaskId, *, since: datetime, until: datetime) -> Evidence | None:
        """See the port. Of a task with thousands of records it tells those nearest to the span."""
        return await evidence(self.server, task_id, since=since, until=until)

    async def versions(self, task_id: TaskId, *, limit: int) -> Sequence[VersionRecord]:
        """See the port."""
        return await Versions(self.server).up_to(task_id, NEWEST, limit=limit)

    async def version(self, task_id: TaskId, version: int) -> VersionRecord | None:
        """See the port."""
        found = await Versions(self.server).up_to(task_id, version, limit=1)
        return next((each for each in found if each.version == version), None)

    async def counts(self) -> Counts:
        """See the port. Tasks and executions are counted one after the other."""
        return await counted(self.server, self.task_lists)

    async def task_count(self) -> int:
        """See the port. It needs no mirror, which would be read first, and is not made of more than TASKS_MAX tasks."""
        count: int = (await self.server.call(script("living", only_reads=True))).answer
        return count

    async def prune(self, retention: Retention, *, limit: int) -> int:
        """See the port. Many short scripts: what is cut short undoes none before it."""
        return await Pruning(self.server, self.limits).prune(retention, limit=limit)
