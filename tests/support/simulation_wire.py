"""What lies between simulated processes and their store: it loses, delays, repeats, grows stale, and is cut off.

A fail-over cuts every connection, so whatever was under way in a process, or had been read by it, ends in an error
before it can be written to the store that has taken over; every adapter of a store that can fail over owes that.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from application.scheduling.ports.errors import StoreUnavailableError
from domain.scheduling.identifiers import TaskId
from domain.scheduling.mutation import Mutation
from domain.scheduling.task import ScheduledTask
from tests.support.sim_clock import SimClock
from tests.support.sim_loop import SimLoop
from tests.support.simulation_holds import HoldChecks
from tests.support.simulation_witness import Caller

READ_TASKS = ("due", "get", "find", "scan")
SNAPSHOTS_KEPT = 4

Method = Callable[..., Awaitable[Any]]


@dataclass(slots=True)
class FaultRates:
    """How often, per call, what goes wrong. `down` refuses everything, `full` whatever makes the store larger."""

    before: float = 0.004
    reply_lost: float = 0.006
    twice: float = 0.006
    stale: float = 0.02
    slow: float = 0.15
    very_slow: float = 0.004
    down: bool = False
    full: bool = False

    def heal(self) -> None:
        """No faults from now on, but for ordinary delays."""
        self.before = self.reply_lost = self.twice = self.stale = self.very_slow = 0.0
        self.down = self.full = False


@dataclass(slots=True)
class Wire:
    """The way to the store and back."""

    loop: SimLoop
    clock: SimClock
    rates: FaultRates
    random: Random
    strays: list[asyncio.Task[None]] = field(default_factory=list)
    holds: HoldChecks | None = None
    # What is due comes without its payload, so it is remembered apart.
    snapshots: dict[tuple[bool, TaskId], deque[ScheduledTask]] = field(default_factory=dict)
    _cuts: int = 0
    # Those who have not noticed yet that their connection is gone.
    _severed: set[asyncio.Task[Any]] = field(default_factory=set)

    async def call(self, caller: Caller, name: str, method: Method, *args: Any, **options: Any) -> Any:
        """One call of the store, with whatever befalls it on its way there and back."""
        chance, cuts = self.random.random, self._cuts
        if self.holds is not None:
            self.holds.asks(caller.process, name)
        await self._there()
        if not caller.process.alive:
            raise asyncio.CancelledError
        if self.rates.down or chance() < self.rates.before:
            raise StoreUnavailableError("the store could not be reached")
        self._connected(cuts)
        if self.rates.full and _grows(name, args):
            raise StoreUnavailableError("the store has no memory left for this")
        answer, told = await method(caller, *args, **options), self.clock.now()
        if chance() < self.rates.twice:
            again = self._again(self._cuts, caller, method, args, options)
            self.loop.call_outside(self.random.uniform(0.001, 5), again)
        await self._back()
        if self._cuts != cuts or chance() < self.rates.reply_lost:
            raise StoreUnavailableError("the store's answer was lost")
        caller.clock.follow(told)
        if self.holds is not None:
            self.holds.told(caller.process, name, answer)
        return self._aged(name, answer) if name in READ_TASKS else answer

    def cut(self) -> None:
        """End every connection; what is on its way arrives nowhere."""
        self._cuts += 1
        self._severed = set(asyncio.all_tasks())
        self.snapshots.clear()

    def _connected(self, cuts: int) -> None:
        if self._cuts != cuts:
            raise StoreUnavailableError("the connection was cut")
        if self._severed and (task := asyncio.current_task()) in self._severed:
            self._severed.discard(task)
            raise StoreUnavailableError("the connection had been cut")

    def _again(
        self, cuts: int, caller: Caller, method: Method, args: tuple[Any, ...], options: dict[str, Any]
    ) -> Callable[[], None]:
        """The same message a second time; nobody hears the answer."""

        async def deliver() -> None:
            if self._cuts == cuts:
                await method(caller, *args, **options)

        def begin() -> None:
            self.strays = [each for each in self.strays if not each.done()]
            self.strays.append(self.loop.create_task(deliver()))

        return begin

    async def _there(self) -> None:
        """At least one turn for everybody else."""
        drawn = self.random.random()
        await asyncio.sleep(0 if drawn >= self.rates.slow else self._delay(drawn))

    async def _back(self) -> None:
        drawn = self.random.random()
        if drawn < self.rates.slow:
            await asyncio.sleep(self._delay(drawn))

    def _delay(self, drawn: float) -> float:
        slowly = drawn < self.rates.very_slow
        return self.random.uniform(0.5, 8) if slowly else self.random.uniform(0.0001, 0.12)

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


def _grows(name: str, args: tuple[Any, ...]) -> bool:
    """True for what a store that is out of memory refuses: firings, new tasks, new executions."""
    if name != "mutate":
        return name == "commit_firings"
    mutations: Sequence[Mutation] = args[0]
    return any(each.before is None or each.firing is not None or _runs(each) for each in mutations)


def _runs(mutation: Mutation) -> bool:
    return bool(mutation.runs)


class RemotePort:
    """One port of the store as one process sees it."""

    def __init__(self, wire: Wire, caller: Caller, methods: dict[str, Method]) -> None:
        for name, method in methods.items():
            setattr(self, name, self._reached(wire, caller, name, method))

    @staticmethod
    def _reached(wire: Wire, caller: Caller, name: str, method: Method) -> Method:
        def call(*args: Any, **options: Any) -> Awaitable[Any]:
            return wire.call(caller, name, method, *args, **options)

        return call


@dataclass(frozen=True, slots=True)
class RemoteStores:
    """The ports of one process."""

    tasks: Any
    executions: Any
    history: Any
    membership: Any
    holds: Any
