"""The worker child: runs handlers, under the eye of the supervisor that started it."""

import asyncio
import socket
import sys
from collections.abc import Awaitable, Coroutine, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from contextvars import Context
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar, cast

import click

from application.fediverse.tasks.registration import register
from application.scheduling.ports.observer import Observer
from application.scheduling.services.keep_membership import ANNOUNCE_EVERY, KeepMembership
from application.scheduling.services.perform_executions import PerformExecutions
from domain.scheduling.identifiers import NodeId
from entrypoints.container import Container
from entrypoints.handlers import load_handlers, started
from entrypoints.handover import Handover
from entrypoints.heartbeat import LoopWatch, holder_of, start_heartbeat
from entrypoints.hints import Hints
from entrypoints.inheritance import keep_from_programs
from entrypoints.link import SupervisorLink
from entrypoints.logs import capture_lines, configure_logging
from entrypoints.loop import Step, every, repeat
from entrypoints.metrics import LAG_EVERY, FiguresOfChild
from entrypoints.presence import member
from entrypoints.process import EXIT_OK, EXIT_REPLACE, EXIT_USAGE, leave_now, run_child, take_leave, tell
from entrypoints.profiles import open_content, open_users_tools, profile_of
from entrypoints.settings import ROLES, InvalidSettingsError, Settings, load_settings
from entrypoints.store_thread import in_a_thread

CLAIM_EVERY = timedelta(seconds=1)
SETTLE_EVERY = timedelta(seconds=1)
# Long enough that suspects which come one after the other need no process each.
LEAVE_WHEN_IDLE_FOR = timedelta(seconds=5)
# Handlers that are told to stop need a moment to do so, and their hand-back must still be settled.
HAND_BACK_WITHIN = timedelta(seconds=7)
LOOK_EVERY_SECONDS = 0.05
SPARE_THREADS = 8

Result = TypeVar("Result")


class UnwaitingGroup(asyncio.TaskGroup):
    """A task group that ends the process with the first of its tasks that fails.

    An ordinary one would wait for the others first. Here these are handlers, which may take for ever to stop, and
    meanwhile the heartbeat would keep alive what nobody looks after any more.
    """

    def create_task(
        self,
        coro: Generator[Any, None, Result] | Coroutine[Any, Any, Result],
        *,
        name: str | None = None,
        context: Context | None = None,
    ) -> asyncio.Task[Result]:
        """See asyncio."""
        return super().create_task(_vital(cast(Awaitable[Result], coro)), name=name, context=context)


async def _vital(work: Awaitable[Result]) -> Result:
    try:
        return await work
    except asyncio.CancelledError:
        raise
    except BaseException as error:
        leave_now(tell(error))
        raise


@dataclass(slots=True)
class Worker:
    """The life of a worker: claim and settle, drain, hand back, leave.

    It is told to stop by `stop`. Once it hands over to a successor it claims nothing new and announces so, finishes
    what runs, and leaves when nothing but code that does not stop is left in it. One that runs suspects alone leaves as
    well when there has been none for LEAVE_WHEN_IDLE_FOR. The last of its figures it tells when all else is done.
    """

    perform: PerformExecutions
    membership: KeepMembership
    observer: Observer
    grace: timedelta
    handover: Handover
    figures: FiguresOfChild
    _code: int = EXIT_OK
    _busy_at: float | None = None
    _draining: asyncio.Event = field(default_factory=asyncio.Event)
    _settled: asyncio.Event = field(default_factory=asyncio.Event)
    _handed_over: asyncio.Event = field(default_factory=asyncio.Event)

    def stop(self) -> None:
        """Claim no more, finish or hand back what runs, and leave."""
        self._draining.set()

    async def run(self) -> int:
        """Work until told to stop, or until this is a process to be replaced; return its exit code."""
        start = partial(repeat, observer=self.observer)
        perform, hands = self.perform, cast(asyncio.TaskGroup, UnwaitingGroup())
        async with hands as group:
            claim = self._claiming(group)
            claiming = group.create_task(start(claim, name="claim", stop=self._draining, wake=perform.hands_free))
            group.create_task(start(self._settle, name="settle", stop=self._settled, wake=perform.something_ended))
            announce = every(self._announce, ANNOUNCE_EVERY)
            group.create_task(start(announce, name="announce", stop=self._settled, wake=self._handed_over))
            lag = every(self.figures.lag().run_once, LAG_EVERY)
            group.create_task(start(lag, name="lag", stop=self._settled))
            await self._finished(claiming)
            self._settled.set()
            await take_leave(self.membership)
            self.figures.tell()
            if perform.is_stuck or len(perform.live) or not claiming.done():
                # Code that does not stop would keep this group open for ever.
                leave_now(self._code)
        return self._code

    def _claiming(self, group: asyncio.TaskGroup) -> Step:
        async def step() -> timedelta:
            if not self.handover.is_due():
                more = await self.perform.claim_once(group)
                if self.perform.isolated and self._is_idle_too_long():
                    self._draining.set()
                return timedelta(0) if more else CLAIM_EVERY
            if self._code == EXIT_OK:
                self._code = EXIT_REPLACE
                self._handed_over.set()
            # Being replaced is no reason to stop the neighbours of the stuck code: their own time-outs bound them.
            if not self._has_work():
                self._draining.set()
            return CLAIM_EVERY

        return step

    def _is_idle_too_long(self) -> bool:
        now = self.perform.clock.monotonic()
        if self._busy_at is None or self._has_work():
            self._busy_at = now
        return now - self._busy_at > LEAVE_WHEN_IDLE_FOR.total_seconds()

    async def _announce(self) -> None:
        if self.handover.is_due():
            await self.membership.run_once_without_hands()
        else:
            await self.membership.run_once()

    async def _settle(self) -> timedelta:
        return timedelta(0) if await self.perform.settle_once() else SETTLE_EVERY

    async def _finished(self, claiming: asyncio.Task[None]) -> None:
        """Wait until nothing is to be claimed, then for what still runs, within the grace; then it is handed back."""
        await self._draining.wait()
        if not await self._drained(claiming, self.grace):
            self.perform.leave()
            await self._drained(claiming, HAND_BACK_WITHIN)

    async def _drained(self, claiming: asyncio.Task[None], within: timedelta) -> bool:
        """True once every end is on record; False if that takes too long."""
        try:
            async with asyncio.timeout(within.total_seconds()):
                # A claim that is inside the store may still bring work. Attempts leave the set from two threads, so
                # there is no event to wait for.
                while not claiming.done() or self._has_work():  # noqa: ASYNC110
                    await asyncio.sleep(LOOK_EVERY_SECONDS)
        except TimeoutError:
            return False
        return True

    def _has_work(self) -> bool:
        """True while any end is open or not on record; code that goes on beyond that is no work."""
        return len(self.perform.live) > 0


async def work(settings: Settings, worker_id: NodeId, link: SupervisorLink, *, isolated: bool) -> int:
    """Open what a worker needs, and work; `isolated`: on suspects alone, one at a time."""
    concurrency = 1 if isolated else settings.scheduler_concurrency
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(concurrency + SPARE_THREADS))
    profile = profile_of(settings)
    async with AsyncExitStack() as opened:
        stores = await opened.enter_async_context(in_a_thread(profile.open_store))
        content = await opened.enter_async_context(open_content(settings))
        users_tools = await opened.enter_async_context(open_users_tools(settings))
        hands = asyncio.Event()
        hints = Hints(on_scheduler=link.scheduler, on_workers=hands.set)
        container = Container(settings=settings, stores=stores, wakeup=hints, clock=profile.clock)
        processors, clock, observer = container.processors(), container.clock(), container.observer()
        register(processors, content, clock)
        load_handlers(processors, settings.scheduler_processors, users_tools)
        await opened.enter_async_context(started(processors))
        perform = container.perform_executions(
            worker_id=worker_id, hands_free=hands, concurrency=concurrency, isolated=isolated
        )
        # Ordinary work is not served here, so nobody may count on this process or on its handlers.
        role, announced = ("isolation", None) if isolated else ("worker", processors)
        me = member(worker_id, frozenset({role}), clock, announced, concurrency)
        membership = KeepMembership(stores.membership, me)
        # Before the service says that it is ready: from now on payloads are checked by what this worker announces.
        await membership.run_once()
        link.ready()
        handover = Handover(perform, link.stuck)
        figures = FiguresOfChild(container.meter(), clock, link.figures)
        worker = Worker(perform, membership, observer, settings.grace, handover, figures)
        link.start(on_wake=hands.set, on_drain=worker.stop)
        loop = asyncio.get_running_loop()
        watch = LoopWatch(loop, perform, handover, clock, settings.grace, partial(holder_of, loop))
        start_heartbeat(watch, link, open_stores=profile.open_store, observer=observer, tell=figures.tell)
        return await worker.run()


@click.command()
@click.option("--worker-id", required=True, help="The name the supervisor gave this process.")
@click.option("--link", "link_fd", required=True, type=int, help="The descriptor of the pipe to the supervisor.")
@click.option("--lock", type=int, help="The descriptor of the lock on the store's file, if there is one.")
@click.option("--isolated", is_flag=True, help="Run only executions that may be what kills workers, one at a time.")
def main(worker_id: str, link_fd: int, lock: int | None, *, isolated: bool) -> None:
    """Run executions. Started by the scheduler's process, never by hand."""
    try:
        # Of these the supervisor may have been told otherwise by options; a worker has no use for them.
        settings = load_settings(scheduler_roles=ROLES, scheduler_host="127.0.0.1", scheduler_port=0)
    except InvalidSettingsError as error:
        click.echo("\n".join(error.lines), err=True)
        sys.exit(EXIT_USAGE)
    configure_logging(settings.scheduler_log_format, settings.scheduler_log_level, worker_id)
    capture_lines()
    link = socket.socket(fileno=link_fd)
    keep_from_programs(link, lock)
    run_child(partial(work, settings, NodeId(worker_id), SupervisorLink(link), isolated=isolated))


if __name__ == "__main__":
    main()
