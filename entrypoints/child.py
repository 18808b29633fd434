"""One worker process as its supervisor sees it: started, told things, listened to, and reaped."""

import asyncio
import logging
import signal
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta

import structlog

from domain.scheduling.identifiers import NodeId
from entrypoints.link import DRAIN, FIGURES, READY, SCHEDULER, STUCK, WAKE
from entrypoints.process import EXIT_FAILED, EXIT_OK, EXIT_ORPHANED, EXIT_REPLACE, EXIT_UNREACHABLE, EXIT_USAGE
from entrypoints.settings import workers_environment

SILENT_LOOKS_MAX = 3

_EPITAPHS = {
    EXIT_OK: (logging.INFO, "The worker ended by itself, with nothing left to do"),
    EXIT_FAILED: (logging.ERROR, "The worker failed, as told above; its executions start again"),
    EXIT_ORPHANED: (logging.WARNING, "The worker lost sight of its supervisor; its executions start again"),
    EXIT_UNREACHABLE: (logging.WARNING, "The worker could not go on, as told above; its executions start again"),
    EXIT_REPLACE: (logging.INFO, "The worker that handed over has left, its other work finished or handed back"),
}


@dataclass(frozen=True, slots=True)
class Epitaph:
    """How a child ended, and whether it had become ready.

    `refused` if it did because settings or handlers are wrong, so that another one would too.
    """

    sentence: str
    level: int = logging.WARNING
    was_ready: bool = False
    refused: bool = False


@dataclass(slots=True, eq=False)
class Child:
    """A worker process and our end of the pipe to it.

    `claims_no_more` is set once it hands over or is dead and buried; `epitaph` is None until the latter. `makes_room`
    is set to have it drained before its supervisor stops.
    """

    worker_id: NodeId
    process: asyncio.subprocess.Process
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    claims_no_more: asyncio.Event = field(default_factory=asyncio.Event)
    makes_room: asyncio.Event = field(default_factory=asyncio.Event)
    epitaph: Epitaph | None = None
    _is_ready: bool = False
    _is_heard: bool = False

    @property
    def pid(self) -> int:
        """The process's id."""
        return self.process.pid

    def wake(self) -> None:
        """Tell it to look for work; lost if it is about to end."""
        # A wake-up that was not read yet will do for this one too, and a child that is stopped piles up none.
        if not self.writer.is_closing() and not self.writer.transport.get_write_buffer_size():
            self.writer.write(WAKE)

    def drain(self) -> None:
        """Tell it to claim no more, to finish or hand back, and to leave."""
        self.writer.write(DRAIN)

    def kill(self, why: str) -> None:
        """End it at once; its claims are to be rescued."""
        structlog.get_logger().warning(why, worker=self.worker_id, pid=self.pid)
        with suppress(ProcessLookupError):
            self.process.kill()

    async def reaped(self) -> Epitaph:
        """Wait for its end; say how it was."""
        return _epitaph(await self.process.wait(), is_ready=self._is_ready)

    async def listen(
        self, *, on_ready: Callable[[], None], on_scheduler: Callable[[], None], on_figures: Callable[[bytes], None]
    ) -> None:
        """What it says, until it says no more; lines that are too long or unknown mean only that it lives."""
        while True:
            try:
                line = await self.reader.readline()
            except ValueError:
                continue
            except ConnectionError:
                return
            if not line:
                return
            self._is_heard = True
            if line == READY:
                self._is_ready = True
                on_ready()
            elif line == SCHEDULER:
                on_scheduler()
            elif line == STUCK:
                self.claims_no_more.set()
            elif line.startswith(FIGURES):
                on_figures(line.removeprefix(FIGURES))

    async def silence(self, lease: timedelta) -> None:
        """Return once it has been silent for a lease since it was ready; by then its claims are anybody's.

        Several looks, as what it said waits unread while this process itself is stopped or asleep.
        """
        silent_looks = 0
        while silent_looks < SILENT_LOOKS_MAX:
            self._is_heard = False
            await asyncio.sleep(lease.total_seconds() / SILENT_LOOKS_MAX)
            silent_looks = 0 if self._is_heard or not self._is_ready else silent_looks + 1


async def start_child(command: Callable[[int], Sequence[str]], worker_id: NodeId, inherited: Sequence[int]) -> Child:
    """Start what `command` makes of the descriptor of the child's end of the pipe. Raises OSError."""
    ours, theirs = socket.socketpair()
    try:
        with theirs:
            process = await asyncio.create_subprocess_exec(
                *command(theirs.fileno()),
                pass_fds=(theirs.fileno(), *inherited),
                env=workers_environment(),
                # A Ctrl-C on the terminal is for the supervisor alone.
                start_new_session=True,
            )
    except OSError:
        ours.close()
        raise
    reader, writer = await asyncio.open_connection(sock=ours)
    return Child(worker_id, process, reader, writer)


def _epitaph(code: int, *, is_ready: bool) -> Epitaph:
    """The last words on a child; one that was ready had good settings, whatever code of a handler's it ended with."""
    if code == EXIT_USAGE and not is_ready:
        return Epitaph("The worker refused its settings", logging.ERROR, refused=True)
    if code < 0:
        name = signal.strsignal(-code) or f"signal {-code}"
        return Epitaph(f"The worker was killed ({name}); its executions start again", was_ready=is_ready)
    level, sentence = _EPITAPHS.get(
        code, (logging.WARNING, f"The worker ended with exit code {code}; its executions start again")
    )
    return Epitaph(sentence, level, was_ready=is_ready)
