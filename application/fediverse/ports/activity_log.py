"""The log of ActivityPub activities received and sent."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from application.fediverse.ports.checkpoints import Batch, Checkpoint


@dataclass(frozen=True, slots=True)
class OldActivities:
    """Which entries may go: those created strictly before `before`, failures strictly before `failures_before`."""

    before: datetime
    failures_before: datetime
    direction: Literal["in", "out"] | None = None  # None: both
    undated_too: bool = False  # entries without a creation time go as well; otherwise they are counted and kept


class ActivityLog(Protocol):
    """Entries ascend by id, and nearly so by time. Raises StoreUnavailableError; the step may be repeated."""

    async def delete_old(self, old: OldActivities, at: Checkpoint, limit: int) -> Batch:
        """Look at the next `limit` entries, delete those that may go and save the checkpoint, in one transaction.

        The walk ends at the first entry that is an hour younger than the cut-off; older strays above it are met by a
        later run. Rows: `activity_pub_log.deleted`, `null_timestamps`, `kept_failures`. Raises FenceLostError.
        """
