"""Figures: how the work went and what is coming, read over many records at once. Nothing here changes anything.

Every execution that ends is counted in the same step, by hour, type and duration, so what a year was like is known
after the executions themselves are forgotten.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from domain.scheduling.durations import Durations, run_time
from domain.scheduling.execution import ExecutionState
from domain.scheduling.identifiers import ExecutionId, TaskId
from domain.scheduling.timeline import Occurrence, Timeline

COUNT_MAX = 10_000
"""Dead letters, and what waits for a handler, are counted this far."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits for somebody: a person or a worker.

    `dead_letters` counts executions that died and were not redriven, COUNT_MAX at most; `oldest_pending_at` is since
    when the longest pending one may be claimed, or, if it was put back for its handler again and again, since when it
    first was; None if nothing is pending.
    """

    dead_letters: int
    oldest_pending_at: datetime | None


@dataclass(frozen=True, slots=True)
class Load:
    """What waits and what is set aside: the pending executions by task type, and the living tasks in quarantine."""

    pending: Mapping[str, int]
    quarantined: int


@dataclass(frozen=True, slots=True)
class PastRun:
    """An execution that has ended, as a bar of a small chart; `started_at` is the start of its last attempt."""

    execution_id: ExecutionId
    state: ExecutionState
    started_at: datetime | None
    finished_at: datetime

    @property
    def took(self) -> timedelta | None:
        """How long its last attempt ran; None if it never began or was cancelled."""
        return run_time(self.state, self.started_at, self.finished_at)


@dataclass(frozen=True, slots=True)
class ComingTask:
    """A task that runs soon: which it is, and all that its further runs follow from, if nobody changes it.

    There may be thousands of them, of which each page names a few, so nothing else of them is read.
    """

    id: TaskId
    name: str
    task_type: str
    timezone: str
    timeline: Timeline
    next_occurrence: Occurrence
    runs_left: int | None


@dataclass(frozen=True, slots=True)
class HourFigures:
    """How many executions ended, by their state, in the hour that begins at `at`, a whole hour of UTC."""

    at: datetime
    by_state: Mapping[ExecutionState, int]


@dataclass(frozen=True, slots=True)
class TypeFigures:
    """How the executions of a task type ended, and how long those took that succeeded or died."""

    task_type: str
    by_state: Mapping[ExecutionState, int]
    durations: Durations


class Figures(Protocol):
    """Reads over many records, each one snapshot. Raises StoreUnavailableError like the other ports.

    Records that cannot be read are left out. Hourly figures are kept for `Retention.hours`; an execution counts in the
    hour in which it ended, by the store's clock, and under the type that its task had then.
    """

    async def backlog(self) -> Backlog:
        """Return what waits for somebody."""

    async def load(self) -> Load:
        """Return what waits, by type; types of which nothing is pending are left out."""

    async def unhandled(self) -> int:
        """Return how many executions wait because no worker that claimed them had their handler; COUNT_MAX at most."""

    async def past_runs(self, task_ids: Sequence[TaskId], *, limit: int) -> Mapping[TaskId, Sequence[PastRun]]:
        """Return the last `limit` ended executions of each of these tasks, oldest first, by id; in one query.

        A task without any has an empty row. Meant for the tasks of a page: at most 200, and at most 200 runs of each.
        """

    async def coming(self, *, until: datetime, limit: int) -> Sequence[ComingTask]:
        """Return the active, sound tasks that run next before `until`, earliest first, then by id."""

    async def next_runs(self, *, since: datetime, until: datetime) -> Mapping[datetime, int]:
        """Return how many active tasks run next in each minute of [since, until), by its beginning; none: left out.

        What a task runs after its next run is not foretold here: of an hourly task only the coming hour counts.
        """

    async def hours(self, *, since: datetime, until: datetime, task_type: str | None = None) -> Sequence[HourFigures]:
        """Return the hours that begin in [since, until) and in which something ended, ascending."""

    async def types(self, *, since: datetime, until: datetime) -> Sequence[TypeFigures]:
        """Return the figures of each type over the hours that begin in [since, until), by the type's name."""
