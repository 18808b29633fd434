"""A lane of worker children: one claims, woken and replaced as needed; none outlives the supervisor.

User code runs in a child, so it can stop neither the clock nor the dashboard. Supervisor and child share a socket
pair: lines go both ways, and its end is how each learns of the other's death. Every child inherits the lock on the
store's file, so a free lock means that no child is left.

A child that code occupies which did not stop says so, claims no more and finishes its other executions, each within
its own time-out; its successor is started beside it at once. At most LEAVING_MAX finish at a time. Beyond that the
oldest makes room: it is drained, so what it does not finish within the grace it hands back, and new work waits for no
longer than that. Handing back uses no attempt and counts against nobody, however often it happens.

A child that was ready and ends is replaced within RESTART_READY_MAX: its code is good, and what it held waits. One that
never becomes ready would not be the next time either, and is tried again more and more seldom.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

import structlog

from application.scheduling.ports.clock import Clock
from application.scheduling.ports.errors import StoreUnavailableError
from application.scheduling.services.rescue_stuck import LEASE
from domain.scheduling.identifiers import NodeId
from entrypoints.child import Child, Epitaph, start_child
from entrypoints.loop import unless_stopped
from entrypoints.process import EXIT_OK, EXIT_USAGE

RESTART_BACKOFF_MIN = timedelta(milliseconds=100)
RESTART_READY_MAX = timedelta(seconds=2)
RESTART_BACKOFF_MAX = timedelta(seconds=30)
SETTLED_AFTER = timedelta(seconds=30)
KILL_AFTER = timedelta(seconds=10)
LEAVING_MAX = 3


def _nobody() -> None:
    """Nobody waits for the child to be ready."""


def _unread(line: bytes) -> None:
    """Nobody reads what the child counts."""


@dataclass(slots=True)
class Supervisor:
    """Keeps one worker child claiming. `command(worker_id, socket_fd)` is what starts it; `died` rescues its claims.

    `wanted` returns once there is something to do for a child that leaves by itself when there is not (None: always).

    A child that was told to drain is killed `kill_after` after its grace, and one that was ready and then is silent
    for a `lease` is killed as well: nothing moves in it any more, not even its heartbeat.
    """

    command: Callable[[NodeId, int], Sequence[str]]
    new_id: Callable[[], NodeId]
    inherited: Sequence[int]
    died: Callable[[NodeId], Awaitable[object]]
    on_scheduler: Callable[[], None]
    clock: Clock
    grace: timedelta
    kill_after: timedelta = KILL_AFTER
    lease: timedelta = LEASE
    on_ready: Callable[[], None] = _nobody
    on_figures: Callable[[bytes], None] = _unread
    wanted: Callable[[], Coroutine[Any, Any, None]] | None = None
    _children: list[Child] = field(default_factory=list)
    _somebody_left: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def pids(self) -> tuple[int, ...]:
        """The processes of the children there are."""
        return tuple(child.pid for child in self._children)

    def wake(self) -> None:
        """Tell the child that claims to look for work. Lost if there is none; the next one looks first thing."""
        for child in self._children:
            if not child.claims_no_more.is_set():
                child.wake()

    async def run(self, stop: asyncio.Event) -> int:
        """Have a child that claims, and another one whenever it ends or hands over; once `stop` is set, drain them all.

        Returns EXIT_OK, or EXIT_USAGE if a child said what is wrong with settings or handlers: they are checked whole.
        A child that is only wanted now and then, and a successor for as long as a predecessor has work to finish, are
        tried again instead: what was half of a deployment may be whole by then.
        """
        backoff = RESTART_BACKOFF_MIN
        async with asyncio.TaskGroup() as lives:
            while await self._has_room(stop) and await self._is_wanted(stop):
                worker_id, began = self.new_id(), self.clock.monotonic()
                epitaph = await self._tenure(worker_id, lives, stop)
                if epitaph is not None and epitaph.refused and not self._children and self.wanted is None:
                    return EXIT_USAGE
                if stop.is_set():
                    break
                # Nobody claims until who handed over has a successor; how many they become, LEAVING_MAX bounds.
                if epitaph is None or timedelta(seconds=self.clock.monotonic() - began) > SETTLED_AFTER:
                    backoff = RESTART_BACKOFF_MIN
                longest = RESTART_READY_MAX if epitaph is None or epitaph.was_ready else RESTART_BACKOFF_MAX
                backoff = min(backoff, longest)
                if epitaph is not None:
                    self._tell(epitaph, worker_id, backoff)
                await _wait(stop, backoff)
                backoff = min(backoff * 2, longest)
        return EXIT_OK

    async def _is_wanted(self, stop: asyncio.Event) -> bool:
        """Wait until there is something to do; False if the stop comes first."""
        if self.wanted is not None:
            await unless_stopped(self.wanted(), stop)
        return not stop.is_set()

    def _tell(self, epitaph: Epitaph, worker_id: NodeId, backoff: timedelta) -> None:
        """Log how a child ended; when the next one comes is known unless it is wanted now and then."""
        then = {} if self.wanted else {"restart_in_seconds": backoff.total_seconds()}
        structlog.get_logger().log(epitaph.level, epitaph.sentence, worker=worker_id, **then)

    async def _has_room(self, stop: asyncio.Event) -> bool:
        """Wait until another child may be started; False if the stop comes first, which makes all of them leave."""
        while len(self._children) > LEAVING_MAX and not stop.is_set():
            self._make_room(self._children[0])
            self._somebody_left.clear()
            await self._somebody_left.wait()
        return not stop.is_set()

    def _make_room(self, oldest: Child) -> None:
        """Have it leave within the grace, if it was not told to before."""
        if not oldest.makes_room.is_set():
            oldest.makes_room.set()
            structlog.get_logger().warning(
                "New executions wait until a worker has left: too many are occupied by code that did not stop. The "
                "oldest hands back what it does not finish in its grace",
                worker=oldest.worker_id,
                pid=oldest.pid,
                workers=len(self._children),
            )

    async def _tenure(self, worker_id: NodeId, lives: asyncio.TaskGroup, stop: asyncio.Event) -> Epitaph | None:
        """Start a child and wait while it claims; say how it ended, None if it lives on without claiming."""
        try:
            child = await start_child(partial(self.command, worker_id), worker_id, self.inherited)
        except OSError as error:
            # No memory or no process to be had now may be had later.
            return Epitaph(f"The worker cannot be started: {error}")
        self._children.append(child)
        lives.create_task(self._life(child, stop))
        await child.claims_no_more.wait()
        if child.epitaph is None and not stop.is_set():
            structlog.get_logger().warning(
                "The worker hands over: code that did not stop in time occupies it. It finishes its other executions "
                "and leaves, while a successor takes new ones",
                worker=worker_id,
                pid=child.pid,
            )
        return child.epitaph

    async def _life(self, child: Child, stop: asyncio.Event) -> None:
        """Stay with a child until it is reaped, then free its claims."""
        try:
            epitaph = await self._accompany(child, stop)
        finally:
            child.writer.close()
            self._children.remove(child)
        await self._bury(child.worker_id)
        if child.claims_no_more.is_set() and not stop.is_set():
            structlog.get_logger().log(epitaph.level, epitaph.sentence, worker=child.worker_id, pid=child.pid)
        child.epitaph = epitaph
        child.claims_no_more.set()
        self._somebody_left.set()

    async def _accompany(self, child: Child, stop: asyncio.Event) -> Epitaph:
        async with asyncio.TaskGroup() as group:
            company = (
                group.create_task(
                    child.listen(on_ready=self.on_ready, on_scheduler=self.on_scheduler, on_figures=self.on_figures)
                ),
                group.create_task(self._drain(child, stop)),
                group.create_task(self._end_if_silent(child)),
            )
            epitaph = await child.reaped()
            for each in company:
                each.cancel()
        return epitaph

    async def _bury(self, worker_id: NodeId) -> None:
        """Free the claims of a child that is reaped: nothing of it runs any more."""
        try:
            await self.died(worker_id)
        except StoreUnavailableError as error:
            # They fall silent, and are rescued for that.
            structlog.get_logger().warning("The store did not take back the worker's executions", because=str(error))

    async def _drain(self, child: Child, stop: asyncio.Event) -> None:
        """Once it is to leave, let it finish within the grace; then it is killed, and its claims are rescued."""
        await unless_stopped(child.makes_room.wait(), stop)
        child.drain()
        await asyncio.sleep((self.grace + self.kill_after).total_seconds())
        child.kill("The worker did not stop in its grace and is killed")

    async def _end_if_silent(self, child: Child) -> None:
        await child.silence(self.lease)
        child.kill(f"The worker gave no sign of life for {self.lease.total_seconds():g}s and is killed")


async def _wait(stop: asyncio.Event, wait: timedelta) -> None:
    try:
        async with asyncio.timeout(wait.total_seconds()):
            await stop.wait()
    except TimeoutError:
        return
