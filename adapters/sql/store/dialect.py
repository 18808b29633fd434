"""What SQL databases say in different words, so that every statement of the store is written once."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from sqlalchemy import Column, ColumnElement, Executable, FromClause, Select, Table
from sqlalchemy.ext.asyncio import AsyncConnection

Row = Sequence[Any]


class InsertStatement(Protocol):
    """An INSERT that knows what to do about rows that are there already."""

    def from_select(self, names: Sequence[str], select: Select[Any]) -> "InsertStatement":
        """Insert what a query yields."""

    def on_conflict_do_nothing(self, index_elements: Sequence[str]) -> Executable:
        """Leave a row that is there as it is."""

    def on_conflict_do_update(self, index_elements: Sequence[str], set_: Mapping[str, Any]) -> Executable:
        """Give a row that is there these values; `excluded` names the new ones."""

    @property
    def excluded(self) -> Any:
        """The row that was to be inserted."""


class Query(Protocol):
    """A prepared SELECT."""

    async def rows(self, connection: AsyncConnection, **parameters: Any) -> list[Row]:
        """Run it and return its rows, in its order."""


class Dialect(Protocol):
    """The words of one database."""

    def query(self, select: Select[Any]) -> Query:
        """Prepare a SELECT that yields many rows."""

    def given(self, columns: Sequence[Column[Any]], parameter: str) -> FromClause:
        """Rows handed over in one bound parameter, which `pack` makes, as a table with these columns."""

    def pack(self, rows: Sequence[Row]) -> Any:
        """The value of a parameter that `given` reads."""

    def is_among(self, column: ColumnElement[str], parameter: str) -> ColumnElement[bool]:
        """True for a text that is in the sequence of texts bound to the parameter, which `pack_values` makes."""

    def pack_values(self, values: Sequence[str]) -> Any:
        """The value of a parameter that `is_among` reads."""

    def insert(self, table: Table) -> InsertStatement:
        """Begin an INSERT."""

    def contains(self, column: ColumnElement[str], text: ColumnElement[str]) -> ColumnElement[bool]:
        """True if the one contains the other, to the letter: no wildcards, no folding of case."""
