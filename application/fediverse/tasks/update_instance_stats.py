"""`update_instance_stats`: what is known here of each instance is counted anew."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from pydantic import Field

from application.fediverse.ports.instance_stats import (
    SILENCE,
    Counting,
    Facts,
    InstanceStats,
    Recording,
    Source,
    WriteBack,
)
from application.fediverse.tasks.batches import BatchLoop
from application.fediverse.tasks.payload import MaintenancePayload, WholeNumber
from application.scheduling.ports.errors import StoreUnavailableError
from application.scheduling.processors import Continue, Run, Summary

MONTH = timedelta(days=30)
HALF_YEAR = timedelta(days=182)
ACTIVITY = frozenset({"active_users_month", "active_users_half_year"})


class InstanceStatsPayload(MaintenancePayload):
    """What is counted, and of whom."""

    include_comments: bool = Field(True, description="Count comments too; the largest table by far.")
    include_activity: bool = Field(True, description="Count the users active within a month and half a year.")
    exclude_bots: bool = Field(False, description="Leave bots out.")
    exclude_banned: bool = Field(False, description="Leave banned users out.")
    instance_ids: tuple[WholeNumber, ...] | None = Field(
        None, max_length=1000, description="Write only these instances; empty: all."
    )
    write_back: WriteBack = Field("auto", description="Also fill user_count and post_count of `instance` itself.")
    batch_size: WholeNumber = Field(500, ge=50, le=5000, description="Instances per transaction at most.")


@dataclass(frozen=True, slots=True)
class UpdateInstanceStats:
    """Count users, posts, comments and communities of each known instance."""

    stats: InstanceStats
    loop: BatchLoop

    async def __call__(self, payload: InstanceStatsPayload, run: Run) -> Summary | Continue:
        """Count by source, one grouped query each, then write what differs."""
        work = await self.loop.begin(payload, run)
        counting = Counting(
            month_since=work.started_at - MONTH,
            half_year_since=work.started_at - HALF_YEAR,
            exclude_bots=payload.exclude_bots,
            exclude_banned=payload.exclude_banned,
        )
        counted, errors = await self._count(_sources(payload), counting, run)
        recording = Recording(
            silence=_told(payload, counted),
            facts=_merged(payload, counted),
            instance_ids=frozenset(payload.instance_ids) if payload.instance_ids else None,
            write_back=payload.write_back,
        )
        await work.walk("instances", partial(self.stats.record, recording))
        return await work.end(errors=errors, generation=run.fence)

    async def _count(
        self, sources: Iterable[Source], counting: Counting, run: Run
    ) -> tuple[Mapping[Source, Mapping[int, Facts]], list[str]]:
        counted: dict[Source, Mapping[int, Facts]] = {}
        errors: list[StoreUnavailableError] = []
        for source in sources:
            run.checkpoint()
            try:
                counted[source] = await self.stats.count(source, counting)
            except StoreUnavailableError as error:
                run.log.warning("a source could not be counted; its figures stay as they are", source=source)
                errors.append(error)
        if errors and not counted:
            raise errors[0]
        return counted, [f"db_unavailable: {error}"[:500] for error in errors]


def _sources(payload: InstanceStatsPayload) -> list[Source]:
    return [source for source in SILENCE if source != "replies" or payload.include_comments]


def _told(payload: InstanceStatsPayload, counted: Iterable[Source]) -> Facts:
    told = {name: value for source in counted for name, value in SILENCE[source].items()}
    return told if payload.include_activity else {name: told[name] for name in told.keys() - ACTIVITY}


def _merged(payload: InstanceStatsPayload, counted: Mapping[Source, Mapping[int, Facts]]) -> Mapping[int, Facts]:
    """Every instance that any source mentions, with a value for each fact told."""
    silence = _told(payload, counted)
    merged: dict[int, dict[str, int | datetime | None]] = {}
    for facts_by_instance in counted.values():
        for instance_id, facts in facts_by_instance.items():
            known = {name: value for name, value in facts.items() if name in silence}
            merged.setdefault(instance_id, dict(silence)).update(known)
    return merged
