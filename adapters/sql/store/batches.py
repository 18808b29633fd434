"""Statements over a whole batch of rows at once, handed over in one parameter."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Column, Executable, Table, Update, select, text, update

from adapters.sql.store.dialect import Dialect, InsertStatement

ROWS = "rows"
ROWS_MAX = 1_000
"""How many rows one statement, and one transaction, takes: about 20 ms of the write lock."""


def inserting(dialect: Dialect, table: Table, columns: Sequence[Column[Any]]) -> InsertStatement:
    """INSERT the rows bound to ROWS; the caller says what to do about those that are there, if there may be any."""
    given = dialect.given(columns, ROWS)
    # SQLite would take ON CONFLICT for the condition of a join if the query had no WHERE.
    rows = select(*given.c).where(text("1 = 1"))
    return dialect.insert(table).from_select([each.name for each in columns], rows)


def replacing(dialect: Dialect, table: Table, columns: Sequence[Column[Any]], key: Collection[str]) -> Executable:
    """INSERT the rows bound to ROWS, or give the rows with their keys these values."""
    statement = inserting(dialect, table, columns)
    values = {each.name: statement.excluded[each.name] for each in columns if each.name not in key}
    return statement.on_conflict_do_update(index_elements=tuple(key), set_=values)


def updating(dialect: Dialect, table: Table, columns: Sequence[Column[Any]], key: Collection[str]) -> Update:
    """UPDATE the rows whose key columns equal those of a row bound to ROWS, with the rest of that row."""
    given = dialect.given(columns, ROWS)
    same = (table.c[name] == given.c[name] for name in key)
    return update(table).where(*same).values({each: given.c[each.name] for each in columns if each.name not in key})
