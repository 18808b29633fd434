"""How prompt the scheduler is while nothing goes wrong: lateness, retries, and runs matched with windows of time."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from heapq import heappop, heappush

from domain.scheduling.execution import Execution, ExecutionKind, ExecutionState
from domain.scheduling.identifiers import TaskId
from domain.scheduling.retry import Backoff, BackoffKind
from domain.scheduling.task import ScheduledTask
from tests.support.checker_deaths import RESCUING
from tests.support.simulation_witness import StoreStep

LATE_MAX = timedelta(seconds=1)
JITTER = 0.1
# From a run instant to the first line of its handler, for a type that every worker knows.
BEGUN_WITHIN = timedelta(seconds=5)
KNOWN_TO_ALL = "mail"
MICROSECONDS = 1_000_000

Window = tuple[int, int]


@dataclass(slots=True)
class PaceChecks:
    """I12 from above, I18, I19, and that nobody is rescued but from those that a handler has killed (I9).

    They are judged in the phases `calm` and `quiet`, I18 in the latter alone; None: something may go wrong.
    """

    fail: Callable[[str, str], None]
    phase: str | None = None
    dead: set[str] = field(default_factory=set)
    _lateness: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    _windows: dict[TaskId, list[Window]] = field(default_factory=lambda: defaultdict(list))
    _starts: dict[TaskId, list[int]] = field(default_factory=lambda: defaultdict(list))

    def step(self, step: StoreStep, tasks: dict[TaskId, ScheduledTask]) -> None:
        """Judge one step; `tasks` as they are after it."""
        for before, after in step.executions:
            if before is None and after.kind is ExecutionKind.AUTO and step.call == "commit_firings":
                self._committed(step, after, tasks[after.task_id])
            elif self.phase is not None and step.call in RESCUING:
                self._rescued(before, after)
            elif before is not None and before.state is ExecutionState.RETRY_WAIT and self.phase is not None:
                self._released(step, before, after)
            elif after.state is ExecutionState.RETRY_WAIT and before is not None and self.phase is not None:
                self._waits(step, after, tasks[after.task_id])

    def _rescued(self, before: Execution | None, after: Execution) -> None:
        if before is None or before.state is not ExecutionState.RUNNING:
            # What waited for one that was rescued.
            return
        if (before.worker_id or "") not in self.dead:
            self.fail("I9", f"{after.id} was rescued while nothing went wrong")

    def began(self, task_id: TaskId, elapsed: int) -> None:
        """A handler of this task began; one that did so after the phase may be the run of a window of its end."""
        if self._windows:
            self._starts[task_id].append(elapsed)

    def finish(self) -> None:
        """Every window has a run of its own, whatever it says it is (I18)."""
        for task_id, windows in self._windows.items():
            missed = unmatched(windows, self._starts[task_id])
            if missed:
                self.fail("I18", f"{task_id}: nothing began within {missed}, only {self._starts[task_id]}")

    def lags(self) -> dict[str, tuple[float, float, float]]:
        """By phase: the median lateness of commits, its 99th percentile and the worst, in seconds."""
        return {
            phase: (_percentile(found, 0.5), _percentile(found, 0.99), max(found))
            for phase, found in self._lateness.items()
        }

    def _committed(self, step: StoreStep, born: Execution, task: ScheduledTask) -> None:
        late = step.now - born.scheduled_at
        self._lateness[self.phase or "load"].append(late.total_seconds())
        if self.phase is not None and late > LATE_MAX:
            self.fail("I19", f"{born.id} was committed {late} late")
        if self.phase == "quiet" and born.state is ExecutionState.PENDING and task.definition.task_type == KNOWN_TO_ALL:
            opens = step.elapsed - round(late.total_seconds() * MICROSECONDS)
            self._windows[task.id].append((opens, opens + round(BEGUN_WITHIN.total_seconds() * MICROSECONDS)))

    def _released(self, step: StoreStep, before: Execution, after: Execution) -> None:
        late = step.now - before.available_at
        if after.state is ExecutionState.PENDING and late > LATE_MAX:
            self.fail("I12", f"{after.id} was to be tried again {late} ago")

    def _waits(self, step: StoreStep, after: Execution, task: ScheduledTask) -> None:
        if task.version != after.version:
            return
        most = wait_before(task.definition.policy.retry.backoff, after.attempts_used) * (1 + JITTER)
        if after.available_at - step.now > most + LATE_MAX:
            self.fail("I12", f"{after.id} waits until {after.available_at} at {step.now}, longer than {most}")


def wait_before(backoff: Backoff, number: int) -> timedelta:
    """The wait before retry `number`, without jitter."""
    if backoff.kind is BackoffKind.LIST:
        return backoff.delays[min(number, len(backoff.delays)) - 1]
    if backoff.kind is BackoffKind.FIXED:
        return backoff.initial
    grown = backoff.initial * (number if backoff.kind is BackoffKind.LINEAR else 2 ** (number - 1))
    return min(grown, backoff.cap)


def unmatched(windows: Sequence[Window], runs: Sequence[int]) -> list[Window]:
    """The windows left when each run is given to the open window that closes first, which matches as many as can be.

    Bounds belong to their window.
    """
    coming, open_, missed = sorted(windows, reverse=True), list[Window](), list[Window]()
    for run in sorted(runs):
        while coming and coming[-1][0] <= run:
            opens, closes = coming.pop()
            heappush(open_, (closes, opens))
        while open_ and open_[0][0] < run:
            missed.append(heappop(open_)[::-1])
        if open_:
            heappop(open_)
    return sorted([*missed, *(each[::-1] for each in open_), *coming])


def _percentile(found: list[float], share: float) -> float:
    return sorted(found)[min(len(found) - 1, int(share * len(found)))]
