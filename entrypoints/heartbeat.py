"""The heartbeat thread of a worker, with an event loop and a store connection of its own."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import timedelta
from threading import Thread

import structlog

from application.scheduling.ports.clock import Clock
from application.scheduling.ports.observer import Observer
from application.scheduling.services.keep_claims import BEAT_EVERY, KeepClaims
from application.scheduling.services.perform_executions import PerformExecutions
from entrypoints.container import Stores, keep_claims
from entrypoints.handover import Handover
from entrypoints.link import SupervisorLink
from entrypoints.loop import every, repeat
from entrypoints.process import EXIT_FAILED, EXIT_REPLACE, leave_now

WATCH_EVERY = timedelta(milliseconds=250)
ALIVE_EVERY = timedelta(seconds=1)
BLOCKED_AFTER = timedelta(seconds=5)


@dataclass(slots=True)
class LoopWatch:
    """Hands over when code is stuck, and stands in for an event loop that such code holds.

    What only that loop could go on with is handed back, plain functions go on in their threads; the process ends with
    the last of them, each of which its time-out bounds, or with the grace after it was told to drain.
    """

    loop: asyncio.AbstractEventLoop
    perform: PerformExecutions
    handover: Handover
    clock: Clock
    grace: timedelta
    _asked_at: float | None = None
    _draining_since: float | None = None

    async def run_once(self, keep: KeepClaims, *, is_draining: bool) -> None:
        """Ask the loop for a sign of life once; do its work if the last question has stood too long."""
        now = self.clock.monotonic()
        if is_draining and self._draining_since is None:
            self._draining_since = now
        if not (self.handover.is_due() and self._may_be_held()):
            self._asked_at = None
        elif self._asked_at is None:
            self._asked_at = now
            self.loop.call_soon_threadsafe(self._answer)
        elif now - self._asked_at > BLOCKED_AFTER.total_seconds():
            waits_for = frozenset() if self._is_grace_over(now) else self.perform.run_execution.in_threads
            if not await keep.stand_in(waits_for):
                leave_now(EXIT_REPLACE)

    def _may_be_held(self) -> bool:
        """False if all that is stuck is stuck in threads, which can't hold the loop."""
        run = self.perform.run_execution
        return bool(run.stuck - run.in_threads)

    def _is_grace_over(self, now: float) -> bool:
        since = self._draining_since
        return since is not None and now - since > self.grace.total_seconds()

    def _answer(self) -> None:
        self._asked_at = None


def start_heartbeat(
    watch: LoopWatch,
    link: SupervisorLink,
    *,
    open_stores: Callable[[], AbstractAsyncContextManager[Stores]],
    observer: Observer,
) -> None:
    """Keep the claims of the watched worker alive, and give signs of life to its supervisor, until it ends."""

    async def beat() -> None:
        async with open_stores() as stores, asyncio.TaskGroup() as group:
            keep = keep_claims(stores, watch.perform, watch.clock)

            async def sign_of_life() -> None:
                link.alive()

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
