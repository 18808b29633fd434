"""Rescues: running executions as an observer sees them, and how they are taken from holders that fell silent."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.records.steps import Steps
from adapters.sql.store.dialect import Dialect
from adapters.sql.store.open_work import OpenWork
from adapters.sql.store.tables import IS_RUNNING, Whole, attempts, executions
from application.scheduling.ports.execution_store import HELD_MAX, Held, Rescued, rescued
from domain.scheduling.events import ExecutionRescued
from domain.scheduling.execution import AttemptOutcome, ExecutionState
from domain.scheduling.identifiers import ExecutionId, NodeId, microseconds

_HELD_COLUMNS = (executions.c.id, executions.c.token, executions.c.worker_id, executions.c.beat)


class Rescues:
    """The statements, prepared for one dialect."""

    def __init__(self, dialect: Dialect, work: OpenWork) -> None:
        self._dialect = dialect
        self._work = work
        running = select(*_HELD_COLUMNS).where(IS_RUNNING)
        first = running.order_by(executions.c.available_at, executions.c.id).limit(bindparam("limit", type_=Whole))
        these = dialect.is_among(executions.c.id, "ids")
        self._held = dialect.query(first)
        held_by = running.where(executions.c.worker_id == bindparam("worker_id"))
        self._held_by = dialect.query(held_by.order_by(executions.c.available_at, executions.c.id))
        # As for heartbeats, whether they run is looked at afterwards.
        held_of = select(*_HELD_COLUMNS, executions.c.state).where(these)
        held_of = held_of.order_by(executions.c.id).with_for_update(key_share=True)
        self._held_of = dialect.query(held_of)
        now = bindparam("now", type_=Whole)
        self._put_back = (
            update(executions)
            .where(these)
            .values(state=str(ExecutionState.PENDING), available_at=now, rescues=executions.c.rescues + 1)
        )
        self._end_attempts = (
            update(attempts)
            .where(dialect.is_among(attempts.c.execution_id, "ids"), attempts.c.finished_at.is_(None))
            .values(finished_at=now, outcome=str(AttemptOutcome.RESCUED))
        )

    async def held(self, connection: AsyncConnection) -> list[Held]:
        """The running executions, longest available first."""
        return [Held(*row) for row in await self._held.rows(connection, limit=HELD_MAX)]

    async def held_by(self, connection: AsyncConnection, worker_id: NodeId) -> list[Held]:
        """Everything that a worker holds."""
        return [Held(*row) for row in await self._held_by.rows(connection, worker_id=worker_id)]

    async def take(self, connection: AsyncConnection, silent: Sequence[Held], now: datetime) -> list[Rescued]:
        """Rescue those that are as they were seen, within a transaction that holds their tasks."""
        steps, there = await self._locked(connection, silent)
        seen = set(there)
        return await self._rescue(connection, steps, [each for each in dict.fromkeys(silent) if each in seen], now)

    async def take_from(self, connection: AsyncConnection, held: Sequence[Held], now: datetime) -> list[Rescued]:
        """Rescue what its worker still holds, within a transaction that holds its tasks."""
        if not held:
            return []
        steps, still_there = await self._locked(connection, held)
        there = {(each.execution_id, each.token): each for each in still_there}
        keys = [(each.execution_id, each.token) for each in held]
        return await self._rescue(connection, steps, [there[each] for each in keys if each in there], now)

    async def _locked(self, connection: AsyncConnection, held: Sequence[Held]) -> tuple[Steps, list[Held]]:
        """The work of the tasks of these, all that is open of it locked in its order, and what still runs of these."""
        ids = [each.execution_id for each in held]
        steps = await self._work.of_executions(connection, ids)
        rows = await self._held_of.rows(connection, ids=self._dialect.pack_values(ids))
        return steps, [Held(*row) for *row, state in rows if state == ExecutionState.RUNNING]

    async def _rescue(
        self, connection: AsyncConnection, steps: Steps, held: Sequence[Held], now: datetime
    ) -> list[Rescued]:
        unreadable: list[ExecutionId] = []
        taken: list[Rescued] = []
        for each in held:
            work = steps.holder_of(each.execution_id)
            if work is None:
                unreadable.append(each.execution_id)
                taken.append(_unread(each))
            else:
                after = work.rescue(each.execution_id, now)
                steps.put(after)
                taken.append(rescued(after, each, work))
        await self._work.write(connection, steps, now)
        await self._rescue_unread(connection, unreadable, now)
        return taken

    async def _rescue_unread(self, connection: AsyncConnection, ids: Sequence[ExecutionId], now: datetime) -> None:
        """Put back executions of which only state, token and beat are known.

        Nobody can claim one before it is mended, so there is no worker that it could kill again, and none that a
        request to stop it would have to reach.
        """
        if ids:
            parameters = {"ids": self._dialect.pack_values(ids), "now": microseconds(now)}
            await connection.execute(self._put_back, parameters)
            await connection.execute(self._end_attempts, parameters)


def _unread(held: Held) -> Rescued:
    return Rescued(ExecutionRescued(held.execution_id, None, "", held.worker_id, ExecutionState.PENDING))
