"""`Figures` in memory."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from adapters.memory.state import KeptExecution, State
from application.scheduling.ports.figures import COUNT_MAX, Backlog, ComingTask, HourFigures, Load, PastRun, TypeFigures
from domain.scheduling.durations import NO_STEP, Durations
from domain.scheduling.execution import Execution, ExecutionKind, ExecutionState, redrive_key
from domain.scheduling.finish import Finish
from domain.scheduling.identifiers import EPOCH, TaskId
from domain.scheduling.task import ScheduledTask, TaskStatus
from domain.scheduling.timeline import Occurrence

_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class MemoryFigures:
    """`Figures` over the shared state."""

    state: State

    async def backlog(self) -> Backlog:
        """See the port."""
        self.state.now()
        pending = self.state.open_executions(ExecutionState.PENDING)
        return Backlog(
            dead_letters=min(COUNT_MAX, sum(self._is_dead_letter(each) for each in self._executions())),
            oldest_pending_at=min((_pending_since(each.execution) for each in pending), default=None),
        )

    async def load(self) -> Load:
        """See the port."""
        self.state.now()
        pending = self.state.open_executions(ExecutionState.PENDING)
        living = (each.task for each in self.state.tasks.values() if each.task.deleted_at is None)
        return Load(Counter(map(self._type_of, pending)), sum(each.quarantine is not None for each in living))

    async def unhandled(self) -> int:
        """See the port."""
        pending = self.state.open_executions(ExecutionState.PENDING)
        return min(COUNT_MAX, sum(each.execution.unknown_since is not None for each in pending))

    async def past_runs(self, task_ids: Sequence[TaskId], *, limit: int) -> Mapping[TaskId, Sequence[PastRun]]:
        """See the port."""
        self.state.now()
        runs: dict[TaskId, list[PastRun]] = {task_id: [] for task_id in task_ids}
        for each in sorted(self._executions(), key=lambda each: each.id):
            if each.task_id in runs and each.finished_at is not None:
                runs[each.task_id].append(PastRun(each.id, each.state, each.started_at, each.finished_at))
        return {task_id: of_task[-limit:] for task_id, of_task in runs.items()}

    async def coming(self, *, until: datetime, limit: int) -> Sequence[ComingTask]:
        """See the port."""
        self.state.now()
        found = [_coming(task, next_) for task, next_ in self._next_runs() if next_.run_at < until]
        return sorted(found, key=lambda each: (each.next_occurrence.run_at, each.id))[:limit]

    async def next_runs(self, *, since: datetime, until: datetime) -> Mapping[datetime, int]:
        """See the port."""
        self.state.now()
        runs = (next_.run_at for _, next_ in self._next_runs() if since <= next_.run_at < until)
        return Counter(run_at - (run_at - EPOCH) % _MINUTE for run_at in runs)

    async def hours(self, *, since: datetime, until: datetime, task_type: str | None = None) -> Sequence[HourFigures]:
        """See the port."""
        self.state.now()
        by_hour: defaultdict[datetime, Counter[ExecutionState]] = defaultdict(Counter)
        for finish, count in self._finished(since, until):
            if task_type in (None, finish.task_type):
                by_hour[finish.hour][finish.state] += count
        return [HourFigures(at, by_hour[at]) for at in sorted(by_hour)]

    async def types(self, *, since: datetime, until: datetime) -> Sequence[TypeFigures]:
        """See the port."""
        self.state.now()
        states: defaultdict[str, Counter[ExecutionState]] = defaultdict(Counter)
        steps: defaultdict[str, Counter[int]] = defaultdict(Counter)
        for finish, count in self._finished(since, until):
            states[finish.task_type][finish.state] += count
            if finish.step != NO_STEP:
                steps[finish.task_type][finish.step] += count
        return [TypeFigures(name, states[name], Durations(steps[name])) for name in sorted(states)]

    def _readable(self) -> Iterator[ScheduledTask]:
        found = (self.state.task(task_id) for task_id in self.state.tasks)
        return (task for task in found if isinstance(task, ScheduledTask))

    def _next_runs(self) -> Iterator[tuple[ScheduledTask, Occurrence]]:
        for task in self._readable():
            if task.status is TaskStatus.ACTIVE and task.quarantine is None and task.next_occurrence is not None:
                yield task, task.next_occurrence

    def _executions(self) -> Iterator[Execution]:
        return (kept.execution for kept in self.state.executions.values())

    def _type_of(self, kept: KeptExecution) -> str:
        return self.state.definition(kept.execution).task_type

    def _is_dead_letter(self, execution: Execution) -> bool:
        if execution.state is not ExecutionState.DEAD:
            return False
        return self.state.execution_of(execution.task_id, ExecutionKind.MANUAL, redrive_key(execution.id)) is None

    def _finished(self, since: datetime, until: datetime) -> Iterable[tuple[Finish, int]]:
        return ((finish, count) for finish, count in self.state.finished.items() if since <= finish.hour < until)


def _coming(task: ScheduledTask, next_: Occurrence) -> ComingTask:
    definition = task.definition
    return ComingTask(
        task.id, definition.name, definition.task_type, definition.timezone, task.timeline, next_, task.runs_left
    )


def _pending_since(execution: Execution) -> datetime:
    return min(execution.available_at, execution.unknown_since or execution.available_at)
