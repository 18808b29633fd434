"""`purge_deleted_content`: what was deleted long enough ago is removed for good, with all that depends on it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Literal

from pydantic import Field

from application.fediverse.ports.deleted_content import DeletedContent, DeletionClock, Purge
from application.fediverse.ports.tombstones import Tombstones
from application.fediverse.tasks.batches import BatchLoop, Work
from application.fediverse.tasks.payload import Days, MaintenancePayload, WholeNumber
from application.scheduling.processors import Continue, Run, Summary

Entity = Literal["post_reply", "post"]


class DeletedContentPayload(MaintenancePayload):
    """What may be removed for good, and what is spared."""

    days_to_retain: Days = Field(90, description="Days between deletion and removal.")
    entities: tuple[Entity, ...] = Field(("post_reply", "post"), min_length=1, description="What is removed.")
    clock: DeletionClock = Field("auto", description="What tells when a row was deleted.")
    keep_bookmarked: bool = Field(True, description="Spare what somebody has bookmarked.")
    keep_with_live_replies: bool = Field(True, description="Spare posts that have replies left.")
    skip_reported: bool = Field(True, description="Spare what is in an open report.")
    media: Literal["enqueue", "skip"] = Field("enqueue", description="Queue files nobody uses any more for removal.")
    overwrite_kept: bool = Field(True, description="Blank the text of posts spared for their live replies.")
    allow_unindexed_fk: bool = Field(False, description="Go on although a large table has no index to check by.")
    batch_size: WholeNumber = Field(200, ge=10, le=1000, description="Rows per transaction at most.")
    max_rows: WholeNumber = Field(50_000, ge=0, description="Stop after this many removed rows; 0: no limit.")


@dataclass(frozen=True, slots=True)
class PurgeDeletedContent:
    """Remove posts and replies that were deleted `days_to_retain` days ago."""

    tombstones: Tombstones
    content: DeletedContent
    loop: BatchLoop

    async def __call__(self, payload: DeletedContentPayload, run: Run) -> Summary | Continue:
        """Note what is deleted since when, then remove replies before the posts they hang on."""
        work = await self.loop.begin(payload, run)
        purge = Purge(
            before=work.started_at - timedelta(days=payload.days_to_retain),
            clock=payload.clock,
            keep_bookmarked=payload.keep_bookmarked,
            keep_with_live_replies=payload.keep_with_live_replies,
            skip_reported=payload.skip_reported,
            enqueue_media=payload.media == "enqueue",
            overwrite_kept=payload.overwrite_kept,
            allow_unindexed_fk=payload.allow_unindexed_fk,
            replies_first="post_reply" in payload.entities,
        )
        if payload.clock in {"auto", "tombstone"}:
            await self._note(work, payload)
        if "post_reply" in payload.entities:
            await work.walk("replies", partial(self.content.purge_replies, purge))
        if "post" in payload.entities:
            await work.walk("posts", partial(self.content.purge_posts, purge))
        return await work.end(cutoff=purge.before, warnings=_warnings(work.rows, payload.days_to_retain))

    async def _note(self, work: Work, payload: DeletedContentPayload) -> None:
        dated_too = payload.clock == "tombstone"
        for entity in payload.entities:
            await work.walk(f"restored {entity}", partial(self.tombstones.forget, entity))
            await work.walk(f"deleted {entity}", partial(self.tombstones.observe, entity, dated_too=dated_too))


def _warnings(rows: Mapping[str, int], days: int) -> Iterator[str]:
    observed = rows.get("post.observed", 0) + rows.get("post_reply.observed", 0)
    if observed:
        yield f"tombstone_warmup: {observed:,} deleted rows were seen for the first time; they stay {days} more days"
