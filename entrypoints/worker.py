"""The worker child: runs handlers, under the eye of the supervisor that started it."""

import asyncio
import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

import click

from application.fediverse.tasks.registration import register
from application.scheduling.services.keep_membership import ANNOUNCE_EVERY, KeepMembership
from application.scheduling.services.perform_executions import PerformExecutions
from domain.scheduling.identifiers import NodeId
from entrypoints.container import Container, keep_membership, member, open_content, open_store
from entrypoints.handlers import load_handlers
from entrypoints.heartbeat import leave_now, start_heartbeat
from entrypoints.hints import Hints
from entrypoints.link import SupervisorLink
from entrypoints.logs import capture_lines, configure_logging
from entrypoints.loop import Step, every, repeat
from entrypoints.process import EXIT_OK, EXIT_USAGE, run
from entrypoints.settings import InvalidSettingsError, Settings, load_settings
from entrypoints.supervisor import EXIT_REPLACE

CLAIM_EVERY = timedelta(seconds=1)
SETTLE_EVERY = timedelta(seconds=1)
# Handlers that are told to stop need a moment to do so, and their hand-back must still be settled.
HAND_BACK_WITHIN = timedelta(seconds=7)
LOOK_EVERY_SECONDS = 0.05
SPARE_THREADS = 8


@dataclass(slots=True)
class Worker:
    """The life of a worker: claim and settle, drain, hand back, leave."""

    container: Container
    perform: PerformExecutions
    membership: KeepMembership
    grace: timedelta
    draining: asyncio.Event = field(default_factory=asyncio.Event)
    settled: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> int:
        """Work until told to drain, or until stuck code makes this a process to be replaced; return its exit code."""
        start = partial(repeat, observer=self.container.observer())
        perform = self.perform
        async with asyncio.TaskGroup() as group:
            claim = self._claiming(group)
            group.create_task(start(claim, name="claim", stop=self.draining, wake=perform.hands_free))
            group.create_task(start(self._settle, name="settle", stop=self.settled, wake=perform.something_ended))
            announce = every(self.membership.run_once, ANNOUNCE_EVERY)
            group.create_task(start(announce, name="announce", stop=self.settled))
            await self._finished()
            self.settled.set()
            await self.membership.leave()
            if perform.is_stuck:
                # Code that does not stop would keep this group open for ever.
                leave_now(EXIT_REPLACE)
        return EXIT_OK

    def _claiming(self, group: asyncio.TaskGroup) -> Step:
        async def step() -> timedelta:
            if self.perform.is_stuck:
                self.draining.set()
            elif await self.perform.claim_once(group):
                return timedelta(0)
            return CLAIM_EVERY

        return step

    async def _settle(self) -> timedelta:
        return timedelta(0) if await self.perform.settle_once() else SETTLE_EVERY

    async def _finished(self) -> None:
        """Wait until nothing is to be claimed, then for what still runs, within the grace; then it is handed back."""
        await self.draining.wait()
        # Being replaced is no reason to stop the neighbours of the stuck code: their own time-outs bound them.
        if not await self._drained(None if self.perform.is_stuck else self.grace):
            self.perform.leaving.set()
            await self._drained(HAND_BACK_WITHIN)

    async def _drained(self, within: timedelta | None) -> bool:
        """True once everything is settled, apart from what is stuck; False if that takes too long."""
        try:
            async with asyncio.timeout(None if within is None else within.total_seconds()):
                # Attempts leave the set from two threads, so there is no event to wait for.
                while {each.token for each in self.perform.live.all()} - self.perform.run_execution.stuck:  # noqa: ASYNC110
                    await asyncio.sleep(LOOK_EVERY_SECONDS)
        except TimeoutError:
            return False
        return True


async def work(settings: Settings, worker_id: NodeId, link: SupervisorLink) -> int:
    """Open what a worker needs, and work."""
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(settings.scheduler_concurrency + SPARE_THREADS))
    async with open_store(settings) as stores, open_content(settings) as content:
        hands = asyncio.Event()
        hints = Hints(on_scheduler=link.scheduler, on_workers=hands.set)
        container = Container(settings=settings, stores=stores, wakeup=hints)
        processors, clock = container.processors(), container.clock()
        register(processors, content, clock)
        load_handlers(processors, settings.scheduler_processors)
        perform = container.perform_executions(worker_id=worker_id, hands_free=hands)
        me = member(worker_id, frozenset({"worker"}), clock, processors, settings.scheduler_concurrency)
        worker = Worker(container, perform, keep_membership(stores, me), settings.grace)
        link.start(on_wake=hands.set, on_drain=worker.draining.set)
        open_own = partial(open_store, settings)
        start_heartbeat(perform, open_stores=open_own, clock=clock, observer=container.observer())
        return await worker.run()


@click.command()
@click.option("--worker-id", required=True, help="The name the supervisor gave this process.")
@click.option("--link", "link_fd", required=True, type=int, help="The descriptor of the pipe to the supervisor.")
def main(worker_id: str, link_fd: int) -> None:
    """Run executions. Started by the scheduler's process, never by hand."""
    try:
        settings = load_settings()
        configure_logging(settings.scheduler_log_format, settings.scheduler_log_level)
        capture_lines()
        link = SupervisorLink(socket.socket(fileno=link_fd))
        sys.exit(run(lambda _stop: work(settings, NodeId(worker_id), link), signals=False))
    except InvalidSettingsError as error:
        click.echo("\n".join(error.lines), err=True)
        sys.exit(EXIT_USAGE)


if __name__ == "__main__":
    main()
