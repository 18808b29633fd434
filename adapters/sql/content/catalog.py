"""What leads to content as the database's own catalog tells it, in SQLite's words and in PostgreSQL's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.sql.content.host import Host, SoftReference
from adapters.sql.content.names import Names

# https://sqlite.org/pragma.html#pragfunc. SQLAlchemy's inspector is not asked, because it overlooks what a key that
# is declared beside its column does on deletion. A partial index (i.partial) is of no help for a look-up.
_SQLITE_KEYS = sa.text(
    """
    SELECT NULL AS "schema", t.name AS "table", f."from" AS "column", lower(f."table") AS target, '' AS name,
           f.on_delete IN ('CASCADE', 'SET NULL', 'SET DEFAULT') AS settles_itself,
           EXISTS (SELECT 1 FROM pragma_table_info(t.name) AS c WHERE c.pk = 1 AND c.name = f."from")
           OR EXISTS (SELECT 1 FROM pragma_index_list(t.name) AS i JOIN pragma_index_info(i.name) AS c
                      WHERE i.partial = 0 AND c.seqno = 0 AND c.name = f."from") AS is_indexed
    FROM sqlite_master AS t JOIN pragma_foreign_key_list(t.name) AS f
    WHERE t.type = 'table'
    ORDER BY t.name, f.id, f.seq
    """
)

# https://www.postgresql.org/docs/current/catalog-pg-index.html. An index over the rows where the column is not null is
# as good as one over all: what is looked up is never null.
_LEADING_INDEX = """
    EXISTS (SELECT 1 FROM pg_index AS i WHERE i.indrelid = t.oid AND i.indisvalid AND i.indkey[0] = a.attnum
            AND (i.indpred IS NULL OR pg_get_expr(i.indpred, t.oid) = format('(%I IS NOT NULL)', a.attname)))"""
# confdeltype: c cascades, n and d set the column to null or to its default. A key of a partition is its parent's.
_POSTGRES_KEYS = sa.text(
    f"""
    SELECT n.nspname AS "schema", t.relname AS "table", a.attname AS "column", p.relname AS target, f.conname AS name,
           f.confdeltype IN ('c', 'n', 'd') AS settles_itself, {_LEADING_INDEX} AS is_indexed
    FROM pg_constraint AS f
    JOIN pg_class AS p ON p.oid = f.confrelid AND pg_table_is_visible(p.oid)
    JOIN pg_class AS t ON t.oid = f.conrelid
    JOIN pg_namespace AS n ON n.oid = t.relnamespace
    JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attnum = ANY (f.conkey)
    WHERE f.contype = 'f' AND f.conparentid = 0
    ORDER BY t.relname, f.conname, a.attnum
    """  # noqa: S608 - the fragment is ours
)
_POSTGRES_COLUMNS = sa.text(
    f"""
    SELECT n.nspname AS "schema", t.relname AS "table", a.attname AS "column", {_LEADING_INDEX} AS is_indexed
    FROM pg_class AS t
    JOIN pg_namespace AS n ON n.oid = t.relnamespace
    JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE t.relname = ANY (CAST(:tables AS text[])) AND pg_table_is_visible(t.oid)
    """  # noqa: S608 - the fragment is ours
)


@dataclass(frozen=True, slots=True)
class Reference:
    """A column that refers to a row of another table, named as the database names it."""

    table: str
    column: str
    kind: str  # of the table, as the rules name it
    target: str  # likewise
    settles_itself: bool  # the database removes or detaches the referring row when the other goes
    is_indexed: bool
    schema: str | None = None
    name: str = ""  # of the foreign key; none if only numbers lead there
    only: tuple[str, int] | None = None  # see SoftReference

    @property
    def relation(self) -> sa.TableClause:
        """The referring table, with the columns that matter."""
        columns = {self.column, *(() if self.only is None else self.only[:1])}
        return sa.table(self.table, *(sa.column(name, sa.Integer) for name in columns), schema=self.schema)

    def leads_to(self, relation: sa.TableClause, ids: Sequence[int]) -> sa.ColumnElement[bool]:
        """The rows of `relation`, which is ours, that refer to one of these."""
        there = relation.c[self.column].in_(ids)
        return there if self.only is None else sa.and_(there, relation.c[self.only[0]] == self.only[1])


async def references(connection: AsyncConnection, host: Host) -> Sequence[Reference]:
    """Every foreign key to a table of the content database, by table, and what leads to content without one."""
    if connection.dialect.name == "sqlite":
        # Only the reference schema is kept in SQLite, and there every reference is a key.
        return [_reference(row, host.names) for row in (await connection.execute(_SQLITE_KEYS)).mappings()]
    keys = [_reference(row, host.names) for row in (await connection.execute(_POSTGRES_KEYS)).mappings()]
    softly = [soft.named(host.names) for soft in host.soft]
    wanted = {"tables": sorted({soft.table for soft in softly})}
    columns = (await connection.execute(_POSTGRES_COLUMNS, wanted)).mappings()
    there = {(row["table"], row["column"]): row for row in columns}
    return keys + [
        _soft(soft, kind.table, there[soft.table, soft.column])
        for kind, soft in zip(host.soft, softly, strict=True)
        if all((soft.table, column) in there for column in soft.columns)
    ]


async def is_larger(connection: AsyncConnection, reference: Reference, rows: int) -> bool:
    """Whether the referring table has more rows; asked without counting them all."""
    query = sa.select(sa.literal(1)).select_from(reference.relation).limit(1).offset(rows)
    return await connection.scalar(query) is not None


def _reference(row: Mapping[Any, Any], names: Names) -> Reference:
    return Reference(
        table=row["table"],
        column=row["column"],
        kind=names.known_as(row["table"]),
        target=names.known_as(row["target"]),
        settles_itself=bool(row["settles_itself"]),
        is_indexed=bool(row["is_indexed"]),
        schema=row["schema"],
        name=row["name"],
    )


def _soft(soft: SoftReference, kind: str, column: Mapping[Any, Any]) -> Reference:
    return Reference(
        table=soft.table,
        column=soft.column,
        kind=kind,
        target=soft.target,
        settles_itself=False,
        is_indexed=column["is_indexed"],
        schema=column["schema"],
        only=soft.only,
    )
