"""Claiming: pending executions given to the tokens of a worker, a batch in a handful of statements."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Executable, Select, Text, TextClause, and_, bindparam, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.records.executions import execution_of
from adapters.records.packing import UNREADABLE, Row
from adapters.records.tasks import definition_of
from adapters.sql.store.batches import ROWS
from adapters.sql.store.dialect import Dialect, prepared
from adapters.sql.store.execution_rows import EXECUTION_COLUMNS
from adapters.sql.store.floor import BEGINNING, Floor
from adapters.sql.store.rows import DEFINITION_COLUMNS
from adapters.sql.store.tables import IS_CLAIMABLE, IS_SUSPECT, Whole, attempts, definitions, executions
from application.scheduling.ports.execution_store import Claim
from domain.scheduling.execution import Execution, ExecutionState
from domain.scheduling.identifiers import ClaimToken, NodeId, microseconds
from domain.scheduling.task import Definition

# An execution that cannot be read makes room for the others, and is tried again.
UNREADABLE_FOR = timedelta(seconds=60)
GENERATION_SHIFT = 32
LEFT_OUT, FLOOR = "left_out", "floor"
SUSPECTS_READ_MAX = 100

_AVAILABLE_AT = EXECUTION_COLUMNS.index(executions.c.available_at)
_STARTED_COLUMNS = (executions.c.id, executions.c.starts, executions.c.token, executions.c.fence)


class Lane:
    """The statements that find what is claimed together: suspects, or all others; of some types, or of any."""

    def __init__(self, dialect: Dialect, which: TextClause) -> None:
        pending = _first(dialect, select(*EXECUTION_COLUMNS), which)
        probe = _first(dialect, select(executions.c.id), which)
        of_types = dialect.is_among(executions.c.task_type, "task_types")
        self.probe, self.probe_of_types = probe, probe.where(of_types)
        self.seen = dialect.query(_with_definitions(pending))
        # What another takes at this moment is left to it.
        taken = pending.with_for_update(key_share=True, skip_locked=True)
        self.pending = dialect.query(_with_definitions(taken))
        self.pending_of_types = dialect.query(_with_definitions(taken.where(of_types)))


class Claims:
    """The statements, prepared for one dialect. `leaves_dead`: what changed lies in the way until it is cleared."""

    def __init__(self, dialect: Dialect, *, leaves_dead: bool) -> None:
        self._dialect = dialect
        self._floors = {isolated: Floor() for isolated in (False, True)} if leaves_dead else {}
        self._lanes = {False: prepared(Lane, dialect, IS_CLAIMABLE), True: prepared(Lane, dialect, IS_SUSPECT)}
        self._start = prepared(_starting, dialect)
        # Remembered here and not written down: an execution is mended by somebody who does not know of us.
        self._unreadable: dict[str, datetime] = {}

    async def is_any(
        self, connection: AsyncConnection, task_types: Sequence[str] | None, now: datetime, *, isolated: bool
    ) -> bool:
        """True if something may be claimable."""
        lane = self._lanes[isolated]
        statement = lane.probe if task_types is None else lane.probe_of_types
        parameters = self._parameters(task_types, now, limit=1)
        return (await connection.execute(statement, parameters)).first() is not None

    async def is_suspect_pending(self, connection: AsyncConnection, now: datetime) -> bool:
        """True if a suspect is claimable and can be read: for one that can't, no process need be started."""
        parameters = self._parameters(None, now, limit=SUSPECTS_READ_MAX)
        rows = await self._lanes[True].seen.rows(connection, **parameters)
        return bool(self._readable(rows, now))

    async def take(
        self,
        connection: AsyncConnection,
        worker_id: NodeId,
        tokens: Sequence[ClaimToken],
        task_types: Sequence[str] | None,
        now: datetime,
        *,
        isolated: bool,
    ) -> list[Claim]:
        """Start the first pending executions, one for each token, within a transaction that writes."""
        rows = await self._found(connection, task_types, now, limit=len(tokens), isolated=isolated)
        readable = self._readable(rows, now)
        return await self._started(connection, readable, worker_id, tokens, now) if readable else []

    async def _found(
        self,
        connection: AsyncConnection,
        task_types: Sequence[str] | None,
        now: datetime,
        *,
        limit: int,
        isolated: bool,
    ) -> Sequence[Row]:
        """The first of a lane; those of any type are looked for from its floor on."""
        lane, parameters = self._lanes[isolated], self._parameters(task_types, now, limit=limit)
        if task_types is not None:
            return await lane.pending_of_types.rows(connection, **parameters)
        floor = self._floors.get(isolated)
        if floor is None:
            return await lane.pending.rows(connection, **parameters)
        parameters[FLOOR] = floor.begin(now)
        stopwatch = asyncio.get_running_loop()
        began = stopwatch.time()
        rows = await lane.pending.rows(connection, **parameters)
        first_at = rows[0][_AVAILABLE_AT] if rows else None
        floor.end(parameters[FLOOR], first_at, now, took=timedelta(seconds=stopwatch.time() - began))
        return rows

    async def _started(
        self,
        connection: AsyncConnection,
        found: Sequence[tuple[Execution, Definition]],
        worker_id: NodeId,
        tokens: Sequence[ClaimToken],
        now: datetime,
    ) -> list[Claim]:
        generation, numbers = await self._dialect.fences(connection, len(found))
        first = generation << GENERATION_SHIFT
        claims = [
            Claim(execution.claimed(worker_id, token, first + number, now), definition, token)
            for (execution, definition), token, number in zip(found, tokens, numbers, strict=False)
        ]
        rows = [(each.id, each.starts, each.token, each.fence) for each in (claim.execution for claim in claims)]
        parameters = {ROWS: self._dialect.pack(rows), "worker_id": worker_id, "at": microseconds(now)}
        for statement in self._start:
            await connection.execute(statement, parameters)
        return claims

    def _readable(self, rows: Sequence[Row], now: datetime) -> list[tuple[Execution, Definition]]:
        """What can be read of these; what can't is left out for a while."""
        found = [_pair_of(row) for row in rows]
        broken = [row[0] for row, pair in zip(rows, found, strict=True) if pair is None]
        self._unreadable |= dict.fromkeys(broken, now)
        return [pair for pair in found if pair is not None]

    def _parameters(self, task_types: Sequence[str] | None, now: datetime, *, limit: int) -> dict[str, Any]:
        self._unreadable = {id_: at for id_, at in self._unreadable.items() if abs(now - at) < UNREADABLE_FOR}
        left_out = self._dialect.pack_values(list(self._unreadable))
        parameters = {"now": microseconds(now), "limit": limit, LEFT_OUT: left_out, FLOOR: BEGINNING}
        if task_types is not None:
            parameters["task_types"] = self._dialect.pack_values(task_types)
        return parameters


def _first(dialect: Dialect, found: Select[tuple[object, ...]], which: TextClause) -> Select[tuple[object, ...]]:
    """Pending and available, longest available first; only what was put back waits for an instant."""
    has_come = executions.c.available_at <= bindparam("now", type_=Whole)
    return (
        found.where(which, executions.c.available_at >= bindparam(FLOOR, type_=Whole))
        .where(or_(executions.c.unknown_since.is_(None), has_come))
        .where(~dialect.is_among(executions.c.id, LEFT_OUT))
        .order_by(executions.c.available_at, executions.c.id)
        .limit(bindparam("limit", type_=Whole))
    )


def _with_definitions(found: Select[tuple[object, ...]]) -> Select[tuple[object, ...]]:
    """The same rows in the same order, each with its definition, which is looked for when they are few already."""
    first = found.subquery("first")
    of_version = and_(definitions.c.task_id == first.c.task_id, definitions.c.version == first.c.version)
    columns = (*(first.c[each.name] for each in EXECUTION_COLUMNS), *DEFINITION_COLUMNS)
    together = select(*columns).select_from(first.outerjoin(definitions, of_version))
    return together.order_by(first.c.available_at, first.c.id)


def _starting(dialect: Dialect) -> Sequence[Executable]:
    """What `Execution.claimed` moves, and the attempts that begin with it."""
    given = dialect.given(_STARTED_COLUMNS, ROWS)
    worker_id, at = bindparam("worker_id", type_=Text), bindparam("at", type_=Whole)
    started = (
        update(executions)
        .where(executions.c.id == given.c.id)
        .values(state=str(ExecutionState.RUNNING), worker_id=worker_id, started_at=at, beat=0, progress=None)
        .values(starts=given.c.starts, token=given.c.token, fence=given.c.fence)
    )
    rows = select(given.c.id, given.c.starts, given.c.token, worker_id, at)
    begun = insert(attempts).from_select(["execution_id", "start", "token", "worker_id", "started_at"], rows)
    return dialect.at_once([started, begun])


def _pair_of(row: Row) -> tuple[Execution, Definition] | None:
    """An execution and the definition it runs; None if either cannot be read."""
    try:
        return execution_of(row[: len(EXECUTION_COLUMNS)]), definition_of(row[len(EXECUTION_COLUMNS) :])
    except UNREADABLE:
        return None
