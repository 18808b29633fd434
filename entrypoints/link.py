"""The child's end of the pipe to its supervisor."""

import asyncio
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from threading import Thread

from entrypoints.process import EXIT_ORPHANED
from entrypoints.supervisor import DRAIN, READY, SCHEDULER, WAKE


@dataclass(slots=True)
class SupervisorLink:
    """Hears wake and drain in a thread, so that a blocked event loop can't keep an orphan alive."""

    socket: socket.socket

    def start(self, *, on_wake: Callable[[], object], on_drain: Callable[[], object]) -> None:
        """Listen from now on; both are called in the running event loop. The end of the pipe ends this process."""
        loop = asyncio.get_running_loop()
        hears = {WAKE: on_wake, DRAIN: on_drain}

        def listen() -> None:
            try:
                for line in self.socket.makefile("rb"):
                    _call(loop, hears.get(line))
            finally:
                # Nobody supervises us: whoever serves the file next takes our claims, so we must be gone.
                os._exit(EXIT_ORPHANED)

        Thread(target=listen, name="supervisor link", daemon=True).start()

    def ready(self) -> None:
        """Tell the supervisor that settings and handlers are as they should be."""
        self._say(READY)

    def scheduler(self) -> None:
        """Hint that a task may be due sooner than thought."""
        self._say(SCHEDULER)

    def _say(self, line: bytes) -> None:
        """Send a line; dropped if the pipe is full."""
        with suppress(OSError):
            self.socket.send(line, socket.MSG_DONTWAIT)


def _call(loop: asyncio.AbstractEventLoop, callback: Callable[[], object] | None) -> None:
    # A loop that is closed belongs to a process that is about to end by itself.
    if callback is not None:
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(callback)
