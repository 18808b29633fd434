"""Executions that end, counted by the hour: written with their ends, read as figures."""

from collections import Counter
from collections.abc import Iterable, Sequence

from sqlalchemy import Executable, Select, bindparam, cast, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.records.packing import Row
from adapters.sql.store.batches import ROWS
from adapters.sql.store.dialect import Dialect
from adapters.sql.store.tables import Whole, finished
from domain.scheduling.finish import Finish
from domain.scheduling.identifiers import microseconds


class Finishes:
    """The statement that counts, prepared for one dialect."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._count = _counting(dialect)

    async def write(self, connection: AsyncConnection, ended: Iterable[Finish]) -> None:
        """Count these, within the transaction that writes what ended; a row for each kind of end."""
        counted = Counter(ended)
        if counted:
            # Sorted: two who count the same kinds must come upon them in one order.
            rows = sorted((_row(finish, count) for finish, count in counted.items()), key=tuple)
            await connection.execute(self._count, {ROWS: self._dialect.pack(rows)})


class FinishedHours:
    """The SELECTs over what was counted, prepared for one dialect."""

    def __init__(self, dialect: Dialect) -> None:
        # The sum of bigints is a numeric on PostgreSQL.
        total = cast(func.sum(finished.c.count), Whole)
        by_hour = _within(select(finished.c.hour, finished.c.state, total))
        by_hour = by_hour.group_by(finished.c.hour, finished.c.state).order_by(finished.c.hour)
        self._by_hour = dialect.query(by_hour)
        self._by_hour_of_type = dialect.query(by_hour.where(finished.c.task_type == bindparam("task_type")))
        kinds = (finished.c.task_type, finished.c.state, finished.c.step)
        self._by_type = dialect.query(_within(select(*kinds, total)).group_by(*kinds).order_by(*kinds))

    async def by_hour(
        self, connection: AsyncConnection, since: int, until: int, task_type: str | None
    ) -> Sequence[Row]:
        """Hour, state and count, by the hour."""
        if task_type is None:
            return await self._by_hour.rows(connection, since=since, until=until)
        return await self._by_hour_of_type.rows(connection, since=since, until=until, task_type=task_type)

    async def by_type(self, connection: AsyncConnection, since: int, until: int) -> Sequence[Row]:
        """Task type, state, step and count, by the type."""
        return await self._by_type.rows(connection, since=since, until=until)


def _within(found: Select[tuple[object, ...]]) -> Select[tuple[object, ...]]:
    since, until = bindparam("since", type_=Whole), bindparam("until", type_=Whole)
    return found.where(finished.c.hour >= since, finished.c.hour < until)


def _row(finish: Finish, count: int) -> Row:
    return (microseconds(finish.hour), finish.task_type, finish.state, finish.step, count)


def _counting(dialect: Dialect) -> Executable:
    given = dialect.given(tuple(finished.c), ROWS)
    names = [each.name for each in finished.c]
    return dialect.insert_or_add(finished, names, select(*given.c), ("hour", "task_type", "state", "step"))
