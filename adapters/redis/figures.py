"""`Figures` in Redis."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from adapters.records.packing import UNREADABLE, Row, at_or_none
from adapters.redis.execution_lists import SLICE_MAX
from adapters.redis.script import script
from adapters.redis.server import Server
from adapters.redis.task_lists import TaskLists
from application.scheduling.ports.figures import COUNT_MAX, Backlog, ComingTask, HourFigures, PastRun, TypeFigures
from domain.scheduling.durations import NO_STEP, Durations
from domain.scheduling.execution import ExecutionState
from domain.scheduling.finish import Finish
from domain.scheduling.identifiers import TaskId, instant_of, microseconds


@dataclass(frozen=True, slots=True)
class RedisFigures:
    """`Figures` in one Redis. What is counted by the hour is read in slices, so a year of it is no one snapshot."""

    server: Server
    tasks: TaskLists

    async def backlog(self) -> Backlog:
        """See the port."""
        dead_letters, oldest, _ = (await self.server.call(script("backlog", only_reads=True))).answer
        return Backlog(min(dead_letters, COUNT_MAX), at_or_none(oldest or None))

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
        by_hour: defaultdict[datetime, Counter[ExecutionState]] = defaultdict(Counter)
        for finish, count in await self._finished(since, until):
            if task_type in (None, finish.task_type):
                by_hour[finish.hour][finish.state] += count
        return [HourFigures(at, by_hour[at]) for at in sorted(by_hour)]

    async def types(self, *, since: datetime, until: datetime) -> Sequence[TypeFigures]:
        """See the port."""
        states: defaultdict[str, Counter[ExecutionState]] = defaultdict(Counter)
        steps: defaultdict[str, Counter[int]] = defaultdict(Counter)
        for finish, count in await self._finished(since, until):
            states[finish.task_type][finish.state] += count
            if finish.step != NO_STEP:
                steps[finish.task_type][finish.step] += count
        return [TypeFigures(name, states[name], Durations(steps[name])) for name in sorted(states)]

    async def _finished(self, since: datetime, until: datetime) -> list[tuple[Finish, int]]:
        """What was counted in the hours that begin in [since, until)."""
        found: list[tuple[Finish, int]] = []
        place, end = microseconds(since), microseconds(until)
        while place is not False:
            rows, place = (await self.server.call(script("hours", only_reads=True), [place, end])).answer
            found += [each for row in rows for each in _counts(row)]
        return found


def _past_runs(rows: Sequence[Row]) -> list[PastRun]:
    """The runs of those rows that can be read, oldest first."""
    found: list[PastRun] = []
    for id_, state, started_at, finished_at in reversed(rows):
        with suppress(*UNREADABLE):
            found.append(PastRun(id_, ExecutionState(state), at_or_none(started_at or None), instant_of(finished_at)))
    return found


def _counts(row: Row) -> Iterator[tuple[Finish, int]]:
    """What was counted in an hour, from its beginning and its fields, each before its count."""
    hour, flat = row
    for field, count in zip(flat[0::2], flat[1::2], strict=True):
        with suppress(*UNREADABLE):
            task_type, state, step = field.rsplit("/", 2)
            yield Finish(instant_of(hour), task_type, ExecutionState(state), int(step)), int(count)
