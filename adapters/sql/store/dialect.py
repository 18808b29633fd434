"""What SQL databases say in different words, so that every statement of the store is written once."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol, TypeVar

from sqlalchemy import Column, ColumnElement, Executable, FromClause, Select, SelectBase, Table
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.records.packing import Row

Statements = TypeVar("Statements")


@dataclass(frozen=True, slots=True)
class GivenRows:
    """What is to be put into a table: rows of these columns, bound to a parameter that `Dialect.pack` makes."""

    table: Table
    columns: Sequence[Column[Any]]
    parameter: str

    @property
    def names(self) -> list[str]:
        """The names of the columns."""
        return [each.name for each in self.columns]


class Query(Protocol):
    """A prepared SELECT."""

    async def rows(self, connection: AsyncConnection, **parameters: Any) -> list[Row]:
        """Run it and return its rows, in its order."""


class Dialect(Protocol):
    """The words of one database; equal ones share what is prepared for them."""

    def __hash__(self) -> int:
        """See object."""

    def query(self, select: SelectBase) -> Query:
        """Prepare a SELECT that yields many rows."""

    def given(self, columns: Sequence[Column[Any]], parameter: str) -> FromClause:
        """Rows handed over in one bound parameter, which `pack` makes, as a table with these columns."""

    def pack(self, rows: Sequence[Row]) -> Any:
        """The value of a parameter that `given` reads."""

    def is_among(self, column: ColumnElement[str], parameter: str) -> ColumnElement[bool]:
        """True for a text that is in the sequence of texts bound to the parameter, which `pack_values` makes."""

    def pack_values(self, values: Sequence[str]) -> Any:
        """The value of a parameter that `is_among` reads."""

    def insert_or_keep(self, table: Table, names: Sequence[str], rows: Select[Any], key: Sequence[str]) -> Executable:
        """INSERT what a query yields; a row that is there already, by the columns of a unique key, stays as it is."""

    def insert_or_replace(
        self, table: Table, names: Sequence[str], rows: Select[Any], key: Sequence[str]
    ) -> Executable:
        """INSERT what a query yields; a row that is there already takes the new values."""

    def insert_or_add(self, table: Table, names: Sequence[str], rows: Select[Any], key: Sequence[str]) -> Executable:
        """INSERT what a query yields; the numbers of a row that is there already grow by the new ones."""

    async def fences(self, connection: AsyncConnection, count: int) -> tuple[int, list[int]]:
        """The store's generation, and so many numbers, ascending, above all that it has given in that generation."""

    def at_once(self, statements: Sequence[Executable]) -> Sequence[Executable]:
        """Statements that change rows of different tables, as few as say the same; none sees what another does."""

    def inserting_in_time(self, rows: Sequence[GivenRows]) -> Sequence[Executable]:
        """INSERT rows into several tables, as `Guard.in_time` carries it out; none of them is there."""

    def delivering(self) -> Executable | None:
        """INSERT into the outbox of the store the executions bound to ROWS; None: it feeds no streams."""

    def contains(self, column: ColumnElement[str], text: ColumnElement[str]) -> ColumnElement[bool]:
        """True if the one contains the other, to the letter: no wildcards, no folding of case."""


def prepared(make: Callable[..., Statements], *of: Hashable) -> Statements:
    """What `make(*of)` answers: statements and no state, made once for all stores of a process.

    Putting all statements of a store together takes some 70 ms.
    """
    made: Statements = _made(make, *of)
    return made


@cache
def _made(make: Callable[..., Any], *of: Hashable) -> Any:
    return make(*of)
