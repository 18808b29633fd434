"""The memory store as simulated processes reach it: over a wire that loses, delays, repeats and grows stale.

Between the store and the wire stands a witness, which hands each step to whoever checks.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from adapters.memory.execution_store import MemoryExecutionStore
from adapters.memory.history import MemoryHistory
from adapters.memory.membership import MemoryMembership
from adapters.memory.stores import MemoryStores
from adapters.memory.task_store import MemoryTaskStore
from application.scheduling.ports.errors import StoreUnavailableError
from domain.scheduling.identifiers import TaskId
from domain.scheduling.task import ScheduledTask
from domain.scheduling.work import Work
from tests.support.sim_clock import SimClock
from tests.support.sim_loop import SimLoop, SimProcess
from tests.support.simulation_witness import Caller, StepCheck, WatchedState, Witness

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
