"""The worker child: started, woken, replaced when it dies, and never outliving its supervisor.

User code runs in the child, so it can stop neither the clock nor the dashboard. Supervisor and child share a socket
pair: lines go both ways, and its end is how each learns of the other's death. The child inherits the lock on the
store's file, so a free lock means that no child is left.
"""

import asyncio
import logging
import signal
import socket
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

import structlog

from application.scheduling.ports.clock import Clock
from application.scheduling.ports.errors import StoreUnavailableError
from domain.scheduling.identifiers import NodeId
from entrypoints.process import (
    EXIT_FAILED,
    EXIT_OK,
    EXIT_ORPHANED,
    EXIT_REPLACE,
    EXIT_UNREACHABLE,
    EXIT_USAGE,
)

WAKE = b"wake\n"
DRAIN = b"drain\n"
SCHEDULER = b"scheduler\n"
READY = b"ready\n"
RESTART_BACKOFF_MIN = timedelta(milliseconds=100)
RESTART_BACKOFF_MAX = timedelta(seconds=30)
SETTLED_AFTER = timedelta(seconds=30)
KILL_AFTER = timedelta(seconds=10)

_EPITAPHS = {
    EXIT_OK: (logging.INFO, "The worker ended by itself, with nothing left to do"),
    EXIT_FAILED: (logging.ERROR, "The worker failed, as told above; its executions start again"),
    EXIT_ORPHANED: (logging.WARNING, "The worker lost sight of its supervisor; its executions start again"),
    EXIT_UNREACHABLE: (logging.WARNING, "The worker could not go on, as told above; its executions start again"),
    EXIT_REPLACE: (logging.WARNING, "The worker is replaced: code that did not stop in time still occupied it"),
}


@dataclass(frozen=True, slots=True)
class Epitaph:
    """How a child ended; `refused` if it did because settings or handlers are wrong, so that another one would too."""

    sentence: str
    level: int = logging.WARNING
    refused: bool = False


def _nobody() -> None:
    """Nobody waits for the child to be ready."""


@dataclass(slots=True)
class Supervisor:
    """Keeps one worker child alive. `command(worker_id, socket_fd)` is what starts it; `died` rescues its claims.

    `pid` is the child's while there is one. A child that was told to drain is killed `kill_after` after its grace.
    """

    command: Callable[[NodeId, int], Sequence[str]]
    new_id: Callable[[], NodeId]
    inherited: Sequence[int]
    died: Callable[[NodeId], Awaitable[object]]
    on_scheduler: Callable[[], None]
    clock: Clock
    grace: timedelta
    pid: int | None = None
    kill_after: timedelta = KILL_AFTER
    _writer: asyncio.StreamWriter | None = None
    on_ready: Callable[[], None] = _nobody
    _is_ready: bool = False

    def wake(self) -> None:
        """Tell the child to look for work. Lost if there is no child; the next one looks first thing."""
        writer = self._writer
        # A wake-up that was not read yet will do for this one too, and a child that is stopped piles up none.
        if writer is not None and not writer.is_closing() and not writer.transport.get_write_buffer_size():
            writer.write(WAKE)

    async def run(self, stop: asyncio.Event) -> int:
        """Start the child, and another one whenever it ends; once `stop` is set, have it drain and wait for it.

        Returns EXIT_OK, or EXIT_USAGE if a child said what is wrong with settings or handlers: they are checked whole.
        """
        backoff = RESTART_BACKOFF_MIN
        while not stop.is_set():
            worker_id, began = self.new_id(), self.clock.monotonic()
            epitaph = await self._one_child(worker_id, stop)
            await self._bury(worker_id)
            if epitaph.refused:
                return EXIT_USAGE
            if stop.is_set():
                return EXIT_OK
            if timedelta(seconds=self.clock.monotonic() - began) > SETTLED_AFTER:
                backoff = RESTART_BACKOFF_MIN
            again_in = f"{backoff.total_seconds():.1f}s"
            structlog.get_logger().log(epitaph.level, epitaph.sentence, worker=worker_id, restart_in=again_in)
            await _wait(stop, backoff)
            backoff = min(backoff * 2, RESTART_BACKOFF_MAX)
        return EXIT_OK

    async def _one_child(self, worker_id: NodeId, stop: asyncio.Event) -> Epitaph:
        """Start a child and wait until it is reaped; say how it ended."""
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                child = await asyncio.create_subprocess_exec(
                    *self.command(worker_id, theirs.fileno()),
                    pass_fds=(theirs.fileno(), *self.inherited),
                    # A Ctrl-C on the terminal is for the supervisor alone.
                    start_new_session=True,
                )
        except OSError as error:
            # No memory or no process to be had now may be had later.
            ours.close()
            return Epitaph(f"The worker cannot be started: {error}")
        self.pid, self._is_ready = child.pid, False
        reader, self._writer = await asyncio.open_connection(sock=ours)
        try:
            return _epitaph(await self._accompany(child, reader, stop), is_ready=self._is_ready)
        finally:
            self.pid = None
            self._writer.close()
            self._writer = None

    async def _accompany(
        self, child: asyncio.subprocess.Process, reader: asyncio.StreamReader, stop: asyncio.Event
    ) -> int:
        async with asyncio.TaskGroup() as group:
            company = (group.create_task(self._listen(reader)), group.create_task(self._drain(child, stop)))
            code = await child.wait()
            for each in company:
                each.cancel()
        return code

    async def _bury(self, worker_id: NodeId) -> None:
        """Free the claims of a child that is reaped: nothing of it runs any more."""
        try:
            await self.died(worker_id)
        except StoreUnavailableError as error:
            # They fall silent, and are rescued for that.
            structlog.get_logger().warning("The store did not take back the worker's executions", because=str(error))

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        """What the child says, until it says no more; lines that are too long or unknown mean nothing."""
        while True:
            try:
                line = await reader.readline()
            except ValueError:
                continue
            except ConnectionError:
                return
            if not line:
                return
            if line == READY:
                self._is_ready = True
                self.on_ready()
            elif line == SCHEDULER:
                self.on_scheduler()

    async def _drain(self, child: asyncio.subprocess.Process, stop: asyncio.Event) -> None:
        """Once stopping, let the child finish within the grace; then it is killed, and its claims are rescued."""
        await stop.wait()
        if self._writer is not None:
            self._writer.write(DRAIN)
        await asyncio.sleep((self.grace + self.kill_after).total_seconds())
        structlog.get_logger().warning("The worker did not stop in its grace and is killed", pid=child.pid)
        with suppress(ProcessLookupError):
            child.kill()


def _epitaph(code: int, *, is_ready: bool) -> Epitaph:
    """The last words on a child; one that was ready had good settings, whatever code of a handler's it ended with."""
    if code == EXIT_USAGE and not is_ready:
        return Epitaph("The worker refused its settings", logging.ERROR, refused=True)
    if code < 0:
        name = signal.strsignal(-code) or f"signal {-code}"
        return Epitaph(f"The worker was killed ({name}); its executions start again")
    level, sentence = _EPITAPHS.get(
        code, (logging.WARNING, f"The worker ended with exit code {code}; its executions start again")
    )
    return Epitaph(sentence, level)


async def _wait(stop: asyncio.Event, wait: timedelta) -> None:
    try:
        async with asyncio.timeout(wait.total_seconds()):
            await stop.wait()
    except TimeoutError:
        return
