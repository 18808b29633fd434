"""Forgetting old records, a bounded number of each kind at a time, oldest first.

Whoever writes waits while a script runs, so each forgets a slice that takes the server a few milliseconds. Memory is
what a Redis is short of: besides what is old, it forgets what is too much, and it does so when the memory is full.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from adapters.redis.script import script
from adapters.redis.server import Server
from adapters.redis.trail import forget_access_records
from application.scheduling.ports.history import Retention
from domain.scheduling.change import Via
from domain.scheduling.identifiers import microseconds

# Records of a slice; an execution has attempts and a log, so those are fewer.
NARROW_MAX = 1_000
WIDE_MAX = 200


@dataclass(frozen=True, slots=True)
class Limits:
    """How many records are kept, however young: ended executions, and as many Skips, of a task and in all.

    Of a task's changes that are older than `changes_for`, the last `changes_of_task` are kept: a key that was used once
    is known for that long.
    """

    of_task: int = 100
    in_all: int = 100_000
    changes_of_task: int = 1_000
    changes_for: timedelta = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Pruning:
    """What `History.prune` does, kind by kind."""

    server: Server
    limits: Limits

    async def prune(self, retention: Retention, *, limit: int) -> int:
        """Forget at most `limit` executions, Skips, changes, access records and deleted tasks each; return how many."""
        # Of all scripts this one has the least to do, and every one tells the store's clock.
        now = (await self.server.call(script("look", only_reads=True), False)).now
        old, ancient = microseconds(now - retention.executions), microseconds(now - retention.changes)
        forgotten = await self._prune_happenings("executions", "by_task", old, limit, WIDE_MAX)
        forgotten += await self._prune_happenings("skips", "skips_by_task", old, limit, NARROW_MAX)
        await self._sweep("hours", [microseconds(now - retention.hours)], limit, NARROW_MAX)
        # Versions that were superseded, and that no execution refers to any more, are no records by themselves.
        await self._sweep_around_those_that_stay("versions", ancient, limit)
        forgotten += await self._prune_changes(ancient, microseconds(now - self.limits.changes_for), limit)
        forgotten += await forget_access_records(self.server, now - retention.changes, limit)
        await self.server.call(script("trim_streams", in_full_memory=True))
        deleted = microseconds(now - retention.deleted_tasks)
        return forgotten + await self._sweep_around_those_that_stay("tasks", deleted, limit)

    async def _prune_happenings(self, kind: str, index: str, before: int, limit: int, slice_max: int) -> int:
        """Forget what is too old, and what is too much in all and of each task."""
        gone = await self._sweep(kind, [before, self.limits.in_all], limit, slice_max)
        for task_id in await self._crowded(index, self.limits.of_task):
            gone += await self._sweep(kind, [task_id, self.limits.of_task], limit - gone, slice_max, is_of_task=True)
        return gone

    async def _prune_changes(self, ancient: int, old: int, limit: int) -> int:
        """Forget what is ancient, and what is old and too much of its task."""
        gone, place = 0, "0"
        while place and gone < limit:
            found, place = await self._forget("changes", [ancient, min(NARROW_MAX, limit - gone), place, Via.SYSTEM])
            gone += found
        for task_id in await self._crowded("changes_by_task", self.limits.changes_of_task):
            most = min(NARROW_MAX, limit - gone)
            found, _ = await self._forget("changes", [old, most, task_id, Via.SYSTEM, self.limits.changes_of_task])
            gone += found
        return gone

    async def _crowded(self, index: str, kept: int) -> list[str]:
        """The tasks that have more than so many records in an index."""
        found: list[str] = []
        rank: int | bool = 0
        while rank is not False:
            tasks, rank = (await self.server.call(script("crowded", only_reads=True), [index, kept, rank])).answer
            found += tasks
        return found

    async def _sweep(self, kind: str, asked: list[Any], limit: int, slice_max: int, *, is_of_task: bool = False) -> int:
        """Forget slices until there is no more to forget, or `limit` is reached; return how many records went."""
        gone = 0
        while gone < limit:
            most = min(slice_max, limit - gone)
            found = await self._forget(kind, [*asked, most, is_of_task])
            gone += found
            if found < most:
                break
        return gone

    async def _sweep_around_those_that_stay(self, kind: str, before: int, limit: int) -> int:
        """The same for records of which some are needed although they are old."""
        gone, stayed, is_rest = 0, 0, True
        while is_rest and gone < limit:
            found, stayed, is_rest = await self._forget(kind, [before, min(WIDE_MAX, limit - gone), stayed])
            gone += found
        return gone

    async def _forget(self, kind: str, request: list[Any]) -> Any:
        return (await self.server.call(script(f"forget_{kind}", in_full_memory=True), request)).answer
