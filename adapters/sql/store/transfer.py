"""`Transfer` in SQL: every kind of record is a table, its rows the table's, in the order of its key."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import (
    Column,
    ColumnElement,
    Executable,
    Select,
    and_,
    bindparam,
    delete,
    exists,
    func,
    insert,
    literal_column,
    select,
    tuple_,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.records.tasks import search_text
from adapters.records.transfer import ROW_FIELDS, mark_of, mark_row
from adapters.sql.engine import Database
from adapters.sql.store.access_tables import api_tokens, users
from adapters.sql.store.access_trail import ends, keep_ends
from adapters.sql.store.batches import ROWS
from adapters.sql.store.dialect import Dialect, prepared
from adapters.sql.store.hold_tables import holds
from adapters.sql.store.outbox_tables import outbox
from adapters.sql.store.tables import (
    Whole,
    attempts,
    changes,
    definitions,
    executions,
    finished,
    log_lines,
    skips,
    store,
    tasks,
)
from adapters.sql.store.trail_tables import access_records
from adapters.sql.store.transfer_guard import guard, unguard
from adapters.sql.store.transfer_numbers import fence_of, number_above
from adapters.sql.store.transfer_tables import forgotten, marks
from application.scheduling.ports.errors import StoreRefusedError
from application.scheduling.ports.transfer import KEY_WIDTHS, Facts, Key, Kind, Mark, Page, Row, Standing

TABLES: Final = {
    Kind.TASKS: tasks,
    Kind.VERSIONS: definitions,
    Kind.EXECUTIONS: executions,
    Kind.ATTEMPTS: attempts,
    Kind.LOG_LINES: log_lines,
    Kind.SKIPS: skips,
    Kind.CHANGES: changes,
    Kind.HOURS: finished,
    Kind.FORGOTTEN: forgotten,
    Kind.USERS: users,
    Kind.TOKENS: api_tokens,
    Kind.ACCESS_RECORDS: access_records,
    Kind.HOLDS: holds,
}
# Rows go with what they belong to, and cannot be there without it.
_PARENTS: Final = {
    Kind.ATTEMPTS: executions,
    Kind.LOG_LINES: executions,
    Kind.SKIPS: tasks,
    Kind.FORGOTTEN: tasks,
}
# What is unique beside the key, and of which rows; the condition is spelled as that of the index.
_UNIQUE: Final = {
    Kind.TASKS: ((("name",), "{}.deleted_at IS NULL"),),
    Kind.EXECUTIONS: ((("task_id", "kind", "key"), "{}.kind <> 'auto'"),),
    Kind.CHANGES: ((("idempotency_key",), "{}.idempotency_key IS NOT NULL"),),
    Kind.TOKENS: ((("id",), "1 = 1"), (("owner", "name"), "1 = 1")),
}
_LIMIT: Final = bindparam("limit", type_=Whole)
_SEARCHED: Final = ("name", "description", "handler")


class _Statements:
    """What one kind is read and written by, prepared for one dialect."""

    def __init__(self, dialect: Dialect, kind: Kind) -> None:
        table, names = TABLES[kind], ROW_FIELDS[kind]
        self.first, self.behind = (dialect.query(each) for each in _pages(kind))
        written = (*names, "search_text") if kind is Kind.VERSIONS else names
        given = dialect.given([table.c[name] for name in written], ROWS)
        rows = select(*given.c)
        if kind in _PARENTS:
            rows = rows.where(exists().where(_PARENTS[kind].c.id == given.c[names[0]]))
        put = dialect.insert_or_keep if kind is Kind.ACCESS_RECORDS else dialect.insert_or_replace
        self.put: Executable = put(table, list(written), rows, names[: KEY_WIDTHS[kind]])
        self.free = [_freeing(dialect, kind, *unique) for unique in _UNIQUE.get(kind, ())]
        key = _key_columns(kind)
        gone = dialect.given(key, ROWS)
        self.remove: Executable = delete(table).where(tuple_(*key).in_(select(*gone.c)))


class SqlTransfer:
    """`Transfer` in one SQL database."""

    def __init__(self, database: Database, dialect: Dialect) -> None:
        self._database = database
        self._dialect = dialect

    async def facts(self) -> Facts:
        """See the port."""
        async with self._database.browsing("facts") as connection:
            (row,) = (await connection.execute(select(store))).all()
            last = (await connection.execute(select(func.max(changes.c.id)))).scalar()
            fence = await fence_of(connection)
            anchor, head = await ends(connection)
            mark, undelivered = await mark_in(connection), await _undelivered(connection)
        return Facts(row.store_id, row.generation, fence, row.tzdata, last or 0, anchor, head, mark, undelivered)

    async def begin(self, mark: Mark) -> bool:
        """See the port."""
        async with self._database.writing_alone("begin") as connection:
            for table in (marks, *TABLES.values()):
                if (await connection.execute(select(*table.primary_key).limit(1))).first() is not None:
                    return False
            await _keep_mark(connection, mark)
        return True

    async def replace_mark(self, seen: Mark | None, by: Mark | None) -> bool:
        """See the port."""
        async with self._database.writing_alone("mark") as connection:
            if await mark_in(connection) != seen:
                return False
            is_sealed = by is not None and by.standing is not Standing.FILLING
            await (guard if is_sealed else unguard)(connection, TABLES.values())
            await _keep_mark(connection, by)
        return True

    async def page(self, kind: Kind, after: Key | None, *, limit: int) -> Page:
        """See the port."""
        statements = self._statements(kind)
        async with self._database.browsing(f"read {kind}") as connection:
            if after is None:
                rows = await statements.first.rows(connection, limit=limit)
            else:
                behind = {f"after_{place}": value for place, value in enumerate(after)}
                rows = await statements.behind.rows(connection, limit=limit, **behind)
        is_rest = len(rows) == limit
        return Page([list(row) for row in rows], tuple(rows[-1][: KEY_WIDTHS[kind]]) if is_rest else None)

    async def write(self, kind: Kind, rows: Sequence[Row], gone: Sequence[Key]) -> None:
        """See the port."""
        statements = self._statements(kind)
        if kind is Kind.VERSIONS:
            rows = [(*row, _searched(row)) for row in rows]
        async with self._database.writing(f"write {kind}") as connection:
            if gone:
                await connection.execute(statements.remove, {ROWS: self._dialect.pack(gone)})
            if rows:
                packed = {ROWS: self._dialect.pack(rows)}
                for statement in (*statements.free, statements.put):
                    await connection.execute(statement, packed)

    async def finish(self, of: Facts, seen: Mark) -> bool:
        """See the port."""
        async with self._database.writing_alone("finish") as connection:
            if await mark_in(connection) != seen:
                return False
            own = (await connection.execute(select(store.c.generation))).scalar_one()
            values = {"generation": max(own, of.generation + 1), "tzdata": of.tzdata}
            await connection.execute(update(store).values(values))
            await number_above(connection, of.fence, of.changes)
            if of.head.number:
                await keep_ends(connection, of.anchor, of.head)
            await _keep_mark(connection, None)
        return True

    def _statements(self, kind: Kind) -> _Statements:
        return prepared(_Statements, self._dialect, kind)


async def refuse_if_marked(connection: AsyncConnection, where: str) -> None:
    """Raise StoreRefusedError for a store that nobody may serve, with what it is instead."""
    mark = await mark_in(connection)
    if mark is not None:
        raise StoreRefusedError(f"{where} {mark.told}")


async def mark_in(connection: AsyncConnection) -> Mark | None:
    """The store's mark, in the connection's transaction."""
    row = (await connection.execute(select(*list(marks.c)[1:]))).first()
    return None if row is None else mark_of((row[0], row[1], row[2]))


async def _undelivered(connection: AsyncConnection) -> int:
    if connection.dialect.name == "sqlite":
        return 0
    return (await connection.execute(select(func.count()).select_from(outbox))).scalar_one()


async def _keep_mark(connection: AsyncConnection, mark: Mark | None) -> None:
    await connection.execute(delete(marks))
    if mark is not None:
        names = [each.name for each in marks.c]
        await connection.execute(insert(marks).values(dict(zip(names, (1, *mark_row(mark)), strict=True))))


def _key_columns(kind: Kind) -> list[Column[Any]]:
    return [TABLES[kind].c[name] for name in ROW_FIELDS[kind][: KEY_WIDTHS[kind]]]


def _pages(kind: Kind) -> tuple[Select[Any], Select[Any]]:
    """The first rows of a kind, and those behind a key."""
    table, key = TABLES[kind], _key_columns(kind)
    first = select(*(table.c[name] for name in ROW_FIELDS[kind])).order_by(*key).limit(_LIMIT)
    after = [bindparam(f"after_{place}", type_=each.type) for place, each in enumerate(key)]
    return first, first.where(tuple_(*key) > tuple_(*after) if len(key) > 1 else key[0] > after[0])


def _freeing(dialect: Dialect, kind: Kind, names: Sequence[str], condition: str) -> Executable:
    """DELETE what has a unique value of a row bound to ROWS under another key."""
    table, key = TABLES[kind], _key_columns(kind)
    other = table.alias("other")
    given = dialect.given([table.c[name] for name in ROW_FIELDS[kind]], ROWS)
    same = and_(*(other.c[name] == given.c[name] for name in names))
    is_another = other.c[key[0].name] != given.c[key[0].name]
    counts: list[ColumnElement[bool]] = [literal_column(condition.format(name)) for name in ("other", "given")]
    found = select(other.c[key[0].name]).select_from(given.join(other, same)).where(is_another, *counts)
    return delete(table).where(key[0].in_(found))


def _searched(row: Row) -> str:
    """The text that is searched of a version, which is no part of its row."""
    name, description, handler = (row[ROW_FIELDS[Kind.VERSIONS].index(each)] for each in _SEARCHED)
    return search_text(str(name), str(description), None if handler is None else str(handler))
