"""Content whose author's account is gone."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from application.fediverse.ports.checkpoints import Batch, Checkpoint

Content = Literal["post", "post_reply"]
Action = Literal["soft_delete", "overwrite", "report"]


@dataclass(frozen=True, slots=True)
class Orphans:
    """What counts as orphaned, and what is to happen to it.

    Orphaned is content that is not deleted and whose author is marked deleted (not merely banned), seen so at or
    before `seen_before` (None: whenever); with `missing_authors` also content whose author's row does not exist.
    """

    seen_before: datetime | None
    action: Action
    system_user_id: int
    missing_authors: bool = True
    include_local: bool = True
    skip_reported: bool = True
    adjust_counters: bool = True


class OrphanedContent(Protocol):
    """Posts and replies without an author. Raises StoreUnavailableError; each step may be repeated."""

    async def retire(self, entity: Content, orphans: Orphans, at: Checkpoint, limit: int) -> Batch:
        """Soft-delete, overwrite or only count the next orphans, `limit` at most, and save the checkpoint.

        In the same transaction the counters of communities, posts and all ancestor replies go down, to nought at the
        least, by exactly the rows that changed; live answers of others are never touched. Rows, for posts:
        `posts.soft_deleted` | `posts.overwritten` | `posts.found`, `posts.missing_author` (those of them that have no
        author's row), `local_pending`, `skipped_reported`, `skipped_grace`, `skipped_legal_hold` (not overwritten, as
        its community must keep what it has); for replies: `replies.…`. Raises FenceLostError.
        """
