"""`cleanup_orphaned_data`: content whose author's account is gone is deleted as its author was."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Literal

from pydantic import Field

from application.fediverse.ports.orphaned_content import OrphanedContent, Orphans
from application.fediverse.ports.tombstones import Tombstones
from application.fediverse.tasks.batches import BatchLoop
from application.fediverse.tasks.payload import MaintenancePayload, WholeNumber
from application.scheduling.processors import Continue, Run, Summary


class OrphanedDataPayload(MaintenancePayload):
    """What counts as orphaned, and what happens to it."""

    action: Literal["soft_delete", "overwrite", "report"] = Field(
        "soft_delete", description="Mark as deleted; overwrite also blanks the text at once; report only counts."
    )
    grace_hours: WholeNumber = Field(24, ge=0, le=8760, description="Hours an author must have been gone.")
    include_local: bool = Field(
        True,
        description="Also content of this instance's own users; beside an application only if the payload says so.",
    )
    missing_authors: bool = Field(True, description="Also content whose author has no row at all.")
    skip_reported: bool = Field(True, description="Leave content that is in an open report.")
    adjust_counters: bool = Field(True, description="Lower the counters of communities, posts and replies.")
    system_user_id: WholeNumber = Field(1, ge=0, description="Who is noted as the one who deleted.")
    batch_size: WholeNumber = Field(1000, ge=10, le=1000, description="Rows per transaction at most.")
    max_rows: WholeNumber = Field(200_000, ge=0, description="Stop after this many changed rows; 0: no limit.")


@dataclass(frozen=True, slots=True)
class CleanupOrphanedData:
    """Soft-delete posts and replies whose author's account is gone."""

    tombstones: Tombstones
    content: OrphanedContent
    loop: BatchLoop
    has_application: bool

    async def __call__(self, payload: OrphanedDataPayload, run: Run) -> Summary | Continue:
        """Note who is gone since when, then walk posts and replies."""
        work = await self.loop.begin(payload, run)
        cutoff = work.started_at - timedelta(hours=payload.grace_hours)
        orphans = Orphans(
            # Without a grace it does not matter when we noticed, which may be a moment after the run began.
            seen_before=cutoff if payload.grace_hours else None,
            action=payload.action,
            system_user_id=payload.system_user_id,
            missing_authors=payload.missing_authors,
            include_local=self._goes_for_local(payload),
            skip_reported=payload.skip_reported,
            adjust_counters=payload.adjust_counters,
        )
        await work.walk("restored users", partial(self.tombstones.forget, "user"))
        await work.walk("deleted users", partial(self.tombstones.observe, "user"))
        await work.walk("posts", partial(self.content.retire, "post", orphans))
        await work.walk("replies", partial(self.content.retire, "post_reply", orphans))
        return await work.end(cutoff=cutoff, warnings=_warnings(work.rows))

    def _goes_for_local(self, payload: OrphanedDataPayload) -> bool:
        """Others have copies of what local users wrote, and only the application can tell them to delete these."""
        is_asked_for = "include_local" in payload.model_fields_set
        return payload.include_local and (is_asked_for or not self.has_application)


def _warnings(rows: Mapping[str, int]) -> Iterator[str]:
    if pending := rows.get("local_pending"):
        yield f"local_pending: {pending:,} rows of local authors were left for the application to delete"
