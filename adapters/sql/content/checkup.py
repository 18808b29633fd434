"""`ContentCheckup` in the content database: its catalog beside what the tasks want of it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.sql.content.catalog import Reference, is_larger, references
from adapters.sql.content.dependents import CONTENT, LARGE_ROWS, is_known
from adapters.sql.content.host import Host
from adapters.sql.content.names import Names
from adapters.sql.engine import Database
from application.fediverse.ports.checkup import Finding

# What walks and counts go by where tables are large: table, column, and whether over its deleted rows or the others.
# None of these indexes is needed for a task to be right.
WANTED = (
    ("post", "instance_id", False),
    ("post_reply", "instance_id", False),
    ("post", "id", True),
    ("post_reply", "id", True),
    ("user", "id", True),
)
# Every index that leads with this column counts whose rows are those of the wanted one: PostgreSQL writes a condition
# in words of its own, of which these are the two that matter.
_SERVED = sa.text(
    """
    SELECT EXISTS (
        SELECT 1 FROM pg_index AS i JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
        WHERE i.indrelid = to_regclass(quote_ident(:table)) AND i.indisvalid AND a.attname = :column
        AND pg_get_expr(i.indpred, i.indrelid) = ANY (CAST(:conditions AS text[])))
    """
)
_LOG = "activity_pub_log"
# What is deleted every night is a small part of a large log: by the server's own measure (a fifth) it would lie there
# dead for a week. A table in partitions takes no such setting.
_SELDOM_VACUUMED = sa.text(
    """
    SELECT relkind = 'r' AND NOT coalesce(reloptions::text LIKE '%autovacuum_vacuum_scale_factor=%', false)
    FROM pg_class WHERE oid = to_regclass(quote_ident(:table))
    """
)


@dataclass(frozen=True, slots=True)
class SqlContentCheckup:
    """See the port. The reference schema is as we made it, so there is something to find only beside an application."""

    database: Database
    host: Host

    async def findings(self) -> Sequence[Finding]:
        """See the port."""
        if not self.host.has_application:
            return ()
        async with self.database.reading("check up the content database") as connection:
            found = await references(connection, self.host)
            # A column that leads to posts and to replies needs one index.
            slow = {_named(each): each for each in found if each.target in CONTENT and not each.is_indexed}.values()
            large = {each for each in slow if await is_larger(connection, each, LARGE_ROWS)}
            wanting = [Index.wanted(self.host.names, *each) for each in WANTED]
            lacking = [index.finding() for index in wanting if not await index.is_there(connection)]
            lacking += await _vacuum(connection, self.host.names.table(_LOG))
        findings = [*_unknown(found, self.host), *(_unindexed(each, is_large=each in large) for each in slow), *lacking]
        return sorted(findings, key=lambda finding: not finding.stops_tasks)


@dataclass(frozen=True, slots=True)
class Index:
    """An index that a table should have, over some of its rows."""

    table: str
    column: str
    condition: str
    in_its_words: Sequence[str]

    @classmethod
    def wanted(cls, names: Names, table: str, column: str, is_deleted: bool) -> "Index":
        """The one of `WANTED` under the names it has there."""
        flag = _quoted(names.column(table, "deleted"))
        condition = flag if is_deleted else f"{flag} = false"
        words = [flag, f"({flag} = true)"] if is_deleted else [f"(NOT {flag})", f"({flag} = false)"]
        return cls(names.table(table), names.column(table, column), condition, words)

    async def is_there(self, connection: AsyncConnection) -> bool:
        """Whether there is one that serves, whatever its name."""
        wanted = {"table": self.table, "column": self.column, "conditions": list(self.in_its_words)}
        return bool(await connection.scalar(_SERVED, wanted))

    def finding(self) -> Finding:
        """That it is not there."""
        return Finding(
            f"No index over {self.table}.{self.column} where {self.condition}: the tasks are slower than they need be.",
            f"CREATE INDEX CONCURRENTLY ON {_quoted(self.table)} ({_quoted(self.column)}) WHERE {self.condition};",
            stops_tasks=False,
        )


async def _vacuum(connection: AsyncConnection, table: str) -> Sequence[Finding]:
    if not await connection.scalar(_SELDOM_VACUUMED, {"table": table}):
        return []
    told = f"The table {table} is vacuumed when a fifth of it is dead: the space of what is cleared is used again late."
    sql = f"ALTER TABLE {_quoted(table)} SET (autovacuum_vacuum_scale_factor = 0.01);"
    return [Finding(told, sql, stops_tasks=False)]


def _unknown(found: Iterable[Reference], host: Host) -> Iterator[Finding]:
    for reference in found:
        if not is_known(reference, host):
            yield Finding(
                f"The column {_named(reference)} refers to {reference.target}, and no rule is known for its rows:"
                " purge_deleted_content refuses to run. Let the database remove them if that is right, or SET NULL; or"
                " name the table under delete or nullify in the file of SCHEDULER_CONTENT_SCHEMA.",
                _heal(reference, host.names.table(reference.target)),
                stops_tasks=True,
            )


def _heal(reference: Reference, target: str) -> str:
    relation, name = _relation(reference), _quoted(reference.name)
    return (
        f"ALTER TABLE {relation} DROP CONSTRAINT {name}, ADD CONSTRAINT {name}"
        f" FOREIGN KEY ({_quoted(reference.column)}) REFERENCES {_quoted(target)} (id) ON DELETE CASCADE;"
    )


def _unindexed(reference: Reference, *, is_large: bool) -> Finding:
    cost = (
        "with so many rows purge_deleted_content refuses to run (unless allow_unindexed_fk)"
        if is_large
        else "purge_deleted_content searches the whole table for every batch"
    )
    return Finding(
        f"No index leads with {_named(reference)}: {cost}.",
        f"CREATE INDEX CONCURRENTLY ON {_relation(reference)} ({_quoted(reference.column)});",
        stops_tasks=is_large,
    )


def _named(reference: Reference) -> str:
    return f"{reference.table}.{reference.column}"


def _relation(reference: Reference) -> str:
    names = [reference.table] if reference.schema is None else [reference.schema, reference.table]
    return ".".join(_quoted(name) for name in names)


def _quoted(name: str) -> str:
    """As an identifier that needs quotes has them, so that the SQL can be pasted."""
    plain = name.isidentifier() and name.isascii() and name == name.lower() and name not in {"user", "order", "group"}
    return name if plain else '"' + name.replace('"', '""') + '"'
