"""An event loop in which time is a number and the order of things a matter of the seed.

Nothing sleeps and nothing is read from outside. While anything can run, virtual time stands still and a generator
seeded once picks which of the ready callbacks goes next; when nothing can, time jumps to the next timer. Every
callback belongs to the simulated process in whose context it was made, so a process can be killed (none of its code
goes on, bar unwinding, which can reach nobody) and stopped (its callbacks are withheld, its timers pile up).
"""

import asyncio
import heapq
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar
from itertools import count
from math import ceil
from random import Random
from typing import Any, TypeVar, TypeVarTuple

Answer = TypeVar("Answer")
Given = TypeVarTuple("Given")

STEPS_AT_ONE_INSTANT_MAX = 200_000
STEPS_IN_A_ROW = 1_000
# A handler that ignores its cancellation is cancelled again, in virtual seconds after the kill.
KILLS_AGAIN_AFTER = (1.0, 2.0, 3.0)

_OWNER: ContextVar["SimProcess | None"] = ContextVar("owner", default=None)


class SimulationStalledError(Exception):
    """Nothing is ready, no timer is set, and the simulation has not ended; or time does not get on."""


class SimLoop(asyncio.BaseEventLoop):
    """The loop of one seed. `elapsed` is virtual time in whole microseconds."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.elapsed = 0
        self.steps = 0
        self._draw = Random(f"{seed}/order").random
        self._soon: list[asyncio.Handle] = []
        self._unwinding: deque[asyncio.Handle] = deque()
        self._timers: list[tuple[int, int, asyncio.TimerHandle]] = []
        self._numbers = count()
        self._moved_on = 0
        self._failure: BaseException | None = None
        self._is_over = False
        self.set_task_factory(_owned_task)  # type: ignore[arg-type] # the stubs ask for a generic one

    def time(self) -> float:
        """Virtual seconds since the beginning."""
        return self.elapsed / 1_000_000

    def run(self, main: Coroutine[Any, Any, Answer]) -> Answer:
        """Run `main` to its end; raises what it raises, or what `fail` was told first."""
        try:
            return self.run_until_complete(_with_a_last_turn(main))
        except RuntimeError:
            if self._failure is None:
                raise
        finally:
            self._is_over = True
            self._moved_on = self.steps
            if self._failure is not None:
                raise self._failure

    def fail(self, error: BaseException) -> None:
        """End the whole simulation with this error; the first one counts, and none after the end."""
        if self._failure is None and not self._is_over:
            self._failure = error
            self.stop()

    def call_soon(
        self, callback: Callable[[*Given], object], *args: *Given, context: Context | None = None
    ) -> asyncio.Handle:
        """See asyncio; which of the ready callbacks runs first is drawn by lot."""
        handle = asyncio.Handle(callback, args, self, context)
        self._ready_now(handle)
        return handle

    def call_soon_threadsafe(
        self, callback: Callable[[*Given], object], *args: *Given, context: Context | None = None
    ) -> asyncio.Handle:
        """The same: there are no threads here."""
        return self.call_soon(callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[[*Given], object], *args: *Given, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """See asyncio; never early by a microsecond."""
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        # The sum of two floats may lie a hair above the microsecond that was meant.
        heapq.heappush(self._timers, (ceil(when * 1_000_000 - 0.01), next(self._numbers), handle))
        return handle

    def call_outside(self, delay: float, callback: Callable[[*Given], object], *args: *Given) -> asyncio.TimerHandle:
        """Call after a while on behalf of the world, whichever process asks for it."""
        return self.call_later(delay, callback, *args, context=Context())

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Nothing to do: a cancelled timer is dropped when its time comes."""

    def _run_once(self) -> None:
        """Callbacks, one after the other, until something ends the loop or they are many."""
        ready, draw = self._soon, self._draw
        for _ in range(STEPS_IN_A_ROW):
            self.steps += 1
            if self._unwinding:
                handle = self._unwinding.popleft()
            else:
                if not ready:
                    self._move_on()
                elif self.steps - self._moved_on > STEPS_AT_ONE_INSTANT_MAX:
                    raise SimulationStalledError(f"time stands still at {self.time()} s")
                if len(ready) > 1:
                    index = int(draw() * len(ready))
                    ready[index], ready[-1] = ready[-1], ready[index]
                handle = ready.pop()
            if not handle.cancelled():
                handle._run()
            if self._stopping:  # type: ignore[attr-defined] # what `stop` sets
                return

    def _move_on(self) -> None:
        """Let time pass until something is ready."""
        while not self._soon and not self._unwinding:
            if not self._timers:
                raise SimulationStalledError("nothing is ready and no timer is set")
            self.elapsed = max(self.elapsed, self._timers[0][0])
            while self._timers and self._timers[0][0] <= self.elapsed:
                handle = heapq.heappop(self._timers)[2]
                if not handle.cancelled():
                    self._ready_now(handle)
        self._moved_on = self.steps
        if not self._soon:
            # What a dead process still unwinds is run by the caller as if it had been drawn.
            self._soon.append(self._unwinding.popleft())

    def _ready_now(self, handle: asyncio.Handle) -> None:
        # The only place that says on whose behalf a callback was made; the type stubs do not know it.
        owner: SimProcess | None = handle._context.get(_OWNER)  # type: ignore[attr-defined]
        if owner is None or (owner.alive and not owner.stopped):
            self._soon.append(handle)
        elif owner.alive:
            owner.withheld.append(handle)
        elif not isinstance(handle, asyncio.TimerHandle):
            self._unwinding.append(handle)

    def release(self, handles: list[asyncio.Handle]) -> None:
        """Make withheld callbacks ready again."""
        self._soon += handles


class SimProcess:
    """One life of a process: it can be stopped, go on, and be killed, which is for ever."""

    def __init__(self, loop: SimLoop, name: str) -> None:
        self.loop = loop
        self.name = name
        self.alive = True
        self.stopped = False
        self.went_on_at = 0.0
        self.withheld: list[asyncio.Handle] = []
        self.tasks: list[asyncio.Task[Any]] = []

    def spawn(self, main: Coroutine[Any, Any, None]) -> None:
        """Run `main` as code of this process. An error of it ends the simulation: processes end by being killed."""
        context = Context()
        context.run(_OWNER.set, self)
        self.loop.create_task(main, context=context).add_done_callback(self._ended, context=Context())

    def stop(self) -> None:
        """Withhold everything, as SIGSTOP does."""
        self.stopped = True

    def go_on(self) -> None:
        """Let it run again, with all its timers overdue."""
        if self.stopped:
            self.went_on_at = self.loop.time()
        self.stopped = False
        if self.alive:
            self.loop.release(self.withheld)
        self.withheld = []

    def kill(self) -> None:
        """End it at once, as SIGKILL does."""
        if not self.alive:
            return
        self.go_on()
        self.alive = False
        self._cancel_all()
        for seconds in KILLS_AGAIN_AFTER:
            self.loop.call_outside(seconds, self._cancel_all)

    def owns(self, task: asyncio.Task[Any]) -> None:
        """Remember a task of this process."""
        if len(self.tasks) > 200:
            self.tasks = [each for each in self.tasks if not each.done()]
        self.tasks.append(task)

    def _cancel_all(self) -> None:
        for task in self.tasks:
            if not task.done():
                task.cancel()

    def _ended(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None and self.alive:
            self.loop.fail(error)


async def _with_a_last_turn(main: Coroutine[Any, Any, Answer]) -> Answer:
    """Let a failure that the last step of `main` tells of end the loop before the end of `main` does."""
    answer = await main
    await asyncio.sleep(0)
    return answer


def _owned_task(
    loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, Any], context: Context | None = None
) -> asyncio.Task[Any]:
    task = asyncio.Task(coroutine, loop=loop, context=context)
    owner = _OWNER.get() if context is None else context.get(_OWNER)
    if owner is not None:
        owner.owns(task)
    return task
