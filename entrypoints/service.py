"""What one process does in its roles: scheduler and dashboard in its event loop, the worker as a child."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta

import structlog

from application.scheduling.ports.clock import Clock
from application.scheduling.ports.errors import StoreUnavailableError
from application.scheduling.ports.execution_store import Held
from application.scheduling.ports.membership import SILENT_AFTER
from application.scheduling.ports.metrics import CLOCK_HELD
from application.scheduling.ports.outbox import Streams
from application.scheduling.services.deciding import AHEAD
from application.scheduling.services.relay_messages import RelayMessages
from domain.scheduling.identifiers import NodeId
from entrypoints.admin import ServiceState, serve_admin
from entrypoints.container import Container
from entrypoints.isolation import LANES_MAX, PATIENCE, SuspectWatch
from entrypoints.loop import Step, every, once_ready, repeat
from entrypoints.metrics import LAG_EVERY, SERVICE, LoopLag, ProcessMetrics, look_at_processes
from entrypoints.metrics_listener import serve_metrics
from entrypoints.presence import Presence, new_node_id, presence_of
from entrypoints.process import EXIT_OK, take_leave
from entrypoints.profiles import Profile
from entrypoints.settings import Settings
from entrypoints.stores import Lock, Stores
from entrypoints.supervisor import Supervisor

LOOK_EVERY = timedelta(milliseconds=500)
WAKE_WINDOW = timedelta(milliseconds=1)
RESCUE_EVERY = timedelta(seconds=5)
PRUNE_EVERY = timedelta(minutes=10)
WATCH_EVERY = timedelta(seconds=10)
READY_WITHIN = timedelta(seconds=5)
# How long nothing fires for want of a first worker: long enough to hear that its settings are refused.
FIRST_WORKER_WITHIN = timedelta(seconds=10)
COUNT_WITHIN_SECONDS = 1.0


@dataclass(slots=True)
class Service:
    """The loops of one process: whichever of scheduler, worker and dashboard the settings give it.

    `lock`, if the profile has one, makes it the only process that serves the store.
    """

    settings: Settings
    node_id: NodeId
    profile: Profile
    lock: Lock | None
    stop: asyncio.Event
    due: asyncio.Event = field(default_factory=asyncio.Event)
    undelivered: asyncio.Event = field(default_factory=asyncio.Event)
    code: int = EXIT_OK
    _supervisor: Supervisor | None = None
    _watches: Sequence[SuspectWatch] = ()
    _greeting: str = ""
    _is_complete: bool = False
    _went_round_at: float | None = None

    async def run(self, stores: Stores) -> int:
        """Serve until told to stop: then firing ends, the worker drains, and the dashboard goes last."""
        waking = self.profile.open_wakeup(self._wake_scheduler, self._wake_workers)
        async with waking as wakeup, self.profile.open_streams() as streams:
            container = Container(settings=self.settings, stores=stores, wakeup=wakeup, clock=self.profile.clock)
            presence = presence_of(container, self.node_id)
            await self._prepare(container, presence)
            metrics = self._metrics(container, presence)
            async with (
                serve_metrics(self.settings, metrics) as url,
                self._dashboard(container, metrics, url),
                asyncio.TaskGroup() as group,
            ):
                for name, step, wake in (*self._steps(container, presence), *self._relaying(container, streams)):
                    loop = repeat(step, name=name, stop=self.stop, observer=container.observer(), wake=wake)
                    group.create_task(loop)
                group.create_task(self._tell_stop(container))
                group.create_task(self._pass_on(presence))
                if "worker" in self.settings.scheduler_roles:
                    self._start_lanes(container, group)
            await take_leave(presence)
        if self.code == EXIT_OK:
            structlog.get_logger().info("Stopped")
        return self.code

    async def _prepare(self, container: Container, presence: Presence) -> None:
        """What comes before anything fires or is claimed."""
        if (weakness := container.stores().weakness()) is not None:
            structlog.get_logger().warning(weakness)
        if self.lock is not None:
            # Whoever holds the lock knows that nobody else can hold a claim.
            await container.rescue_stuck().rescue_all()
        if "scheduler" in self.settings.scheduler_roles:
            await container.reconcile().catch_up()
        await presence.announce()
        if "scheduler" in self.settings.scheduler_roles:
            await container.seed_defaults().run_once()
            await container.adopt_external_types().run_once()

    @asynccontextmanager
    async def _dashboard(self, container: Container, metrics: ProcessMetrics, url: str | None) -> AsyncIterator[None]:
        """Serve the dashboard if this is its role; the figures are told at `url`, too, if there is one."""
        self._greeting = f"Ready: tasks in {self.profile.where}" + (f", figures at {url}" if url else "")
        async with AsyncExitStack() as serving:
            if "admin" in self.settings.scheduler_roles:
                state = ServiceState(self._readiness(container), container.stores().weakness, metrics)
                served = serve_admin(self.settings, container, state)
                self._greeting += f", dashboard at {await serving.enter_async_context(served)}"
            if "worker" not in self.settings.scheduler_roles:
                self._greet()
            yield

    def _metrics(self, container: Container, presence: Presence) -> ProcessMetrics:
        """The figures of this process; whoever only watches over workers reads no others, of which a store has many."""
        roles, telling = self.settings.scheduler_roles, container.telling()
        telling.look_at(lambda: presence.readings(self.settings.store))
        if "scheduler" in roles:
            watch = container.watch_clock()
            telling.look_at(lambda: {CLOCK_HELD: {(): watch.is_held}})
        if "worker" not in roles:
            telling.look_at(lambda: look_at_processes(()))
        return ProcessMetrics(telling, container.measure_store() if roles & {"scheduler", "admin"} else None)

    def _start_lanes(self, container: Container, group: asyncio.TaskGroup) -> None:
        executions, observer = container.held_executions(), container.observer()
        self._watches = [SuspectWatch(executions, observer, PATIENCE * lane) for lane in range(LANES_MAX)]
        self._supervisor = self._lane(container, None)
        group.create_task(self._supervise(self._supervisor))
        isolating = [self._lane(container, watch) for watch in self._watches]
        for each in isolating:
            group.create_task(each.run(self.stop))
        lanes = (self._supervisor, *isolating)
        container.telling().look_at(lambda: look_at_processes(pid for lane in lanes for pid in lane.pids))

    def _greet(self) -> None:
        """The service is ready once the first worker is: by then it has announced what it can run, and how."""
        if self._is_complete:
            structlog.get_logger().info("A new worker is ready")
            return
        self._is_complete = True
        structlog.get_logger().info(self._greeting)
        self.due.set()

    async def _tell_stop(self, container: Container) -> None:
        """Say what a stop waits for, so that nobody takes the wait for a service that hangs."""
        await self.stop.wait()
        if self.code != EXIT_OK:
            return
        held: Sequence[Held] = ()
        # The count is a courtesy: a store that does not answer now says nothing of the stop.
        with suppress(StoreUnavailableError, TimeoutError):
            async with asyncio.timeout(COUNT_WITHIN_SECONDS):
                held = await container.stores().executions.held() if self._supervisor is not None else ()
        waits = f", waiting at most {self.settings.grace.total_seconds():g}s for what runs" if held else ""
        structlog.get_logger().info(f"Stopping{waits}", executions=len(held))

    async def _pass_on(self, presence: Presence) -> None:
        """Once it fires nothing more, leave that to the others at once, however long the worker drains."""
        await self.stop.wait()
        if presence.split is not None:
            await take_leave(presence)

    async def _supervise(self, supervisor: Supervisor) -> None:
        """Have a worker all the time; without one that accepts its settings the service ends."""
        self.code = await supervisor.run(self.stop)
        self.stop.set()

    def _steps(self, container: Container, presence: Presence) -> Iterator[tuple[str, Step, asyncio.Event | None]]:
        fires = "scheduler" in self.settings.scheduler_roles
        for name, step in presence.steps():
            yield name, step if fires else self._in_sight(step, container.clock()), None
        yield "lag", every(LoopLag(container.meter(), container.clock(), SERVICE).run_once, LAG_EVERY), None
        if (watch := container.stores().watch()) is not None:
            yield "watch the store", every(watch, WATCH_EVERY), None
        if not fires:
            return
        check = self.settings.check_interval
        yield "dispatch", self._dispatching_once_ready(container, presence), self.due
        yield "rescue", every(container.rescue_stuck().run_once, RESCUE_EVERY), None
        yield "reconcile", presence.upkeep(container.reconcile().run_once, check), None
        yield "expire", presence.upkeep(container.expire_unknown().run_once, check), None
        yield "prune", presence.upkeep(container.prune_history().run_once, PRUNE_EVERY), None

    def _relaying(self, container: Container, streams: Streams | None) -> Iterator[tuple[str, Step, asyncio.Event]]:
        """The round in which messages leave the store for their streams, where these are on a server of their own."""
        outbox = container.stores().outbox()
        if "scheduler" in self.settings.scheduler_roles and outbox is not None and streams is not None:
            relay = RelayMessages(outbox, streams, container.clock(), container.observer())
            yield "relay", relay.run_once, self.undelivered

    def _in_sight(self, step: Step, clock: Clock) -> Step:
        """The round by which it is seen that this process goes on."""

        async def seen() -> timedelta:
            wait = await step()
            self._went_round_at = clock.monotonic()
            return wait

        return seen

    def _dispatching_once_ready(self, container: Container, presence: Presence) -> Step:
        """A service whose worker is refused ends, and must not have decided anything that it could never run."""
        dispatching, clock = self._dispatching(container, presence), container.clock()
        return once_ready(dispatching, lambda: self._is_complete, clock, at_most=FIRST_WORKER_WITHIN)

    def _dispatching(self, container: Container, presence: Presence) -> Step:
        """Pass after pass until the next known instant, and every LOOK_EVERY even if every hint was lost."""
        clock, dispatch = container.clock(), container.dispatch_due()

        async def step() -> timedelta:
            next_at = await dispatch.run_once(presence.share)
            if next_at is None:
                return LOOK_EVERY
            return max(WAKE_WINDOW, min(next_at - clock.now() - AHEAD, LOOK_EVERY))

        return self._in_sight(step, clock)

    def _readiness(self, container: Container) -> Callable[[], bool]:
        """Ready once there was a worker, if one is wanted here, while the rounds go on and nobody asked us to stop."""
        clock = container.clock()
        within = READY_WITHIN if "scheduler" in self.settings.scheduler_roles else SILENT_AFTER

        def is_ready() -> bool:
            at = self._went_round_at
            goes_on = at is not None and clock.monotonic() - at < within.total_seconds()
            return self._is_complete and goes_on and not self.stop.is_set()

        return is_ready

    def _lane(self, container: Container, suspects: SuspectWatch | None) -> Supervisor:
        """The supervisor of all ordinary work (None), or of what may be killing workers, while there is any."""
        held = () if self.lock is None else (self.lock.descriptor,)

        def command(worker_id: NodeId, link: int) -> list[str]:
            program = (sys.executable, "-m", f"{__package__}.worker", *(("--isolated",) if suspects else ()))
            return [*program, "--worker-id", worker_id, "--link", str(link), *(f"--lock={each}" for each in held)]

        async def died(worker_id: NodeId) -> None:
            await container.rescue_stuck().worker_died(worker_id)
            for watch in self._watches:
                watch.look_now()
            # Nobody may think for another while that it is there.
            await container.stores().membership.leave(worker_id)

        return Supervisor(
            command=command,
            new_id=lambda: NodeId(f"{new_node_id(container.entropy())}{'-isolated' if suspects else ''}"),
            inherited=held,
            died=died,
            on_scheduler=container.wakeup().scheduler,
            on_ready=(lambda: None) if suspects else self._greet,
            on_figures=container.meter().take_over,
            clock=container.clock(),
            grace=self.settings.grace,
            wanted=suspects.found if suspects else None,
        )

    def _wake_scheduler(self) -> None:
        self.due.set()
        self.undelivered.set()

    def _wake_workers(self) -> None:
        self.undelivered.set()
        if self._supervisor is not None:
            self._supervisor.wake()
