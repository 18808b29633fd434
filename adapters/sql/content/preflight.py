"""Whose tables a PostgreSQL database holds, and whether they are as the tasks need them.

Beside an application (PieFed and its forks) its tables are used as they are. A database without any gets the reference
schema, in a schema of ours, so that an application that is installed later finds its names free.
"""

from collections.abc import Mapping, Set

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.sql.content.host import OWN_DATE, RENDERED, SHOWN, Host
from application.fediverse.ports.orphaned_content import Content
from application.scheduling.ports.errors import StoreRefusedError

# Who has one of these is meant to have all of the others.
_MARKS = frozenset({"post", "post_reply", "activity_pub_log"})
# The columns that the tasks name; instants may be with or without a time zone, if they are UTC.
NEEDED: Mapping[str, str] = {
    "activity_pub_log": "id direction result created_at",
    "instance": "id",
    "user": "id instance_id deleted banned bot ap_id last_seen",
    "community": "id instance_id post_count post_reply_count",
    "post": "id user_id community_id instance_id image_id title body url status deleted deleted_by reply_count"
    " posted_at",
    "post_reply": "id user_id post_id community_id instance_id image_id parent_id child_count body deleted deleted_by"
    " posted_at",
    "post_bookmark": "post_id",
    "post_reply_bookmark": "post_reply_id",
    "report": "suspect_post_id suspect_post_reply_id status",
    "file": "id file_path thumbnail_path",
}
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

Columns = Set[tuple[str, str]]  # table, column


async def application_schema(connection: AsyncConnection, owned: str) -> tuple[str, Columns] | None:
    """The first schema of the connection's search path that holds an application's content; None: there is none."""
    rows = (await connection.execute(_COLUMNS, {"tables": sorted(NEEDED), "owned": owned})).all()
    schema = next((schema for schema, table, _ in rows if table in _MARKS), None)
    if schema is None:
        return None
    return schema, {(table, column) for where, table, column in rows if where == schema}


def application_host(schema: str, columns: Columns) -> Host:
    """What there is to know of an application's tables. Raises StoreRefusedError, naming what lacks."""
    needed = {(table, column) for table, names in NEEDED.items() for column in names.split()}
    if missing := needed - columns:
        absent = NEEDED.keys() - {table for table, _ in columns}
        names = [f"table {table}" for table in absent]
        names += [f"{table}.{column}" for table, column in missing if table not in absent]
        raise StoreRefusedError(
            f"schema_mismatch: the tables in schema {schema} are not as PieFed's are: no {', '.join(sorted(names))}"
        )
    return Host(
        dated=frozenset(entity for entity, column in OWN_DATE.items() if (entity, column) in columns),
        shown=frozenset(name for name in SHOWN if ("instance", name) in columns),
        rendered=frozenset(entity for entity in _CONTENT if (entity, RENDERED) in columns),
        has_application=True,
    )
