"""The worker child: started, woken, replaced when it dies, and never outliving its supervisor.

User code runs in the child, so it can stop neither the clock nor the dashboard. Supervisor and child share a socket
pair: lines go both ways, and its end is how each learns of the other's death. The child inherits the lock on the
store's file, so a free lock means that no child is left.
"""

import asyncio
import signal
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import structlog

from application.scheduling.ports.clock import Clock
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
    """Keeps one worker child alive. `command(worker_id, socket_fd)` is what starts it; `died` rescues its claims."""

    command: Callable[[NodeId, int], Sequence[str]]
    new_id: Callable[[], NodeId]
    inherited: Sequence[int]
    died: Callable[[NodeId], Awaitable[object]]
    on_scheduler: Callable[[], None]
    clock: Clock
    grace: timedelta
    pid: int | None = None
    _writer: asyncio.StreamWriter | None = field(default=None)

    def wake(self) -> None:
        """Tell the child to look for work. Lost if there is no child; the next one looks first thing."""
        if self._writer is not None and not self._writer.is_closing():
            self._writer.write(WAKE)

    async def run(self, stop: asyncio.Event) -> None:
        """Start the child, and another one whenever it ends; once `stop` is set, have it drain and wait for it."""
        backoff = RESTART_BACKOFF_MIN
        while not stop.is_set():
            worker_id, began = self.new_id(), self.clock.monotonic()
            code = await self._one_child(worker_id, stop)
            # The child is reaped, so nothing of it runs any more: its claims are free at once.
            await self.died(worker_id)
            if stop.is_set():
                return
            lived = timedelta(seconds=self.clock.monotonic() - began)
            backoff = RESTART_BACKOFF_MIN if lived > SETTLED_AFTER else min(backoff * 2, RESTART_BACKOFF_MAX)
            structlog.get_logger().warning(
                _epitaph(code), worker=worker_id, restart_in=f"{backoff.total_seconds():.1f}s"
            )
            await _wait(stop, backoff)

    async def _one_child(self, worker_id: NodeId, stop: asyncio.Event) -> int:
        ours, theirs = socket.socketpair()
        with theirs:
            child = await asyncio.create_subprocess_exec(
                *self.command(worker_id, theirs.fileno()), pass_fds=(theirs.fileno(), *self.inherited)
            )
        self.pid = child.pid
        reader, self._writer = await asyncio.open_connection(sock=ours)
        try:
            async with asyncio.TaskGroup() as group:
                listening = group.create_task(self._listen(reader))
                draining = group.create_task(self._drain(child, stop))
                code = await child.wait()
                listening.cancel()
                draining.cancel()
        finally:
            self.pid = None
            self._writer.close()
            self._writer = None
        return code

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        """What the child says, until it says no more; lines that are too long or unknown mean nothing."""
        try:
            while line := await reader.readline():
                if line == SCHEDULER:
                    self.on_scheduler()
        except (ConnectionError, ValueError):
            return

    async def _drain(self, child: asyncio.subprocess.Process, stop: asyncio.Event) -> None:
        """Once stopping, let the child finish within the grace; then it is killed, and its claims are rescued."""
        await stop.wait()
        if self._writer is not None:
            self._writer.write(DRAIN)
        await asyncio.sleep((self.grace + KILL_AFTER).total_seconds())
        child.kill()


def _epitaph(code: int) -> str:
    if code == EXIT_REPLACE:
        return "The worker is replaced: code that did not stop in time still occupied it"
    if code < 0:
        return f"The worker was killed by {signal.Signals(-code).name}; its executions start again"
    return f"The worker ended with exit code {code}; its executions start again"


async def _wait(stop: asyncio.Event, wait: timedelta) -> None:
    try:
        async with asyncio.timeout(wait.total_seconds()):
            await stop.wait()
    except TimeoutError:
        return
