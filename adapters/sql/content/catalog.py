"""The foreign keys of a database as its own catalog tells them, in SQLite's words."""

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

# https://sqlite.org/pragma.html#pragfunc. SQLAlchemy's inspector is not asked, because it overlooks what a key that
# is declared beside its column does on deletion. A partial index (i.partial) is of no help for a look-up.
_FOREIGN_KEYS = sa.text(
    """
    SELECT t.name AS "table", f."from" AS "column", lower(f."table") AS target, f.on_delete = 'CASCADE' AS cascades,
           EXISTS (SELECT 1 FROM pragma_table_info(t.name) AS c WHERE c.pk = 1 AND c.name = f."from")
           OR EXISTS (SELECT 1 FROM pragma_index_list(t.name) AS i JOIN pragma_index_info(i.name) AS c
                      WHERE i.partial = 0 AND c.seqno = 0 AND c.name = f."from") AS is_indexed
    FROM sqlite_master AS t JOIN pragma_foreign_key_list(t.name) AS f
    WHERE t.type = 'table'
    ORDER BY t.name, f.id, f.seq
    """
)


@dataclass(frozen=True, slots=True)
class Reference:
    """A column that refers to a row of another table."""

    table: str
    column: str
    target: str
    cascades: bool  # the database removes the referring row by itself
    is_indexed: bool

    @property
    def relation(self) -> sa.TableClause:
        """The referring table, with the one column that matters."""
        return sa.table(self.table, sa.column(self.column, sa.Integer))


async def foreign_keys(connection: AsyncConnection) -> Sequence[Reference]:
    """Every foreign key of the database, by table."""
    rows = await connection.execute(_FOREIGN_KEYS)
    return [
        Reference(row["table"], row["column"], row["target"], bool(row["cascades"]), bool(row["is_indexed"]))
        for row in rows.mappings()
    ]
