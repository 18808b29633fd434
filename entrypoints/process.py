"""How a process of ours lives: one event loop, signals that ask it to stop, an exit code that says how it went."""

import asyncio
import gc
import os
import signal
import sys
from collections.abc import Awaitable, Callable

import structlog
import uvloop

from application.scheduling.ports.errors import PortError
from domain.errors import SchedulerError
from entrypoints.settings import InvalidSettingsError

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_UNREACHABLE = 5

COLLECT_AFTER = (100_000, 20, 100)

Main = Callable[[asyncio.Event], Awaitable[int]]


def run(main: Main, *, signals: bool = True) -> int:
    """Run `main` with a stop event to its exit code.

    SIGTERM or SIGINT sets the event; the second one ends the process at once. An error that is ours to explain ends
    in a line, any other with its traceback; both end the process non-zero.
    """
    log = structlog.get_logger()
    calm_collector()
    code = EXIT_OK
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            code = runner.run(_with_signals(main, signals))
    except* InvalidSettingsError as group:
        for error in _leaves(group):
            print(error, file=sys.stderr)  # noqa: T201 - the answer to whoever set it, as at the start
        code = EXIT_USAGE
    except* SchedulerError as group:
        for error in _leaves(group):
            log.error("Cannot go on", because=str(error))
            code = EXIT_UNREACHABLE if isinstance(error, PortError) else EXIT_FAILED
    except* Exception as group:
        log.error("Ended by an error that nobody expected", exc_info=group)
        code = EXIT_FAILED
    return code


def calm_collector() -> None:
    """Let the garbage collector look seldom, and never at what was imported.

    Ten thousand tasks read at once are no garbage, yet looking through them takes a third of a burst's time; what is
    passed on here holds hardly any cycles, so reference counts free it.
    """
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)


async def _with_signals(main: Main, signals: bool) -> int:
    stop = asyncio.Event()

    def on_signal(number: signal.Signals) -> None:
        if stop.is_set():
            print("Stopping at once.", file=sys.stderr, flush=True)  # noqa: T201 - the log may be part of what hangs
            os._exit(128 + number)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        if signals:
            asyncio.get_running_loop().add_signal_handler(number, on_signal, number)
        else:
            # A supervised child is told to stop by its supervisor; a Ctrl-C on the terminal reaches both.
            signal.signal(number, signal.SIG_IGN)
    return await main(stop)


def _leaves(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    leaves: list[BaseException] = []
    for error in group.exceptions:
        leaves += _leaves(error) if isinstance(error, BaseExceptionGroup) else [error]
    return leaves
