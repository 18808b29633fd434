"""Tasks with their open executions, read for the domain's steps to decide on, and what the steps left, written.

Whatever the number of tasks, reading is two statements and writing one for each kind of row that changed. An execution
that cannot be read is left out, and so is one that waits beside it, perhaps for it. The executions of a task that
cannot be read end like any others, beside a stand-in of it that no end moves; of the task itself, only `open_seq` is
written.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import chain

from sqlalchemy import Column, ColumnElement, Executable, Select, Text, and_, bindparam, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.records.executions import change_row, execution_of, execution_row, moved_row, skip_row
from adapters.records.packing import UNREADABLE, Row, pack_error
from adapters.records.steps import Steps
from adapters.records.tasks import birth_row, face_row, stand_in_of, state_row, task_of, version_row
from adapters.sql.store.batches import ROWS, inserting, replacing, updating
from adapters.sql.store.dialect import Dialect
from adapters.sql.store.execution_rows import CHANGE_COLUMNS, EXECUTION_COLUMNS, MOVED_COLUMNS, SKIP_COLUMNS
from adapters.sql.store.finishes import Finishes
from adapters.sql.store.rows import BIRTH_COLUMNS, FACE_COLUMNS, STATE_COLUMNS, TASK_COLUMNS, VERSION_COLUMNS
from adapters.sql.store.tables import IS_OPEN, attempts, changes, definitions, executions, skips, tasks
from application.scheduling.ports.task_store import Unreadable
from domain.scheduling.execution import AttemptOutcome, Execution, ExecutionState
from domain.scheduling.finish import finishes
from domain.scheduling.identifiers import ExecutionId, TaskId, microseconds
from domain.scheduling.task import OpenExecution, ScheduledTask
from domain.scheduling.work import EndedAttempt, Work

TASKS_WITH_DEFINITIONS = tasks.outerjoin(
    definitions, and_(definitions.c.task_id == tasks.c.id, definitions.c.version == tasks.c.version)
)
_ENDED_COLUMNS = (
    attempts.c.execution_id,
    attempts.c.start,
    attempts.c.finished_at,
    attempts.c.outcome,
    attempts.c.error,
    attempts.c.led_to,
)
_IDS = "ids"


class OpenWork:
    """The statements, prepared for one dialect."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        of_executions = select(executions.c.task_id).where(dialect.is_among(executions.c.id, _IDS))
        by_task = dialect.is_among(tasks.c.id, _IDS), dialect.is_among(executions.c.task_id, _IDS)
        by_execution = tasks.c.id.in_(of_executions), executions.c.task_id.in_(of_executions)
        self._tasks_by_task = dialect.query(_tasks_where(by_task[0]))
        self._open_by_task = dialect.query(_open_where(by_task[1]))
        self._tasks_by_execution = dialect.query(_tasks_where(by_execution[0]))
        self._open_by_execution = dialect.query(_open_where(by_execution[1]))
        self._insert_tasks = inserting(dialect, tasks, (*STATE_COLUMNS, *FACE_COLUMNS[1:], *BIRTH_COLUMNS))
        self._update_state = updating(dialect, tasks, STATE_COLUMNS, ("id",))
        self._update_face = updating(dialect, tasks, FACE_COLUMNS, ("id",))
        self._move_open_seq = _moving_open_seq(dialect)
        self._insert_versions = inserting(dialect, definitions, VERSION_COLUMNS)
        self._supersede = _superseding(dialect)
        self._insert_executions = _inserting_executions(dialect)
        self._update_executions = updating(dialect, executions, MOVED_COLUMNS, ("id",))
        self._end_attempts = updating(dialect, attempts, _ENDED_COLUMNS, ("execution_id", "start"))
        self._replace_skips = replacing(dialect, skips, (skips.c.task_id, *SKIP_COLUMNS), ("task_id", "first_at"))
        self._insert_changes = inserting(dialect, changes, CHANGE_COLUMNS)
        self._deliver = dialect.delivering()
        self._finishes = Finishes(dialect)

    async def of_tasks(self, connection: AsyncConnection, task_ids: Sequence[TaskId]) -> Steps:
        """Read the work of these tasks, deleted ones too; what is missing or cannot be read is left out."""
        ids = self._dialect.pack_values(task_ids)
        rows = await self._tasks_by_task.rows(connection, ids=ids)
        return _steps(rows, await self._open_by_task.rows(connection, ids=ids) if rows else [])

    async def of_executions(self, connection: AsyncConnection, execution_ids: Sequence[ExecutionId]) -> Steps:
        """Read the work of the tasks that these executions belong to; those that cannot be read are sealed."""
        ids = self._dialect.pack_values(execution_ids)
        rows = await self._tasks_by_execution.rows(connection, ids=ids)
        open_ = await self._open_by_execution.rows(connection, ids=ids) if rows else []
        return _steps(rows, open_, with_sealed=True)

    async def write(self, connection: AsyncConnection, steps: Steps, at: datetime) -> None:
        """Store what the steps changed; `at` is when attempts ended and versions were superseded."""
        works = [steps.works[task_id] for task_id in sorted(steps.touched)]
        await self._write_tasks(connection, steps, works, at)
        created = [work.executions[each] for work in works for each in work.created]
        delivered = sorted(each.id for each in created if each.state is ExecutionState.DELIVERED)
        moved = [work.executions[each] for work in works for each in work.changed - work.created]
        ended = [_ended_row(work, each, at) for work in works for each in work.ended]
        await self._run(connection, self._insert_executions, [execution_row(each) for each in created])
        if self._deliver is not None:
            await self._run(connection, self._deliver, [(each,) for each in delivered])
        await self._run(connection, self._update_executions, [moved_row(each) for each in moved])
        await self._run(connection, self._end_attempts, ended)
        passed_over = [skip_row(task_id, skip) for (task_id, _), skip in steps.skips.items()]
        await self._run(connection, self._replace_skips, passed_over)
        await self._run(connection, self._insert_changes, [change_row(each) for each in steps.changes])
        # Last: whoever counts the same kind of end waits until this transaction is over.
        await self._finishes.write(connection, chain.from_iterable(map(finishes, works)))

    async def _write_tasks(
        self, connection: AsyncConnection, steps: Steps, works: Sequence[Work], at: datetime
    ) -> None:
        old = [work.task for work in works if work.task.id not in steps.new | steps.sealed]
        sealed = [(work.task.id, work.task.open_seq) for work in works if work.task.id in steps.sealed]
        renewed = {task.id for task in steps.versions}
        faces = [face_row(task) for task in old if task.id in renewed]
        await self._run(connection, self._update_state, [state_row(task) for task in old])
        await self._run(connection, self._update_face, faces)
        await self._run(connection, self._move_open_seq, sealed)
        new = [birth_row(work.task) for work in works if work.task.id in steps.new]
        await self._run(connection, self._insert_tasks, new)
        await self._run(connection, self._insert_versions, [version_row(task) for task in steps.versions])
        # The first version has none before it.
        again = [work.task for work in works if work.task.id in renewed and work.task.version > 1]
        latest = [(task.id, task.version) for task in again]
        await self._run(connection, self._supersede, latest, at=microseconds(at))

    async def _run(self, connection: AsyncConnection, statement: Executable, rows: Sequence[Row], **more: int) -> None:
        if rows:
            await connection.execute(statement, {ROWS: self._dialect.pack(rows), **more})


def _tasks_where(condition: ColumnElement[bool]) -> Select[tuple[object, ...]]:
    return select(*TASK_COLUMNS).select_from(TASKS_WITH_DEFINITIONS).where(condition)


def _open_where(condition: ColumnElement[bool]) -> Select[tuple[object, ...]]:
    """Of tasks that the step holds: locked as well, against who moves them on without that."""
    found = select(*EXECUTION_COLUMNS).where(condition, IS_OPEN).order_by(executions.c.id)
    return found.with_for_update(key_share=True)


def _steps(task_rows: Iterable[Row], execution_rows: Iterable[Row], *, with_sealed: bool = False) -> Steps:
    by_task: dict[str, list[Row]] = {}
    task_at = EXECUTION_COLUMNS.index(executions.c.task_id)
    for row in execution_rows:
        by_task.setdefault(row[task_at], []).append(row)
    works: dict[TaskId, Work] = {}
    sealed: set[TaskId] = set()
    for row in task_rows:
        task = task_of(row)
        if isinstance(task, Unreadable):
            if not with_sealed:
                continue
            sealed.add(task.task_id)
            task = stand_in_of(row)
        works[task.id] = _work(task, by_task.get(task.id, ()))
    homes = {each: task_id for task_id, work in works.items() for each in work.executions}
    return Steps(works, homes, frozenset(sealed))


def _work(task: ScheduledTask, execution_rows: Sequence[Row]) -> Work:
    found = [each for each in map(_execution, execution_rows) if each is not None]
    if len(found) < len(execution_rows):
        found = [each for each in found if each.state is not ExecutionState.WAITING]
    return Work.of(task.with_open(*(OpenExecution(each.id, each.kind, each.state) for each in found)), found)


def _execution(row: Row) -> Execution | None:
    try:
        return execution_of(row)
    except UNREADABLE:
        return None


def _moving_open_seq(dialect: Dialect) -> Executable:
    given = dialect.given((tasks.c.id, tasks.c.open_seq), ROWS)
    moved = tasks.c.open_seq + given.c.open_seq
    return update(tasks).where(tasks.c.id == given.c.id).values(open_seq=moved)


def _ended_row(work: Work, ended: EndedAttempt, at: datetime) -> Row:
    # What a rescue ended, its holder can no longer settle; any other end is what a repeated settling is answered with.
    led_to = None if ended.outcome is AttemptOutcome.RESCUED else work.executions[ended.execution_id].state
    return (ended.execution_id, ended.start, microseconds(at), ended.outcome, pack_error(ended.error), led_to)


def _inserting_executions(dialect: Dialect) -> Executable:
    """INSERT executions with the type of the version they run; an occurrence that has one already keeps it."""
    given = dialect.given(EXECUTION_COLUMNS, ROWS)
    task_type = select(definitions.c.task_type).where(
        definitions.c.task_id == given.c.task_id, definitions.c.version == given.c.version
    )
    rows = select(*given.c, func.coalesce(task_type.scalar_subquery(), "", type_=Text))
    names = [*(each.name for each in EXECUTION_COLUMNS), "task_type"]
    return dialect.insert_or_keep(executions, names, rows, ("id",))


def _superseding(dialect: Dialect) -> Executable:
    columns: tuple[Column[object], ...] = (definitions.c.task_id, definitions.c.version)
    given = dialect.given(columns, ROWS)
    return (
        update(definitions)
        .where(
            definitions.c.task_id == given.c.task_id,
            definitions.c.version < given.c.version,
            definitions.c.superseded_at.is_(None),
        )
        .values(superseded_at=bindparam("at"))
    )
