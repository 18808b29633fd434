"""`python -m entrypoints.scheduler`: the whole service, scheduler and dashboard here, the worker as a child."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta

import click
import structlog

from application.scheduling.ports.errors import StoreRefusedError, StoreUnavailableError
from application.scheduling.ports.execution_store import Held
from application.scheduling.services.dispatch_due import AHEAD
from application.scheduling.services.keep_membership import ANNOUNCE_EVERY, KeepMembership
from domain.scheduling.identifiers import NodeId
from domain.scheduling.sharing import EVERYTHING
from entrypoints.admin import serve_admin
from entrypoints.container import (
    Container,
    check_store,
    keep_membership,
    lock_of,
    member,
    new_node_id,
    open_store,
)
from entrypoints.hints import Hints
from entrypoints.isolation import LANES_MAX, PATIENCE, SuspectWatch
from entrypoints.logs import configure_logging
from entrypoints.loop import Step, every, once_ready, repeat, unless_stopped
from entrypoints.process import EXIT_OK, EXIT_USAGE, run, take_leave
from entrypoints.settings import InvalidSettingsError, Settings, load_settings
from entrypoints.stores import Lock, Stores
from entrypoints.supervisor import Supervisor

LOOK_EVERY = timedelta(milliseconds=500)
WAKE_WINDOW = timedelta(milliseconds=1)
RESCUE_EVERY = timedelta(seconds=5)
PRUNE_EVERY = timedelta(minutes=10)
READY_WITHIN_SECONDS = 5.0
# How long nothing fires for want of a first worker: long enough to hear that its settings are refused.
FIRST_WORKER_WITHIN = timedelta(seconds=10)
COUNT_WITHIN_SECONDS = 1.0
LOCK_LOOKS_MAX = 30
LOCK_LOOK_SECONDS = 0.1


@dataclass(slots=True)
class Service:
    """The loops of the scheduler's process."""

    settings: Settings
    lock: Lock
    stop: asyncio.Event
    due: asyncio.Event = field(default_factory=asyncio.Event)
    code: int = EXIT_OK
    _supervisor: Supervisor | None = None
    _watches: Sequence[SuspectWatch] = ()
    _greeting: str = ""
    _is_complete: bool = False
    _dispatched_at: float | None = None

    async def run(self, stores: Stores) -> int:
        """Serve until told to stop: then firing ends, the worker drains, and the dashboard goes last."""
        hints = Hints(on_scheduler=self.due.set, on_workers=self._wake_workers)
        container = Container(settings=self.settings, stores=stores, wakeup=hints)
        membership = self._membership(stores, container)
        # Whoever holds the file's lock knows that nobody else can hold a claim.
        await container.rescue_stuck().rescue_all()
        await container.reconcile().catch_up()
        await membership.run_once()
        await container.seed_defaults().run_once()
        async with self._dashboard(container), asyncio.TaskGroup() as group:
            for name, step, wake in self._steps(container, membership):
                loop = repeat(step, name=name, stop=self.stop, observer=container.observer(), wake=wake)
                group.create_task(loop)
            group.create_task(self._tell_stop(container))
            if "worker" in self.settings.scheduler_roles:
                executions, observer = container.stores().executions, container.observer()
                self._watches = [SuspectWatch(executions, observer, PATIENCE * lane) for lane in range(LANES_MAX)]
                self._supervisor = self._lane(container, None)
                group.create_task(self._supervise(self._supervisor))
                for watch in self._watches:
                    group.create_task(self._lane(container, watch).run(self.stop))
        await take_leave(membership)
        if self.code == EXIT_OK:
            structlog.get_logger().info("Stopped")
        return self.code

    @asynccontextmanager
    async def _dashboard(self, container: Container) -> AsyncIterator[None]:
        """Serve the dashboard if this is its role."""
        self._greeting = f"Ready: tasks in {self.settings.scheduler_store_path}"
        async with AsyncExitStack() as serving:
            if "admin" in self.settings.scheduler_roles:
                served = serve_admin(self.settings, container, self._readiness(container))
                self._greeting += f", dashboard at {await serving.enter_async_context(served)}"
            if "worker" not in self.settings.scheduler_roles:
                self._greet()
            yield

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
                held = await container.stores().executions.held()
        waits = f", waiting at most {self.settings.grace.total_seconds():g}s for what runs" if held else ""
        structlog.get_logger().info(f"Stopping{waits}", executions=len(held))

    async def _supervise(self, supervisor: Supervisor) -> None:
        """Have a worker all the time; without one that accepts its settings the service ends."""
        self.code = await supervisor.run(self.stop)
        self.stop.set()

    def _steps(
        self, container: Container, membership: KeepMembership
    ) -> tuple[tuple[str, Step, asyncio.Event | None], ...]:
        return (
            ("dispatch", self._dispatching_once_ready(container), self.due),
            ("announce", every(membership.run_once, ANNOUNCE_EVERY), None),
            ("rescue", every(container.rescue_stuck().run_once, RESCUE_EVERY), None),
            ("reconcile", every(container.reconcile().run_once, self.settings.check_interval), None),
            ("expire", every(container.expire_unknown().run_once, self.settings.check_interval), None),
            ("prune", every(container.prune_history().run_once, PRUNE_EVERY), None),
        )

    def _dispatching_once_ready(self, container: Container) -> Step:
        """A service whose worker is refused ends, and must not have decided anything that it could never run."""
        dispatching, clock = self._dispatching(container), container.clock()
        return once_ready(dispatching, lambda: self._is_complete, clock, at_most=FIRST_WORKER_WITHIN)

    def _dispatching(self, container: Container) -> Step:
        """Pass after pass until the next known instant, and every LOOK_EVERY even if every hint was lost."""
        clock, dispatch = container.clock(), container.dispatch_due()

        async def step() -> timedelta:
            next_at = await dispatch.run_once(EVERYTHING)
            self._dispatched_at = clock.monotonic()
            if next_at is None:
                return LOOK_EVERY
            return max(WAKE_WINDOW, min(next_at - clock.now() - AHEAD, LOOK_EVERY))

        return step

    def _readiness(self, container: Container) -> Callable[[], bool]:
        """Ready once there was a worker, while firing goes on and nobody asked us to stop."""
        clock = container.clock()

        def is_ready() -> bool:
            at = self._dispatched_at
            goes_on = at is not None and clock.monotonic() - at < READY_WITHIN_SECONDS
            return self._is_complete and goes_on and not self.stop.is_set()

        return is_ready

    def _membership(self, stores: Stores, container: Container) -> KeepMembership:
        roles = self.settings.scheduler_roles - {"worker"}
        return keep_membership(stores, member(new_node_id(container.entropy()), roles, container.clock()))

    def _lane(self, container: Container, suspects: SuspectWatch | None) -> Supervisor:
        """The supervisor of all ordinary work (None), or of what may be killing workers, while there is any."""

        def command(worker_id: NodeId, link: int) -> list[str]:
            program = (sys.executable, "-m", f"{__package__}.worker", *(("--isolated",) if suspects else ()))
            return [*program, "--worker-id", worker_id, "--link", str(link), "--lock", str(self.lock.descriptor)]

        async def died(worker_id: NodeId) -> None:
            await container.rescue_stuck().worker_died(worker_id)
            for watch in self._watches:
                watch.look_now()
            # Nobody may think for another while that it is there.
            await container.stores().membership.leave(worker_id)

        return Supervisor(
            command=command,
            new_id=lambda: NodeId(f"{new_node_id(container.entropy())}{'-isolated' if suspects else ''}"),
            inherited=(self.lock.descriptor,),
            died=died,
            on_scheduler=self.due.set,
            on_ready=(lambda: None) if suspects else self._greet,
            clock=container.clock(),
            grace=self.settings.grace,
            wanted=suspects.found if suspects else None,
        )

    def _wake_workers(self) -> None:
        if self._supervisor is not None:
            self._supervisor.wake()


async def serve(settings: Settings, stop: asyncio.Event) -> int:
    """Take the lock, open the store, serve; told to stop before that, end at once.

    Raises StoreRefusedError if another process serves the file, CannotServeError if the dashboard's port is taken.
    """
    # Before the lock is made: beside a file that turns out to be somebody else's, nothing is left behind.
    await unless_stopped(asyncio.to_thread(check_store, settings), stop)
    lock = lock_of(settings)
    async with AsyncExitStack() as leaving:
        leaving.callback(lock.release)
        await unless_stopped(_take(lock, settings), stop)
        # The store may have to wait for another program, or for a long migration.
        stores = await unless_stopped(leaving.enter_async_context(open_store(settings)), stop)
        return EXIT_OK if stores is None else await Service(settings, lock, stop).run(stores)


async def _take(lock: Lock, settings: Settings) -> None:
    for _ in range(LOCK_LOOKS_MAX):
        if lock.acquire():
            return
        # A worker that outlived its supervisor by a moment still holds it.
        await asyncio.sleep(LOCK_LOOK_SECONDS)
    raise StoreRefusedError(
        f"{settings.scheduler_store_path} is served by another process (pid {lock.holder()}); stop that one first"
    )


@click.command()
@click.option("--roles", help="What to run, of scheduler, worker and admin [all].")
@click.option("--host", help="The address to serve the dashboard on [127.0.0.1].")
@click.option("--port", type=click.IntRange(0, 65_535), help="The port to serve the dashboard on [8080].")
def main(roles: str | None, host: str | None, port: int | None) -> None:
    """Serve PeachPie's task scheduler: scheduler, worker and dashboard on one machine."""
    try:
        settings = load_settings(scheduler_roles=roles, scheduler_host=host, scheduler_port=port)
        configure_logging(settings.scheduler_log_format, settings.scheduler_log_level)
        sys.exit(run(lambda stop: serve(settings, stop)))
    except InvalidSettingsError as error:
        click.echo("\n".join(error.lines), err=True)
        sys.exit(EXIT_USAGE)


if __name__ == "__main__":
    main()
