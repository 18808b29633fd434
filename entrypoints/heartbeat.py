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
from application.scheduling.services.keep_claims import BEAT_EVERY
from application.scheduling.services.perform_executions import PerformExecutions
from entrypoints.container import Stores, keep_claims
from entrypoints.loop import every, repeat
from entrypoints.process import EXIT_FAILED, EXIT_REPLACE, leave_now

WATCH_EVERY = timedelta(seconds=1)
BLOCKED_AFTER = timedelta(seconds=5)


@dataclass(slots=True)
class LoopWatch:
    """Ends a process whose event loop does not answer while an attempt that was given up occupies it."""

    loop: asyncio.AbstractEventLoop
    perform: PerformExecutions
    clock: Clock
    _asked_at: float | None = None

    async def run_once(self) -> None:
        """Ask the loop for a sign of life once; leave if the last question has stood too long."""
        if not self.perform.is_stuck:
            self._asked_at = None
        elif self._asked_at is None:
            self._asked_at = self.clock.monotonic()
            self.loop.call_soon_threadsafe(self._answer)
        elif self.clock.monotonic() - self._asked_at > BLOCKED_AFTER.total_seconds():
            leave_now(EXIT_REPLACE)

    def _answer(self) -> None:
        self._asked_at = None


def start_heartbeat(
    perform: PerformExecutions,
    *,
    open_stores: Callable[[], AbstractAsyncContextManager[Stores]],
    clock: Clock,
    observer: Observer,
) -> None:
    """Keep the claims of the running event loop's worker alive until the process ends."""
    watch = LoopWatch(asyncio.get_running_loop(), perform, clock)

    async def beat() -> None:
        async with open_stores() as stores, asyncio.TaskGroup() as group:
            work: dict[str, tuple[Callable[[], Awaitable[object]], timedelta]] = {
                "heartbeat": (keep_claims(stores, perform, clock).run_once, BEAT_EVERY),
                "watch": (watch.run_once, WATCH_EVERY),
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
