"""When we first saw that something was deleted, for rows that do not say it themselves."""

from typing import Literal, Protocol

from application.fediverse.ports.checkpoints import Batch, Checkpoint

Entity = Literal["user", "post", "post_reply"]


class Tombstones(Protocol):
    """One tombstone at most per entity and id. Raises StoreUnavailableError; each step may be repeated."""

    async def observe(self, entity: Entity, at: Checkpoint, limit: int, *, dated_too: bool = False) -> Batch:
        """Look at the next `limit` deleted rows; record `at.saved_at` for those without a date or a tombstone.

        With `dated_too` also for those that carry a date of their own. Rows: `<entity>.observed`. The checkpoint is
        saved in the same transaction. Raises FenceLostError.
        """

    async def forget(self, entity: Entity, at: Checkpoint, limit: int) -> Batch:
        """Look at the next `limit` tombstones; remove those whose row was restored or is gone.

        Rows: `<entity>.restored`. The checkpoint is saved in the same transaction. Raises FenceLostError.
        """
