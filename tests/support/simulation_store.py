"""The memory store as simulated processes reach it: over a wire that loses, delays, repeats and grows stale.

Between the store and the wire stands a witness. Every call is one atomic step, so what the witness sees changed after
a call is what that call did; it hands each step to whoever checks.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any, Protocol

from adapters.memory.execution_store import MemoryExecutionStore
from adapters.memory.history import MemoryHistory
from adapters.memory.membership import MemoryMembership
from adapters.memory.state import State
from adapters.memory.stores import MemoryStores
from adapters.memory.task_store import MemoryTaskStore
from application.scheduling.ports.errors import StoreUnavailableError
from application.scheduling.ports.history import ChangeRecord
from domain.scheduling.execution import Execution
from domain.scheduling.identifiers import ExecutionId, TaskId
from domain.scheduling.task import ScheduledTask, Skip
from domain.scheduling.work import Work
from tests.support.sim_clock import SimClock
from tests.support.sim_loop import SimLoop, SimProcess

CHANGING = (
    "commit_firings",
    "mutate",
    "claim",
    "heartbeat",
    "settle",
    "release_due",
    "rescue",
    "rescue_worker",
    "prune",
)
PORTS = ("tasks", "executions", "history", "membership")
READ_TASKS = ("due", "get", "find", "scan")
SNAPSHOTS_KEPT = 4


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

    `now` is the store's clock, `ahead` by how much the caller's is before it.
    """

    number: int
    process: str
    call: str
    arguments: tuple[Any, ...]
    answer: Any
    elapsed: int
    now: datetime
    ahead: timedelta
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
        tasks = self._moved_tasks()
        executions = self._moved_executions()
        # A pruned change makes the list shorter, which nothing else does.
        self._changes = min(self._changes, len(self.state.changes))
        changes, self._changes = tuple(self.state.changes[self._changes :]), len(self.state.changes)
        skips, self.state.passed_over = tuple(self.state.passed_over), []
        self._steps += 1
        step = StoreStep(
            number=self._steps,
            process=caller.process.name,
            call=call,
            arguments=args,
            answer=answer,
            elapsed=self.clock.loop.elapsed,
            now=self.clock.now(),
            ahead=caller.clock.now() - self.clock.now(),
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


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: a life of a process, and its clock, which follows the store's with each reply."""

    process: SimProcess
    clock: SimClock


@dataclass(slots=True)
class FaultRates:
    """How often, per call, what goes wrong; `down` refuses everything."""

    before: float = 0.004
    reply_lost: float = 0.006
    twice: float = 0.006
    stale: float = 0.02
    slow: float = 0.15
    very_slow: float = 0.004
    down: bool = False

    def heal(self) -> None:
        """No faults from now on, but for ordinary delays."""
        self.before = self.reply_lost = self.twice = self.stale = self.very_slow = 0.0
        self.down = False


@dataclass(slots=True)
class Wire:
    """What lies between processes and the store."""

    loop: SimLoop
    clock: SimClock
    rates: FaultRates
    random: Random
    strays: list[asyncio.Task[None]] = field(default_factory=list)
    # What is due comes without its payload, so it is remembered apart.
    snapshots: dict[tuple[bool, TaskId], deque[ScheduledTask]] = field(default_factory=dict)

    async def call(
        self, caller: Caller, name: str, method: Callable[..., Awaitable[Any]], *args: Any, **options: Any
    ) -> Any:
        """One call of the store, with whatever befalls it on its way there and back."""
        chance = self.random.random
        await self._delay()
        if not caller.process.alive:
            raise asyncio.CancelledError
        if self.rates.down or chance() < self.rates.before:
            raise StoreUnavailableError("the store could not be reached")
        answer, told = await method(caller, *args, **options), self.clock.now()
        if chance() < self.rates.twice:
            self.loop.call_outside(self.random.uniform(0.001, 5), self._again, caller, method, args, options)
        if chance() < self.rates.reply_lost:
            await self._delay()
            raise StoreUnavailableError("the store's answer was lost")
        await self._delay()
        caller.clock.follow(told)
        return self._aged(name, answer) if name in READ_TASKS else answer

    def _again(
        self, caller: Caller, method: Callable[..., Awaitable[Any]], args: tuple[Any, ...], options: dict[str, Any]
    ) -> None:
        """The same message a second time; nobody hears the answer."""

        async def deliver() -> None:
            await method(caller, *args, **options)

        self.strays.append(self.loop.create_task(deliver()))
        self.strays = [each for each in self.strays if not each.done()]

    async def _delay(self) -> None:
        drawn = self.random.random()
        if drawn < self.rates.very_slow:
            await asyncio.sleep(self.random.uniform(0.5, 8))
        elif drawn < self.rates.slow:
            await asyncio.sleep(self.random.uniform(0.0001, 0.12))
        else:
            await asyncio.sleep(0)

    def _aged(self, name: str, answer: Any) -> Any:
        if isinstance(answer, Sequence):
            return [self._perhaps_older(name == "due", each) for each in answer]
        return self._perhaps_older(False, answer)

    def _perhaps_older(self, due: bool, read: Any) -> Any:
        if not isinstance(read, ScheduledTask):
            return read
        known = self.snapshots.setdefault((due, read.id), deque(maxlen=SNAPSHOTS_KEPT))
        older = self.random.choice(known) if known and self.random.random() < self.rates.stale else read
        if not known or known[-1] != read:
            known.append(read)
        return older


class RemotePort:
    """One port of the store as one process sees it."""

    def __init__(self, wire: Wire, caller: Caller, methods: dict[str, Callable[..., Awaitable[Any]]]) -> None:
        for name, method in methods.items():
            setattr(self, name, self._reached(wire, caller, name, method))

    @staticmethod
    def _reached(
        wire: Wire, caller: Caller, name: str, method: Callable[..., Awaitable[Any]]
    ) -> Callable[..., Awaitable[Any]]:
        def call(*args: Any, **options: Any) -> Awaitable[Any]:
            return wire.call(caller, name, method, *args, **options)

        return call


@dataclass(slots=True)
class SimStore:
    """One memory store, its clock, its witness and the wire to it."""

    clock: SimClock
    witness: Witness
    wire: Wire
    stores: MemoryStores
    _methods: dict[str, dict[str, Callable[..., Awaitable[Any]]]] = field(default_factory=dict)

    @classmethod
    def open(cls, clock: SimClock, check: StepCheck, random: Random) -> "SimStore":
        """An empty store."""
        state = WatchedState(clock)
        stores = MemoryStores(
            state, MemoryTaskStore(state), MemoryExecutionStore(state), MemoryHistory(state), MemoryMembership(state)
        )
        store = cls(clock, Witness(state, clock, check), Wire(clock.loop, clock, FaultRates(), random), stores)
        store._methods = {name: store._served(getattr(stores, name)) for name in PORTS}
        return store

    def reached_by(self, process: SimProcess, clock: SimClock) -> "RemoteStores":
        """The four ports as a process with this clock reaches them, under the names they have in MemoryStores."""
        caller = Caller(process, clock)
        return RemoteStores(*(RemotePort(self.wire, caller, self._methods[name]) for name in PORTS))

    def _served(self, port: Any) -> dict[str, Callable[..., Awaitable[Any]]]:
        names = [each for each in dir(port) if not each.startswith("_") and each != "state"]
        return {name: self._serving(name, getattr(port, name)) for name in names}

    def _serving(self, name: str, method: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        if name in CHANGING or name == "cancel":
            return self.witness.watched(name, method)

        async def read(_caller: Caller, *args: Any, **options: Any) -> Any:
            return await method(*args, **options)

        return read

    def work(self, task_id: TaskId) -> Work:
        """A task and its open executions as they are."""
        return self.stores.state.work(task_id)


@dataclass(frozen=True, slots=True)
class RemoteStores:
    """The ports of one process."""

    tasks: Any
    executions: Any
    history: Any
    membership: Any
