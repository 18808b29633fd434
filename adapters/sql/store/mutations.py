"""Carrying out changes: many in one transaction, each judged on what those before it left."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from sqlalchemy import and_, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.records.executions import remembered_change_of
from adapters.records.steps import Ledger, RunKey, run_key
from adapters.sql.store.batches import ROWS, ROWS_MAX
from adapters.sql.store.dialect import Dialect
from adapters.sql.store.execution_rows import CHANGE_COLUMNS
from adapters.sql.store.open_work import OpenWork
from adapters.sql.store.tables import changes, executions, tasks
from application.scheduling.ports.records import ChangeRecord
from application.scheduling.ports.task_store import (
    MutateAnswer,
    Replayed,
)
from domain.scheduling.change import Change, ChangeAction
from domain.scheduling.execution import Execution
from domain.scheduling.identifiers import ExecutionId, TaskId
from domain.scheduling.mutation import Mutation


class Mutations:
    """The statements, prepared for one dialect."""

    def __init__(self, dialect: Dialect, work: OpenWork) -> None:
        self._dialect = dialect
        self._work = work
        keys = select(*CHANGE_COLUMNS).where(dialect.is_among(changes.c.idempotency_key, "keys"))
        self._keys = dialect.query(keys)
        names = select(tasks.c.name, tasks.c.id).where(dialect.is_among(tasks.c.name, "names"))
        self._names = dialect.query(names.where(text("deleted_at IS NULL")))
        named = (executions.c.task_id, executions.c.kind, executions.c.key)
        given = dialect.given(named, ROWS)
        same = and_(*(column == given.c[column.name] for column in named), text("executions.kind <> 'auto'"))
        self._runs = dialect.query(
            select(*named, executions.c.version, executions.c.id).select_from(given.join(executions, same))
        )

    async def carry_out(
        self, connection: AsyncConnection, mutations: Sequence[Mutation], now: datetime
    ) -> list[MutateAnswer]:
        """Carry out a batch within a transaction that holds the write lock; answers in order."""
        steps = await self._work.of_tasks(connection, list({each.after.id for each in mutations}))
        ledger = Ledger(
            steps,
            await self.done(connection, [each.change.idempotency_key for each in mutations]),
            await self._holders(connection, {each.after.definition.name for each in mutations if _takes_a_name(each)}),
            await self._runs_there(connection, [run for each in mutations for run in each.runs]),
            now,
        )
        answers = [ledger.carry_out(each) for each in mutations]
        await self._work.write(connection, steps, now)
        return answers

    async def done(self, connection: AsyncConnection, keys: Iterable[str | None]) -> dict[str, ChangeRecord]:
        """Read the changes with these idempotency keys."""
        known = [key for key in keys if key is not None]
        if not known:
            return {}
        rows = await self._keys.rows(connection, keys=self._dialect.pack_values(known))
        records = [remembered_change_of(row) for row in rows]
        return {each.change.idempotency_key or "": each for each in records}

    async def _holders(self, connection: AsyncConnection, names: Iterable[str]) -> dict[str, TaskId]:
        asked = list(names)
        if not asked:
            return {}
        rows = await self._names.rows(connection, names=self._dialect.pack_values(asked))
        return {name: TaskId(task_id) for name, task_id in rows}

    async def _runs_there(self, connection: AsyncConnection, runs: Sequence[Execution]) -> dict[RunKey, Replayed]:
        if not runs:
            return {}
        found = await self._runs.rows(connection, rows=self._dialect.pack([run_key(each) for each in runs]))
        return {
            (task_id, kind, key): Replayed(TaskId(task_id), version, ExecutionId(id_))
            for task_id, kind, key, version, id_ in found
        }


def batches_of_mutations(mutations: Iterable[Mutation]) -> Iterator[list[Mutation]]:
    """Cut into batches of at most ROWS_MAX, none of which frees a name and gives it away again.

    Rows are written in no particular order, and a name that is unique at the end must be so at every row.
    """
    batch: list[Mutation] = []
    freed: set[str] = set()
    for mutation in mutations:
        if len(batch) == ROWS_MAX or mutation.after.definition.name in freed:
            yield batch
            batch, freed = [], set()
        batch.append(mutation)
        before = mutation.before
        if before is not None and (_frees(mutation.change) or before.definition.name != mutation.after.definition.name):
            freed.add(before.definition.name)
    if batch:
        yield batch


def _takes_a_name(mutation: Mutation) -> bool:
    """False of a task that keeps the name it has, which nobody else can have."""
    before, after = mutation.before, mutation.after
    return before is None or before.deleted_at is not None or before.definition.name != after.definition.name


def _frees(change: Change) -> bool:
    return change.action is ChangeAction.DELETE
