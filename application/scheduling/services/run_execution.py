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


@dataclass(frozen=True, slots=True)
class RunExecution:
    """Calls handlers, each in a task that bears the token of its attempt as its name."""

    processors: Processors
    clock: Clock
    stop_grace: timedelta = STOP_GRACE

    async def run(self, attempt: Attempt, group: asyncio.TaskGroup, leaving: asyncio.Event) -> Outcome | None:
        """Run the handler to its end, its time-out, its cancellation, or until `leaving` is set, and conclude.

        The handler runs as a task of `group`, which outlives this call if the handler does. None: the claim was lost,
        so there is nothing to report. Never raises for what a handler does.
        """
        definition = attempt.claim.definition
        handler = self.processors.find(definition.task_type, definition.handler_name)
        if handler is None:
            attempt.end(UnknownHandler())
            return attempt.conclude().outcome
        call = group.create_task(_call(handler, attempt), name=attempt.token)
        if handler.is_async:
            loop = asyncio.get_running_loop()
            attempt.interruptible(lambda: _ignored(loop.call_soon_threadsafe(call.cancel)))
        await self._done_or_given_up(call, handler, attempt, leaving)
        return None if attempt.is_lost else attempt.conclude().outcome

    async def _done_or_given_up(
        self, call: asyncio.Task[None], handler: Handler, attempt: Attempt, leaving: asyncio.Event
    ) -> None:
        """Wait for the handler, and make it stop when its time or ours is over."""
        async with asyncio.TaskGroup() as waits:
            left = waits.create_task(leaving.wait())
            limit = max(0.0, attempt.deadline - self.clock.monotonic())
            await asyncio.wait({call, left}, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
            left.cancel()
        attempt.interruptible(None)
        if call.done():
            return
        attempt.hurry(Hurry.LEAVING if leaving.is_set() else Hurry.TIMEOUT)
        if handler.is_async:
            call.cancel()
        await asyncio.wait({call}, timeout=self.stop_grace.total_seconds())
        if not call.done():
            attempt.give_up()
            # Of a thread only the waiting for it can be given up.
            call.cancel()


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
