"""What is known here of each instance: its users, posts, comments and communities."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from application.fediverse.ports.checkpoints import Batch, Checkpoint

Source = Literal["users", "posts", "replies", "communities"]
Facts = Mapping[str, int | datetime | None]
WriteBack = Literal["auto", "never", "require"]

# What each source tells of an instance, and what it tells of one that it does not mention.
SILENCE: Mapping[Source, Facts] = {
    "users": {"user_count": 0, "active_users_month": 0, "active_users_half_year": 0},
    "posts": {"post_count": 0, "last_post_at": None},
    "replies": {"comment_count": 0},
    "communities": {"community_count": 0},
}


@dataclass(frozen=True, slots=True)
class Counting:
    """Whom to count: users not deleted, published posts and comments not deleted."""

    month_since: datetime  # users last seen at or after it were active within the month
    half_year_since: datetime
    exclude_bots: bool = False
    exclude_banned: bool = False


@dataclass(frozen=True, slots=True)
class Recording:
    """Which facts to write, by instance: silence stands for an instance that is not among `facts`."""

    silence: Facts
    facts: Mapping[int, Facts]
    instance_ids: frozenset[int] | None = None  # None: all
    write_back: WriteBack = "auto"  # also into columns of `instance` itself, if it has them


class InstanceStats(Protocol):
    """Counts by instance. Raises StoreUnavailableError; the call may be repeated."""

    async def count(self, source: Source, counting: Counting) -> Mapping[int, Facts]:
        """Count all instances in one grouped query; instances with nothing to count are missing."""

    async def record(self, recording: Recording, at: Checkpoint, limit: int) -> Batch:
        """Write the facts of the next `limit` instances where they differ, unless a higher fence wrote them.

        The checkpoint is saved in the same transaction. Rows: `instances.total`, `instances.changed`,
        `instances.zeroed`. Raises FenceLostError, and ContentRefusedError (`schema_mismatch`) if `write_back` is
        `require` and the columns do not exist.
        """
