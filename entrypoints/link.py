"""The child's end of the pipe to its supervisor."""

import asyncio
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from threading import Thread

from entrypoints.supervisor import DRAIN, SCHEDULER, WAKE

EXIT_ORPHANED = 3


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

    def scheduler(self) -> None:
        """Hint that a task may be due sooner than thought; dropped if the pipe is full."""
        try:
            self.socket.send(SCHEDULER, socket.MSG_DONTWAIT)
        except OSError:
            return


def _call(loop: asyncio.AbstractEventLoop, callback: Callable[[], object] | None) -> None:
    # A loop that is closed belongs to a process that is about to end by itself.
    if callback is not None:
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(callback)
