"""Whose tables a PostgreSQL database holds, and whether they are as the tasks need them.

Beside an application (PieFed and its forks) its tables are used as they are. A database without any gets the reference
schema, in a schema of ours, so that an application that is installed later finds its names free.
"""

from collections.abc import Set

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.sql.content.host import CROSS_POSTS, OWN_DATE, RENDERED, SHOWN, Host
from adapters.sql.content.layout import COLUMNS, NEEDED, Layout
from application.fediverse.ports.orphaned_content import Content
from application.scheduling.ports.errors import StoreRefusedError

# Who has one of these is meant to have all of the others.
_MARKS = frozenset({"post", "post_reply", "activity_pub_log"})
_CONTENT: tuple[Content, ...] = ("post", "post_reply")
_COLUMNS = sa.text(
    """
    SELECT n.nspname AS "schema", t.relname AS "table", a.attname AS "column"
    FROM pg_class AS t
    JOIN pg_namespace AS n ON n.oid = t.relnamespace
    JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE t.relname = ANY (CAST(:tables AS text[])) AND t.relkind IN ('r', 'p') AND n.nspname <> :owned
      AND n.nspname = ANY (current_schemas(false))
    ORDER BY array_position(current_schemas(false), n.nspname)
    """
)

Columns = Set[tuple[str, str]]  # table, column, by PieFed's names


async def application_schema(connection: AsyncConnection, layout: Layout) -> tuple[str, Columns] | None:
    """The first schema of the connection's search path that holds an application's content; None: there is none.

    Raises StoreRefusedError if there is none although the layout has names for it.
    """
    names = layout.names
    tables = {names.table(table): table for table, _ in COLUMNS}
    rows = (await connection.execute(_COLUMNS, {"tables": sorted(tables), "owned": layout.owned})).all()
    schema = next((schema for schema, table, _ in rows if tables[table] in _MARKS), None)
    if schema is not None:
        return schema, {
            (tables[table], names.column_known_as(tables[table], column))
            for where, table, column in rows
            if where == schema
        }
    if names:
        wanted = " or ".join(sorted(names.table(mark) for mark in _MARKS))
        raise StoreRefusedError(f"schema_mismatch: there is no table {wanted} in any schema of the search path")
    return None


def application_host(schema: str, columns: Columns, layout: Layout) -> Host:
    """What there is to know of an application's tables. Raises StoreRefusedError, naming what lacks."""
    needed = {(table, column) for table, names in NEEDED.items() for column in names.split()}
    if missing := needed - columns:
        theirs, absent = layout.names, NEEDED.keys() - {table for table, _ in columns}
        named = [f"table {theirs.table(table)}" for table in absent]
        named += [
            f"{theirs.table(table)}.{theirs.column(table, name)}" for table, name in missing if table not in absent
        ]
        raise StoreRefusedError(
            f"schema_mismatch: the tables in schema {schema} are not as PieFed's are: no {', '.join(sorted(named))}"
        )
    return layout.host(
        dated=frozenset(entity for entity, column in OWN_DATE.items() if (entity, column) in columns),
        shown=frozenset(name for name in SHOWN if ("instance", name) in columns),
        rendered=frozenset(entity for entity in _CONTENT if (entity, RENDERED) in columns),
        has_cross_posts=("post", CROSS_POSTS) in columns,
        has_application=True,
    )
