"""The worker child: started, woken, replaced when it dies, and never outliving its supervisor.

User code runs in the child, so it can stop neither the clock nor the dashboard. Supervisor and child share a socket
pair: lines go both ways, and its end is how each learns of the other's death. The child inherits the lock on the
store's file, so a free lock means that no child is left.
"""

import asyncio
import signal
import socket
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta

import structlog

from application.scheduling.ports.clock import Clock
from application.scheduling.ports.errors import StoreUnavailableError
from domain.scheduling.identifiers import NodeId

WAKE = b"wake\n"
DRAIN = b"drain\n"
SCHEDULER = b"scheduler\n"
EXIT_REPLACE = 75
RESTART_BACKOFF_MIN = timedelta(milliseconds=100)
RESTART_BACKOFF_MAX = timedelta(seconds=30)
SETTLED_AFTER = timedelta(seconds=30)
KILL_AFTER = timedelta(seconds=10)


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
    _writer: asyncio.StreamWriter | None = field(default=None)

    def wake(self) -> None:
        """Tell the child to look for work. Lost if there is no child; the next one looks first thing."""
        writer = self._writer
        # A wake-up that was not read yet will do for this one too, and a child that is stopped piles up none.
        if writer is not None and not writer.is_closing() and not writer.transport.get_write_buffer_size():
            writer.write(WAKE)

    async def run(self, stop: asyncio.Event) -> None:
        """Start the child, and another one whenever it ends; once `stop` is set, have it drain and wait for it."""
        backoff = RESTART_BACKOFF_MIN
        while not stop.is_set():
            worker_id, began = self.new_id(), self.clock.monotonic()
            epitaph = await self._one_child(worker_id, stop)
            await self._bury(worker_id)
            if stop.is_set():
                return
            if timedelta(seconds=self.clock.monotonic() - began) > SETTLED_AFTER:
                backoff = RESTART_BACKOFF_MIN
            structlog.get_logger().warning(epitaph, worker=worker_id, restart_in=f"{backoff.total_seconds():.1f}s")
            await _wait(stop, backoff)
            backoff = min(backoff * 2, RESTART_BACKOFF_MAX)

    async def _one_child(self, worker_id: NodeId, stop: asyncio.Event) -> str:
        """Start a child and wait until it is reaped; say how it ended."""
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                child = await asyncio.create_subprocess_exec(
                    *self.command(worker_id, theirs.fileno()), pass_fds=(theirs.fileno(), *self.inherited)
                )
        except OSError as error:
            # No memory or no process to be had now may be had later.
            ours.close()
            return f"The worker cannot be started: {error}"
        self.pid = child.pid
        reader, self._writer = await asyncio.open_connection(sock=ours)
        try:
            return _epitaph(await self._accompany(child, reader, stop))
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
            if line == SCHEDULER:
                self.on_scheduler()

    async def _drain(self, child: asyncio.subprocess.Process, stop: asyncio.Event) -> None:
        """Once stopping, let the child finish within the grace; then it is killed, and its claims are rescued."""
        await stop.wait()
        if self._writer is not None:
            self._writer.write(DRAIN)
        await asyncio.sleep((self.grace + self.kill_after).total_seconds())
        with suppress(ProcessLookupError):
            child.kill()


def _epitaph(code: int) -> str:
    if code == EXIT_REPLACE:
        return "The worker is replaced: code that did not stop in time still occupied it"
    if code < 0:
        return f"The worker was killed ({signal.strsignal(-code) or f'signal {-code}'}); its executions start again"
    return f"The worker ended with exit code {code}; its executions start again"


async def _wait(stop: asyncio.Event, wait: timedelta) -> None:
    try:
        async with asyncio.timeout(wait.total_seconds()):
            await stop.wait()
    except TimeoutError:
        return
