"""How a process of ours lives: one event loop, signals that ask it to stop, an exit code that says how it went."""

import asyncio
import gc
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from typing import Protocol

import structlog
import uvloop

from application.scheduling.ports.errors import PortError
from domain.errors import SchedulerError
from entrypoints.settings import InvalidSettingsError

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_ORPHANED = 3
EXIT_UNREACHABLE = 5
EXIT_REPLACE = 75

COLLECT_AFTER = (100_000, 20, 100)
# Silence tells the others the same, a little later.
LEAVE_WITHIN = timedelta(seconds=2)

Main = Callable[[asyncio.Event], Awaitable[int]]


class CannotServeError(SchedulerError):
    """An address is taken, or is none of this machine's: choose another one."""


def run(main: Main) -> int:
    """Run `main` with a stop event to its exit code.

    SIGTERM or SIGINT sets the event; the second one ends the process at once. An error is told by `tell`.
    """
    calm_collector()
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(_until_signalled(main))
    except Exception as error:  # noqa: BLE001 - the outermost place there is: what ends the process is told
        return tell(error)


def run_child(main: Callable[[], Awaitable[int]]) -> None:
    """Run `main` of a supervised process, and end the process with its exit code; never returns.

    Nothing is waited for afterwards, neither tasks nor threads nor the interpreter's own end: user code may still run
    there, and would keep a process alive that does nothing any more. Its supervisor tells it when to stop; the
    signals of a terminal or a process manager do nothing.
    """
    calm_collector()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_until_the_end(main))


def tell(error: BaseException) -> int:
    """Say what ended a process, in a line if it is ours to explain, else with its traceback; return the exit code."""
    log = structlog.get_logger()
    code = EXIT_FAILED
    try:
        raise error
    except* InvalidSettingsError as group:
        for each in _leaves(group):
            print(each, file=sys.stderr)  # noqa: T201 - the answer to whoever set it, as at the start
        code = EXIT_USAGE
    except* SchedulerError as group:
        for each in _leaves(group):
            log.error("Cannot go on", because=str(each))
            code = EXIT_UNREACHABLE if isinstance(each, PortError | CannotServeError) else EXIT_FAILED
    except* BaseException as group:
        log.error("Ended by an error that nobody expected", exc_info=group)
        code = EXIT_FAILED
    return code


def leave_now(code: int) -> None:
    """End the process although code of it still runs; what it held was settled or will be rescued."""
    for stream in (sys.stdout, sys.stderr):
        # A stream may be closed, full or gone, which is no reason to stay.
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


class Presence(Protocol):
    """What the others know of a process."""

    async def leave(self) -> None:
        """Be gone at once. Raises StoreUnavailableError."""


async def take_leave(presence: Presence) -> None:
    """Tell the others that this process is gone, if the store takes it within a moment."""
    try:
        async with asyncio.timeout(LEAVE_WITHIN.total_seconds()):
            await presence.leave()
    except (PortError, TimeoutError) as error:
        structlog.get_logger().warning("Left without a word to the other processes", because=str(error) or "no answer")


def calm_collector() -> None:
    """Let the garbage collector look seldom, and never at what was imported.

    Ten thousand tasks read at once are no garbage, yet looking through them takes a third of a burst's time; what is
    passed on here holds hardly any cycles, so reference counts free it.
    """
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)


async def _until_signalled(main: Main) -> int:
    stop = asyncio.Event()

    def on_signal(number: signal.Signals) -> None:
        if stop.is_set():
            print("Stopping at once.", file=sys.stderr, flush=True)  # noqa: T201 - the log may be part of what hangs
            os._exit(128 + number)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, on_signal, number)
    return await main(stop)


async def _until_the_end(main: Callable[[], Awaitable[int]]) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        # Not SIG_IGN, which the programs that handlers start would inherit, and could then not be ended by.
        signal.signal(number, _do_nothing)
    try:
        code = await main()
    except BaseException as error:  # noqa: BLE001 - whatever it is, this process ends by it and now
        code = tell(error)
    leave_now(code)


def _do_nothing(_number: int, _frame: object) -> None:
    """The supervisor says when to stop."""


def _leaves(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    leaves: list[BaseException] = []
    for error in group.exceptions:
        leaves += _leaves(error) if isinstance(error, BaseExceptionGroup) else [error]
    return leaves
