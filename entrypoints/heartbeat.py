"""The heartbeat thread of a worker, with an event loop and a store connection of its own."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import timedelta
from threading import Thread

import structlog

from application.scheduling.ports.clock import Clock
from application.scheduling.ports.errors import StoreUnavailableError
from application.scheduling.ports.observer import Observer
from application.scheduling.services.attempt import Attempt, Hurry
from application.scheduling.services.keep_claims import BEAT_EVERY, KeepClaims
from application.scheduling.services.perform_executions import PerformExecutions
from application.scheduling.services.run_execution import STOP_GRACE
from entrypoints.container import keep_claims
from entrypoints.handover import Handover
from entrypoints.link import SupervisorLink
from entrypoints.loop import every, repeat
from entrypoints.process import EXIT_FAILED, EXIT_REPLACE, leave_now
from entrypoints.stores import Stores

WATCH_EVERY = timedelta(milliseconds=250)
ALIVE_EVERY = timedelta(seconds=1)
BLOCKED_AFTER = timedelta(seconds=5)
# Together with the grace for threads less than the supervisor waits after the grace before it kills.
BLOCKED_AFTER_GRACE = timedelta(seconds=2)
STORE_FAILS_FOR = timedelta(seconds=15)


@dataclass(slots=True)
class LoopWatch:
    """Hands over when code is stuck, and stands in for an event loop that is held by such code, or beyond the grace.

    What only that loop could go on with is handed back, plain functions go on in their threads; the process ends with
    the last of them, each of which its time-out bounds. Code that is within its time may hold the loop for all of it,
    and its neighbours wait. After the grace of a drain nothing may: plain functions are told to stop, and soon not
    waited for either. `holder` is the name of the task the loop is in, by which calls of handlers are known.
    """

    loop: asyncio.AbstractEventLoop
    perform: PerformExecutions
    handover: Handover
    clock: Clock
    grace: timedelta
    holder: Callable[[], str | None]
    _asked_at: float | None = None
    _excused_at: float = 0.0
    _draining_since: float | None = None
    _failing_since: float | None = None

    async def run_once(self, keep: KeepClaims, *, is_draining: bool) -> None:
        """Ask the loop for a sign of life once; do its work if the last question has stood too long."""
        now = self.clock.monotonic()
        if is_draining and self._draining_since is None:
            self._draining_since = now
        if not self.handover.is_due() and not is_draining:
            return
        silence, late = self._silence(now), self._late(now)
        if late is None:
            if self._may_be_held_by_the_innocent():
                self._excused_at = now
            elif min(silence, now - self._excused_at) > BLOCKED_AFTER.total_seconds():
                await self._stand_in(keep, threads_too=False)
        elif silence > BLOCKED_AFTER_GRACE.total_seconds():
            for attempt in self.perform.live.all():
                attempt.hurry(Hurry.LEAVING)
            await self._stand_in(keep, threads_too=late > STOP_GRACE.total_seconds())

    async def _stand_in(self, keep: KeepClaims, *, threads_too: bool) -> None:
        try:
            goes_on = await keep.stand_in(threads_too=threads_too)
            self._failing_since = None
        except StoreUnavailableError:
            now = self.clock.monotonic()
            self._failing_since = self._failing_since or now
            if now - self._failing_since <= STORE_FAILS_FOR.total_seconds():
                raise
            # Perhaps it is this process that the store cannot answer for; what is left is rescued when it is reaped.
            goes_on = not threads_too and any(each.is_in_thread for each in self.perform.live.all())
        if not goes_on:
            leave_now(EXIT_REPLACE)

    def _silence(self, now: float) -> float:
        """For how many seconds the loop has not answered, which begin with the asking."""
        asked_at = self._asked_at
        if asked_at is None:
            self._asked_at = asked_at = now
            self.loop.call_soon_threadsafe(self._answer)
        return now - asked_at

    def _late(self, now: float) -> float | None:
        """For how many seconds the grace of the drain is over; None: it is not."""
        since = self._draining_since
        late = 0.0 if since is None else now - since - self.grace.total_seconds()
        return late if late > 0 else None

    def _may_be_held_by_the_innocent(self) -> bool:
        """True if the loop is, or may be, in code that was not given up."""
        holder, stuck = self.holder(), self.perform.live.stuck()
        if any(each.token == holder for each in stuck):
            return False
        # Tasks and callbacks that a handler made bear no name of ours: any handler in the loop may have made them.
        return any(_is_in_loop(each) for each in self.perform.live.all())

    def _answer(self) -> None:
        self._asked_at = None


def holder_of(loop: asyncio.AbstractEventLoop) -> str | None:
    """The name of the task that the loop of another thread is in at this moment; None: it is in none."""
    task = asyncio.current_task(loop)
    return None if task is None else task.get_name()


def _is_in_loop(attempt: Attempt) -> bool:
    """True if code of it, within its time, runs in the event loop or waits for it."""
    return not (attempt.is_in_thread or attempt.is_over or attempt.is_stuck)


def start_heartbeat(
    watch: LoopWatch,
    link: SupervisorLink,
    *,
    open_stores: Callable[[], AbstractAsyncContextManager[Stores]],
    observer: Observer,
    tell: Callable[[], object],
) -> None:
    """Keep the claims of the watched worker alive, and give signs of life to its supervisor, until it ends.

    `tell` is called with each sign of life.
    """

    async def beat() -> None:
        async with open_stores() as stores, asyncio.TaskGroup() as group:
            keep = keep_claims(stores, watch.perform, watch.clock, watch.holder)

            async def sign_of_life() -> None:
                link.alive()
                tell()

            async def look() -> None:
                await watch.run_once(keep, is_draining=link.draining.is_set())

            work: dict[str, tuple[Callable[[], Awaitable[object]], timedelta]] = {
                "heartbeat": (keep.run_once, BEAT_EVERY),
                "watch": (look, WATCH_EVERY),
                "sign of life": (sign_of_life, ALIVE_EVERY),
            }
            for name, (pass_, pace) in work.items():
                group.create_task(repeat(every(pass_, pace), name=name, stop=asyncio.Event(), observer=observer))

    def in_thread() -> None:
        try:
            asyncio.run(beat())
        except BaseException:  # noqa: BLE001 - without its heartbeat a worker must not go on, whatever ended it
            structlog.get_logger().exception("The heartbeat ended, and the worker with it")
            leave_now(EXIT_FAILED)

    Thread(target=in_thread, name="heartbeat", daemon=True).start()
