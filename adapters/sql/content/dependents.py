"""Which tables lead to content by foreign key, and what becomes of their rows when the content goes.

The plan is made from the database's own catalog, so a table somebody has added is noticed before anything is removed.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.sql.content.catalog import Reference, foreign_keys
from application.fediverse.ports.errors import ContentRefusedError

CONTENT = frozenset({"post", "post_reply"})
MEDIA = "file"
# Rows that outlive the content and forget it.
NULLIFIED = frozenset({"mod_log"})
# Rows that go with the content; one that refers to another of them stands before it.
REMOVED = (
    "poll_choice_vote",
    "poll_choice",
    "poll",
    "event_user",
    "event",
    "post_vote",
    "post_reply_vote",
    "post_bookmark",
    "post_reply_bookmark",
    "report",
    "post_tag",
    "post_flair",
    "post_file",
    "read_posts",
    "hidden_posts",
)
# A post goes only after its replies.
HEEDED = frozenset({("post_reply", "post")})
LARGE_ROWS = 100_000


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do before rows of posts, replies or files may go."""

    nullified: Sequence[Reference]
    removed: Sequence[Reference]
    media: Sequence[Reference]

    async def clear(self, connection: AsyncConnection, target: str, ids: Sequence[int]) -> Mapping[str, int]:
        """Detach or remove what refers to these rows; the removed ones by table."""
        for reference in self.nullified:
            if reference.target == target:
                relation = reference.relation
                which = relation.c[reference.column].in_(ids)
                await connection.execute(sa.update(relation).where(which).values({reference.column: None}))
        counts: Counter[str] = Counter()
        for reference in self.removed:
            if reference.target == target:
                relation = reference.relation
                gone = await connection.execute(sa.delete(relation).where(relation.c[reference.column].in_(ids)))
                counts[reference.table] += gone.rowcount
        return {table: count for table, count in counts.items() if count}


async def plan_of(connection: AsyncConnection, *, allow_unindexed: bool) -> Plan:
    """Read the catalog. Raises ContentRefusedError (`unknown_dependents`, `unindexed_fk`), naming the columns."""
    references = await foreign_keys(connection)
    content = [reference for reference in references if reference.target in CONTENT]
    unknown = [reference for reference in content if not _is_known(reference)]
    if unknown:
        raise ContentRefusedError("unknown_dependents", f"no rule for {_named(unknown)}")
    slow = [reference for reference in content if not reference.is_indexed and await _is_large(connection, reference)]
    if slow and not allow_unindexed:
        raise ContentRefusedError("unindexed_fk", f"no index leads with {_named(slow)}")
    return Plan(
        nullified=[reference for reference in content if reference.table in NULLIFIED],
        removed=[reference for table in REMOVED for reference in content if reference.table == table],
        media=[reference for reference in references if reference.target == MEDIA],
    )


def _is_known(reference: Reference) -> bool:
    heeded = (reference.table, reference.target) in HEEDED
    return heeded or reference.cascades or reference.table in NULLIFIED or reference.table in REMOVED


def _named(references: Sequence[Reference]) -> str:
    return ", ".join(sorted(f"{reference.table}.{reference.column}" for reference in references))


async def _is_large(connection: AsyncConnection, reference: Reference) -> bool:
    query = sa.select(sa.literal(1)).select_from(reference.relation).limit(1).offset(LARGE_ROWS)
    return await connection.scalar(query) is not None
