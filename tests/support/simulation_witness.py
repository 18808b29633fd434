"""The witness of a simulated store: every call is one atomic step, so what changed after it is what that call did."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from adapters.memory.state import State
from application.scheduling.ports.execution_store import Released
from application.scheduling.ports.records import ChangeRecord
from domain.scheduling.execution import Execution
from domain.scheduling.identifiers import ExecutionId, TaskId
from domain.scheduling.task import ScheduledTask, Skip
from tests.support.sim_clock import SimClock
from tests.support.sim_loop import SimProcess

# Of what these answer when there is nothing to do, nothing can be said.
FINDING_NOTHING = ("claim", "expire_unknown", "prune", "release_due", "rescue")


@dataclass(slots=True)
class WatchedState(State):
    """The memory store's state, which writes down what one call touches."""

    touched: list[ExecutionId] = field(default_factory=list)
    passed_over: list[tuple[TaskId, Skip]] = field(default_factory=list)

    def put(self, execution: Execution) -> None:
        """See State."""
        self.touched.append(execution.id)
        # A slotted dataclass is another class than the one whose body this is.
        State.put(self, execution)

    def pass_over(self, task_id: TaskId, skips: tuple[Skip, ...]) -> None:
        """See State."""
        self.passed_over += [(task_id, skip) for skip in skips]
        State.pass_over(self, task_id, skips)


@dataclass(frozen=True, slots=True)
class StoreStep:
    """One atomic step: the call, its answer, and what is not as it was before.

    `now` is the store's clock; `unreadable` names the tasks whose rows cannot be read.
    """

    number: int
    process: str
    call: str
    arguments: tuple[Any, ...]
    answer: Any
    elapsed: int
    now: datetime
    unreadable: frozenset[TaskId]
    tasks: tuple[tuple[ScheduledTask | None, ScheduledTask], ...]
    executions: tuple[tuple[Execution | None, Execution], ...]
    skips: tuple[tuple[TaskId, Skip], ...]
    changes: tuple[ChangeRecord, ...]


class StepCheck(Protocol):
    """Whoever judges each step."""

    def step(self, step: StoreStep, before: dict[TaskId, ScheduledTask]) -> None:
        """Judge a step; `before` holds the tasks it names, with their open executions, as they were."""


@dataclass(slots=True)
class Witness:
    """Compares the state after every call with the one before."""

    state: WatchedState
    clock: SimClock
    check: StepCheck
    unreadable: frozenset[TaskId] = frozenset()
    _tasks: dict[TaskId, ScheduledTask] = field(default_factory=dict)
    _open: dict[ExecutionId, Execution] = field(default_factory=dict)
    _changes: int = 0
    _steps: int = 0

    def watched(self, call: str, method: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        """The method, with every call of it seen."""

        async def seen(caller: Caller, *args: Any, **options: Any) -> Any:
            before = self._named(call, args)
            answer = await method(*args, **options)
            self._look(caller, call, args, answer, before)
            return answer

        return seen

    def begin_anew(self) -> None:
        """Take what the store has now for what it had before the next step."""
        self._tasks = {task_id: kept.task for task_id, kept in self.state.tasks.items()}
        self._open = {each: self.state.executions[each].execution for each in self.state.open_ids}
        self._changes = len(self.state.changes)
        self.state.touched, self.state.passed_over = [], []

    def _named(self, call: str, args: tuple[Any, ...]) -> dict[TaskId, ScheduledTask]:
        if call == "commit_firings":
            ids = [each.task.id for each in args[0] if isinstance(each.task, ScheduledTask)]
        elif call == "mutate":
            ids = [each.after.id for each in args[0]]
        else:
            return {}
        return {each: self.state.work(each).task for each in ids if each in self.state.tasks}

    def _look(
        self, caller: "Caller", call: str, args: tuple[Any, ...], answer: Any, before: dict[TaskId, ScheduledTask]
    ) -> None:
        self._steps += 1
        # The most frequent of calls move nothing; if they did, the next step would be found to have.
        if call in FINDING_NOTHING and not _found(answer):
            return
        still = call == "heartbeat"
        tasks = () if still else self._moved_tasks()
        executions = () if still else self._moved_executions()
        # A pruned change makes the list shorter, which nothing else does.
        self._changes = min(self._changes, len(self.state.changes))
        changes, self._changes = tuple(self.state.changes[self._changes :]), len(self.state.changes)
        skips, self.state.passed_over = tuple(self.state.passed_over), []
        step = StoreStep(
            number=self._steps,
            process=caller.process.name,
            call=call,
            arguments=args,
            answer=answer,
            elapsed=self.clock.loop.elapsed,
            now=self.clock.now(),
            unreadable=self.unreadable,
            tasks=tasks,
            executions=executions,
            skips=skips,
            changes=changes,
        )
        self.check.step(step, before)

    def _moved_tasks(self) -> tuple[tuple[ScheduledTask | None, ScheduledTask], ...]:
        moved = [
            (self._tasks.get(task_id), kept.task)
            for task_id, kept in self.state.tasks.items()
            if self._tasks.get(task_id) is not kept.task
        ]
        self._tasks.update((after.id, after) for _, after in moved)
        return tuple(moved)

    def _moved_executions(self) -> tuple[tuple[Execution | None, Execution], ...]:
        touched, self.state.touched = self.state.touched, []
        moved = []
        for each in dict.fromkeys([*self._open, *touched]):
            before, kept = self._open.get(each), self.state.executions.get(each)
            if kept is None or kept.execution is before:
                continue
            moved.append((before, kept.execution))
            if kept.execution.is_open:
                self._open[each] = kept.execution
            else:
                self._open.pop(each, None)
        return tuple(moved)


def _found(answer: object) -> bool:
    return answer.moved > 0 if isinstance(answer, Released) else bool(answer)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: a life of a process, and its clock, which follows the store's with each reply."""

    process: SimProcess
    clock: SimClock
