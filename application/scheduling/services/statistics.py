"""Figures for people: what deserves attention, what comes within the hour, how the weeks went, how long runs take."""

import heapq
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from application.scheduling.ports.clock import Clock
from application.scheduling.ports.figures import ComingTask, Figures, HourFigures, PastRun, TypeFigures
from application.scheduling.ports.history import (
    Counts,
    ExecutionFilter,
    ExecutionPage,
    History,
    TaskFilter,
    TaskOrder,
    TaskPage,
)
from application.scheduling.ports.membership import Member, Membership
from application.scheduling.services.inspect_tasks import LATE_AFTER, RECENT_MAX, UPCOMING_MAX, TaskView, views_of
from domain.scheduling.durations import percentile
from domain.scheduling.execution import ExecutionState
from domain.scheduling.identifiers import TaskId
from domain.scheduling.week import DAYS, HOURS, hour_of_week

SPARKLINE_RUNS = 30
NAMED_MAX = 10
MEASURED_RUNS = 200
HEAT_WEEKS = 4
TYPES_SPAN = timedelta(weeks=1)
COMING_TASKS_MAX = 2_000
COMING_RUNS_MAX = 5_000
COMING_NAMED_MAX = 20
CROWD_SPAN = timedelta(minutes=15)
USUAL, ALMOST_ALL = 50, 95
"""So many of 100 runs took no longer."""

_MINUTE, _HOUR = timedelta(minutes=1), timedelta(hours=1)
_MINUTES = 60


@dataclass(frozen=True, slots=True)
class Attention:
    """What deserves somebody's attention, in numbers.

    `failing` counts tasks whose last execution died, or that have had no success since one did; `late` those that
    were to be looked at more than LATE_AFTER ago. For the others see `Backlog`.
    """

    failing: int
    late: int
    dead_letters: int
    oldest_pending_at: datetime | None


@dataclass(frozen=True, slots=True)
class Statistics:
    """The figures of the API; `types` are of TYPES_SPAN."""

    counts: Counts
    attention: Attention
    types: tuple[TypeFigures, ...]
    upcoming: tuple[TaskView, ...]
    recent: ExecutionPage
    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True)
class ComingRun:
    """A task at an instant at which it will run, if all stays as it is."""

    run_at: datetime
    task: ComingTask


@dataclass(frozen=True, slots=True)
class ComingHour:
    """What will run in [since, until), an hour from now on, if all stays as it is.

    `minutes` has 60 counts: number n is for the minute that begins n minutes after `since`. `first` names the first
    COMING_NAMED_MAX runs. From `counted_until` on (None: nowhere) not everything is counted: there is too much of it.
    """

    since: datetime
    until: datetime
    minutes: tuple[int, ...]
    first: tuple[ComingRun, ...]
    counted_until: datetime | None

    @property
    def total(self) -> int:
        """How many runs are counted."""
        return sum(self.minutes)


@dataclass(frozen=True, slots=True)
class Overview:
    """The figures of the first page.

    `failing` and `late` name the first NAMED_MAX tasks of those: what ran last, and what waits longest.
    """

    counts: Counts
    attention: Attention
    failing: tuple[TaskView, ...]
    late: tuple[TaskView, ...]
    coming: ComingHour


@dataclass(frozen=True, slots=True)
class HeatCell:
    """How many executions ended in an hour of the week, and how many of those died."""

    ended: int
    failed: int


@dataclass(frozen=True, slots=True)
class HeatMap:
    """The ends of HEAT_WEEKS weeks up to now by the clocks of a zone: `cells[weekday][hour]`, 0 is Monday.

    Figures are kept by hours of UTC; where clocks differ by parts of an hour, each lies where it begins.
    """

    timezone: str
    since: datetime
    until: datetime
    cells: tuple[tuple[HeatCell, ...], ...]

    @property
    def most(self) -> int:
        """The greatest number of ends in a cell; what a scale of colours goes up to."""
        return max(cell.ended for day in self.cells for cell in day)


@dataclass(frozen=True, slots=True)
class Measured:
    """How long the last runs of a task took, `count` (at most MEASURED_RUNS) of them: half, and 95 of 100, at most."""

    count: int
    usual: timedelta
    almost_all: timedelta


@dataclass(frozen=True, slots=True)
class Crowd:
    """How many tasks run next in the minute that begins at `at`, and in the quietest minute near it."""

    at: datetime
    tasks: int
    quietest_at: datetime
    quietest_tasks: int


@dataclass(frozen=True, slots=True)
class ReadStatistics:
    """Read models over `Figures` and `History`; every answer is as of now."""

    figures: Figures
    history: History
    membership: Membership
    clock: Clock

    async def statistics(self) -> Statistics:
        """How many there are of what, what comes next, what ran last, and who is here."""
        members = await self.membership.members()
        failing, late = await self._failing(limit=1), await self._late(limit=1)
        return Statistics(
            counts=await self.history.counts(),
            attention=await self._attention(failing, late),
            types=tuple(await self.types()),
            upcoming=views_of(await self.history.upcoming(UPCOMING_MAX), members),
            recent=await self.history.executions(ExecutionFilter(), limit=RECENT_MAX, cursor=None),
            members=tuple(members),
        )

    async def overview(self) -> Overview:
        """What somebody should see first."""
        members = await self.membership.members()
        failing, late = await self._failing(limit=NAMED_MAX), await self._late(limit=NAMED_MAX)
        return Overview(
            counts=await self.history.counts(),
            attention=await self._attention(failing, late),
            failing=views_of(failing.tasks, members),
            late=views_of(late.tasks, members),
            coming=await self.coming_hour(),
        )

    async def coming_hour(self) -> ComingHour:
        """What will run within 60 minutes; COMING_TASKS_MAX tasks and COMING_RUNS_MAX runs are looked at."""
        now = self.clock.now()
        since = _floor(now, _MINUTE)
        until = since + _HOUR
        tasks = await self.figures.coming(until=until, limit=COMING_TASKS_MAX)
        runs: list[ComingRun] = []
        for run in _in_order(tasks, until):
            if len(runs) == COMING_RUNS_MAX:
                break
            runs.append(run)
        # What is behind the last task, or the last run, that was looked at may be incomplete.
        cut = [tasks[-1].next_occurrence.run_at] if len(tasks) == COMING_TASKS_MAX else []
        cut += [runs[-1].run_at] if len(runs) == COMING_RUNS_MAX else []
        minutes = Counter(max(run.run_at - since, timedelta(0)) // _MINUTE for run in runs)
        return ComingHour(
            since,
            until,
            tuple(minutes[minute] for minute in range(_MINUTES)),
            tuple(runs[:COMING_NAMED_MAX]),
            min(cut, default=None),
        )

    async def sparklines(self, task_ids: Sequence[TaskId]) -> Mapping[TaskId, Sequence[PastRun]]:
        """The last SPARKLINE_RUNS ended executions of each of these tasks, oldest first; for the tasks of one page."""
        return await self.figures.past_runs(task_ids, limit=SPARKLINE_RUNS)

    async def measured(self, task_id: TaskId) -> Measured | None:
        """How long the last runs of a task took; None: none has succeeded or died."""
        runs = await self.figures.past_runs([task_id], limit=MEASURED_RUNS)
        took = [run.took for run in runs.get(task_id, ()) if run.took is not None]
        usual, almost_all = percentile(took, USUAL), percentile(took, ALMOST_ALL)
        return None if usual is None or almost_all is None else Measured(len(took), usual, almost_all)

    async def heat_map(self, timezone: str, *, task_type: str | None = None) -> HeatMap:
        """When executions ended and died, by the hour of the week. Raises InvalidTimezoneError."""
        until = _floor(self.clock.now(), _HOUR) + _HOUR
        since = until - HEAT_WEEKS * timedelta(weeks=1)
        hours = await self.figures.hours(since=since, until=until, task_type=task_type)
        return HeatMap(timezone, since, until, _cells(hours, timezone))

    async def types(self, span: timedelta = TYPES_SPAN) -> Sequence[TypeFigures]:
        """How the executions of each task type ended in so much time up to now, by the type's name.

        Figures are kept by the hour, so it is the whole of the hour in which the span began: never less than was asked.
        """
        now = self.clock.now()
        return await self.figures.types(since=_floor(now - span, _HOUR), until=_floor(now, _HOUR) + _HOUR)

    async def crowd(self, at: datetime) -> Crowd:
        """How many tasks run next in the same minute as `at`, and the minute within CROWD_SPAN with the fewest.

        Of several equally quiet ones it is the nearest. Runs behind a task's next one are not counted.
        """
        minute = _floor(at, _MINUTE)
        near = range(-(CROWD_SPAN // _MINUTE), CROWD_SPAN // _MINUTE + 1)
        counts = await self.figures.next_runs(since=minute - CROWD_SPAN, until=minute + CROWD_SPAN + _MINUTE)
        by_minute = {away: counts.get(minute + away * _MINUTE, 0) for away in near}
        quietest = min(near, key=lambda away: (by_minute[away], abs(away), away))
        return Crowd(minute, by_minute[0], minute + quietest * _MINUTE, by_minute[quietest])

    async def _attention(self, failing: TaskPage, late: TaskPage) -> Attention:
        backlog = await self.figures.backlog()
        return Attention(failing.total, late.total, backlog.dead_letters, backlog.oldest_pending_at)

    async def _failing(self, *, limit: int) -> TaskPage:
        which = TaskFilter(failing=True)
        return await self.history.tasks(which, order=TaskOrder.LAST_RUN_AT, descending=True, limit=limit, cursor=None)

    async def _late(self, *, limit: int) -> TaskPage:
        which = TaskFilter(late_before=self.clock.now() - LATE_AFTER)
        return await self.history.tasks(which, order=TaskOrder.NEXT_RUN_AT, descending=False, limit=limit, cursor=None)


def _floor(at: datetime, unit: timedelta) -> datetime:
    """The last whole minute or hour of UTC at or before `at`."""
    return at.replace(second=0, microsecond=0, minute=at.minute if unit < _HOUR else 0)


def _in_order(tasks: Sequence[ComingTask], until: datetime) -> Iterator[ComingRun]:
    """Every run of these tasks before `until`, in the order of their instants and then of the tasks."""
    heap = [(each.next_occurrence.run_at, place, 1, each.next_occurrence) for place, each in enumerate(tasks)]
    heapq.heapify(heap)
    while heap:
        run_at, place, number, occurrence = heapq.heappop(heap)
        task = tasks[place]
        yield ComingRun(run_at, task)
        if task.runs_left is not None and number >= task.runs_left:
            continue
        following = task.timeline.after(occurrence.nominal_at)
        if following is not None and following.run_at < until:
            heapq.heappush(heap, (following.run_at, place, number + 1, following))


def _cells(hours: Sequence[HourFigures], timezone: str) -> tuple[tuple[HeatCell, ...], ...]:
    ended: Counter[tuple[int, int]] = Counter()
    failed: Counter[tuple[int, int]] = Counter()
    for each in hours:
        place = hour_of_week(each.at, timezone)
        ended[place] += sum(each.by_state.values())
        failed[place] += each.by_state.get(ExecutionState.DEAD, 0)
    return tuple(tuple(HeatCell(ended[day, hour], failed[day, hour]) for hour in range(HOURS)) for day in range(DAYS))
