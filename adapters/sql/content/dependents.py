"""Which tables lead to content, and what becomes of their rows when the content goes.

The plan is made from the database's own catalog, so a table somebody has added is noticed before anything is removed.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.sql.content.catalog import Reference, is_larger, references
from adapters.sql.content.host import Host
from application.fediverse.ports.errors import ContentRefusedError

CONTENT = frozenset({"post", "post_reply"})
MEDIA = "file"
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
                detached = sa.update(relation).where(reference.leads_to(relation, ids))
                await connection.execute(detached.values({reference.column: None}))
        counts: Counter[str] = Counter()
        for reference in self.removed:
            if reference.target == target:
                relation = reference.relation
                gone = await connection.execute(sa.delete(relation).where(reference.leads_to(relation, ids)))
                counts[reference.table] += gone.rowcount
        return {table: count for table, count in counts.items() if count}

    def links(self, target: str) -> Sequence[tuple[Reference, Reference]]:
        """Columns of one table, whose rows go with `target`: the one that leads to it, and one that leads to a file."""
        return [
            (one, other)
            for one in self.removed
            for other in self.media
            if one.target == target and (one.schema, one.table) == (other.schema, other.table)
        ]


async def plan_of(connection: AsyncConnection, host: Host, *, allow_unindexed: bool) -> Plan:
    """Read the catalog. Raises ContentRefusedError (`unknown_dependents`, `unindexed_fk`), naming the columns."""
    found = await references(connection, host)
    if unknown := [reference for reference in found if not is_known(reference, host)]:
        raise ContentRefusedError("unknown_dependents", f"no rule for {_named(unknown)}")
    content = [reference for reference in found if reference.target in CONTENT]
    slow = [each for each in content if not each.is_indexed and await is_larger(connection, each, LARGE_ROWS)]
    if slow and not allow_unindexed:
        raise ContentRefusedError("unindexed_fk", f"no index leads with {_named(slow)}")
    soft = [reference for reference in content if not reference.name and _is_soft(reference, host)]
    return Plan(
        nullified=[reference for reference in content if reference.kind in host.nullified],
        removed=soft + [each for kind in host.removed for each in content if each.kind == kind],
        media=[reference for reference in found if reference.target == MEDIA],
    )


def is_known(reference: Reference, host: Host) -> bool:
    """Whether there is a rule for the rows that refer; what refers to something else than content is no concern."""
    if reference.target not in CONTENT and reference.target not in host.removed:
        return True
    heeded = (reference.kind, reference.target) in HEEDED
    listed = reference.kind in host.nullified or reference.kind in host.removed
    return heeded or reference.settles_itself or listed or _is_soft(reference, host)


def _is_soft(reference: Reference, host: Host) -> bool:
    softly = (soft.named(host.names) for soft in host.soft)
    return any((soft.table, soft.column) == (reference.table, reference.column) for soft in softly)


def _named(found: Sequence[Reference]) -> str:
    return ", ".join(sorted(f"{reference.table}.{reference.column}" for reference in found))
