"""`History` in memory."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import assert_never

from adapters.memory.evidence import evidence_of
from adapters.memory.retention import prune
from adapters.memory.state import KeptExecution, State
from adapters.records.pages import Paging, caseless
from application.scheduling.ports.history import (
    AskedHandler,
    AuditEntry,
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
from application.scheduling.ports.records import (
    ChangeRecord,
    Evidence,
    ExecutionRecord,
    ExecutionSummary,
    VersionRecord,
)
from domain.scheduling.execution import Execution, ExecutionKind, ExecutionState, backfill_key, redrive_key
from domain.scheduling.identifiers import ExecutionId, TaskId, least_execution_id, microseconds
from domain.scheduling.task import Delivery, ScheduledTask, Skip, TaskStatus


@dataclass(frozen=True, slots=True)
class MemoryHistory:
    """`History` over the shared state."""

    state: State

    async def tasks(
        self, which: TaskFilter, *, order: TaskOrder, descending: bool, limit: int, cursor: str | None
    ) -> TaskPage:
        """See the port."""
        self.state.now()
        matching = [
            task for task in self._readable(deleted=which.deleted) if _matches(task, replace(which, status=None))
        ]
        rows = [task for task in matching if which.status in (None, task.status)]
        kind = str if order is TaskOrder.NAME else int
        paging: Paging[ScheduledTask] = Paging(order, kind, lambda task: (_value(task, order), task.id), descending)
        page, next_cursor = paging.cut(rows, limit, cursor)
        by_status = Counter(task.status for task in matching)
        return TaskPage(page, len(rows), by_status, next_cursor)

    async def tasks_by_name(self, *, after: str | None, limit: int) -> TaskSlice:
        """See the port."""
        self.state.now()
        named = sorted((task.definition.name, task) for task in self._readable(deleted=False))
        found = [(name, task) for name, task in named if after is None or name > after]
        last = found[limit - 1][0] if len(found) > limit else None
        return TaskSlice(tuple(task for _, task in found[:limit]), last)

    async def upcoming(self, limit: int) -> Sequence[ScheduledTask]:
        """See the port."""
        self.state.now()
        coming = [
            (task.next_occurrence.run_at, task.id, task)
            for task in self._readable(deleted=False)
            if task.status is TaskStatus.ACTIVE and task.next_occurrence is not None
        ]
        return [task for _, _, task in sorted(coming, key=lambda each: each[:2])[:limit]]

    async def executions(self, which: ExecutionFilter, *, limit: int, cursor: str | None) -> ExecutionPage:
        """See the port. The newest is that of the latest occurrence, or the one asked for last."""
        self.state.now()
        rows = [kept for kept in self.state.executions.values() if _is_among(kept.execution, which)]
        paging = Paging("executions", str, _place, descending=True)
        page, next_cursor = paging.cut(rows, limit, cursor)
        return ExecutionPage(tuple(self._summary(kept) for kept in page), next_cursor)

    async def execution(self, execution_id: ExecutionId) -> ExecutionRecord | None:
        """See the port."""
        self.state.now()
        kept = self.state.executions.get(execution_id)
        if kept is None:
            return None
        attempts = tuple(attempt.record for attempt in kept.attempts)
        return ExecutionRecord(self._summary(kept), attempts, tuple(kept.log))

    async def skips(self, task_id: TaskId, *, limit: int, until: datetime | None = None) -> Sequence[Skip]:
        """See the port."""
        self.state.now()
        kept = self.state.tasks.get(task_id)
        found = [each for each in kept.skips.values() if until is None or each.first_at < until] if kept else []
        return sorted(found, key=lambda skip: skip.first_at, reverse=True)[:limit]

    async def changes(self, task_id: TaskId, *, limit: int) -> Sequence[ChangeRecord]:
        """See the port."""
        self.state.now()
        return [record for record in reversed(self.state.changes) if record.task_id == task_id][:limit]

    async def audit(self, which: AuditFilter, *, limit: int, cursor: str | None) -> AuditPage:
        """See the port."""
        self.state.now()
        numbered = zip(range(self.state.changes_made, 0, -1), reversed(self.state.changes), strict=False)
        rows = [(number, record) for number, record in numbered if _is_audited(record, which)]
        paging: Paging[tuple[int, ChangeRecord]] = Paging("audit", int, lambda row: (row[0], ""), descending=True)
        page, next_cursor = paging.cut(rows, limit, cursor)
        return AuditPage(tuple(AuditEntry(record, self._name(record.task_id)) for _, record in page), next_cursor)

    async def unserved(self, announced: Sequence[tuple[str, str | None]], *, limit: int) -> Sequence[AskedHandler]:
        """See the port."""
        self.state.now()
        managed = [
            task.definition for task in self._readable(deleted=False) if task.definition.delivery is Delivery.MANAGED
        ]
        asked = Counter((each.task_type, each.handler_name) for each in managed)
        found = [
            AskedHandler(*pair, tasks)
            for pair, tasks in asked.items()
            if pair not in announced and (pair[0], None) not in announced
        ]
        return sorted(found, key=lambda each: (-each.tasks, each.task_type, each.name))[:limit]

    async def evidence(self, task_id: TaskId, *, since: datetime, until: datetime) -> Evidence | None:
        """See the port."""
        return evidence_of(self.state, task_id, since, until)

    async def versions(self, task_id: TaskId, *, limit: int) -> Sequence[VersionRecord]:
        """See the port."""
        self.state.now()
        return self._versions(task_id)[:limit]

    async def version(self, task_id: TaskId, version: int) -> VersionRecord | None:
        """See the port."""
        self.state.now()
        return next((each for each in self._versions(task_id) if each.version == version), None)

    async def counts(self) -> Counts:
        """See the port."""
        since = self.state.now() - timedelta(days=1)
        tasks = [kept.task for kept in self.state.tasks.values() if kept.task.deleted_at is None]
        executions = [kept.execution for kept in self.state.executions.values()]
        return Counts(
            tasks_by_status=Counter(task.status for task in tasks),
            tasks_by_type=Counter(task.definition.task_type for task in tasks),
            open_by_state=Counter(each.state for each in executions if each.is_open),
            finished_24h=Counter(each.state for each in executions if _ended_since(each, since)),
        )

    async def task_count(self) -> int:
        """See the port."""
        self.state.now()
        return sum(kept.task.deleted_at is None for kept in self.state.tasks.values())

    async def prune(self, retention: Retention, *, limit: int) -> int:
        """See the port."""
        return prune(self.state, retention, self.state.now(), limit)

    def _readable(self, *, deleted: bool) -> list[ScheduledTask]:
        read = self.state.deleted_task if deleted else self.state.task
        found = (read(task_id) for task_id in self.state.tasks)
        return [task for task in found if isinstance(task, ScheduledTask)]

    def _name(self, task_id: TaskId) -> str:
        kept = self.state.tasks.get(task_id)
        return "" if kept is None else kept.task.definition.name

    def _summary(self, kept: KeptExecution) -> ExecutionSummary:
        task = self.state.tasks.get(kept.execution.task_id)
        name, task_type = (task.task.definition.name, task.task.definition.task_type) if task else ("", "")
        return ExecutionSummary(kept.execution, name, task_type, kept.progress, self._redriven_by(kept.execution))

    def _redriven_by(self, execution: Execution) -> ExecutionId | None:
        if execution.state is not ExecutionState.DEAD:
            return None
        again = self.state.execution_of(execution.task_id, ExecutionKind.MANUAL, redrive_key(execution.id))
        return None if again is None else again.id

    def _versions(self, task_id: TaskId) -> list[VersionRecord]:
        task = self.state.tasks.get(task_id)
        if task is not None and task.error is not None:
            return []
        kept = self.state.versions.get(task_id, {})
        return [
            VersionRecord(
                task_id,
                version,
                kept[version].definition,
                kept[version].made_by.change if kept[version].made_by in self.state.changes else None,
                version - 1 not in kept or kept[version - 1].definition != kept[version].definition,
            )
            for version in sorted(kept, reverse=True)
        ]


def _matches(task: ScheduledTask, which: TaskFilter) -> bool:
    definition = task.definition
    texts = (definition.name, definition.description, definition.handler or "")
    return (
        which.status in (None, task.status)
        and which.schedule_type in (None, definition.schedule.kind)
        and which.task_type in (None, definition.task_type)
        and (which.tag is None or which.tag in definition.tags)
        and (not which.failing or task.error_count > 0 or task.last_state is ExecutionState.DEAD)
        and (which.late_before is None or (task.look_at is not None and task.look_at < which.late_before))
        and (which.ids is None or task.id in which.ids)
        and (which.names is None or definition.name in which.names)
        and (which.text is None or any(which.text.casefold() in text.casefold() for text in texts))
    )


def _value(task: ScheduledTask, order: TaskOrder) -> str | int | None:
    match order:
        case TaskOrder.NAME:
            return caseless(task.definition.name)
        case TaskOrder.NEXT_RUN_AT:
            instant = task.next_occurrence.run_at if task.next_occurrence else None
        case TaskOrder.LAST_RUN_AT:
            instant = task.last_run_at
        case TaskOrder.CREATED_AT:
            instant = task.created_at
        case TaskOrder.UPDATED_AT:
            instant = task.updated_at
        case _:
            assert_never(order)
    return None if instant is None else microseconds(instant)


def _place(kept: KeptExecution) -> tuple[str, str]:
    # The id begins with the instant of the occurrence, or of the asking.
    return kept.execution.id, kept.execution.id


def _is_among(execution: Execution, which: ExecutionFilter) -> bool:
    return (
        which.task_id in (None, execution.task_id)
        and (not which.states or execution.state in which.states)
        and (which.since is None or execution.id >= least_execution_id(which.since))
        and (which.until is None or execution.id < least_execution_id(which.until))
        and (which.ids is None or execution.id in which.ids)
        and (which.backfill is None or _is_of_backfill(execution, which.backfill))
    )


def _is_of_backfill(execution: Execution, backfill: str) -> bool:
    if execution.kind is not ExecutionKind.BACKFILL or execution.nominal_at is None:
        return False
    return execution.key == backfill_key(backfill, execution.nominal_at)


def _is_audited(record: ChangeRecord, which: AuditFilter) -> bool:
    change = record.change
    return (
        which.actor in (None, change.actor)
        and which.action in (None, change.action)
        and which.task_id in (None, record.task_id)
        and (which.since is None or which.since <= change.at)
        and (which.until is None or change.at < which.until)
    )


def _ended_since(execution: Execution, since: datetime) -> bool:
    return execution.finished_at is not None and execution.finished_at > since
