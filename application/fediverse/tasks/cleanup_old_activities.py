"""`cleanup_old_activities`: the log of ActivityPub activities loses what is older than it needs to be."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Literal, Self

from pydantic import Field, model_validator

from application.fediverse.ports.activity_log import ActivityLog, OldActivities
from application.fediverse.tasks.batches import BatchLoop
from application.fediverse.tasks.payload import Days, MaintenancePayload, WholeNumber
from application.scheduling.processors import Continue, Run, Summary


class OldActivitiesPayload(MaintenancePayload):
    """Which entries of the log may go."""

    days_to_keep: Days = Field(30, description="Days an entry is kept.")
    batch_size: WholeNumber = Field(5000, ge=100, le=20_000, description="Entries per transaction at most.")
    direction: Literal["any", "in", "out"] = Field("any", description="Only what was received, or sent.")
    keep_failures_days: Days | None = Field(None, description="Longer period for entries that failed.")
    delete_null_timestamps: bool = Field(False, description="Also delete entries without a creation time.")

    @model_validator(mode="after")
    def _failures_are_kept_no_shorter(self) -> Self:
        if self.keep_failures_days is not None and self.keep_failures_days < self.days_to_keep:
            raise ValueError("keep_failures_days must not be less than days_to_keep")
        return self


@dataclass(frozen=True, slots=True)
class CleanupOldActivities:
    """Delete ActivityPub log entries older than `days_to_keep`."""

    log: ActivityLog
    loop: BatchLoop

    async def __call__(self, payload: OldActivitiesPayload, run: Run) -> Summary | Continue:
        """Walk the log upwards from its first entry."""
        work = await self.loop.begin(payload, run)
        old = OldActivities(
            before=work.started_at - timedelta(days=payload.days_to_keep),
            failures_before=work.started_at - timedelta(days=payload.keep_failures_days or payload.days_to_keep),
            direction=None if payload.direction == "any" else payload.direction,
            undated_too=payload.delete_null_timestamps,
        )
        await work.walk("entries", partial(self.log.delete_old, old))
        return await work.end(cutoff=old.before, warnings=_warnings(work.rows))


def _warnings(rows: Mapping[str, int]) -> Iterator[str]:
    if undated := rows.get("null_timestamps"):
        yield f"null_timestamps: {undated:,} entries have no creation time and were kept"
