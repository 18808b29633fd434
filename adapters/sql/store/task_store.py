"""`TaskStore` in SQL."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from operator import itemgetter
from typing import Any

from sqlalchemy import ColumnElement, Select, Text, bindparam, cast, func, literal, or_, select, text, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.records.lanes import side_by_side
from adapters.records.packing import Row, at_or_none
from adapters.records.steps import are_apart, replayed
from adapters.records.tasks import tasks_of
from adapters.sql.engine import Database
from adapters.sql.errors import RowRefusedError
from adapters.sql.store.creations import Creations
from adapters.sql.store.dialect import Dialect, Query, prepared
from adapters.sql.store.firings import Firings, batches_of, task_id_of
from adapters.sql.store.guard import Guard
from adapters.sql.store.mutations import Mutations, batches_of_mutations
from adapters.sql.store.open_work import TASKS_WITH_DEFINITIONS, OpenWork
from adapters.sql.store.rows import OPEN_COLUMNS, TASK_COLUMNS
from adapters.sql.store.tables import IS_OPEN, Whole, definitions, executions, store, tasks
from application.scheduling.ports.task_store import (
    PAYLOAD_LEFT_OUT,
    CommitAnswer,
    Decision,
    KeyReused,
    Moved,
    MutateAnswer,
    Place,
    Replayed,
    Unreadable,
)
from domain.scheduling.identifiers import TaskId, microseconds
from domain.scheduling.mutation import Mutation
from domain.scheduling.sharing import TAKEOVER_AFTER, Share
from domain.scheduling.task import Quarantine, ScheduledTask

# How long a task is left alone whose firing the database refused.
REFUSED_FOR = timedelta(minutes=5)

# No task is looked at before the epoch.
_BEFORE_ALL = (-1, "")
_PAYLOAD = definitions.c.payload_json
_IS_LIVING = text("deleted_at IS NULL")
_IS_DELETED = text("deleted_at IS NOT NULL")


class TaskQueries:
    """The SELECTs, prepared for one dialect."""

    def __init__(self, dialect: Dialect) -> None:
        found = select(*TASK_COLUMNS).select_from(TASKS_WITH_DEFINITIONS)
        limit = bindparam("limit", type_=Whole)
        mine = dialect.is_among(cast(tasks.c.bucket, Text), "buckets")
        behind = tuple_(tasks.c.look_at, tasks.c.id) > tuple_(_at("after_at"), bindparam("after_id", type_=Text))
        due = select(tasks.c.id, tasks.c.look_at).where(tasks.c.look_at <= _at("until"), behind)
        due = due.order_by(tasks.c.look_at, tasks.c.id).limit(limit)
        self.due = dialect.query(_whole_rows(due))
        self.due_of_share = dialect.query(_whole_rows(due.where(or_(mine, tasks.c.look_at <= _at("late")))))
        first = select(func.min(tasks.c.look_at)).where(tasks.c.look_at.is_not(None))
        self.next_look_at = first
        self.next_look_at_of_share = first.where(mine)
        self.by_id = dialect.query(found.where(tasks.c.id == bindparam("id"), _IS_LIVING))
        self.deleted_by_id = dialect.query(found.where(tasks.c.id == bindparam("id"), _IS_DELETED))
        self.by_name = dialect.query(found.where(tasks.c.name == bindparam("name"), _IS_LIVING))
        self.scan = dialect.query(
            found.where(tasks.c.id > bindparam("after"), _IS_LIVING).order_by(tasks.c.id).limit(limit)
        )
        self.open = dialect.query(
            select(*OPEN_COLUMNS)
            .where(dialect.is_among(executions.c.task_id, "ids"), IS_OPEN)
            .order_by(executions.c.id)
        )


class SqlTaskStore:
    """`TaskStore` in one SQL database."""

    def __init__(self, database: Database, dialect: Dialect, guard: Guard) -> None:
        work = prepared(OpenWork, dialect)
        self._database = database
        self._dialect = dialect
        self._guard = guard
        self._queries = prepared(TaskQueries, dialect)
        self._firings = prepared(Firings, dialect, work)
        self._mutations = prepared(Mutations, dialect, work)
        self._creations = prepared(Creations, dialect)

    async def due(
        self, share: Share, *, until: datetime, limit: int, after: Place | None = None
    ) -> Sequence[ScheduledTask | Unreadable]:
        """See the port."""
        query = self._queries.due if share.is_everything else self._queries.due_of_share
        place = _BEFORE_ALL if after is None else (microseconds(after.look_at), after.task_id)
        more: dict[str, Any] = dict(zip(("after_at", "after_id"), place, strict=True))
        async with self._database.reading("due") as connection:
            if not share.is_everything:
                late = await self._guard.now(connection) - TAKEOVER_AFTER
                more |= {"buckets": self._buckets(share), "late": microseconds(late)}
            rows = await query.rows(connection, until=microseconds(until), limit=limit, **more)
            return await self._with_open(connection, [row[2:] for row in sorted(rows, key=itemgetter(0, 1))])

    async def next_look_at(self, share: Share) -> datetime | None:
        """See the port."""
        if share.is_everything:
            statement, parameters = self._queries.next_look_at, {}
        else:
            statement, parameters = self._queries.next_look_at_of_share, {"buckets": self._buckets(share)}
        async with self._database.reading("next_look_at") as connection:
            return at_or_none((await connection.execute(statement, parameters)).scalar_one())

    async def get(self, task_id: TaskId) -> ScheduledTask | Unreadable | None:
        """See the port."""
        async with self._database.reading("get") as connection:
            found = await self._found(connection, self._queries.by_id, id=task_id)
        return found[0] if found else None

    async def deleted(self, task_id: TaskId) -> ScheduledTask | Unreadable | None:
        """See the port."""
        async with self._database.reading("deleted") as connection:
            found = await self._found(connection, self._queries.deleted_by_id, id=task_id)
        return found[0] if found else None

    async def find(self, name: str) -> ScheduledTask | Unreadable | None:
        """See the port."""
        async with self._database.reading("find") as connection:
            found = await self._found(connection, self._queries.by_name, name=name)
        return found[0] if found else None

    async def scan(self, *, after: TaskId | None, limit: int) -> Sequence[ScheduledTask | Unreadable]:
        """See the port."""
        async with self._database.reading("scan") as connection:
            return await self._found(connection, self._queries.scan, after=after or "", limit=limit)

    async def commit_firings(self, decisions: Sequence[Decision]) -> Sequence[CommitAnswer]:
        """See the port. A transaction a batch of ROWS_MAX: one that fails undoes none before it.

        A firing whose rows the database refuses is answered Moved, and its task put into quarantine.
        """
        answers: list[CommitAnswer] = []
        for batch in batches_of(decisions):
            answers += await self._commit(batch)
        return answers

    async def mutate(self, mutations: Sequence[Mutation]) -> Sequence[MutateAnswer]:
        """See the port. A transaction a batch of ROWS_MAX: one that fails undoes none before it."""
        batches = list(batches_of_mutations(mutations))
        if len(batches) > 1 and not self._database.has_one_writer and are_apart(mutations):
            return await side_by_side(batches, self._carried_out)
        return [answer for batch in batches for answer in await self._carried_out(batch)]

    async def replay(self, idempotency_key: str, body_hash: str) -> Replayed | KeyReused | None:
        """See the port."""
        async with self._database.reading("replay") as connection:
            done = await self._mutations.done(connection, [idempotency_key])
        return replayed(done.get(idempotency_key), body_hash)

    async def tzdata(self) -> str | None:
        """See the port."""
        async with self._database.reading("tzdata") as connection:
            version: str | None = (await connection.execute(select(store.c.tzdata))).scalar_one()
            return version

    async def keep_tzdata(self, version: str) -> None:
        """See the port."""
        async with self._database.writing("keep_tzdata") as connection:
            await connection.execute(update(store).values(tzdata=version))

    async def _carried_out(self, batch: Sequence[Mutation]) -> list[MutateAnswer]:
        if are_apart(batch):
            answers = await self._creations.carry_out(self._database, self._guard, batch)
            if answers is not None:
                return answers
        return await self._database.carry_out("mutate", partial(self._mutated, batch))

    async def _mutated(self, batch: Sequence[Mutation], connection: AsyncConnection) -> list[MutateAnswer]:
        now = await self._guard.of_tasks(connection, [each.after.id for each in batch])
        return await self._mutations.carry_out(connection, batch, now)

    async def _commit(self, batch: Sequence[Decision]) -> list[CommitAnswer]:
        """Commit a batch; if a row of it is refused, halve it until that row's decision stands alone."""
        try:
            return await self._database.carry_out("commit_firings", partial(self._committed, batch))
        except RowRefusedError as error:
            if len(batch) == 1:
                return [await self._put_off(batch[0], str(error))]
        middle = len(batch) // 2
        return [*await self._commit(batch[:middle]), *await self._commit(batch[middle:])]

    async def _committed(self, batch: Sequence[Decision], connection: AsyncConnection) -> list[CommitAnswer]:
        now = await self._guard.of_tasks(connection, [task_id_of(each) for each in batch])
        return await self._firings.commit(connection, batch, now)

    async def _put_off(self, decision: Decision, error: str) -> CommitAnswer:
        async with self._database.writing("commit_firings") as connection:
            now = await self._guard.of_tasks(connection, [task_id_of(decision)])
            verdict = Quarantine(error, now + REFUSED_FOR)
            await self._firings.commit(connection, [Decision(decision.task, verdict)], now)
        return Moved()

    async def _found(
        self, connection: AsyncConnection, query: Query, **parameters: int | str
    ) -> list[ScheduledTask | Unreadable]:
        """Tasks with their open executions, in the snapshot of the connection's transaction."""
        return await self._with_open(connection, await query.rows(connection, **parameters))

    async def _with_open(self, connection: AsyncConnection, rows: Sequence[Row]) -> list[ScheduledTask | Unreadable]:
        if not rows:
            return []
        ids = self._dialect.pack_values([row[0] for row in rows])
        return tasks_of(rows, await self._queries.open.rows(connection, ids=ids))

    def _buckets(self, share: Share) -> Any:
        return self._dialect.pack_values([str(each) for each in sorted(share.buckets)])


def _whole_rows(due: Select[tuple[str, int]]) -> Select[tuple[object, ...]]:
    """What is due, then the rows of TASK_COLUMNS but for payloads: there may be 10,000 of 64 kB each."""
    first = due.subquery()
    columns = [literal(PAYLOAD_LEFT_OUT).label(each.name) if each is _PAYLOAD else each for each in TASK_COLUMNS]
    source = TASKS_WITH_DEFINITIONS.join(first, first.c.id == tasks.c.id)
    return select(first.c.look_at, first.c.id.label("due_id"), *columns).select_from(source)


def _at(name: str) -> ColumnElement[int]:
    return bindparam(name, type_=Whole)
