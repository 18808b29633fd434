"""What is on record about one task around a span of time, each kind of it found by the task's own index."""

from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from itertools import chain
from typing import Any

from sqlalchemy import Select, Text, TextClause, bindparam, literal, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.records.executions import attempt_of, changes_of, execution_of, skips_of
from adapters.records.packing import UNREADABLE, Row, unpack_progress
from adapters.records.tasks import definition_of, tasks_of
from adapters.sql.store.dialect import Dialect
from adapters.sql.store.execution_rows import ATTEMPT_COLUMNS, CHANGE_COLUMNS, EXECUTION_COLUMNS, SKIP_COLUMNS
from adapters.sql.store.open_work import TASKS_WITH_DEFINITIONS
from adapters.sql.store.rows import DEFINITION_COLUMNS, OPEN_COLUMNS, TASK_COLUMNS
from adapters.sql.store.tables import IS_FINAL, IS_OPEN, Whole, attempts, changes, definitions, executions, skips, tasks
from application.scheduling.ports.records import (
    EVIDENCE_MAX,
    EXECUTION_ACTIONS,
    AttemptRecord,
    ChangeRecord,
    Evidence,
    ExecutionEvidence,
)
from application.scheduling.ports.task_store import PAYLOAD_LEFT_OUT
from domain.scheduling.execution import redrive_key
from domain.scheduling.identifiers import TaskId, instant_of, least_execution_id, microseconds
from domain.scheduling.task import Definition

_TASK, _SINCE, _UNTIL = (
    bindparam("task_id", type_=Text),
    bindparam("since", type_=Whole),
    bindparam("until", type_=Whole),
)
_FIRST, _BEYOND, _RUN = (bindparam(name, type_=Text) for name in ("first", "beyond", "run"))
# Behind the id of any execution.
_NO_RUN = "g"
_IS_AUTOMATIC = text("kind = 'auto'")
# The index by key repeats the latter condition.
_IS_BACKFILL = text("kind = 'backfill' AND kind <> 'auto'")
_IS_MANUAL = text("kind = 'manual' AND kind <> 'auto'")


class EvidenceReads:
    """The statements, prepared for one dialect."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._task = dialect.query(select(*TASK_COLUMNS).select_from(TASKS_WITH_DEFINITIONS).where(tasks.c.id == _TASK))
        self._open = dialect.query(_executions(IS_OPEN).order_by(executions.c.id))
        self._nearest_behind = dialect.query(_nearest_behind())
        self._ended = [dialect.query(each) for each in _ended()]
        redriven = _executions(_IS_MANUAL).where(dialect.is_among(executions.c.key, "keys"))
        self._redriven = dialect.query(redriven.limit(EVIDENCE_MAX))
        tried = select(attempts.c.execution_id, *ATTEMPT_COLUMNS)
        tried = tried.where(dialect.is_among(attempts.c.execution_id, "ids"))
        self._attempts = dialect.query(tried.order_by(attempts.c.execution_id, attempts.c.start))
        self._skips = [dialect.query(each) for each in _skips()]
        self._changes = [dialect.query(each) for each in _changes(dialect)]
        self._versions = dialect.query(_versions())

    async def around(
        self, connection: AsyncConnection, task_id: TaskId, *, since: datetime, until: datetime, now: datetime
    ) -> Evidence | None:
        """See `History.evidence`; in the snapshot of the connection's transaction."""
        task_rows = await self._task.rows(connection, task_id=task_id)
        if not task_rows:
            return None
        span = {"task_id": task_id, "since": microseconds(since), "until": microseconds(until)}
        named = {"first": least_execution_id(since), "beyond": least_execution_id(until)}
        open_rows = await self._open.rows(connection, task_id=task_id)
        behind = await self._nearest_behind.rows(connection, task_id=task_id, beyond=named["beyond"])
        named["run"] = _run_id(behind[0]) if behind else _NO_RUN
        ended = [await each.rows(connection, **span, **named) for each in self._ended]
        rows = {row[0]: row for row in chain(open_rows, behind, *(part[:EVIDENCE_MAX] for part in ended))}
        keys = self._dialect.pack_values([redrive_key(each) for each in rows])
        rows |= {row[0]: row for row in await self._redriven.rows(connection, task_id=task_id, keys=keys)}
        ids = self._dialect.pack_values(list(rows))
        tried = await self._attempts.rows(connection, ids=ids)
        passed_over = [await each.rows(connection, **span) for each in self._skips]
        made = [await each.rows(connection, task_id=task_id, ids=ids) for each in self._changes]
        (task,) = tasks_of(task_rows, [_open_row(row) for row in open_rows])
        return Evidence(
            now=now,
            task=task,
            executions=tuple(_with_attempts(sorted(rows.values(), key=lambda row: str(row[0])), tried)),
            skips=tuple(skip for part in passed_over for skip in skips_of(part[:EVIDENCE_MAX])),
            changes=_changes_of(made),
            versions=_versions_of(await self._versions.rows(connection, task_id=task_id)),
            is_cut=any(len(part) > EVIDENCE_MAX for part in (*ended, *passed_over)),
        )


def _executions(part: TextClause) -> Select[Any]:
    return select(*EXECUTION_COLUMNS, executions.c.progress).where(executions.c.task_id == _TASK, part)


def _ended() -> tuple[Select[Any], ...]:
    """Named for the span; made up for it later (of both one more); not over by then; nearest before; behind it."""
    id_ = executions.c.id
    ended = _executions(IS_FINAL)
    latest = select(id_).where(executions.c.task_id == _TASK, IS_FINAL, id_ < _FIRST)
    latest = latest.order_by(id_.desc()).limit(EVIDENCE_MAX)
    return (
        ended.where(id_ >= _FIRST, id_ < _BEYOND).order_by(id_).limit(EVIDENCE_MAX + 1),
        _executions(_IS_BACKFILL)
        .where(executions.c.nominal_at >= _SINCE, executions.c.nominal_at < _UNTIL)
        .order_by(id_)
        .limit(EVIDENCE_MAX + 1),
        ended.where(id_.in_(latest), executions.c.finished_at >= _SINCE),
        ended.where(id_ < _FIRST, _IS_AUTOMATIC).order_by(id_.desc()).limit(1),
        ended.where(id_ >= _BEYOND, id_ < _RUN).order_by(id_).limit(EVIDENCE_MAX),
    )


def _nearest_behind() -> Select[Any]:
    """The nearest automatic one that ended, named for an instant behind the span."""
    id_ = executions.c.id
    return _executions(IS_FINAL).where(id_ >= _BEYOND, _IS_AUTOMATIC).order_by(id_).limit(1)


def _run_id(row: Row) -> str:
    """Where the ids begin that are named for the run instant of an execution, from a row of EXECUTION_COLUMNS."""
    with suppress(*UNREADABLE):
        return least_execution_id(instant_of(row[EXECUTION_COLUMNS.index(executions.c.scheduled_at)]))
    return _NO_RUN


def _skips() -> tuple[Select[Any], ...]:
    """The nearest before the span; those that begin in it, and one more; the nearest behind it."""
    first_at = skips.c.first_at
    of_task = select(*SKIP_COLUMNS).where(skips.c.task_id == _TASK)
    return (
        of_task.where(first_at < _SINCE).order_by(first_at.desc()).limit(1),
        of_task.where(first_at >= _SINCE, first_at < _UNTIL).order_by(first_at).limit(EVIDENCE_MAX + 1),
        of_task.where(first_at >= _UNTIL).order_by(first_at).limit(1),
    )


def _changes(dialect: Dialect) -> tuple[Select[Any], ...]:
    """The newest of those of the task itself, and of those of the given executions."""
    newest = select(changes.c.id, *CHANGE_COLUMNS).where(changes.c.task_id == _TASK)
    newest = newest.order_by(changes.c.id.desc()).limit(EVIDENCE_MAX)
    is_of_execution = changes.c.action.in_(sorted(EXECUTION_ACTIONS))
    return (
        newest.where(~is_of_execution),
        newest.where(is_of_execution, dialect.is_among(changes.c.execution_id, "ids")),
    )


def _versions() -> Select[Any]:
    payload = definitions.c.payload_json
    columns = [literal(PAYLOAD_LEFT_OUT).label(each.name) if each is payload else each for each in DEFINITION_COLUMNS]
    kept = select(definitions.c.version, *columns).where(definitions.c.task_id == _TASK)
    return kept.order_by(definitions.c.version.desc()).limit(EVIDENCE_MAX)


def _open_row(row: Row) -> Row:
    """What deciding needs to know of an open execution, from a row of EXECUTION_COLUMNS."""
    return [row[EXECUTION_COLUMNS.index(column)] for column in OPEN_COLUMNS]


def _with_attempts(rows: Iterable[Row], attempt_rows: Iterable[Row]) -> Iterable[ExecutionEvidence]:
    tried: dict[str, list[AttemptRecord]] = {}
    for execution_id, *attempt in attempt_rows:
        with suppress(*UNREADABLE):
            tried.setdefault(execution_id, []).append(attempt_of(attempt))
    for *execution, progress in rows:
        # The others are told without the one that is broken.
        with suppress(*UNREADABLE):
            found = execution_of(execution)
            yield ExecutionEvidence(found, tuple(tried.get(found.id, ())), unpack_progress(progress))


def _changes_of(parts: Iterable[list[Row]]) -> tuple[ChangeRecord, ...]:
    """In the order in which they were made; each row begins with its number."""
    rows = sorted(chain(*parts), key=lambda row: int(row[0]))
    return tuple(changes_of(row[1:] for row in rows))


def _versions_of(rows: Iterable[Row]) -> dict[int, Definition]:
    found: dict[int, Definition] = {}
    for version, *definition in rows:
        with suppress(*UNREADABLE):
            found[version] = definition_of(definition)
    return dict(sorted(found.items()))
