"""The pipe between supervisor and worker child: the lines that go over it, and the child's end of it."""

import asyncio
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Event, Thread

from entrypoints.process import EXIT_ORPHANED

WAKE = b"wake\n"
DRAIN = b"drain\n"
SCHEDULER = b"scheduler\n"
READY = b"ready\n"
ALIVE = b"alive\n"
STUCK = b"stuck\n"
FIGURES = b"figures "
"""How a line begins whose rest are figures."""


@dataclass(slots=True)
class SupervisorLink:
    """Hears wake and drain in a thread, so that a blocked event loop can't keep an orphan alive; speaks from any.

    `draining` is set once the supervisor said so, whether the event loop has heard of it or not.
    """

    socket: socket.socket
    draining: Event = field(default_factory=Event)

    def start(self, *, on_wake: Callable[[], object], on_drain: Callable[[], object]) -> None:
        """Listen from now on; both are called in the running event loop. The end of the pipe ends this process."""
        loop = asyncio.get_running_loop()
        hears = {WAKE: on_wake, DRAIN: on_drain}

        def listen() -> None:
            try:
                for line in self.socket.makefile("rb"):
                    if line == DRAIN:
                        self.draining.set()
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

    def alive(self) -> None:
        """A sign of life; once ready, a process that gives none for a lease is killed."""
        self._say(ALIVE)

    def stuck(self) -> bool:
        """Tell the supervisor that this process claims no more and a successor is needed; False if it can't hear."""
        return self._say(STUCK)

    def figures(self, line: bytes) -> bool:
        """Tell the supervisor what was counted here, in a line of 16 kB at most; False if it can't hear."""
        return self._say(FIGURES + line)

    def _say(self, line: bytes) -> bool:
        """Send a line; dropped if the pipe is full, and then False."""
        with suppress(OSError):
            return self.socket.send(line, socket.MSG_DONTWAIT) == len(line)
        return False


def _call(loop: asyncio.AbstractEventLoop, callback: Callable[[], object] | None) -> None:
    # A loop that is closed belongs to a process that is about to end by itself.
    if callback is not None:
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(callback)
