"""What comes within the hour: every run in its order, as far as they can be counted."""

import heapq
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from application.scheduling.ports.figures import ComingTask

COMING_SPAN = timedelta(hours=1)
COMING_TASKS_MAX = 2_000
COMING_RUNS_MAX = 5_000
COMING_NAMED_MAX = 20

_MINUTE = timedelta(minutes=1)
_MINUTES = COMING_SPAN // _MINUTE


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


def hour_of(tasks: Sequence[ComingTask], since: datetime) -> ComingHour:
    """The hour from `since` on, given the tasks that come first in it: COMING_TASKS_MAX of them, or all there are."""
    until = since + COMING_SPAN
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
