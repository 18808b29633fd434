"""`Figures` in Redis."""

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from adapters.records.packing import UNREADABLE, Row, at_or_none
from adapters.redis.execution_lists import SLICE_MAX
from adapters.redis.script import script
from adapters.redis.server import Server
from adapters.redis.task_lists import TaskLists
from application.scheduling.ports.figures import COUNT_MAX, Backlog, ComingTask, HourFigures, Load, PastRun, TypeFigures
from domain.scheduling.durations import NO_STEP, Durations
from domain.scheduling.execution import ExecutionState
from domain.scheduling.identifiers import TaskId, instant_of, microseconds

KINDS_MAX = 4_096
Kind = tuple[str, ExecutionState, int]
"""How executions end: their type, their state, and the step of their duration."""


@dataclass(frozen=True, slots=True)
class RedisFigures:
    """`Figures` in one Redis. What is counted by the hour is read in slices, so a year of it is no one snapshot."""

    server: Server
    tasks: TaskLists

    async def backlog(self) -> Backlog:
        """See the port."""
        dead_letters, oldest, _ = (await self.server.call(script("backlog", only_reads=True))).answer
        return Backlog(min(dead_letters, COUNT_MAX), at_or_none(oldest or None))

    async def load(self) -> Load:
        """See the port."""
        pending = (await self.server.call(script("load", only_reads=True))).answer
        return Load(dict(pending), await self.tasks.quarantined())

    async def unhandled(self) -> int:
        """See the port."""
        *_, put_back = (await self.server.call(script("backlog", only_reads=True))).answer
        return min(int(put_back), COUNT_MAX)

    async def past_runs(self, task_ids: Sequence[TaskId], *, limit: int) -> Mapping[TaskId, Sequence[PastRun]]:
        """See the port. So many tasks as have SLICE_MAX runs are read at once."""
        runs: dict[TaskId, list[PastRun]] = {task_id: [] for task_id in task_ids}
        asked, at_once = list(runs), max(1, SLICE_MAX // limit)
        for place in range(0, len(asked), at_once):
            some = asked[place : place + at_once]
            reply = await self.server.call(script("past_runs", only_reads=True), [some, limit])
            runs.update(zip(some, map(_past_runs, reply.answer), strict=True))
        return runs

    async def coming(self, *, until: datetime, limit: int) -> Sequence[ComingTask]:
        """See the port."""
        return await self.tasks.coming(until=until, limit=limit)

    async def next_runs(self, *, since: datetime, until: datetime) -> Mapping[datetime, int]:
        """See the port."""
        return await self.tasks.next_runs(since=since, until=until)

    async def hours(self, *, since: datetime, until: datetime, task_type: str | None = None) -> Sequence[HourFigures]:
        """See the port."""
        by_hour: defaultdict[int, Counter[ExecutionState]] = defaultdict(Counter)
        async for hour, (of_type, state, _), count in self._finished(since, until):
            if task_type in (None, of_type):
                by_hour[hour][state] += count
        return [HourFigures(instant_of(hour), by_hour[hour]) for hour in sorted(by_hour)]

    async def types(self, *, since: datetime, until: datetime) -> Sequence[TypeFigures]:
        """See the port."""
        states: defaultdict[str, Counter[ExecutionState]] = defaultdict(Counter)
        steps: defaultdict[str, Counter[int]] = defaultdict(Counter)
        async for _, (task_type, state, step), count in self._finished(since, until):
            states[task_type][state] += count
            if step != NO_STEP:
                steps[task_type][step] += count
        return [TypeFigures(name, states[name], Durations(steps[name])) for name in sorted(states)]

    async def _finished(self, since: datetime, until: datetime) -> AsyncIterator[tuple[int, Kind, int]]:
        """What was counted in the hours that begin in [since, until): the hour, the kind of end, and how many."""
        place, end = microseconds(since), microseconds(until)
        while place is not False:
            rows, place = (await self.server.call(script("hours", only_reads=True), [place, end])).answer
            for hour, flat in rows:
                for name, count in zip(flat[0::2], flat[1::2], strict=True):
                    kind = _kind(name)
                    if kind is not None and count.isdecimal():
                        yield hour, kind, int(count)


def _past_runs(rows: Sequence[Row]) -> list[PastRun]:
    """The runs of those rows that can be read, oldest first."""
    found: list[PastRun] = []
    for id_, state, started_at, finished_at in reversed(rows):
        with suppress(*UNREADABLE):
            found.append(PastRun(id_, ExecutionState(state), at_or_none(started_at or None), instant_of(finished_at)))
    return found


# A year has the same few kinds in each of its hours.
@lru_cache(KINDS_MAX)
def _kind(name: str) -> Kind | None:
    """The kind of end of a field's name, type/state/step; None: it cannot be read."""
    try:
        task_type, state, step = name.rsplit("/", 2)
        return task_type, ExecutionState(state), int(step)
    except ValueError:
        return None
