"""Very small children for a real supervisor, which behave as told."""

import asyncio
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from application.scheduling.ports.errors import StoreUnavailableError
from domain.scheduling.identifiers import NodeId
from entrypoints.supervisor import Supervisor
from tests.support.manual_clock import ManualClock
from tests.support.waiting import eventually

CHILD = """
import os, signal, socket, sys, threading, time
link = socket.socket(fileno=int(sys.argv[1]))
does = sys.argv[2]
signal.signal(signal.SIGUSR1, lambda *_: os._exit(75))
if does.startswith("ready"):
    link.sendall(b"ready\\nscheduler\\n")
    link.recv(100)
    sys.exit(int(does[5:]))
if does.isdigit():
    sys.exit(int(does))
if does == "killed":
    os.kill(os.getpid(), signal.SIGKILL)
if does == "frozen":
    link.sendall(b"ready\\n")
    os.kill(os.getpid(), signal.SIGSTOP)
if does == "late":
    time.sleep(0.35)
if does == "chatty":
    link.sendall(b"x" * 200_000 + b"\\nunknown\\n")
if does.startswith("stuck"):
    link.sendall(b"ready\\nstuck\\n")
else:
    link.sendall(b"scheduler\\n")
def chat():
    while True:
        link.sendall(b"ready\\nalive\\nscheduler\\n")
        time.sleep(0.005)
if does == "lively":
    threading.Thread(target=chat, daemon=True).start()
for line in link.makefile("rb"):
    if line == b"wake\\n":
        link.sendall(b"scheduler\\n")
    if line == b"drain\\n" and not does.endswith("stubborn"):
        sys.exit(0)
sys.exit(3)
"""
INSTANT = timedelta(milliseconds=50)
LONG = timedelta(minutes=5)


@dataclass(slots=True)
class Nursery:
    """A supervisor whose children behave as told, one after the other, the last one for ever.

    `stuck` says that it is, and leaves with code 75 at SIGUSR1, as every child does.
    """

    behaviours: list[str]
    grace: timedelta = LONG
    lease: timedelta = LONG
    script: str = CHILD
    unavailable: bool = False
    clock: ManualClock = field(default_factory=ManualClock)
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    started: list[NodeId] = field(default_factory=list)
    dead: list[NodeId] = field(default_factory=list)
    said: int = 0
    most: int = 0
    known: set[int] = field(default_factory=set)
    supervisor: Supervisor = field(init=False)

    def __post_init__(self) -> None:
        self.supervisor = Supervisor(
            command=self._command,
            new_id=lambda: NodeId(f"child-{len(self.started)}"),
            inherited=(),
            died=self._died,
            on_scheduler=self._on_scheduler,
            clock=self.clock,
            grace=self.grace,
            kill_after=INSTANT,
            lease=self.lease,
        )

    @property
    def pids(self) -> tuple[int, ...]:
        """The children there are, the youngest last."""
        return tuple(child.pid for child in self.supervisor._children)

    def _command(self, worker_id: NodeId, link: int) -> Sequence[str]:
        behaviour = self.behaviours[min(len(self.started), len(self.behaviours) - 1)]
        self.started.append(worker_id)
        self.most = max(self.most, len(self.pids) + 1)
        if behaviour == "missing":
            return ["/nowhere/python"]
        options = ["-S", "-E"] if self.script is CHILD else []
        return [sys.executable, *options, "-c", self.script, str(link), behaviour]

    async def _died(self, worker_id: NodeId) -> None:
        # Before a child's claims are freed nothing of it may run any more.
        assert all(is_gone(pid) for pid in self.known - set(self.pids))
        self.dead.append(worker_id)
        if self.unavailable:
            raise StoreUnavailableError("no answer")

    def _on_scheduler(self) -> None:
        self.said += 1
        self.known.update(self.pids)


async def supervised(nursery: Nursery, *until: Callable[[], object]) -> int:
    """Run it until something holds, and then the next thing, then have it stop; its exit code."""
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        code = group.create_task(nursery.supervisor.run(nursery.stop))
        for each in until:
            await eventually(each, within=15)
        nursery.stop.set()
    return code.result()


def is_gone(pid: int) -> bool:
    """Whether there is no such process, not even one that waits to be reaped."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False
