"""Ends of attempts with which nothing else ends or begins: the handler succeeded, nobody waits, the task goes on.

What an end means is the domain's to say (`Work.settle`). These, which nearly all are, are written here a second time,
as arithmetic on columns; the conformance tests hold the two against each other. All others go through `Work`.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Executable,
    Select,
    Text,
    and_,
    bindparam,
    case,
    exists,
    literal,
    select,
    text,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.records.executions import execution_of
from adapters.records.packing import UNREADABLE, Row
from adapters.records.tasks import task_of
from adapters.sql.store.dialect import Dialect
from adapters.sql.store.execution_rows import EXECUTION_COLUMNS
from adapters.sql.store.rows import TASK_COLUMNS
from adapters.sql.store.tables import IS_OPEN, Whole, attempts, definitions, executions, tasks
from application.scheduling.ports.execution_store import Settled, Settlement
from application.scheduling.ports.task_store import PAYLOAD_LEFT_OUT
from domain.scheduling.execution import TASK_KINDS, AttemptOutcome, Execution, ExecutionState
from domain.scheduling.finish import Finish, finish_of
from domain.scheduling.identifiers import ExecutionId, microseconds
from domain.scheduling.outcome import Succeeded
from domain.scheduling.task import ScheduledTask, TaskStatus

SUCCEEDED = Settled(ExecutionState.SUCCEEDED, AttemptOutcome.SUCCEEDED)
_ENDS, _TASKS, _AT = "ends", "tasks", bindparam("at", type_=Whole)
_GOES_ON = frozenset({TaskStatus.ACTIVE, TaskStatus.PAUSED})
_END_COLUMNS = (executions.c.id, attempts.c.start, executions.c.result_json)
_ENDED_COLUMNS = (tasks.c.id, Column("ended", Whole), Column("completes", Whole))


@dataclass(frozen=True, slots=True)
class Running:
    """An execution that runs, and its task. `is_last`: nothing is left of the task when it has ended."""

    execution: Execution
    task: ScheduledTask
    is_awaited: bool
    is_last: bool

    def ends_plainly(self, settlement: Settlement) -> bool:
        """True if this end, of an attempt that its token holds, leaves nothing to be decided."""
        if not isinstance(settlement.outcome, Succeeded) or settlement.token != self.execution.token:
            return False
        task_goes_on = self.task.next_occurrence is not None or self.task.status not in _GOES_ON
        return not self.is_awaited and (task_goes_on or self.completes)

    @property
    def completes(self) -> bool:
        """True if its success completes the task."""
        is_scheduled = self.execution.kind in TASK_KINDS
        return self.is_last and is_scheduled and self.task.status in _GOES_ON and self.task.next_occurrence is None


class PlainEnds:
    """The statements, prepared for one dialect."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._running = dialect.query(_running(dialect))
        self._write = dialect.at_once([_ending(dialect), _ending_attempts(dialect), _moving_tasks(dialect)])

    async def settle(
        self, connection: AsyncConnection, settlements: Sequence[Settlement], now: datetime
    ) -> dict[ExecutionId, Finish]:
        """Settle those that end plainly, within a transaction that holds their tasks; they are answered SUCCEEDED.

        Of a task, one of whose ends is another, none is settled: they count in their order.
        """
        ids = self._dialect.pack_values([each.execution_id for each in settlements])
        rows = await self._running.rows(connection, ids=ids)
        found = {each.execution.id: each for each in map(_running_of, rows) if each is not None}
        plain = _plain(settlements, found)
        if plain:
            await self._settle(connection, plain, found, microseconds(now))
        runs = [found[each.execution_id] for each in plain]
        return {each.execution.id: _finish(each, now) for each in runs}

    async def _settle(
        self, connection: AsyncConnection, plain: Sequence[Settlement], found: dict[ExecutionId, Running], at: int
    ) -> None:
        runs = [found[each.execution_id] for each in plain]
        counts = Counter(each.task.id for each in runs)
        completed = {each.task.id for each in runs if each.completes}
        ends = [_end_row(each, found[each.execution_id].execution) for each in plain]
        moved = [(task_id, count, int(task_id in completed)) for task_id, count in sorted(counts.items())]
        parameters = {_ENDS: self._dialect.pack(ends), _TASKS: self._dialect.pack(moved), "at": at}
        for statement in self._write:
            await connection.execute(statement, parameters)


def _plain(settlements: Sequence[Settlement], found: dict[ExecutionId, Running]) -> list[Settlement]:
    """Those that end plainly, and with them every end of their task."""
    named = Counter(each.execution_id for each in settlements)
    running = [each for each in settlements if each.execution_id in found]
    others = {
        found[each.execution_id].task.id
        for each in running
        if named[each.execution_id] > 1 or not found[each.execution_id].ends_plainly(each)
    }
    return [each for each in running if found[each.execution_id].task.id not in others]


def _running_of(row: Row) -> Running | None:
    """An execution that runs and its task; None if it does not run, or either cannot be read: that is not for us."""
    width = len(EXECUTION_COLUMNS)
    try:
        execution = execution_of(row[:width])
    except UNREADABLE:
        return None
    task = task_of(row[width + 2 :]) if execution.state is ExecutionState.RUNNING else None
    return Running(execution, task, *map(bool, row[width : width + 2])) if isinstance(task, ScheduledTask) else None


def _finish(run: Running, now: datetime) -> Finish:
    return finish_of(run.task.definition.task_type, ExecutionState.SUCCEEDED, run.execution.started_at, now)


def _end_row(settlement: Settlement, execution: Execution) -> Row:
    assert isinstance(settlement.outcome, Succeeded), "only successes end plainly"
    return (execution.id, execution.starts, settlement.outcome.result_json)


def _running(dialect: Dialect) -> Select[tuple[object, ...]]:
    """These executions, locked in the order of their ids, with their tasks but for payloads.

    Whether they run is looked at afterwards: asked for here, it invites the index of all that is open.
    """
    of_version = and_(definitions.c.task_id == tasks.c.id, definitions.c.version == tasks.c.version)
    source = executions.join(tasks, tasks.c.id == executions.c.task_id).outerjoin(definitions, of_version)
    other = executions.alias("other")
    of_task = (other.c.task_id == executions.c.task_id, text(f"other.{IS_OPEN}"))
    is_awaited = exists().where(*of_task, other.c.state == literal(str(ExecutionState.WAITING), Text))
    kinds = [literal(str(each), Text) for each in sorted(TASK_KINDS)]
    is_other_open = exists().where(*of_task, other.c.kind.in_(kinds), other.c.id != executions.c.id)
    is_last = and_(tasks.c.next_nominal_at.is_(None), ~is_other_open)
    of_its_task = (_labelled(each) for each in TASK_COLUMNS)
    columns = (*EXECUTION_COLUMNS, case((is_awaited, 1), else_=0), case((is_last, 1), else_=0), *of_its_task)
    found = select(*columns).select_from(source).where(dialect.is_among(executions.c.id, "ids"))
    return found.order_by(executions.c.id).with_for_update(of=executions, key_share=True)


def _labelled(column: Column[Any]) -> ColumnElement[Any]:
    value: ColumnElement[Any] = literal(PAYLOAD_LEFT_OUT) if column is definitions.c.payload_json else column
    return value.label(f"its_{column.name}")


def _ending(dialect: Dialect) -> Executable:
    given = dialect.given(_END_COLUMNS, _ENDS)
    ended = update(executions).where(executions.c.id == given.c.id)
    return ended.values(
        state=str(ExecutionState.SUCCEEDED), finished_at=_AT, result_json=given.c.result_json, error=None
    )


def _ending_attempts(dialect: Dialect) -> Executable:
    given = dialect.given(_END_COLUMNS, _ENDS)
    ended = update(attempts).where(attempts.c.execution_id == given.c.id, attempts.c.start == given.c.start)
    succeeded = str(ExecutionState.SUCCEEDED)
    return ended.values(finished_at=_AT, outcome=str(AttemptOutcome.SUCCEEDED), error=None, led_to=succeeded)


def _moving_tasks(dialect: Dialect) -> Executable:
    given = dialect.given(_ENDED_COLUMNS, _TASKS)
    completes = given.c.completes == 1
    return (
        update(tasks)
        .where(tasks.c.id == given.c.id)
        .values(
            last_state=str(ExecutionState.SUCCEEDED),
            error_count=0,
            open_seq=tasks.c.open_seq + given.c.ended,
            status=case((completes, str(TaskStatus.COMPLETED)), else_=tasks.c.status),
            pause=case((completes, None), else_=tasks.c.pause),
            look_at=case((completes, None), else_=tasks.c.look_at),
        )
    )
