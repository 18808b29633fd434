"""Reading without what is personal: payloads and results are covered before anybody who reads gets to see them.

Services that read are given these stores in place of the real ones, so no list, page, export or explanation can forget
to cover something: it never has it. Whether they cover is asked anew with every read, for it depends on who is asking.
What handlers write into their logs, and say in errors, is not covered.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from application.scheduling import json_text
from application.scheduling.ports.history import (
    AskedHandler,
    AuditFilter,
    AuditPage,
    Counts,
    ExecutionFilter,
    ExecutionPage,
    History,
    Retention,
    TaskFilter,
    TaskOrder,
    TaskPage,
    TaskSlice,
)
from application.scheduling.ports.records import (
    ChangeRecord,
    Evidence,
    ExecutionRecord,
    ExecutionSummary,
    VersionRecord,
)
from application.scheduling.ports.task_store import PAYLOAD_LEFT_OUT, TaskReads, Unreadable
from domain.scheduling.execution import Execution
from domain.scheduling.identifiers import ExecutionId, TaskId
from domain.scheduling.task import Definition, ScheduledTask, Skip

COVER = json_text.write({"hidden": "who sees payloads and results is said by the role"})
"""Stands where a payload or a result is; a JSON object, as payloads are."""

Read = TypeVar("Read", ScheduledTask, ScheduledTask | Unreadable, ScheduledTask | Unreadable | None)


@dataclass(frozen=True, slots=True)
class VeiledTasks:
    """`TaskReads` without payloads while `is_veiled`."""

    tasks: TaskReads
    is_veiled: Callable[[], bool]

    async def get(self, task_id: TaskId) -> ScheduledTask | Unreadable | None:
        """See the port."""
        return self._shown(await self.tasks.get(task_id))

    async def deleted(self, task_id: TaskId) -> ScheduledTask | Unreadable | None:
        """See the port."""
        return self._shown(await self.tasks.deleted(task_id))

    async def find(self, name: str) -> ScheduledTask | Unreadable | None:
        """See the port."""
        return self._shown(await self.tasks.find(name))

    def _shown(self, task: Read) -> Read:
        return _covered_task(task) if self.is_veiled() else task


@dataclass(frozen=True, slots=True)
class VeiledHistory:
    """`History` without payloads and results while `is_veiled`."""

    history: History
    is_veiled: Callable[[], bool]

    async def tasks(
        self, which: TaskFilter, *, order: TaskOrder, descending: bool, limit: int, cursor: str | None
    ) -> TaskPage:
        """See the port."""
        page = await self.history.tasks(which, order=order, descending=descending, limit=limit, cursor=cursor)
        return replace(page, tasks=tuple(map(_covered_task, page.tasks))) if self.is_veiled() else page

    async def tasks_by_name(self, *, after: str | None, limit: int) -> TaskSlice:
        """See the port."""
        found = await self.history.tasks_by_name(after=after, limit=limit)
        return replace(found, tasks=tuple(map(_covered_task, found.tasks))) if self.is_veiled() else found

    async def upcoming(self, limit: int) -> Sequence[ScheduledTask]:
        """See the port."""
        found = await self.history.upcoming(limit)
        return [_covered_task(each) for each in found] if self.is_veiled() else found

    async def executions(self, which: ExecutionFilter, *, limit: int, cursor: str | None) -> ExecutionPage:
        """See the port."""
        page = await self.history.executions(which, limit=limit, cursor=cursor)
        return replace(page, executions=tuple(map(_covered_summary, page.executions))) if self.is_veiled() else page

    async def execution(self, execution_id: ExecutionId) -> ExecutionRecord | None:
        """See the port."""
        record = await self.history.execution(execution_id)
        if record is None or not self.is_veiled():
            return record
        return replace(record, summary=_covered_summary(record.summary))

    async def skips(self, task_id: TaskId, *, limit: int, until: datetime | None = None) -> Sequence[Skip]:
        """See the port."""
        return await self.history.skips(task_id, limit=limit, until=until)

    async def changes(self, task_id: TaskId, *, limit: int) -> Sequence[ChangeRecord]:
        """See the port."""
        return await self.history.changes(task_id, limit=limit)

    async def audit(self, which: AuditFilter, *, limit: int, cursor: str | None) -> AuditPage:
        """See the port."""
        return await self.history.audit(which, limit=limit, cursor=cursor)

    async def unserved(self, announced: Sequence[tuple[str, str | None]], *, limit: int) -> Sequence[AskedHandler]:
        """See the port."""
        return await self.history.unserved(announced, limit=limit)

    async def evidence(self, task_id: TaskId, *, since: datetime, until: datetime) -> Evidence | None:
        """See the port."""
        found = await self.history.evidence(task_id, since=since, until=until)
        if found is None or not self.is_veiled():
            return found
        executions = tuple(replace(each, execution=_covered_execution(each.execution)) for each in found.executions)
        return replace(found, task=_covered_task(found.task), executions=executions)

    async def versions(self, task_id: TaskId, *, limit: int) -> Sequence[VersionRecord]:
        """See the port."""
        found = await self.history.versions(task_id, limit=limit)
        return [_covered_version(each) for each in found] if self.is_veiled() else found

    async def version(self, task_id: TaskId, version: int) -> VersionRecord | None:
        """See the port."""
        found = await self.history.version(task_id, version)
        return found if found is None or not self.is_veiled() else _covered_version(found)

    async def counts(self) -> Counts:
        """See the port."""
        return await self.history.counts()

    async def task_count(self) -> int:
        """See the port."""
        return await self.history.task_count()

    async def prune(self, retention: Retention, *, limit: int) -> int:
        """See the port."""
        return await self.history.prune(retention, limit=limit)


def _covered_task(task: Read) -> Read:
    if not isinstance(task, ScheduledTask):
        return task
    return replace(task, definition=_covered_definition(task.definition))


def _covered_definition(definition: Definition) -> Definition:
    is_there = definition.payload_json != PAYLOAD_LEFT_OUT
    return replace(definition, payload_json=COVER) if is_there else definition


def _covered_version(version: VersionRecord) -> VersionRecord:
    return replace(version, definition=_covered_definition(version.definition))


def _covered_summary(summary: ExecutionSummary) -> ExecutionSummary:
    return replace(summary, execution=_covered_execution(summary.execution))


def _covered_execution(execution: Execution) -> Execution:
    payload = None if execution.payload_json is None else COVER
    return replace(execution, payload_json=payload, result_json=None if execution.result_json is None else COVER)
