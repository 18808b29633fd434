"""`ContentCheckup` in the content database: its catalog beside what the tasks want of it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.sql.content.catalog import Reference, is_larger, references
from adapters.sql.content.dependents import CONTENT, LARGE_ROWS, is_known
from adapters.sql.content.host import Host
from adapters.sql.engine import Database
from application.fediverse.ports.checkup import Finding

# What walks and counts go by where tables are large: table, column, and the rows that need be in it. None of these
# indexes is needed for a task to be right.
WANTED = (
    ("post", "instance_id", "deleted = false"),
    ("post_reply", "instance_id", "deleted = false"),
    ("post", "id", "deleted"),
    ("post_reply", "id", "deleted"),
    ("user", "id", "deleted"),
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
_IN_ITS_WORDS = {"deleted": ["deleted", "(deleted = true)"], "deleted = false": ["(NOT deleted)", "(deleted = false)"]}


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
            wanted = [self._named(*each) for each in WANTED]
            wanting = [_wanting(*each) for each in wanted if not await _is_served(connection, *each)]
        findings = [*_unknown(found, self.host), *(_unindexed(each, is_large=each in large) for each in slow), *wanting]
        return sorted(findings, key=lambda finding: not finding.stops_tasks)


def _unknown(found: Iterable[Reference], host: Host) -> Iterator[Finding]:
    for reference in found:
        if not is_known(reference, host):
            yield Finding(
                f"The column {_named(reference)} refers to {reference.target}, and no rule is known for its rows:"
                " purge_deleted_content refuses to run. Let the database remove them if that is right, or SET NULL.",
                _heal(reference),
                stops_tasks=True,
            )


def _heal(reference: Reference) -> str:
    relation, name = _relation(reference), _quoted(reference.name)
    return (
        f"ALTER TABLE {relation} DROP CONSTRAINT {name}, ADD CONSTRAINT {name}"
        f" FOREIGN KEY ({_quoted(reference.column)}) REFERENCES {_quoted(reference.target)} (id) ON DELETE CASCADE;"
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


def _wanting(table: str, column: str, condition: str) -> Finding:
    return Finding(
        f"No index over {table}.{column} where {condition}: the tasks are slower than they need be.",
        f"CREATE INDEX CONCURRENTLY ON {_quoted(table)} ({_quoted(column)}) WHERE {condition};",
        stops_tasks=False,
    )


async def _is_served(connection: AsyncConnection, table: str, column: str, condition: str) -> bool:
    wanted = {"table": table, "column": column, "conditions": _IN_ITS_WORDS[condition]}
    return bool(await connection.scalar(_SERVED, wanted))


def _named(reference: Reference) -> str:
    return f"{reference.table}.{reference.column}"


def _relation(reference: Reference) -> str:
    names = [reference.table] if reference.schema is None else [reference.schema, reference.table]
    return ".".join(_quoted(name) for name in names)


def _quoted(name: str) -> str:
    """As an identifier that needs quotes has them, so that the SQL can be pasted."""
    plain = name.isidentifier() and name.isascii() and name == name.lower() and name not in {"user", "order", "group"}
    return name if plain else '"' + name.replace('"', '""') + '"'
