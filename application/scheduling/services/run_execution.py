"""Running one claimed execution: its handler found, its payload read, its time limited, its end put in words.

The call of the handler is the one place where any exception is an ordinary event. A handler that ignores being
stopped can't be stopped in Python; after a grace its attempt is settled as timed out all the same, and the process it
occupies is marked for replacement.
"""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum, auto
from typing import cast

from application.scheduling.ports.clock import Clock
from application.scheduling.processors import Continue, Handler, PermanentError, Processors, Returned, result_text
from application.scheduling.services.attempt import Attempt, mark_stuck, unmark_stuck
from application.scheduling.services.error_reports import report, report_of
from domain.errors import DomainError
from domain.scheduling.execution import ErrorReport
from domain.scheduling.identifiers import ClaimToken
from domain.scheduling.outcome import Continued, Failed, HandedBack, Outcome, Stopped, Succeeded, UnknownHandler
from domain.scheduling.retry import GiveUp

STOP_GRACE = timedelta(seconds=5)
CONTINUE_AFTER_MAX = timedelta(days=7)

Call = asyncio.Task[Outcome | BaseException]

CURRENT_ATTEMPT: ContextVar[Attempt | None] = ContextVar("current_attempt", default=None)


@dataclass(slots=True)
class RunExecution:
    """Calls handlers. `stuck` holds the tokens of attempts whose code did not stop and still occupies this process.

    `in_threads` holds the tokens of those whose code runs in a thread, and goes on whatever the event loop does.
    """

    processors: Processors
    clock: Clock
    stop_grace: timedelta = STOP_GRACE
    stuck: set[ClaimToken] = field(default_factory=set)
    in_threads: set[ClaimToken] = field(default_factory=set)

    async def run(self, attempt: Attempt, group: asyncio.TaskGroup, leaving: asyncio.Event) -> Outcome | None:
        """Run the handler to its end, its time-out, its cancellation, or until `leaving` is set.

        The handler runs as a task of `group`, which outlives this call if the handler does. None: the claim was lost,
        so there is nothing to report. Never raises for what a handler does.
        """
        definition = attempt.claim.definition
        handler = self.processors.find(definition.task_type, definition.handler_name)
        if handler is None:
            unknown = UnknownHandler()
            attempt.end(unknown)
            return unknown
        call = group.create_task(self._call(handler, attempt))
        if handler.is_async:
            loop = asyncio.get_running_loop()
            attempt.interruptible(lambda: _ignored(loop.call_soon_threadsafe(call.cancel)))
        ended_by = await self._ended(call, handler, attempt, leaving)
        return None if attempt.is_lost else _outcome(attempt, ended_by)

    async def _ended(self, call: Call, handler: Handler, attempt: Attempt, leaving: asyncio.Event) -> "_EndedBy":
        """Wait for the handler, and make it stop when its time or ours is over; say which it was."""
        async with asyncio.TaskGroup() as waits:
            left = waits.create_task(leaving.wait())
            limit = max(0.0, attempt.deadline - self.clock.monotonic())
            await asyncio.wait({call, left}, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
            left.cancel()
        attempt.interruptible(None)
        if call.done():
            return _EndedBy.ITSELF
        ended_by = _EndedBy.LEAVING if leaving.is_set() else _EndedBy.TIMEOUT
        attempt.hurry()
        if handler.is_async:
            call.cancel()
        await asyncio.wait({call}, timeout=self.stop_grace.total_seconds())
        if not call.done():
            mark_stuck(self.stuck, attempt)
            # Of a thread only the waiting for it can be given up.
            call.cancel()
        return ended_by

    async def _call(self, handler: Handler, attempt: Attempt) -> Outcome | BaseException:
        """How the handler ended: an error is a value here, so that it can't end the group."""
        CURRENT_ATTEMPT.set(attempt)
        try:
            payload = handler.payload(attempt.payload_json)
        except Exception as error:  # noqa: BLE001 - validators of a payload's model are user code too
            unfit = _unfit(attempt, error)
            attempt.end(unfit)
            return unfit
        if handler.is_async:
            return await self._awaited(lambda: cast(Awaitable[Returned], handler.function(payload, attempt)), attempt)
        return await self._plain(handler, payload, attempt)

    async def _plain(self, handler: Handler, payload: object, attempt: Attempt) -> Outcome | BaseException:
        try:
            ended = await asyncio.to_thread(self._in_thread, handler, payload, attempt)
        except asyncio.CancelledError as cancelled:
            # Awaiting a thread can be cancelled, the thread itself can't: only its own end frees the process of it.
            return cancelled
        except RuntimeError as error:
            # The machine has no thread to spare.
            unmark_stuck(self.stuck, attempt, error)
            return error
        if not inspect.isawaitable(ended):
            return ended
        # A plain function may be a wrapper around an async one.
        return await self._awaited(lambda: ended, attempt)

    async def _awaited(self, start: Callable[[], Awaitable[Returned]], attempt: Attempt) -> Outcome | BaseException:
        ended: Outcome | BaseException
        try:
            ended = _success(await start())
        except BaseException as error:  # noqa: BLE001 - whatever user code raises is an ordinary end of an attempt
            ended = error
        unmark_stuck(self.stuck, attempt, ended)
        return ended

    def _in_thread(
        self, handler: Handler, payload: object, attempt: Attempt
    ) -> Outcome | BaseException | Awaitable[Returned]:
        ended: Outcome | BaseException
        self.in_threads.add(attempt.token)
        try:
            returned = handler.function(payload, attempt)
            if inspect.isawaitable(returned):
                return returned
            ended = _success(returned)
        except BaseException as error:  # noqa: BLE001 - some, like StopIteration, can't pass from a thread to the loop
            ended = error
        finally:
            self.in_threads.discard(attempt.token)
        unmark_stuck(self.stuck, attempt, ended)
        return ended


class _EndedBy(Enum):
    """Whose decision the end of a call was."""

    ITSELF = auto()
    TIMEOUT = auto()
    LEAVING = auto()


def outcome_unheard(attempt: Attempt) -> Outcome:
    """How an attempt ended whose end the event loop does not hear of; handed back if it has not."""
    if not attempt.is_over:
        return _outcome(attempt, _EndedBy.LEAVING)
    return _outcome(attempt, _EndedBy.TIMEOUT if attempt.is_hurried else _EndedBy.ITSELF)


def _outcome(attempt: Attempt, ended_by: _EndedBy) -> Outcome:
    ended = attempt.ended
    if ended is not None and not isinstance(ended, BaseException):
        return ended
    if attempt.is_cancelled:
        return Stopped()
    if ended_by is _EndedBy.LEAVING:
        return HandedBack()
    if ended_by is _EndedBy.TIMEOUT:
        limit = attempt.claim.definition.policy.timeout
        return _failure(attempt, ErrorReport("timeout", f"it ran longer than {limit}"), timed_out=True)
    assert ended is not None, "a call that ended by itself has a result or an error"
    return _failure(attempt, report_of(ended), GiveUp() if isinstance(ended, PermanentError) else None)


def _success(returned: Returned) -> Outcome:
    if isinstance(returned, Continue):
        return Continued(min(max(returned.after, timedelta(0)), CONTINUE_AFTER_MAX), result_text(returned))
    return Succeeded(result_text(returned))


def _unfit(attempt: Attempt, error: Exception) -> Outcome:
    """The end of an attempt whose payload its handler can't read: trying again cannot help."""
    if isinstance(error, DomainError):
        return _failure(attempt, report(error.reason, f"{error.pointer}: {error.detail}"), GiveUp())
    return _failure(attempt, report_of(error), GiveUp())


def _failure(attempt: Attempt, error: ErrorReport, then: GiveUp | None = None, *, timed_out: bool = False) -> Failed:
    retry = attempt.claim.definition.policy.retry
    decided = then or retry.decide(attempt.execution_id, attempts_used=attempt.attempt, failed_at=attempt.clock.now())
    return Failed(error, decided, timed_out)


def _ignored(_handle: object) -> None:
    """A callback's handle nobody needs."""
