"""The only place that repeats: one pass after another, paced, woken early, backing off, until it is told to stop."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from datetime import timedelta
from typing import Any, TypeVar

from application.scheduling.ports.clock import Clock
from application.scheduling.ports.errors import StoreUnavailableError
from application.scheduling.ports.observer import Observer
from domain.scheduling.events import StoreFailed, StoreRecovered

BACKOFF_MIN = timedelta(milliseconds=200)
BACKOFF_MAX = timedelta(seconds=10)

Step = Callable[[], Awaitable[timedelta]]
Work = Callable[[], Awaitable[object]]
Result = TypeVar("Result")


async def repeat(
    step: Step, *, name: str, stop: asyncio.Event, observer: Observer, wake: asyncio.Event | None = None
) -> None:
    """Run `step` until `stop` is set; each pass says how long to wait at most before the next.

    A store that does not answer is waited for, longer and longer; any other error ends the process.
    """
    wake = wake or asyncio.Event()
    backoff = BACKOFF_MIN
    while not stop.is_set():
        wake.clear()
        try:
            wait = await step()
            if backoff > BACKOFF_MIN:
                observer.observe(StoreRecovered(name))
            backoff = BACKOFF_MIN
        except StoreUnavailableError as error:
            observer.observe(StoreFailed(name, str(error)))
            wait, backoff = backoff, min(backoff * 2, BACKOFF_MAX)
        await _first_of(stop, wake, wait)


async def _first_of(stop: asyncio.Event, wake: asyncio.Event, wait: timedelta) -> None:
    """Return when either event is set, or after `wait`; at least one other task gets its turn."""
    if wait <= timedelta(0) or stop.is_set() or wake.is_set():
        await asyncio.sleep(0)
        return
    async with asyncio.TaskGroup() as group:
        waits = {group.create_task(stop.wait()), group.create_task(wake.wait())}
        await asyncio.wait(waits, timeout=wait.total_seconds(), return_when=asyncio.FIRST_COMPLETED)
        for each in waits:
            each.cancel()


def every(work: Work, wait: timedelta) -> Step:
    """A step that does `work` and then waits always as long."""

    async def step() -> timedelta:
        await work()
        return wait

    return step


def once_ready(step: Step, is_ready: Callable[[], bool], clock: Clock, *, at_most: timedelta) -> Step:
    """`step`, whose passes do nothing until `is_ready`, and wait for that `at_most` from now on: wake the loop then."""
    begins_at = clock.monotonic() + at_most.total_seconds()

    async def when_ready() -> timedelta:
        left = begins_at - clock.monotonic()
        return await step() if is_ready() or left <= 0 else timedelta(seconds=left)

    return when_ready


async def unless_stopped(work: Coroutine[Any, Any, Result], stop: asyncio.Event) -> Result | None:
    """What `work` answers; None if `stop` is set first or already, in which case it is cancelled or never begun.

    An error of `work` comes in a group.
    """
    if stop.is_set():
        work.close()
        return None
    async with asyncio.TaskGroup() as group:
        working, stopping = group.create_task(work), group.create_task(stop.wait())
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        working.cancel()
    return None if working.cancelled() else working.result()
