"""Running one claimed execution: its handler found, its payload read, its time limited, its end put in words.

The call of the handler is the one place where any exception is an ordinary event. A handler that ignores being
stopped can't be stopped in Python; after a grace it is given up: its attempt ends as timed out all the same, and the
process it occupies is to be replaced.
"""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta
from typing import cast

from application.scheduling.ports.clock import Clock
from application.scheduling.processors import Continue, Handler, PermanentError, Processors, Returned, result_text
from application.scheduling.services.attempt import Attempt, Hurry
from application.scheduling.services.error_reports import report, report_of
from domain.errors import DomainError
from domain.scheduling.outcome import Continued, Failed, Outcome, Succeeded, UnknownHandler
from domain.scheduling.retry import GiveUp

STOP_GRACE = timedelta(seconds=5)
CONTINUE_AFTER_MAX = timedelta(days=7)

CURRENT_ATTEMPT: ContextVar[Attempt | None] = ContextVar("current_attempt", default=None)


@dataclass(slots=True)
class Call:
    """One call of a handler. Told to stop, it has a grace for that, and is given up if it goes on beyond it.

    `over` hears once that the attempt has its end, or that its claim was lost meanwhile.
    """

    handler: Handler | None
    attempt: Attempt
    group: asyncio.TaskGroup
    over: Callable[[Attempt], None]
    stop_grace: timedelta
    _task: asyncio.Task[None] | None = None
    _is_stopping: bool = False
    _is_over: bool = False

    async def run(self, *, limit_seconds: float) -> None:
        """Run the handler to its end, its time-out, its cancellation or until it is told to stop, and conclude.

        Whoever was told to stop before is not begun. Never raises for what a handler does.
        """
        if self._is_stopping:
            self.attempt.leave_loop()
            self._conclude()
            return
        loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        # A task that waits beside each handler would cost as much as everything else about it.
        timer = loop.call_later(limit_seconds, self.stop, Hurry.TIMEOUT)
        try:
            await self._called(loop)
        finally:
            timer.cancel()
            self.attempt.interruptible(None)
            self._conclude()

    def stop(self, why: Hurry) -> None:
        """Make the handler stop, unless it is over or was told already; call it from its event loop."""
        if self._is_over or self._is_stopping:
            return
        self._is_stopping = True
        self.attempt.interruptible(None)
        self.attempt.hurry(why)
        if self._task is not None:
            self.group.create_task(self._stopped_or_given_up(self._task))

    async def _called(self, loop: asyncio.AbstractEventLoop) -> None:
        if self.handler is None:
            self.attempt.end(UnknownHandler())
            return
        if self.handler.is_async and self._task is not None:
            cancel = self._task.cancel
            self.attempt.interruptible(lambda: _ignored(loop.call_soon_threadsafe(cancel)))
        await _call(self.handler, self.attempt)

    async def _stopped_or_given_up(self, task: asyncio.Task[None]) -> None:
        if self.handler is not None and self.handler.is_async:
            task.cancel()
        await asyncio.wait({task}, timeout=self.stop_grace.total_seconds())
        if not task.done():
            self.attempt.give_up()
            # Of a thread only the waiting for it can be given up.
            task.cancel()
            self._conclude()

    def _conclude(self) -> None:
        if self._is_over:
            return
        self._is_over = True
        if not self.attempt.is_lost:
            self.attempt.conclude()
        self.over(self.attempt)


@dataclass(frozen=True, slots=True)
class RunExecution:
    """Calls handlers, each in a task that bears the token of its attempt as its name."""

    processors: Processors
    clock: Clock
    stop_grace: timedelta = STOP_GRACE

    def begin(self, attempt: Attempt, group: asyncio.TaskGroup, over: Callable[[Attempt], None]) -> Call:
        """Call the handler as a task of `group`, which outlives the attempt if the handler does; see Call."""
        definition = attempt.claim.definition
        handler = self.processors.find(definition.task_type, definition.handler_name)
        call = Call(handler, attempt, group, over, self.stop_grace)
        limit_seconds = max(0.0, attempt.deadline - self.clock.monotonic())
        group.create_task(call.run(limit_seconds=limit_seconds), name=attempt.token)
        return call


async def _call(handler: Handler, attempt: Attempt) -> None:
    """Call the handler; how it ended is told to the attempt, and an error never ends the group."""
    CURRENT_ATTEMPT.set(attempt)
    try:
        payload = handler.payload(attempt.payload_json)
    except Exception as error:  # noqa: BLE001 - validators of a payload's model are user code too
        attempt.end(_unfit(attempt, error))
        return
    if handler.is_async:
        await _awaited(lambda: cast(Awaitable[Returned], handler.function(payload, attempt)), attempt)
    else:
        await _plain(handler, payload, attempt)


async def _plain(handler: Handler, payload: object, attempt: Attempt) -> None:
    try:
        rest = await asyncio.to_thread(_in_thread, handler, payload, attempt)
    except asyncio.CancelledError:
        # Awaiting a thread can be cancelled, the thread itself can't: only its own end frees the process of it.
        attempt.leave_loop()
        return
    except RuntimeError as error:
        # The machine has no thread to spare.
        attempt.end(_raised(attempt, error))
        return
    if rest is not None:
        # A plain function may be a wrapper around an async one.
        await _awaited(lambda: rest, attempt)


async def _awaited(start: Callable[[], Awaitable[Returned]], attempt: Attempt) -> None:
    came_to: Outcome
    try:
        came_to = _success(await start())
    except BaseException as error:  # noqa: BLE001 - whatever user code raises is an ordinary end of an attempt
        came_to = _raised(attempt, error)
    attempt.end(came_to)


def _in_thread(handler: Handler, payload: object, attempt: Attempt) -> Awaitable[Returned] | None:
    """Call the handler in this thread; what it leaves for the event loop to do, None if it is over.

    One whose end was decided while it waited for a thread is not begun: somebody else may run it already.
    """
    came_to: Outcome
    if not attempt.enter_thread():
        return None
    try:
        returned = handler.function(payload, attempt)
        if inspect.isawaitable(returned):
            attempt.leave_thread()
            return returned
        came_to = _success(returned)
    except BaseException as error:  # noqa: BLE001 - some, like StopIteration, can't pass from a thread to the loop
        came_to = _raised(attempt, error)
    attempt.end(came_to)
    return None


def _raised(attempt: Attempt, error: BaseException) -> Failed:
    return attempt.failed(report_of(error), GiveUp() if isinstance(error, PermanentError) else None)


def _success(returned: Returned) -> Outcome:
    if isinstance(returned, Continue):
        return Continued(min(max(returned.after, timedelta(0)), CONTINUE_AFTER_MAX), result_text(returned))
    return Succeeded(result_text(returned))


def _unfit(attempt: Attempt, error: Exception) -> Failed:
    """The end of an attempt whose payload its handler can't read: trying again cannot help."""
    if isinstance(error, DomainError):
        return attempt.failed(report(error.reason, f"{error.pointer}: {error.detail}"), GiveUp())
    return attempt.failed(report_of(error), GiveUp())


def _ignored(_handle: object) -> None:
    """A callback's handle nobody needs."""
