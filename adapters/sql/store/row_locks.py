"""`Guard` of PostgreSQL: the rows of tasks, locked in the order of their ids, and the clock of the server.

Locking is a statement of its own: one that waited for a lock sees the locked row as it is now and the rows beside it
as they were when it began (https://www.postgresql.org/docs/current/transaction-iso.html, 13.2.1), so what is read of a
task and its definition is read afterwards.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Executable, Select, Text, any_, bindparam, func, literal_column, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.sql.store.tables import Whole, executions, tasks
from adapters.sql.texts import storable
from application.scheduling.ports.clock import Clock, Listener
from domain.scheduling.identifiers import ExecutionId, TaskId, instant_of, microseconds

NOW: ColumnElement[int] = literal_column("(extract(epoch FROM clock_timestamp()) * 1000000)::bigint", Whole)
AT = "at"
"""The parameter of what must not be done before the server's clock has reached it."""
_IDS: ColumnElement[Any] = any_(bindparam("ids", type_=ARRAY(Text)))


def _locking(condition: ColumnElement[bool]) -> Select[int, int]:
    """Lock the tasks, then look at the clock: it is read when the last of them is counted."""
    locked = select(tasks.c.id).where(condition).order_by(tasks.c.id).with_for_update(key_share=True).subquery("locked")
    return select(func.count(), NOW).select_from(locked)


_LONG_AGO: Final = 0
_TELL = select(NOW)
_LOCK = _locking(tasks.c.id == _IDS)
_LOCK_OF_EXECUTIONS = _locking(tasks.c.id.in_(select(executions.c.task_id).where(executions.c.id == _IDS)))


@dataclass(frozen=True, slots=True)
class RowLocks:
    """`Guard` of PostgreSQL. `clock` is the store's clock in tests; None: the server has its own."""

    clock: Clock | None = None
    listener: Listener | None = None

    async def now(self, connection: AsyncConnection) -> datetime:
        """See the protocol."""
        return self.clock.now() if self.clock else await self._told(connection, _TELL, {})

    async def of_tasks(self, connection: AsyncConnection, task_ids: Sequence[TaskId]) -> datetime:
        """See the protocol."""
        return await self._told(connection, _LOCK, {"ids": [storable(each) for each in task_ids]})

    async def of_executions(self, connection: AsyncConnection, execution_ids: Sequence[ExecutionId]) -> datetime:
        """See the protocol."""
        return await self._told(connection, _LOCK_OF_EXECUTIONS, {"ids": [storable(each) for each in execution_ids]})

    async def in_time(
        self, connection: AsyncConnection, statements: Sequence[Executable], parameters: Mapping[str, Any], at: datetime
    ) -> bool:
        """See the protocol. In one trip: the statement looks at the clock by itself, but for a test's."""
        if self.clock is not None and self.clock.now() < at:
            return False
        (statement,) = statements
        since = _LONG_AGO if self.clock else microseconds(at)
        return at <= await self._told(connection, statement, {**parameters, AT: since})

    async def _told(
        self, connection: AsyncConnection, statement: Executable, parameters: Mapping[str, object]
    ) -> datetime:
        sent = self.listener.uptime() if self.listener else 0.0
        (*_, told) = (await connection.execute(statement, parameters)).one()
        at = instant_of(told)
        if self.listener:
            self.listener.heard(at, sent=sent, received=self.listener.uptime())
        return self.clock.now() if self.clock else at
