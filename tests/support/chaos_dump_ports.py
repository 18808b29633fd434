"""What is left in a store after a run, read through its ports: how its records look is nobody else's to know."""

from collections.abc import AsyncIterator
from dataclasses import replace

from adapters.records.executions import EXECUTION_FIELDS, execution_row
from adapters.records.packing import pack_policy, pack_schedule, us_or_none
from application.scheduling.ports.history import AuditFilter, ExecutionFilter, History, TaskFilter, TaskOrder
from application.scheduling.ports.records import AttemptRecord, ChangeRecord, VersionRecord
from domain.scheduling.execution import Execution
from domain.scheduling.identifiers import TaskId, microseconds
from domain.scheduling.task import ScheduledTask, Skip
from tests.support.chaos_dump import AttemptRow, ChangeRow, Dump, ExecutionRow, SkipRow, TaskRow, VersionRow, row_of

PAGE = 200
ALL_OF_A_TASK = 100_000


async def read_through(history: History) -> Dump:
    """Read all of a store that nobody writes to meanwhile."""
    dump = Dump()
    for is_deleted in (False, True):
        for task in await tasks_of(history, TaskFilter(deleted=is_deleted)):
            dump.tasks[task.id] = _task(task)
            versions = await history.versions(task.id, limit=ALL_OF_A_TASK)
            dump.versions[task.id] = [_version(each) for each in reversed(versions)]
            skips = await history.skips(task.id, limit=ALL_OF_A_TASK)
            dump.skips[task.id] = [_skip(task.id, each) for each in reversed(skips)]
    async for execution in _executions(history):
        dump.executions[execution.id] = _execution(execution)
        record = await history.execution(execution.id)
        dump.attempts[execution.id] = [_attempt(execution, each) for each in record.attempts] if record else []
    newest_first = [_change(each) async for each in _changes(history)]
    dump.changes = [replace(each, id=number) for number, each in enumerate(reversed(newest_first), start=1)]
    return dump


async def tasks_of(history: History, which: TaskFilter) -> list[ScheduledTask]:
    """All tasks that match, the oldest first."""
    found: list[ScheduledTask] = []
    cursor: str | None = None
    while True:
        order = TaskOrder.CREATED_AT
        page = await history.tasks(which, order=order, descending=False, limit=PAGE, cursor=cursor)
        found += page.tasks
        if (cursor := page.next_cursor) is None:
            return found


async def _executions(history: History) -> AsyncIterator[Execution]:
    cursor: str | None = None
    while True:
        page = await history.executions(ExecutionFilter(), limit=PAGE, cursor=cursor)
        for each in page.executions:
            yield each.execution
        if (cursor := page.next_cursor) is None:
            return


async def _changes(history: History) -> AsyncIterator[ChangeRecord]:
    cursor: str | None = None
    while True:
        page = await history.audit(AuditFilter(), limit=PAGE, cursor=cursor)
        for each in page.entries:
            yield each.record
        if (cursor := page.next_cursor) is None:
            return


def _task(task: ScheduledTask) -> TaskRow:
    return TaskRow(
        task.id,
        task.definition.name,
        task.definition.task_type,
        str(task.status),
        task.version,
        microseconds(task.created_at),
        microseconds(task.decided_until),
        us_or_none(task.deleted_at),
    )


def _version(version: VersionRecord) -> VersionRow:
    definition = version.definition
    packed = {"schedule": pack_schedule(definition.schedule), "policy": pack_policy(definition.policy)}
    return row_of(VersionRow, {"task_id": version.task_id, "version": version.version, **packed})


def _execution(execution: Execution) -> ExecutionRow:
    values = dict(zip(EXECUTION_FIELDS, execution_row(execution), strict=True))
    return row_of(ExecutionRow, {**values, "kind": str(execution.kind), "state": str(execution.state)})


def _attempt(execution: Execution, attempt: AttemptRecord) -> AttemptRow:
    return AttemptRow(
        execution.id,
        attempt.start,
        attempt.worker_id,
        microseconds(attempt.started_at),
        us_or_none(attempt.finished_at),
        None if attempt.outcome is None else str(attempt.outcome),
    )


def _skip(task_id: TaskId, skip: Skip) -> SkipRow:
    first_at, last_at = microseconds(skip.first_at), microseconds(skip.last_at)
    return SkipRow(task_id, first_at, last_at, str(skip.reason), skip.count, int(skip.at_least))


def _change(record: ChangeRecord) -> ChangeRow:
    """The row without its number."""
    change = record.change
    return ChangeRow(
        0,
        record.task_id,
        record.version,
        record.execution_id,
        str(change.action),
        change.actor,
        microseconds(change.at),
        change.reason,
        change.idempotency_key,
    )
