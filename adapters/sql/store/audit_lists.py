"""The list of all changes, newest first."""

from collections.abc import Iterable, Iterator

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.records.cursors import decode_cursor, encode_cursor
from adapters.records.executions import change_of
from adapters.records.packing import UNREADABLE, Row
from adapters.sql.store.dialect import Dialect
from adapters.sql.store.execution_rows import CHANGE_COLUMNS
from adapters.sql.store.pages import behind
from adapters.sql.store.tables import changes, tasks
from application.scheduling.ports.history import AuditEntry, AuditFilter, AuditPage
from domain.scheduling.identifiers import microseconds

LIST_NAME = "audit"
_ENTRIES = select(*CHANGE_COLUMNS, func.coalesce(tasks.c.name, "").label("task_name"), changes.c.id).select_from(
    changes.outerjoin(tasks, tasks.c.id == changes.c.task_id)
)


class AuditLists:
    """The statements for one dialect, made for each call and compiled once for each shape."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect

    async def page(
        self, connection: AsyncConnection, which: AuditFilter, *, limit: int, cursor: str | None
    ) -> AuditPage:
        """One page, in the snapshot of the connection's transaction. Raises DomainError for a bad cursor."""
        found = _ENTRIES.where(*_conditions(which))
        if cursor is not None:
            place = decode_cursor(LIST_NAME, cursor)
            found = found.where(behind(place, changes.c.id, changes.c.task_id, descending=True))
        rows = await self._dialect.query(found.order_by(changes.c.id.desc()).limit(limit + 1)).rows(connection)
        more = encode_cursor(LIST_NAME, (rows[limit - 1][-1], "")) if len(rows) > limit else None
        return AuditPage(tuple(_entries(rows[:limit])), more)


def _conditions(which: AuditFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if which.actor is not None:
        found.append(changes.c.actor == which.actor)
    if which.action is not None:
        found.append(changes.c.action == str(which.action))
    if which.task_id is not None:
        found.append(changes.c.task_id == which.task_id)
    if which.since is not None:
        found.append(changes.c.at >= microseconds(which.since))
    if which.until is not None:
        found.append(changes.c.at < microseconds(which.until))
    return found


def _entries(rows: Iterable[Row]) -> Iterator[AuditEntry]:
    """The entries of those rows that can be read."""
    for *change, task_name, _ in rows:
        try:
            yield AuditEntry(change_of(change), task_name)
        except UNREADABLE:
            continue
