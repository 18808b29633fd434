"""The processes of a simulation: schedulers and workers made of the production services, unchanged."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache

from application.scheduling.ports.history import Retention
from application.scheduling.ports.membership import Member
from application.scheduling.services.deciding import AHEAD
from application.scheduling.services.dispatch_due import DispatchDue
from application.scheduling.services.expire_unknown import ExpireUnknown
from application.scheduling.services.keep_claims import KeepClaims
from application.scheduling.services.keep_membership import KeepMembership
from application.scheduling.services.perform_executions import PerformExecutions
from application.scheduling.services.prune_history import PruneHistory
from application.scheduling.services.reconcile import Reconcile
from application.scheduling.services.rescue_stuck import RescueStuck
from application.scheduling.services.run_execution import RunExecution
from application.scheduling.services.settle_execution import SettleExecution
from application.scheduling.services.watch_clock import WatchClock
from application.scheduling.services.watch_hold import WatchHold
from application.scheduling.services.withheld import WithheldExecutions, WithheldTasks
from domain.scheduling.identifiers import NodeId
from domain.scheduling.sharing import EVERYTHING, Share, share_of
from entrypoints.service import WAKE_WINDOW
from tests.support.sim_clock import SimClock, SimEntropy
from tests.support.sim_loop import SimProcess
from tests.support.simulation_handlers import registered
from tests.support.simulation_wire import RemoteStores
from tests.support.simulation_world import CountingObserver, LossyHints, World, keep_doing

DRAIN_WITHIN = 10.0
# The heartbeat of a worker without work says nothing to anybody; it goes on with the first claim.
NOTHING_TO_KEEP = 3_600.0
RETENTION = Retention(executions=timedelta(hours=8), changes=timedelta(hours=20), deleted_tasks=timedelta(hours=6))

Step = Callable[[], Awaitable[float]]

share_among = lru_cache(maxsize=1_000)(share_of)


@dataclass(slots=True)
class Node(ABC):
    """A place where one process after another lives; the clock is the machine's and outlives them."""

    world: World
    name: str
    clock: SimClock
    lives: int = 0
    process: SimProcess | None = None
    loops: int = 0

    def start(self) -> None:
        """Begin a new life with an empty memory."""
        if self.process is not None and self.process.alive:
            return
        self.lives += 1
        self.loops = 0
        self.process = SimProcess(self.world.loop, f"{self.name}.{self.lives}")
        self.live(self.process, self.world.store.reached_by(self.process, self.clock))

    def crash(self, *, back_after: float) -> None:
        """Die at once, and be started again after a while."""
        if self.process is not None and self.process.alive:
            self.world.happened("crash")
            self.world.checker.pace.dead.add(self.process.name)
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

    def left_over(self) -> list[str]:
        """What is still there of work that has come to its end (I22)."""
        assert self.process is not None
        tasks = [each for each in self.process.tasks if not each.done()]
        return [] if len(tasks) == self.loops else [f"{len(tasks)} tasks for {self.loops} loops: {tasks}"]

    def repeat(self, step: Step, bell: asyncio.Event | None = None) -> None:
        """Keep doing a step for as long as this process lives."""
        assert self.process is not None
        self.loops += 1
        self.process.spawn(keep_doing(step, self.world.loop, bell or asyncio.Event()))


@dataclass(slots=True)
class SchedulerNode(Node):
    """Dispatches, rescues, reconciles, prunes; with `shares` it looks after its own buckets first."""

    shares: bool = False

    def live(self, process: SimProcess, stores: RemoteStores) -> None:
        """See Node."""
        hints = LossyHints(self.world, self.world.dice(f"hints/{process.name}"))
        bell = self.world.scheduler_bells[self.name] = asyncio.Event()
        reconcile = Reconcile(stores.tasks, self.clock, hints)
        caught_up = False

        async def reconciling() -> float:
            # The first pass, before anything fires, is another one.
            nonlocal caught_up
            if caught_up:
                await reconcile.run_once()
            else:
                await reconcile.catch_up()
                caught_up = True
                self._begin(process, stores, hints, bell)
            return self.world.pace.reconcile

        self.repeat(reconciling)

    def _begin(self, process: SimProcess, stores: RemoteStores, hints: LossyHints, bell: asyncio.Event) -> None:
        world, clock, node_id = self.world, self.clock, NodeId(process.name)
        observer = CountingObserver(self.world)
        watch = WatchClock(clock, observer)
        held = WithheldExecutions(stores.executions, switch := WatchHold(stores.holds, clock))
        dispatch = DispatchDue(WithheldTasks(stores.tasks, switch), held, clock, hints, observer, watch)
        rescue = RescueStuck(stores.executions, clock, hints, observer)
        expire = ExpireUnknown(held, watch, hints, observer)
        prune = PruneHistory(stores.history, observer, watch, RETENTION)
        self.repeat(self._dispatching(stores, node_id, dispatch), bell)
        self.repeat(every(rescue.run_once, lambda: world.pace.rescue))
        self.repeat(every(expire.run_once, lambda: world.pace.reconcile))
        self.repeat(every(prune.run_once, lambda: world.pace.prune))
        if self.shares:
            member = Member(node_id, frozenset({"scheduler"}), "sim", self.lives, clock.now())
            self.repeat(every(KeepMembership(stores.membership, member).run_once, lambda: world.pace.announce))

    def _dispatching(self, stores: RemoteStores, node_id: NodeId, dispatch: DispatchDue) -> Step:
        async def share() -> Share:
            if not self.shares:
                return EVERYTHING
            return share_among(node_id, tuple(each.node_id for each in await stores.membership.members()))

        async def step() -> float:
            next_at, look = await dispatch.run_once(await share()), self.world.pace.look
            if next_at is None:
                return look
            return max(WAKE_WINDOW.total_seconds(), min((next_at - self.clock.now() - AHEAD).total_seconds(), look))

        return step


@dataclass(slots=True)
class WorkerNode(Node):
    """Claims, runs, settles; its heartbeat is another task of the same process. Not every worker knows every type.

    One that is `isolated` runs what others may have died of, one at a time.
    """

    concurrency: int = 4
    isolated: bool = False
    task_types: tuple[str, ...] = ("mail",)
    _draining: bool = False
    _perform: PerformExecutions | None = None
    _beating: asyncio.Event = field(default_factory=asyncio.Event)
    _beats_rest: bool = False

    def live(self, process: SimProcess, stores: RemoteStores) -> None:
        """See Node."""
        self._draining = False
        perform = self._perform = self._performing(process, stores)
        worker_id, observer = NodeId(process.name), CountingObserver(self.world)
        keep_claims = KeepClaims(stores.executions, perform.live, self.clock, worker_id, observer)

        async def settle() -> float:
            return 0.0 if await perform.settle_once() else self.world.pace.settle

        async def beat() -> float:
            await keep_claims.run_once()
            self._beats_rest = not len(perform.live)
            return NOTHING_TO_KEEP if self._beats_rest else self.world.pace.beat

        self._beating = asyncio.Event()
        self.loops += 1
        process.spawn(self._claiming(perform))
        self.repeat(settle, perform.something_ended)
        self.repeat(beat, self._beating)

    def deploy(self) -> None:
        """Stop claiming, hand back what does not end at once, leave, and come back as a new process."""
        process, perform = self.process, self._perform
        if process is None or perform is None or not process.alive or process.stopped:
            return
        self.world.happened("deploy")
        self._draining = True
        perform.leave()
        self.world.loop.call_outside(DRAIN_WITHIN, self._left, process)

    def left_over(self) -> list[str]:
        """See Node."""
        perform, found = self._perform, Node.left_over(self)
        assert perform is not None
        if len(perform.live) or perform.is_stuck:
            found.append(f"attempts: {perform.live.all()}, stuck: {perform.live.stuck()}")
        return found

    def _left(self, process: SimProcess) -> None:
        process.kill()
        self.start()

    def _performing(self, process: SimProcess, stores: RemoteStores) -> PerformExecutions:
        hints = LossyHints(self.world, self.world.dice(f"hints/{process.name}"))
        observer = CountingObserver(self.world)
        bell = self.world.worker_bells[self.name] = asyncio.Event()
        return PerformExecutions(
            WithheldExecutions(stores.executions, WatchHold(stores.holds, self.clock)),
            RunExecution(registered(self.world, self, self.task_types), self.clock),
            SettleExecution(stores.executions, self.clock, hints, observer),
            self.clock,
            SimEntropy(process.name),
            observer,
            NodeId(process.name),
            concurrency=self.concurrency,
            isolated=self.isolated,
            hands_free=bell,
        )

    async def _claiming(self, perform: PerformExecutions) -> None:
        async with asyncio.TaskGroup() as group:

            async def step() -> float:
                # A process that stuck code occupies claims no more; here that code ends after a while.
                if self._draining or perform.is_stuck:
                    return self.world.pace.claim
                more = await perform.claim_once(group)
                if self._beats_rest and len(perform.live):
                    self._beating.set()
                return 0.0 if more else self.world.pace.claim

            await keep_doing(step, self.world.loop, perform.hands_free)


def every(work: Callable[[], Awaitable[object]], wait: Callable[[], float]) -> Step:
    """A step that does `work` and then waits for as long as the present pace says."""

    async def step() -> float:
        await work()
        return wait()

    return step
