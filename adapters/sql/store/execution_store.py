"""`ExecutionStore` in SQL."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.records.packing import UNREADABLE, at_or_none, unpack_error
from adapters.records.steps import Ends, settle
from adapters.sql.engine import Database
from adapters.sql.store.claims import Claims
from adapters.sql.store.dialect import Dialect, prepared
from adapters.sql.store.finishes import Finishes
from adapters.sql.store.guard import Guard
from adapters.sql.store.logbook import Logbook
from adapters.sql.store.mutations import Mutations
from adapters.sql.store.open_work import OpenWork
from adapters.sql.store.plain_ends import SUCCEEDED, PlainEnds
from adapters.sql.store.rescues import Rescues
from adapters.sql.store.tables import IS_RETRY_WAIT, IS_UNKNOWN, Whole, attempts, executions
from application.scheduling.ports.execution_store import (
    Beat,
    CancelAnswer,
    Claim,
    Expired,
    HeartbeatAnswer,
    Held,
    Lost,
    Released,
    Rescued,
    SettleAnswer,
    Settled,
    Settlement,
)
from application.scheduling.ports.records import ChangeRecord
from domain.scheduling.change import Change
from domain.scheduling.execution import AttemptOutcome, CancelRequest, ExecutionState
from domain.scheduling.identifiers import ClaimToken, ExecutionId, NodeId, microseconds
from domain.scheduling.outcome import Succeeded
from domain.scheduling.work import UNKNOWN_HANDLER_PATIENCE


class ExecutionQueries:
    """The statements, prepared for one dialect."""

    def __init__(self, dialect: Dialect) -> None:
        now, limit = bindparam("now", type_=Whole), bindparam("limit", type_=Whole)
        these = dialect.is_among(executions.c.id, "ids")
        # Whether they run is looked at afterwards: asked for here, it invites the indexes of all that is open or runs.
        holders = select(executions.c.id, executions.c.token, executions.c.state, executions.c.cancel.is_not(None))
        # Locked in this order, so that the update below need not keep to any.
        holders = holders.where(these).order_by(executions.c.id).with_for_update(key_share=True)
        self.holders = dialect.query(holders)
        self.beat = update(executions).where(these).values(beat=executions.c.beat + 1)
        ends = select(
            attempts.c.execution_id, attempts.c.token, attempts.c.led_to, attempts.c.outcome, attempts.c.error
        )
        self.ends = dialect.query(
            ends.where(dialect.is_among(attempts.c.execution_id, "ids"), attempts.c.led_to.is_not(None))
        )
        self.state = select(executions.c.state).where(executions.c.id == bindparam("id"))
        self.next_retry = select(func.min(executions.c.available_at)).where(IS_RETRY_WAIT)
        first = select(executions.c.id).where(IS_RETRY_WAIT, executions.c.available_at <= now)
        first = first.order_by(executions.c.available_at, executions.c.id).limit(limit)
        # Apart, so that it is run once: each run would lock others.
        taken = first.with_for_update(key_share=True, skip_locked=True).cte("taken", nesting=True)
        released = update(executions).where(executions.c.id.in_(select(taken.c.id)))
        self.release = released.values(state=str(ExecutionState.PENDING), available_at=now)
        expired = select(executions.c.id).where(
            IS_UNKNOWN, executions.c.unknown_since <= bindparam("since", type_=Whole)
        )
        self.expired = dialect.query(expired.order_by(executions.c.unknown_since, executions.c.id).limit(limit))


class SqlExecutionStore:
    """`ExecutionStore` in one SQL database."""

    def __init__(self, database: Database, dialect: Dialect, guard: Guard) -> None:
        self._database = database
        self._dialect = dialect
        self._guard = guard
        self._queries = prepared(ExecutionQueries, dialect)
        self._work = prepared(OpenWork, dialect)
        self._claims = Claims(dialect, leaves_dead=not database.has_one_writer)
        self._plain_ends = prepared(PlainEnds, dialect)
        self._finishes = prepared(Finishes, dialect)
        self._logbook = prepared(Logbook, dialect)
        self._rescues = prepared(Rescues, dialect, self._work)
        self._mutations = prepared(Mutations, dialect, self._work)

    async def claim(
        self,
        worker_id: NodeId,
        tokens: Sequence[ClaimToken],
        *,
        task_types: Sequence[str] | None = None,
        isolated: bool = False,
    ) -> Sequence[Claim]:
        """See the port. Executions available since the same instant come by id."""
        if not tokens:
            return []
        if self._database.has_one_writer:
            # Asked beside it, so that idle workers never hold its lock.
            async with self._database.reading("claim") as connection:
                now = await self._guard.now(connection)
                if not await self._claims.is_any(connection, task_types, now, isolated=isolated):
                    return []

        async def claimed(connection: AsyncConnection) -> list[Claim]:
            now = await self._guard.now(connection)
            return await self._claims.take(connection, worker_id, tokens, task_types, now, isolated=isolated)

        return await self._database.carry_out("claim", claimed)

    async def is_suspect_pending(self) -> bool:
        """See the port. One that cannot be read is none."""
        async with self._database.reading("is_suspect_pending") as connection:
            return await self._claims.is_suspect_pending(connection, await self._guard.now(connection))

    async def heartbeat(self, worker_id: NodeId, beats: Sequence[Beat]) -> HeartbeatAnswer:  # noqa: ARG002 - the token says it all here
        """See the port."""
        if not beats:
            return HeartbeatAnswer(frozenset(), frozenset())
        return await self._database.carry_out("heartbeat", partial(self._kept_alive, beats))

    async def settle(self, settlements: Sequence[Settlement]) -> Sequence[SettleAnswer]:
        """See the port. What cannot be read, an execution or the end of an attempt, is lost."""
        if not settlements:
            return []
        plain = await self._settled_plainly(settlements)
        others = [each for each in settlements if each.execution_id not in plain]
        # In a transaction of its own: it locks executions in their order, which those are not in that have ended.
        settled = await self._database.carry_out("settle", partial(self._settled, others)) if others else []
        answers = iter(settled)
        return [SUCCEEDED if each.execution_id in plain else next(answers) for each in settlements]

    async def release_due(self, limit: int) -> Released:
        """See the port."""
        async with self._database.reading("release_due") as connection:
            next_at = (await connection.execute(self._queries.next_retry)).scalar_one()
            if next_at is None or next_at > microseconds(await self._guard.now(connection)):
                return Released(0, at_or_none(next_at))

        async def released(connection: AsyncConnection) -> Released:
            now = microseconds(await self._guard.now(connection))
            moved = (await connection.execute(self._queries.release, {"now": now, "limit": limit})).rowcount
            next_at = (await connection.execute(self._queries.next_retry)).scalar_one()
            return Released(moved, at_or_none(next_at))

        return await self._database.carry_out("release_due", released)

    async def expire_unknown(self, limit: int) -> Sequence[Expired]:
        """See the port. One whose own row cannot be read stays until it is mended."""
        async with self._database.reading("expire_unknown") as connection:
            since = microseconds(await self._guard.now(connection) - UNKNOWN_HANDLER_PATIENCE)
            rows = await self._queries.expired.rows(connection, since=since, limit=limit)
        if not rows:
            return []
        return await self._database.carry_out("expire_unknown", partial(self._expired, [row[0] for row in rows]))

    async def held(self) -> Sequence[Held]:
        """See the port."""
        async with self._database.reading("held") as connection:
            return await self._rescues.held(connection)

    async def rescue(self, silent: Sequence[Held]) -> Sequence[Rescued]:
        """See the port."""
        if not silent:
            return []

        async def rescued(connection: AsyncConnection) -> list[Rescued]:
            now = await self._guard.of_executions(connection, [each.execution_id for each in silent])
            return await self._rescues.take(connection, silent, now)

        return await self._database.carry_out("rescue", rescued)

    async def rescue_worker(self, worker_id: NodeId) -> Sequence[Rescued]:
        """See the port."""

        async def rescued(connection: AsyncConnection) -> list[Rescued]:
            held = await self._rescues.held_by(connection, worker_id)
            now = await self._guard.of_executions(connection, [each.execution_id for each in held])
            return await self._rescues.take_from(connection, held, now)

        return await self._database.carry_out("rescue_worker", rescued)

    async def cancel(self, execution_id: ExecutionId, change: Change) -> CancelAnswer | None:
        """See the port. A change goes on record only if it changed something."""
        return await self._database.carry_out("cancel", partial(self._cancelled, execution_id, change))

    async def _kept_alive(self, beats: Sequence[Beat], connection: AsyncConnection) -> HeartbeatAnswer:
        ids = self._dialect.pack_values([each.execution_id for each in beats])
        rows = await self._queries.holders.rows(connection, ids=ids)
        holders = {(id_, token): asked for id_, token, state, asked in rows if state == ExecutionState.RUNNING}
        kept = [each for each in beats if (each.execution_id, each.token) in holders]
        kept_ids = self._dialect.pack_values([each.execution_id for each in kept])
        await connection.execute(self._queries.beat, {"ids": kept_ids})
        await self._logbook.write(connection, kept)
        lost = frozenset(each.token for each in beats) - frozenset(each.token for each in kept)
        cancelled = frozenset(each.token for each in kept if holders[each.execution_id, each.token])
        return HeartbeatAnswer(lost, cancelled)

    async def _settled_plainly(self, settlements: Sequence[Settlement]) -> frozenset[ExecutionId]:
        """Which of these had ends that are plain, and are settled now, all answered SUCCEEDED."""
        if not any(isinstance(each.outcome, Succeeded) for each in settlements):
            return frozenset()

        async def settled(connection: AsyncConnection) -> frozenset[ExecutionId]:
            now = await self._guard.of_executions(connection, [each.execution_id for each in settlements])
            plain = await self._plain_ends.settle(connection, settlements, now)
            await self._logbook.write(connection, [each for each in settlements if each.execution_id in plain])
            # Last: whoever counts the same kind of end waits until this transaction is over.
            await self._finishes.write(connection, plain.values())
            return frozenset(plain)

        return await self._database.carry_out("settle", settled)

    async def _settled(self, settlements: Sequence[Settlement], connection: AsyncConnection) -> list[SettleAnswer]:
        ids = [each.execution_id for each in settlements]
        now = await self._guard.of_executions(connection, ids)
        steps, ends = await self._work.of_executions(connection, ids), await self._ends(connection, ids)
        answers = [settle(steps, ends, each, now) for each in settlements]
        held = [each for each, answer in zip(settlements, answers, strict=True) if answer is not None]
        await self._logbook.write(connection, held)
        await self._work.write(connection, steps, now)
        return [
            ends.get((each.execution_id, each.token), Lost()) if answer is None else answer
            for each, answer in zip(settlements, answers, strict=True)
        ]

    async def _expired(self, ids: Sequence[ExecutionId], connection: AsyncConnection) -> list[Expired]:
        """Of what was found before its tasks were held, end what still waits for a handler."""
        now = await self._guard.of_executions(connection, ids)
        steps = await self._work.of_executions(connection, ids)
        expired: list[Expired] = []
        for execution_id in ids:
            work = steps.holder_of(execution_id)
            execution = None if work is None else work.executions[execution_id]
            if work is None or execution is None or execution.state is not ExecutionState.PENDING:
                continue
            if execution.unknown_since is not None:
                after = work.expire(execution_id, now)
                steps.put(after)
                expired.append(Expired(after.task.id, after.stopped(work)))
        await self._work.write(connection, steps, now)
        return expired

    async def _cancelled(
        self, execution_id: ExecutionId, change: Change, connection: AsyncConnection
    ) -> CancelAnswer | None:
        now = await self._guard.of_executions(connection, [execution_id])
        state = (await connection.execute(self._queries.state, {"id": execution_id})).scalar_one_or_none()
        if state is None:
            return None
        steps = await self._work.of_executions(connection, [execution_id])
        work = steps.holder_of(execution_id)
        if work is None or work.executions[execution_id].cancel is not None:
            return CancelAnswer(ExecutionState(state))
        after = work.cancel((execution_id,), CancelRequest(now, change.actor, change.reason))
        steps.put(after)
        known = await self._mutations.done(connection, [change.idempotency_key])
        change = replace(change, idempotency_key=None) if known else change
        steps.record(ChangeRecord(change, after.task.id, after.task.version, execution_id))
        await self._work.write(connection, steps, now)
        return CancelAnswer(after.executions[execution_id].state, after.task.id, after.task.definition.name)

    async def _ends(self, connection: AsyncConnection, ids: Sequence[ExecutionId]) -> Ends:
        """What attempts that were settled before led to, by execution and token."""
        rows = await self._queries.ends.rows(connection, ids=self._dialect.pack_values(ids))
        found = {(id_, token): _end(*end) for id_, token, *end in rows}
        return {key: end for key, end in found.items() if end is not None}


def _end(led_to: str, outcome: str, error: str | None) -> Settled | None:
    """The end of an attempt as it stands on record; None if it cannot be read."""
    try:
        return Settled(ExecutionState(led_to), AttemptOutcome(outcome), unpack_error(error))
    except UNREADABLE:
        return None
