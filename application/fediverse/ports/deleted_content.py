"""Posts and replies that were soft-deleted and wait to be removed for good."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from application.fediverse.ports.checkpoints import Batch, Checkpoint

DeletionClock = Literal["auto", "deleted_at", "tombstone", "posted_at"]


@dataclass(frozen=True, slots=True)
class Purge:
    """What may be removed for good: deleted rows whose deletion, by `clock`, lies strictly before `before`.

    `auto` reads the row's `deleted_at`, or else its tombstone; `posted_at` takes the time of writing instead, so that
    an old post deleted a moment ago goes at once.
    """

    before: datetime
    clock: DeletionClock = "auto"
    keep_bookmarked: bool = True
    keep_with_live_replies: bool = True
    skip_reported: bool = True  # rows in a report that is still open
    enqueue_media: bool = True  # files nobody else uses go to the media outbox
    overwrite_kept: bool = True  # posts kept for their live replies lose title, body and link
    allow_unindexed_fk: bool = False
    replies_first: bool = True  # this run purges replies before posts: a rehearsal foresees their absence


class DeletedContent(Protocol):
    """Deleted posts and replies with all that depends on them. Raises StoreUnavailableError; steps may be repeated.

    Both steps raise ContentRefusedError, having changed nothing, when a foreign key leads to content from a table no
    rule is known for (`unknown_dependents`), or from a large table without an index on it (`unindexed_fk`).
    """

    async def purge_replies(self, purge: Purge, at: Checkpoint, limit: int) -> Batch:
        """Look at the next `limit` deleted replies, newest first, and remove those that may go.

        A reply goes only if every answer below it may go as well. In the same transaction go its votes, bookmarks,
        closed reports and tombstone, and the checkpoint is saved. Rows: `replies.purged`, `replies.<why kept>`,
        `dependents.<table>`, `media.enqueued`. Raises FenceLostError.
        """

    async def purge_posts(self, purge: Purge, at: Checkpoint, limit: int) -> Batch:
        """Look at the next `limit` deleted posts, oldest id first, and remove those that may go.

        A post goes only if no reply of it remains; without `keep_with_live_replies` its replies go with it, unless
        one of them is bookmarked or reported. Rows as for replies, and `posts.overwritten`. Raises FenceLostError.
        """
