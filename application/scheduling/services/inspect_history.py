"""Reading what became of a task: what ran and what did not in one list, its versions, and how they differ."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import zip_longest

from application.scheduling.differences import Difference, differences
from application.scheduling.ports.history import ExecutionFilter, History, Retention
from application.scheduling.ports.records import ExecutionSummary, VersionRecord
from application.scheduling.services.errors import TaskNotFoundError, VersionNotFoundError
from domain.scheduling.identifiers import TaskId, instant_named_by
from domain.scheduling.task import ScheduledTask, Skip

SKIPS_MAX = 200
"""How many Skips stand at most on a page with executions: behind the last of them the page ends."""


@dataclass(frozen=True, slots=True)
class HappenedPage:
    """Executions and Skips, newest first: executions by the instant they are listed by, Skips by their first one.

    The next page is asked for with `next_cursor` and `next_until` as they are; both None: this is the last page.
    """

    rows: tuple[ExecutionSummary | Skip, ...]
    next_cursor: str | None = None
    next_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class ComparedVersion:
    """A version, and what it says otherwise than the one before; None: that one is not on record."""

    record: VersionRecord
    differences: tuple[Difference, ...] | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two versions of a task, and what the second says otherwise than the first."""

    before: VersionRecord
    after: VersionRecord
    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True)
class InspectHistory:
    """Read models of the past of one task. All of them may raise StoreUnavailableError."""

    history: History
    retention: Retention = field(default_factory=Retention)

    def kept_until(self, task: ScheduledTask) -> datetime | None:
        """Until when a deleted task can come back at least; None: it is not deleted."""
        return None if task.deleted_at is None else task.deleted_at + self.retention.deleted_tasks

    async def happened(
        self,
        which: ExecutionFilter,
        task_id: TaskId,
        *,
        limit: int,
        cursor: str | None = None,
        until: datetime | None = None,
    ) -> HappenedPage:
        """A page with at most `limit` executions of a task, and what was passed over between them.

        `cursor` and `until` are those of the page before. Executions that are asked for by state stand alone.
        """
        if cursor is None and until is not None:
            which = replace(which, until=until)
        page = await self.history.executions(which, limit=limit, cursor=cursor)
        reached = instant_named_by(page.executions[-1].execution.id) if page.next_cursor else None
        if which.states or which.backfill:
            return HappenedPage(page.executions, page.next_cursor, reached)
        skipped = await self.skips(task_id, limit=SKIPS_MAX, until=until)
        cursor, end = page.next_cursor, reached
        if skipped.next_until is not None and (reached is None or skipped.next_until > reached):
            # The executions that lie behind the last of so many Skips come with those that are still to be read.
            cursor, end = None, skipped.next_until
        rows = [each for each in (*page.executions, *skipped.rows) if end is None or _place(each) >= end]
        return HappenedPage(tuple(sorted(rows, key=_place, reverse=True)), cursor, end)

    async def skips(self, task_id: TaskId, *, limit: int, until: datetime | None = None) -> HappenedPage:
        """A page of what was passed over, of what begins before `until` if that is given."""
        found = await self.history.skips(task_id, limit=limit + 1, until=until)
        return HappenedPage(tuple(found[:limit]), next_until=found[limit - 1].first_at if len(found) > limit else None)

    async def versions(self, task_id: TaskId, *, limit: int) -> Sequence[ComparedVersion]:
        """The last versions of a task, newest first, also of one that is deleted, as long as they are kept."""
        # One more than is shown: what the last of them changed is seen beside the one before.
        found = await self.history.versions(task_id, limit=limit + 1)
        if not found:
            raise TaskNotFoundError(task_id)
        pairs = zip_longest(found, found[1:])
        return [ComparedVersion(each, _since(before, each)) for each, before in pairs][:limit]

    async def version(self, task_id: TaskId, version: int) -> ComparedVersion:
        """One version of a task. Raises VersionNotFoundError."""
        record = await self._version(task_id, version)
        before = await self.history.version(task_id, version - 1)
        return ComparedVersion(record, _since(before, record))

    async def compare(self, task_id: TaskId, before: int, after: int) -> Comparison:
        """Two versions of a task side by side. Raises VersionNotFoundError."""
        first, second = await self._version(task_id, before), await self._version(task_id, after)
        return Comparison(first, second, differences(first.definition, second.definition))

    async def _version(self, task_id: TaskId, version: int) -> VersionRecord:
        found = await self.history.version(task_id, version)
        if found is None:
            raise VersionNotFoundError(task_id, version)
        return found


def _since(before: VersionRecord | None, after: VersionRecord) -> tuple[Difference, ...] | None:
    if before is None or before.version != after.version - 1:
        return () if after.version == 1 else None
    return differences(before.definition, after.definition)


def _place(row: ExecutionSummary | Skip) -> datetime:
    return row.first_at if isinstance(row, Skip) else instant_named_by(row.execution.id)
