"""Statements over a whole batch of rows at once, handed over in one parameter."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Column, Executable, Select, Table, Update, insert, select, update

from adapters.sql.store.dialect import Dialect

ROWS = "rows"
ROWS_MAX = 1_000
"""How many rows one statement, and one transaction, takes: about 20 ms of the write lock."""


def inserting(dialect: Dialect, table: Table, columns: Sequence[Column[Any]]) -> Executable:
    """INSERT the rows bound to ROWS, none of which is there."""
    return insert(table).from_select(_names(columns), _given(dialect, columns))


def replacing(dialect: Dialect, table: Table, columns: Sequence[Column[Any]], key: Sequence[str]) -> Executable:
    """INSERT the rows bound to ROWS, or give the rows with their keys these values."""
    return dialect.insert_or_replace(table, _names(columns), _given(dialect, columns), key)


def updating(dialect: Dialect, table: Table, columns: Sequence[Column[Any]], key: Sequence[str]) -> Update:
    """UPDATE the rows whose key columns equal those of a row bound to ROWS, with the rest of that row."""
    given = dialect.given(columns, ROWS)
    same = (table.c[name] == given.c[name] for name in key)
    return update(table).where(*same).values({each: given.c[each.name] for each in columns if each.name not in key})


def _names(columns: Sequence[Column[Any]]) -> list[str]:
    return [each.name for each in columns]


def _given(dialect: Dialect, columns: Sequence[Column[Any]]) -> Select[Any]:
    return select(*dialect.given(columns, ROWS).c)
