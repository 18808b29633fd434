"""The processes of a simulation: schedulers and workers made of the production services, unchanged."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache

from application.scheduling.ports.history import Retention
from application.scheduling.ports.membership import Member
from application.scheduling.processors import Processors
from application.scheduling.services.dispatch_due import AHEAD, DispatchDue
from application.scheduling.services.keep_claims import KeepClaims
from application.scheduling.services.keep_membership import KeepMembership
from application.scheduling.services.perform_executions import PerformExecutions
from application.scheduling.services.prune_history import PruneHistory
from application.scheduling.services.reconcile import Reconcile
from application.scheduling.services.rescue_stuck import RescueStuck
from application.scheduling.services.run_execution import RunExecution
from application.scheduling.services.settle_execution import SettleExecution
from domain.scheduling.identifiers import NodeId
from domain.scheduling.sharing import EVERYTHING, Share, share_of
from tests.support.sim_clock import SimClock, SimEntropy
from tests.support.sim_loop import SimProcess
from tests.support.simulation_handlers import registered
from tests.support.simulation_store import RemoteStores
from tests.support.simulation_world import CountingObserver, LossyHints, World, keep_doing

# Slower than in production, where a look costs microseconds of a real second: here it costs them of a virtual one.
LOOK_EVERY = 120.0
RESCUE_EVERY = 30.0
RECONCILE_EVERY = 1_800.0
PRUNE_EVERY = 3_600.0
ANNOUNCE_EVERY = 12.0
CLAIM_EVERY = 90.0
SETTLE_EVERY = 60.0
BEAT_EVERY = 5.0
IDLE_BEAT_EVERY = 30.0
DRAIN_WITHIN = 10.0
RETENTION = Retention(executions=timedelta(hours=8), changes=timedelta(hours=20), deleted_tasks=timedelta(hours=6))


share_among = lru_cache(maxsize=1_000)(share_of)


@dataclass(slots=True)
class Node(ABC):
    """A place where one process after another lives; the clock is the machine's and outlives them."""

    world: World
    name: str
    clock: SimClock
    lives: int = 0
    process: SimProcess | None = None

    def start(self) -> None:
        """Begin a new life with an empty memory."""
        if self.process is not None and self.process.alive:
            return
        self.lives += 1
        self.process = SimProcess(self.world.loop, f"{self.name}.{self.lives}")
        self.live(self.process, self.world.store.reached_by(self.process, self.clock))

    def crash(self, *, back_after: float) -> None:
        """Die at once, and be started again after a while."""
        if self.process is not None and self.process.alive:
            self.world.happened("crash")
            self.process.kill()
            self.world.loop.call_outside(back_after, self.start)

    def freeze(self, seconds: float) -> None:
        """Be stopped for a while."""
        if self.process is not None and self.process.alive and not self.process.stopped:
            self.world.happened("freeze")
            self.process.stop()
            self.world.loop.call_outside(seconds, self.process.go_on)

    @abstractmethod
    def live(self, process: SimProcess, stores: RemoteStores) -> None:
        """Start what this process does all day."""

    def again_and_again(self, work: Callable[[], Awaitable[object]], every: float) -> None:
        """One pass after the other, always as far apart."""

        async def step() -> float:
            await work()
            return every

        assert self.process is not None
        self.process.spawn(keep_doing(step, self.world.loop, asyncio.Event()))


@dataclass(slots=True)
class SchedulerNode(Node):
    """Dispatches, rescues, reconciles, prunes; with `shares` it looks after its own buckets first."""

    shares: bool = False

    def live(self, process: SimProcess, stores: RemoteStores) -> None:
        """See Node."""
        world, clock, node_id = self.world, self.clock, NodeId(process.name)
        observer = CountingObserver(world)
        hints = LossyHints(world, world.dice(f"hints/{process.name}"))
        bell = world.scheduler_bells[self.name] = asyncio.Event()
        dispatch = DispatchDue(stores.tasks, stores.executions, clock, hints, observer)

        async def share() -> Share:
            if not self.shares:
                return EVERYTHING
            return share_among(node_id, tuple(each.node_id for each in await stores.membership.members()))

        async def step() -> float:
            next_at = await dispatch.run_once(await share())
            if next_at is None:
                return LOOK_EVERY
            return max(0.001, min((next_at - clock.now() - AHEAD) / timedelta(seconds=1), LOOK_EVERY))

        process.spawn(keep_doing(step, world.loop, bell))
        self.again_and_again(RescueStuck(stores.executions, clock, hints, observer).run_once, RESCUE_EVERY)
        self.again_and_again(Reconcile(stores.tasks, clock, hints).run_once, RECONCILE_EVERY)
        self.again_and_again(PruneHistory(stores.history, observer, RETENTION).run_once, PRUNE_EVERY)
        if self.shares:
            member = Member(node_id, frozenset({"scheduler"}), "sim", self.lives, clock.now())
            self.again_and_again(KeepMembership(stores.membership, member).run_once, ANNOUNCE_EVERY)


@dataclass(slots=True)
class WorkerNode(Node):
    """Claims, runs, settles; its heartbeat is another task of the same process. Not every worker knows every type."""

    concurrency: int = 4
    task_types: tuple[str, ...] = ("mail",)
    _draining: bool = False
    _perform: PerformExecutions | None = None
    _bell: asyncio.Event = field(default_factory=asyncio.Event)

    def live(self, process: SimProcess, stores: RemoteStores) -> None:
        """See Node."""
        world, clock, worker_id = self.world, self.clock, NodeId(process.name)
        observer = CountingObserver(world)
        hints = LossyHints(world, world.dice(f"hints/{process.name}"))
        self._bell = world.worker_bells[self.name] = asyncio.Event()
        self._draining = False
        perform = self._perform = PerformExecutions(
            stores.executions,
            RunExecution(self._handlers(), clock),
            SettleExecution(stores.executions, clock, hints, observer),
            clock,
            SimEntropy(process.name),
            observer,
            worker_id,
            concurrency=self.concurrency,
            hands_free=self._bell,
        )
        beat = KeepClaims(
            stores.executions, perform.live, clock, worker_id, perform.run_execution.stuck, observer=observer
        )

        async def settle() -> float:
            return 0.0 if await perform.settle_once() else SETTLE_EVERY

        async def keep() -> float:
            await beat.run_once()
            return BEAT_EVERY if len(perform.live) else IDLE_BEAT_EVERY

        process.spawn(self._claiming(perform))
        process.spawn(keep_doing(settle, world.loop, perform.something_ended))
        process.spawn(keep_doing(keep, world.loop, asyncio.Event()))

    def deploy(self) -> None:
        """Stop claiming, hand back what does not end at once, leave, and come back as a new process."""
        process, perform = self.process, self._perform
        if process is None or perform is None or not process.alive or process.stopped:
            return
        self.world.happened("deploy")
        self._draining = True
        perform.leaving.set()
        self.world.loop.call_outside(DRAIN_WITHIN, self._left, process)

    def _left(self, process: SimProcess) -> None:
        process.kill()
        self.start()

    async def _claiming(self, perform: PerformExecutions) -> None:
        async with asyncio.TaskGroup() as group:

            async def step() -> float:
                # A process that stuck code occupies claims no more; here that code ends after a while.
                if self._draining or perform.is_stuck:
                    return CLAIM_EVERY
                return 0.0 if await perform.claim_once(group) else CLAIM_EVERY

            await keep_doing(step, self.world.loop, perform.hands_free)

    def _handlers(self) -> Processors:
        return registered(self.world, self, self.task_types)
