"""Lists of executions, newest first, and all that is kept of one."""

from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import ColumnElement, Select, Text, TextClause, bindparam, cast, func, literal, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.records.cursors import decode_cursor, encode_cursor
from adapters.records.executions import attempts_of, execution_of, log_of
from adapters.records.packing import UNREADABLE, Row, unpack_progress
from adapters.sql.store.dialect import Dialect, Query
from adapters.sql.store.execution_rows import ATTEMPT_COLUMNS, EXECUTION_COLUMNS, LOG_COLUMNS
from adapters.sql.store.tables import (
    IS_CANCELLED,
    IS_DEAD,
    IS_DELIVERED,
    IS_FINAL,
    IS_OPEN,
    attempts,
    executions,
    log_lines,
    tasks,
)
from application.scheduling.ports.history import ExecutionFilter, ExecutionPage
from application.scheduling.ports.records import ExecutionRecord, ExecutionSummary
from domain.scheduling.execution import OPEN_STATES, ExecutionKind, ExecutionState, redrive_key
from domain.scheduling.identifiers import ExecutionId, least_execution_id

LIST_NAME = "executions"
# The condition of the partial index that has the executions in a state; what succeeded has none, being most of all.
_INDEXED = {
    **dict.fromkeys(OPEN_STATES, IS_OPEN),
    ExecutionState.DEAD: IS_DEAD,
    ExecutionState.CANCELLED: IS_CANCELLED,
    ExecutionState.DELIVERED: IS_DELIVERED,
}
_IS_REDRIVE = text("again.kind <> 'auto'")
_NAMED = executions.outerjoin(tasks, tasks.c.id == executions.c.task_id)


def _redrive() -> Select[Any]:
    """The execution in place of a dead one, found by its unique key; a literal condition says which index has that."""
    again = executions.alias("again")
    return select(again.c.id).where(
        again.c.task_id == executions.c.task_id,
        again.c.kind == ExecutionKind.MANUAL,
        again.c.key == literal(redrive_key(ExecutionId(""))) + executions.c.id,
        _IS_REDRIVE,
        executions.c.state == ExecutionState.DEAD,
    )


IS_NOT_REDRIVEN = ~_redrive().exists()

_SUMMARY = select(
    *EXECUTION_COLUMNS,
    executions.c.progress,
    func.coalesce(tasks.c.name, "").label("task_name"),
    func.coalesce(tasks.c.task_type, "").label("task_type_now"),
    _redrive().scalar_subquery().label("redriven_by"),
).select_from(_NAMED)


class ExecutionLists:
    """The statements for one dialect; those that filter are made for each call, and compiled once for each shape."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._one = dialect.query(_SUMMARY.where(executions.c.id == bindparam("id")))
        of_one = attempts.c.execution_id == bindparam("id")
        self._attempts = dialect.query(select(*ATTEMPT_COLUMNS).where(of_one).order_by(attempts.c.start))
        of_one = log_lines.c.execution_id == bindparam("id")
        self._log = dialect.query(select(*LOG_COLUMNS).where(of_one).order_by(log_lines.c.number))

    async def page(
        self, connection: AsyncConnection, which: ExecutionFilter, *, limit: int, cursor: str | None
    ) -> ExecutionPage:
        """One page, in the snapshot of the connection's transaction. Raises DomainError for a bad cursor."""
        before = None if cursor is None else decode_cursor(LIST_NAME, cursor)[1]
        rows: list[Row] = []
        for part in _parts(which):
            rows += await self._part(which, part, before, limit + 1).rows(connection)
        rows.sort(key=lambda row: str(row[0]), reverse=True)
        more = encode_cursor(LIST_NAME, (None, rows[limit - 1][0])) if len(rows) > limit else None
        return ExecutionPage(tuple(_summaries(rows[:limit])), more)

    async def record(self, connection: AsyncConnection, execution_id: ExecutionId) -> ExecutionRecord | None:
        """All that is kept of one execution; None if there is none or it cannot be read."""
        summaries = tuple(_summaries(await self._one.rows(connection, id=execution_id)))
        if not summaries:
            return None
        attempts_ = attempts_of(await self._attempts.rows(connection, id=execution_id))
        lines = log_of(await self._log.rows(connection, id=execution_id))
        return ExecutionRecord(summaries[0], attempts_, lines)

    def _part(self, which: ExecutionFilter, part: TextClause | None, before: str | None, limit: int) -> Query:
        found: Select[Any] = _SUMMARY if part is None else _SUMMARY.where(part)
        place: ColumnElement[str] = executions.c.id
        if part is IS_OPEN and which.task_id is None:
            # Sorting the few that are open, which their index has by task; walking the primary key backwards instead,
            # as SQLite would, reads every execution there is if none is in that state.
            place = place.concat("")
        if which.task_id is not None:
            found = found.where(executions.c.task_id == which.task_id)
        if which.ids is not None:
            found = found.where(executions.c.id.in_(which.ids))
        if which.states:
            found = found.where(executions.c.state.in_(sorted(which.states)))
        if which.backfill is not None:
            found = found.where(*_of_backfill(which.backfill))
        if which.since is not None:
            found = found.where(place >= least_execution_id(which.since))
        if which.until is not None:
            found = found.where(place < least_execution_id(which.until))
        if before is not None:
            found = found.where(place < before)
        return self._dialect.query(found.order_by(place.desc()).limit(limit))


def _parts(which: ExecutionFilter) -> tuple[TextClause | None, ...]:
    """The conditions under which a partial index has the rows; None: the primary key has them in order."""
    if which.ids is not None:
        return (None,)
    if which.task_id is not None:
        return (IS_OPEN, IS_FINAL)
    parts = dict.fromkeys(_INDEXED.get(state) for state in sorted(which.states))
    return tuple(parts) if parts and None not in parts else (None,)


def _of_backfill(backfill: str) -> tuple[ColumnElement[bool], ...]:
    nominal_at = cast(executions.c.nominal_at, Text)
    return executions.c.kind == ExecutionKind.BACKFILL, executions.c.key == literal(f"{backfill}:") + nominal_at


def _summaries(rows: Iterable[Row]) -> Iterator[ExecutionSummary]:
    """The summaries of those rows that can be read."""
    for *execution, progress, task_name, task_type, redriven_by in rows:
        try:
            yield ExecutionSummary(
                execution_of(execution), task_name, task_type, unpack_progress(progress), redriven_by
            )
        except UNREADABLE:
            continue
