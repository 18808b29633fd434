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
from tests.support.simulation_twin import Twin
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
PORTS = ("tasks", "executions", "history", "membership", "holds")


@dataclass(slots=True)
class SimStore:
    """One memory store, its clock, its witness and the wire to it."""

    clock: SimClock
    witness: Witness
    wire: Wire
    stores: MemoryStores
    # Another store, which must answer the same.
    twin: Twin | None = None
    replica: Replica | None = None
    _methods: dict[str, dict[str, Callable[..., Awaitable[Any]]]] = field(default_factory=dict)

    @classmethod
    def open(cls, clock: SimClock, check: StepCheck, random: Random, twin: Twin | None = None) -> "SimStore":
        """An empty store."""
        state = WatchedState(clock)
        stores = MemoryStores.over(state)
        store = cls(clock, Witness(state, clock, check), Wire(clock.loop, clock, FaultRates(), random), stores, twin)
        if twin is not None:
            twin.open(clock)
        store._methods = {name: store._served(name) for name in PORTS}
        return store

    def replicate(self) -> None:
        """Let a replica have everything up to now, and nothing that comes later."""
        self.replica = Replica.of(self.stores.state)
        if self.twin is not None:
            self.twin.replicate()

    def fail_over(self) -> frozenset[str]:
        """Let the replica take over; returns the idempotency keys that are forgotten with the latest changes."""
        assert self.replica is not None, "nobody replicated"
        forgotten = self.replica.take_over(self.stores.state)
        self.replica = None
        if self.twin is not None:
            self.twin.fail_over()
        self.wire.cut()
        self.witness.begin_anew()
        return forgotten

    def mar(self, task_id: TaskId) -> bool:
        """Make the row of a task unreadable, until `mend`; False if there is no such row, or a twin has one as well."""
        kept = self.stores.state.tasks.get(task_id) if self.twin is None else None
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
        """The ports as a process with this clock reaches them, under the names they have in MemoryStores."""
        caller = Caller(process, clock)
        return RemoteStores(*(RemotePort(self.wire, caller, self._methods[name]) for name in PORTS))

    def _served(self, port_name: str) -> dict[str, Callable[..., Awaitable[Any]]]:
        port = getattr(self.stores, port_name)
        methods = {each: getattr(port, each) for each in dir(port) if not each.startswith("_") and each != "state"}
        if self.twin is not None:
            methods = {name: self.twin.doubled(port_name, name, method) for name, method in methods.items()}
        return {name: self._serving(name, method) for name, method in methods.items()}

    def _serving(self, name: str, method: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        if name in CHANGING or name == "cancel":
            return self.witness.watched(name, method)

        async def read(_caller: Caller, *args: Any, **options: Any) -> Any:
            return await method(*args, **options)

        return read
