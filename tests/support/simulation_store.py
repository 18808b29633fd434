"""The memory store of a simulation: behind a wire, with a witness of each of its steps, and a replica that takes over.

Its rows can be made unreadable for a while.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from adapters.memory.stores import MemoryStores
from domain.scheduling.identifiers import TaskId
from tests.support.sim_clock import SimClock
from tests.support.sim_loop import SimProcess
from tests.support.simulation_failover import Replica
from tests.support.simulation_wire import FaultRates, RemotePort, RemoteStores, Wire
from tests.support.simulation_witness import Caller, StepCheck, WatchedState, Witness

CHANGING = (
    "commit_firings",
    "mutate",
    "claim",
    "heartbeat",
    "settle",
    "release_due",
    "expire_unknown",
    "rescue",
    "rescue_worker",
    "prune",
)
PORTS = ("tasks", "executions", "history", "membership")


@dataclass(slots=True)
class SimStore:
    """One memory store, its clock, its witness and the wire to it."""

    clock: SimClock
    witness: Witness
    wire: Wire
    stores: MemoryStores
    replica: Replica | None = None
    _methods: dict[str, dict[str, Callable[..., Awaitable[Any]]]] = field(default_factory=dict)

    @classmethod
    def open(cls, clock: SimClock, check: StepCheck, random: Random) -> "SimStore":
        """An empty store."""
        state = WatchedState(clock)
        stores = MemoryStores.over(state)
        store = cls(clock, Witness(state, clock, check), Wire(clock.loop, clock, FaultRates(), random), stores)
        store._methods = {name: store._served(getattr(stores, name)) for name in PORTS}
        return store

    def replicate(self) -> None:
        """Let a replica have everything up to now, and nothing that comes later."""
        self.replica = Replica.of(self.stores.state)

    def fail_over(self) -> frozenset[str]:
        """Let the replica take over; returns the idempotency keys that are forgotten with the latest changes."""
        assert self.replica is not None, "nobody replicated"
        forgotten = self.replica.take_over(self.stores.state)
        self.replica = None
        self.wire.cut()
        self.witness.begin_anew()
        return forgotten

    def mar(self, task_id: TaskId) -> bool:
        """Make the row of a task unreadable, until `mend`; False if there is no such row."""
        kept = self.stores.state.tasks.get(task_id)
        if kept is not None:
            kept.error = "its row cannot be read"
            self.witness.unreadable |= {task_id}
        return kept is not None

    def mend(self, task_id: TaskId) -> None:
        """Make the row of a task readable again, if there still is one."""
        self.witness.unreadable -= {task_id}
        if (kept := self.stores.state.tasks.get(task_id)) is not None:
            kept.error = None

    def reached_by(self, process: SimProcess, clock: SimClock) -> RemoteStores:
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
