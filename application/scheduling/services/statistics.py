"""Figures for people: what deserves attention, what comes within the hour, how the weeks went, how long runs take."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from application.scheduling.ports.clock import Clock
from application.scheduling.ports.figures import Figures, PastRun, TypeFigures
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
from application.scheduling.services.coming_hour import COMING_SPAN, COMING_TASKS_MAX, ComingHour, hour_of
from application.scheduling.services.heat_map import HEAT_WEEKS, HeatMap, cells_of
from application.scheduling.services.inspect_tasks import LATE_AFTER, RECENT_MAX, UPCOMING_MAX, TaskView, views_of
from domain.scheduling.durations import percentile
from domain.scheduling.execution import ExecutionState
from domain.scheduling.identifiers import TaskId
from domain.scheduling.task import ScheduledTask

SPARKLINE_RUNS = 30
NAMED_MAX = 10
MEASURED_RUNS = 200
TYPES_SPAN = timedelta(weeks=1)
CROWD_SPAN = timedelta(minutes=15)
USUAL, ALMOST_ALL = 50, 95
"""So many of 100 runs took no longer."""
SUCCESSES = frozenset({ExecutionState.SUCCEEDED, ExecutionState.DELIVERED})

_MINUTE, _HOUR = timedelta(minutes=1), timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Tally:
    """How executions ended; `rate` is the share of successes among what succeeded or failed, None without any."""

    ended: int
    succeeded: int
    failed: int
    cancelled: int

    @property
    def rate(self) -> str | None:
        """The share in words: never 100 % if something failed, nor 0 % if something did not."""
        judged = self.succeeded + self.failed
        if not judged:
            return None
        share = 100 * self.succeeded / judged
        if self.failed:
            share = min(share, 99.9)
        if self.succeeded:
            share = max(share, 0.1)
        return f"{share:.1f} %".replace(".0 %", " %")


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
class Review:
    """How the last weeks went, and what goes on now: `types` are those of each span that was asked for, in order."""

    types: tuple[Sequence[TypeFigures], ...]
    heat: HeatMap
    open_by_state: Mapping[ExecutionState, int]
    dead_letters: int
    upcoming: Sequence[ScheduledTask]
    recent: ExecutionPage


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

    async def review(self, spans: Sequence[timedelta], timezone: str, *, task_type: str | None = None) -> Review:
        """The figures in full; the map is by the clocks of a zone, and of one type. Raises InvalidTimezoneError."""
        return Review(
            types=tuple([await self.types(span) for span in spans]),
            heat=await self.heat_map(timezone, task_type=task_type),
            open_by_state=(await self.history.counts()).open_by_state,
            dead_letters=(await self.figures.backlog()).dead_letters,
            upcoming=await self.history.upcoming(UPCOMING_MAX),
            recent=await self.history.executions(ExecutionFilter(), limit=RECENT_MAX, cursor=None),
        )

    async def coming_hour(self) -> ComingHour:
        """What will run within 60 minutes; COMING_TASKS_MAX tasks and COMING_RUNS_MAX runs are looked at."""
        since = _floor(self.clock.now(), _MINUTE)
        until = since + COMING_SPAN
        return hour_of(await self.figures.coming(until=until, limit=COMING_TASKS_MAX), since)

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
        return HeatMap(timezone, since, until, cells_of(hours, timezone))

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


def tally_of(by_state: Mapping[ExecutionState, int]) -> Tally:
    """The figures of some states together."""
    return Tally(
        sum(by_state.values()),
        sum(by_state.get(state, 0) for state in SUCCESSES),
        by_state.get(ExecutionState.DEAD, 0),
        by_state.get(ExecutionState.CANCELLED, 0),
    )


def _floor(at: datetime, unit: timedelta) -> datetime:
    """The last whole minute or hour of UTC at or before `at`."""
    return at.replace(second=0, microsecond=0, minute=at.minute if unit < _HOUR else 0)
