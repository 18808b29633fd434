"""Carrying out changes: many in one transaction, each judged on what those before it left."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.records.executions import remembered_change_of
from adapters.sql.store.batches import ROWS, ROWS_MAX
from adapters.sql.store.dialect import Dialect
from adapters.sql.store.execution_rows import CHANGE_COLUMNS
from adapters.sql.store.open_work import OpenWork, Steps
from adapters.sql.store.tables import changes, executions, tasks
from application.scheduling.ports.records import ChangeRecord
from application.scheduling.ports.task_store import (
    Applied,
    KeyReused,
    Moved,
    MutateAnswer,
    NameTaken,
    Replayed,
    TooEarly,
    loses_payload,
)
from domain.scheduling.change import Change, ChangeAction
from domain.scheduling.execution import Execution
from domain.scheduling.identifiers import ExecutionId, TaskId
from domain.scheduling.mutation import Mutation
from domain.scheduling.task import ScheduledTask
from domain.scheduling.work import Work

RunKey = tuple[str, str, str]


@dataclass(slots=True)
class Ledger:
    """What a batch is judged by, as its mutations so far leave it."""

    steps: Steps
    done: dict[str, ChangeRecord]
    holders: dict[str, TaskId]
    runs: dict[RunKey, Replayed]
    now: datetime

    def carry_out(self, mutation: Mutation) -> MutateAnswer:
        """Judge by the idempotency key, by what was read, by the clock, then by the name; apply what passes."""
        assert not loses_payload(mutation), "what was found due came without its payload"
        known = self._done_before(mutation)
        if known is not None:
            return known
        task_id = mutation.after.id
        before = self.steps.works.get(task_id)
        if not mutation.holds_for(before.task if before else None):
            return Moved()
        if mutation.change.at > self.now:
            return TooEarly(mutation.change.at - self.now)
        holder = self.holders.get(mutation.after.definition.name)
        if holder is not None and holder != task_id:
            return NameTaken(holder)
        after = mutation.apply(before or Work(mutation.after))
        self._keep(mutation, before, after)
        return Applied(_as_read(after.task), _first_run(mutation))

    def _keep(self, mutation: Mutation, before: Work | None, after: Work) -> None:
        task = after.task
        if before is None:
            self.steps.new.add(task.id)
        elif self.holders.get(before.task.definition.name) == task.id:
            del self.holders[before.task.definition.name]
        if task.deleted_at is None:
            self.holders[task.definition.name] = task.id
        self.steps.put(after, mutation.skips)
        record = ChangeRecord(mutation.change, task.id, task.version, _first_run(mutation))
        self.steps.record(record, is_version=before is None or before.task.version != task.version)
        if mutation.change.idempotency_key is not None:
            self.done[mutation.change.idempotency_key] = record
        self.runs.update((_run_key(run), Replayed(task.id, run.version, run.id)) for run in mutation.runs)

    def _done_before(self, mutation: Mutation) -> Replayed | KeyReused | None:
        """What the idempotency key answers, or, without one, the key of an execution that is to be created."""
        known = replayed(self.done.get(mutation.change.idempotency_key or ""), mutation.change.body_hash)
        named = (self.runs.get(_run_key(run)) for run in mutation.runs)
        return known or next((there for there in named if there is not None), None)


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
            await self._holders(connection, {each.after.definition.name for each in mutations}),
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
        rows = await self._names.rows(connection, names=self._dialect.pack_values(list(names)))
        return {name: TaskId(task_id) for name, task_id in rows}

    async def _runs_there(self, connection: AsyncConnection, runs: Sequence[Execution]) -> dict[RunKey, Replayed]:
        if not runs:
            return {}
        found = await self._runs.rows(connection, rows=self._dialect.pack([_run_key(each) for each in runs]))
        return {
            (task_id, kind, key): Replayed(TaskId(task_id), version, ExecutionId(id_))
            for task_id, kind, key, version, id_ in found
        }


def replayed(known: ChangeRecord | None, body_hash: str) -> Replayed | KeyReused | None:
    """What a change's idempotency key answers, given the change that was done with it."""
    if known is None:
        return None
    if known.change.body_hash != body_hash:
        return KeyReused(known.change)
    return Replayed(known.task_id, known.version, known.execution_id)


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


def _frees(change: Change) -> bool:
    return change.action is ChangeAction.DELETE


def _first_run(mutation: Mutation) -> ExecutionId | None:
    return mutation.runs[0].id if mutation.runs else None


def _run_key(run: Execution) -> RunKey:
    return (run.task_id, run.kind, run.key)


def _as_read(task: ScheduledTask) -> ScheduledTask:
    """The task with its open executions in the order in which they are read."""
    return task if len(task.open) < 2 else task.with_open(*sorted(task.open, key=lambda each: each.id))
