"""What makes a step the only one on its tasks, and tells it the store's time.

Where a database has one writer, that is the transaction itself; where it has many, each step locks its tasks first, in
the order of their ids. Whoever decides on a task's executions holds the task; whoever only moves an execution on (a
claim, a heartbeat, a retry whose instant has come) holds that row.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import Executable
from sqlalchemy.ext.asyncio import AsyncConnection

from application.scheduling.ports.clock import Clock
from domain.scheduling.identifiers import ExecutionId, TaskId


class Guard(Protocol):
    """The rights of steps; each answers the store's time once it has been obtained."""

    async def now(self, connection: AsyncConnection) -> datetime:
        """The store's time; nothing is locked."""

    async def of_tasks(self, connection: AsyncConnection, task_ids: Sequence[TaskId]) -> datetime:
        """Keep all others from these tasks until the transaction ends."""

    async def of_executions(self, connection: AsyncConnection, execution_ids: Sequence[ExecutionId]) -> datetime:
        """Keep all others from the tasks that these executions belong to."""

    async def in_time(
        self, connection: AsyncConnection, statements: Sequence[Executable], parameters: Mapping[str, Any], at: datetime
    ) -> bool:
        """Run what `Dialect.inserting_in_time` made; False, with nothing written, if it is not yet `at`.

        Nothing is locked: what must not be there twice, the tables' own keys keep out.
        """


@dataclass(frozen=True, slots=True)
class OneWriter:
    """`Guard` of a database whose transactions that write come one by one."""

    clock: Clock

    async def now(self, connection: AsyncConnection) -> datetime:  # noqa: ARG002 - the clock is ours
        """See the protocol."""
        return self.clock.now()

    async def of_tasks(self, connection: AsyncConnection, task_ids: Sequence[TaskId]) -> datetime:  # noqa: ARG002
        """See the protocol."""
        return self.clock.now()

    async def of_executions(
        self,
        connection: AsyncConnection,  # noqa: ARG002
        execution_ids: Sequence[ExecutionId],  # noqa: ARG002
    ) -> datetime:
        """See the protocol."""
        return self.clock.now()

    async def in_time(
        self, connection: AsyncConnection, statements: Sequence[Executable], parameters: Mapping[str, Any], at: datetime
    ) -> bool:
        """See the protocol."""
        is_time = at <= self.clock.now()
        for statement in statements if is_time else ():
            await connection.execute(statement, parameters)
        return is_time
