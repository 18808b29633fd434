"""The versions of a task, and the changes that made them."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime

from sqlalchemy import Text, bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.records.executions import changes_of
from adapters.records.packing import UNREADABLE, Row, at_or_none
from adapters.records.tasks import definition_of
from adapters.sql.store.dialect import Dialect
from adapters.sql.store.execution_rows import CHANGE_COLUMNS
from adapters.sql.store.rows import DEFINITION_COLUMNS
from adapters.sql.store.tables import Whole, changes, definitions
from application.scheduling.ports.records import VersionRecord
from domain.scheduling.change import OF_EXECUTIONS, Change, ChangeAction
from domain.scheduling.identifiers import TaskId
from domain.scheduling.task import Definition

NEWEST = 2**62
"""A version above all others."""


class Versions:
    """The statements, prepared for one dialect."""

    def __init__(self, dialect: Dialect) -> None:
        task_id, until = bindparam("task_id", type_=Text), bindparam("until", type_=Whole)
        columns = (definitions.c.version, definitions.c.superseded_at, *DEFINITION_COLUMNS)
        found = select(*columns).where(definitions.c.task_id == task_id, definitions.c.version <= until)
        found = found.order_by(definitions.c.version.desc()).limit(bindparam("limit", type_=Whole))
        self._definitions = dialect.query(found)
        first = select(func.min(changes.c.id)).where(
            changes.c.task_id == task_id,
            changes.c.version.between(bindparam("since", type_=Whole), until),
            changes.c.action.not_in(sorted(OF_EXECUTIONS)),
        )
        self._changes = dialect.query(
            select(*CHANGE_COLUMNS).where(changes.c.id.in_(first.group_by(changes.c.version)))
        )

    async def up_to(
        self, connection: AsyncConnection, task_id: TaskId, until: int, *, limit: int
    ) -> list[VersionRecord]:
        """Versions up to this one, newest first; what cannot be read is left out."""
        # One more than is asked for: each version is compared with the one before.
        rows = await self._definitions.rows(connection, task_id=task_id, until=until, limit=limit + 1)
        if not rows:
            return []
        made = await self._changes.rows(connection, task_id=task_id, since=rows[-1][0], until=until)
        kept = _readable(rows)
        superseded = {row[0]: at_or_none(row[1]) for row in rows}
        changes_by_version = {record.version: record.change for record in changes_of(made)}
        return [
            VersionRecord(
                task_id,
                version,
                kept[version],
                _maker(version, changes_by_version.get(version), superseded.get(version - 1)),
                kept.get(version - 1) != kept[version],
            )
            for version in [row[0] for row in rows[:limit]]
            if version in kept
        ]


def _readable(rows: Sequence[Row]) -> dict[int, Definition]:
    found: dict[int, Definition] = {}
    for version, _, *definition in rows:
        with suppress(*UNREADABLE):
            found[version] = definition_of(definition)
    return found


def _maker(version: int, first: Change | None, superseded_at: datetime | None) -> Change | None:
    """The first change that is kept of a version, if it is the one that made it.

    That one superseded the version before in the same step. Any other left the task as it was, and came later.
    """
    if first is None or version == 1:
        return first if first is not None and first.action is ChangeAction.CREATE else None
    return first if superseded_at is not None and first.at <= superseded_at else None
