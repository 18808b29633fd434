"""Lists of tasks: filtered, sorted, cut into pages, with their figures."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, TypeVar, cast

from sqlalchemy import (
    Column,
    ColumnElement,
    CompoundSelect,
    Select,
    Text,
    bindparam,
    func,
    literal,
    null,
    or_,
    select,
    text,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.records.cursors import Place, decode_cursor, encode_cursor
from adapters.records.packing import Row, packed
from adapters.records.tasks import tasks_of
from adapters.sql.store.dialect import Dialect
from adapters.sql.store.open_work import TASKS_WITH_DEFINITIONS
from adapters.sql.store.pages import behind, ordered
from adapters.sql.store.rows import OPEN_COLUMNS, TASK_COLUMNS
from adapters.sql.store.tables import CASELESS_NAME, IS_OPEN, Whole, definitions, executions, tasks
from application.scheduling.ports.history import TaskFilter, TaskOrder, TaskPage, TaskSlice
from domain.scheduling.execution import ExecutionState
from domain.scheduling.identifiers import microseconds
from domain.scheduling.task import ScheduledTask, TaskStatus

KEYS: Mapping[TaskOrder, ColumnElement[Any]] = {
    TaskOrder.NAME: CASELESS_NAME,
    TaskOrder.NEXT_RUN_AT: tasks.c.next_run_at,
    TaskOrder.LAST_RUN_AT: tasks.c.last_run_at,
    TaskOrder.CREATED_AT: tasks.c.created_at,
    TaskOrder.UPDATED_AT: tasks.c.updated_at,
}
_IS_LIVING = text("tasks.deleted_at IS NULL")
_IS_DELETED = text("tasks.deleted_at IS NOT NULL")

Name = TypeVar("Name", bound=StrEnum)


def known(names: type[Name], counted: Iterable[Row]) -> dict[Name, int]:
    """Counts by name; what a row that cannot be read calls itself is nobody's name."""
    found = {str(name): count for name, count in counted}
    return {each: found[each] for each in names if each in found}


class TaskLists:
    """The statements for one dialect; those that filter are made for each call, and compiled once for each shape."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._of_page = {
            (order, descending): dialect.query(_of_page(dialect, key, descending=descending))
            for order, key in KEYS.items()
            for descending in (False, True)
        }
        self._open = dialect.query(
            select(*OPEN_COLUMNS)
            .where(dialect.is_among(executions.c.task_id, "ids"), IS_OPEN)
            .order_by(executions.c.id)
        )
        named = select(*TASK_COLUMNS, tasks.c.name.label("sort_key")).select_from(TASKS_WITH_DEFINITIONS)
        behind_name = named.where(_IS_LIVING, tasks.c.name > bindparam("after", type_=Text))
        self._named = dialect.query(behind_name.order_by(tasks.c.name).limit(bindparam("limit", type_=Whole)))
        found = select(*TASK_COLUMNS, tasks.c.next_run_at.label("run_at")).select_from(TASKS_WITH_DEFINITIONS)
        found = found.where(tasks.c.status == TaskStatus.ACTIVE).limit(bindparam("limit", type_=Whole))
        # A sound active task is looked at when it runs; the few others have an index of their own.
        self._sound = dialect.query(
            found.where(tasks.c.look_at.is_not(None), tasks.c.quarantine.is_(None)).order_by(
                tasks.c.look_at, tasks.c.id
            )
        )
        self._quarantined = dialect.query(
            found.where(tasks.c.quarantine.is_not(None), tasks.c.next_run_at.is_not(None), _IS_LIVING).order_by(
                tasks.c.next_run_at, tasks.c.id
            )
        )

    async def page(
        self,
        connection: AsyncConnection,
        which: TaskFilter,
        *,
        order: TaskOrder,
        descending: bool,
        limit: int,
        cursor: str | None,
    ) -> TaskPage:
        """One page, in the snapshot of the connection's transaction. Raises DomainError for a bad cursor."""
        list_name = f"tasks by {order}{' descending' if descending else ''}"
        place = None if cursor is None else decode_cursor(list_name, cursor)
        found = self._found(which, KEYS[order], place, descending=descending, limit=limit + 1)
        ids, by_status = _told_apart(await self._dialect.query(found).rows(connection))
        rows = await self._of_page[order, descending].rows(connection, ids=self._dialect.pack_values(ids))
        total = sum(by_status.values()) if which.status is None else by_status.get(which.status, 0)
        more = encode_cursor(list_name, (rows[limit - 1][-1], rows[limit - 1][0])) if len(rows) > limit else None
        return TaskPage(await self._tasks(connection, rows[:limit]), total, by_status, more)

    async def by_name(self, connection: AsyncConnection, *, after: str | None, limit: int) -> TaskSlice:
        """The tasks behind a name."""
        rows = await self._named.rows(connection, after=after or "", limit=limit + 1)
        last = rows[limit - 1][-1] if len(rows) > limit else None
        return TaskSlice(await self._tasks(connection, rows[:limit]), last)

    async def upcoming(self, connection: AsyncConnection, limit: int) -> list[ScheduledTask]:
        """The active tasks whose next runs come first."""
        rows = [
            *await self._sound.rows(connection, limit=limit),
            *await self._quarantined.rows(connection, limit=limit),
        ]
        rows.sort(key=lambda row: (row[-1], row[0]))
        return list(await self._tasks(connection, rows[:limit]))

    async def _tasks(self, connection: AsyncConnection, rows: list[Row]) -> tuple[ScheduledTask, ...]:
        ids = self._dialect.pack_values([row[0] for row in rows])
        found = tasks_of((row[:-1] for row in rows), await self._open.rows(connection, ids=ids) if rows else [])
        return tuple(each for each in found if isinstance(each, ScheduledTask))

    def _found(
        self, which: TaskFilter, key: ColumnElement[Any], place: Place | None, *, descending: bool, limit: int
    ) -> CompoundSelect[Any]:
        """The counts by status, without ids, and the ids of a page, without counts: one search finds both."""
        source = TASKS_WITH_DEFINITIONS if which.text is not None or which.tag is not None else tasks
        every = select(tasks.c.id, tasks.c.status, key.label("sort_key")).select_from(source)
        found = every.where(*self._conditions(which)).cte("found")
        if not _reads_rows(which):
            # Two indexes have all that is asked for then, and the page ends at its limit.
            found = found.prefix_with("NOT MATERIALIZED")
        id_, status, own_key = (cast("Column[Any]", found.c[name]) for name in ("id", "status", "sort_key"))
        page = select(id_)
        if which.status is not None:
            page = page.where(status == which.status)
        if place is not None:
            page = page.where(behind(place, own_key, id_, descending=descending))
        ids = ordered(page, own_key, id_, descending=descending).limit(limit).subquery("page")
        counts = select(null().label("id"), status, func.count().label("tasks")).group_by(status)
        return union_all(counts, select(ids.c.id, null(), null()))

    def _conditions(self, which: TaskFilter) -> list[ColumnElement[bool]]:
        """All conditions but that on the status."""
        found: list[Any] = [_IS_DELETED if which.deleted else _IS_LIVING]
        if which.schedule_type is not None:
            found.append(tasks.c.schedule_type == which.schedule_type)
        if which.task_type is not None:
            found.append(tasks.c.task_type == which.task_type)
        if which.failing:
            found.append(or_(tasks.c.error_count > 0, tasks.c.last_state == ExecutionState.DEAD))
        if which.late_before is not None:
            found.append(tasks.c.look_at < microseconds(which.late_before))
        if which.ids is not None:
            found.append(tasks.c.id.in_(which.ids))
        if which.names is not None:
            found.append(tasks.c.name.in_(which.names))
        if which.text is not None:
            found.append(self._dialect.contains(definitions.c.search_text, literal(which.text.casefold())))
        if which.tag is not None:
            # A quote cannot stand in a tag, so the quoted tag is found only as a whole.
            found.append(self._dialect.contains(definitions.c.tags, literal(packed(which.tag))))
        return found


def _of_page(dialect: Dialect, key: ColumnElement[Any], *, descending: bool) -> Select[Any]:
    """The rows of the tasks among `ids`, in the order of their page, with the sort key behind them."""
    rows = select(*TASK_COLUMNS, key.label("sort_key")).select_from(TASKS_WITH_DEFINITIONS)
    return ordered(rows.where(dialect.is_among(tasks.c.id, "ids")), key, tasks.c.id, descending=descending)


def _reads_rows(which: TaskFilter) -> bool:
    """True for conditions on what no index has beside the status."""
    asked = (which.text, which.tag, which.late_before, which.ids, which.names)
    return which.failing or any(each is not None for each in asked)


def _told_apart(found: Iterable[Row]) -> tuple[list[str], dict[TaskStatus, int]]:
    """The ids of a page, and the counts by status."""
    rows = list(found)
    counted = ((status, count) for id_, status, count in rows if id_ is None)
    return [id_ for id_, _, _ in rows if id_ is not None], known(TaskStatus, counted)
