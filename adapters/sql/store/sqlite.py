"""SQLite's words: rows travel as JSON, in both directions, a whole batch in one parameter or one value.

Python's driver lets go of the interpreter lock at each row it binds or fetches. While another thread computes, taking
it back lasts up to five milliseconds a row, with the write lock held: an `executemany` of 2,000 rows was measured at
11 ms alone and 1,550 ms beside one busy thread. As a single parameter the same rows take 13 ms and 40 ms.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Executable,
    FromClause,
    Select,
    SelectBase,
    Table,
    Text,
    bindparam,
    column,
    func,
    literal_column,
    select,
    text,
    update,
)
from sqlalchemy.dialects.sqlite import Insert, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.records.packing import Row
from adapters.sql.store.dialect import GivenRows
from adapters.sql.store.tables import Whole, store
from adapters.sql.texts import pack_rows, storable

_RAISE_FENCE = (
    update(store)
    .values(fence=store.c.fence + bindparam("claims", type_=Whole))
    .returning(store.c.generation, store.c.fence)
)


@dataclass(frozen=True, slots=True)
class SqliteQuery:
    """A SELECT whose rows come back as one JSON array."""

    statement: Select[str]

    async def rows(self, connection: AsyncConnection, **parameters: Any) -> list[Row]:
        """See the protocol."""
        packed: str = (await connection.execute(self.statement, parameters)).scalar_one()
        rows: list[Row] = json.loads(packed)
        return rows


@dataclass(frozen=True, slots=True)
class SqliteDialect:
    """`Dialect` of SQLite 3.37 and later (STRICT tables, UPDATE FROM, JSON functions)."""

    def query(self, select_: SelectBase) -> SqliteQuery:
        """See the protocol. A sorted subquery hands its rows to the aggregate in its order."""
        rows = select_.subquery()
        return SqliteQuery(select(func.json_group_array(func.json_array(*rows.c), type_=Text)))

    def given(self, columns: Sequence[Column[Any]], parameter: str) -> FromClause:
        """See the protocol."""
        value: ColumnElement[str] = column("value", Text)
        fields = (
            func.json_extract(value, literal_column(f"'$[{index}]'"), type_=each.type).label(each.name)
            for index, each in enumerate(columns)
        )
        source = func.json_each(bindparam(parameter, type_=Text)).table_valued("value")
        return select(*fields).select_from(source).subquery("given")

    def pack(self, rows: Sequence[Row]) -> str:
        """See the protocol. SQLite's JSON functions would cut a text at a NUL."""
        return pack_rows(rows)

    def is_among(self, column_: ColumnElement[str], parameter: str) -> ColumnElement[bool]:
        """See the protocol."""
        return column_.in_(select(func.json_each(bindparam(parameter, type_=Text)).table_valued("value").c.value))

    def pack_values(self, values: Sequence[str]) -> str:
        """See the protocol."""
        return json.dumps([storable(each) for each in values], ensure_ascii=False)

    def insert_or_keep(self, table: Table, names: Sequence[str], rows: Select[Any], key: Sequence[str]) -> Executable:
        """See the protocol."""
        return _insert(table, names, rows).on_conflict_do_nothing(index_elements=key)

    def insert_or_replace(
        self, table: Table, names: Sequence[str], rows: Select[Any], key: Sequence[str]
    ) -> Executable:
        """See the protocol."""
        statement = _insert(table, names, rows)
        values = {name: statement.excluded[name] for name in names if name not in key}
        return statement.on_conflict_do_update(index_elements=key, set_=values)

    def insert_or_add(self, table: Table, names: Sequence[str], rows: Select[Any], key: Sequence[str]) -> Executable:
        """See the protocol."""
        statement = _insert(table, names, rows)
        sums = {name: table.c[name] + statement.excluded[name] for name in names if name not in key}
        return statement.on_conflict_do_update(index_elements=key, set_=sums)

    async def fences(self, connection: AsyncConnection, count: int) -> tuple[int, list[int]]:
        """See the protocol."""
        generation, last = (await connection.execute(_RAISE_FENCE, {"claims": count})).one()
        return generation, list(range(last - count + 1, last + 1))

    def at_once(self, statements: Sequence[Executable]) -> Sequence[Executable]:
        """See the protocol."""
        return statements

    def inserting_in_time(self, rows: Sequence[GivenRows]) -> Sequence[Executable]:
        """See the protocol. The clock is not the database's."""
        return [_insert(each.table, each.names, select(*self.given(each.columns, each.parameter).c)) for each in rows]

    def delivering(self) -> None:
        """See the protocol."""

    def contains(self, column_: ColumnElement[str], text_: ColumnElement[str]) -> ColumnElement[bool]:
        """See the protocol."""
        return func.instr(column_, text_) > 0


def _insert(table: Table, names: Sequence[str], rows: Select[Any]) -> Insert:
    # Without a condition of the query, SQLite would take ON CONFLICT for that of a join.
    return insert(table).from_select(names, rows.where(text("1 = 1")))
