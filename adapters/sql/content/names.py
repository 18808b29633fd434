"""What an application calls its tables and columns, where it does not call them as PieFed does.

Everything else speaks of them by PieFed's names; the SQL alone has the application's, which are put in where a
statement becomes text. A table is given PieFed's name as an alias there, so that only its columns are left to be
renamed, and what is read comes back under the names it was asked for. Tables that are named with their schema are named
as they are.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql.asyncpg import PGCompiler_asyncpg, PGIdentifierPreparer_asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.sql.selectable import Alias
from sqlalchemy.util import LRUCache

STATEMENTS_MAX = 200


@dataclass(frozen=True, slots=True)
class Names:
    """The application's name for each table, and for each (table, column), that has another than PieFed's."""

    tables: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[tuple[str, str], str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.tables or self.columns)

    def table(self, name: str) -> str:
        """The application's name of PieFed's table `name`."""
        return self.tables.get(name, name)

    def column(self, table: str, name: str) -> str:
        """The application's name of a column of PieFed's table `table`."""
        return self.columns.get((table, name), name)

    def known_as(self, table: str) -> str:
        """PieFed's name of the application's `table`; none (the empty text) if PieFed has that name for another."""
        told = next((name for name, theirs in self.tables.items() if theirs == table), table)
        return told if self.table(told) == table else ""

    def column_known_as(self, table: str, column: str) -> str:
        """PieFed's name of a column of the application's, in PieFed's `table`; none as for tables."""
        told = next((name for (of, name), theirs in self.columns.items() if (of, theirs) == (table, column)), column)
        return told if self.column(table, told) == column else ""

    def adopted_by(self, engine: AsyncEngine) -> AsyncEngine:
        """The engine, from now on speaking to the application; its statements are its own."""
        dialect: Any = engine.sync_engine.dialect
        dialect.names = self
        dialect.statement_compiler = _Compiler
        dialect.identifier_preparer = _Preparer(dialect)
        own: dict[str, Any] = {"compiled_cache": LRUCache(STATEMENTS_MAX)}
        return engine.execution_options(**own)


PIEFED = Names()


def _named(relation: object) -> str | None:
    """The table that a column's relation is or stands for; None if it is none, or is named as it is."""
    while isinstance(relation, Alias):
        relation = relation.element
    return relation.name if isinstance(relation, sa.TableClause) and relation.schema is None else None


class _Preparer(PGIdentifierPreparer_asyncpg):
    """Names where rows are written."""

    dialect: Any

    def format_column(  # type: ignore[override]  # what is handed on need not be named
        self, column: Any, use_table: Any = False, name: Any = None, **options: Any
    ) -> str:
        """See SQLAlchemy."""
        table, names = _named(getattr(column, "table", None)), self.dialect.names
        if name is None and table is not None:
            name = names.column(table, column.name)
        return super().format_column(column, use_table, name, **options)


class _Compiler(PGCompiler_asyncpg):
    """Names where rows are read or sought."""

    dialect: Any

    def visit_column(self, column: Any, *arguments: Any, **options: Any) -> str:
        """See SQLAlchemy, which remembers what comes back under the name that the column has here."""
        text: str = super().visit_column(column, *arguments, **options)
        table, names = _named(column.table), self.dialect.names
        if table is None or column.is_literal or (table, column.name) not in names.columns:
            return text
        quote = self.preparer.quote
        return text.removesuffix(quote(column.name)) + quote(names.column(table, column.name))

    def visit_table(self, table: Any, *arguments: Any, **options: Any) -> str:
        """See SQLAlchemy."""
        text: str = super().visit_table(table, *arguments, **options)  # type: ignore[no-untyped-call]
        names, quote = self.dialect.names, self.preparer.quote
        if not options.get("asfrom") or table.schema is not None or names.table(table.name) == table.name:
            return text
        theirs: str = quote(names.table(table.name))
        enclosing = options.get("enclosing_alias")
        is_aliased = enclosing is not None and enclosing.element is table
        return theirs if is_aliased else f"{theirs} AS {quote(table.name)}"
