"""The hand that carries out a plan of faults on the service of a run.

Only processes that the harness started are touched, each by its own id. Every window and every death is written to a
journal before it happens, so that the checker knows what may be put down to it.
"""

import asyncio
import os
import resource
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.chaos_control import MICROSECONDS, Cell, Controls
from tests.support.chaos_ledger import NEMESIS, append
from tests.support.chaos_plan import Kind, Trouble, label
from tests.support.service import Service

GRACE_SECONDS = 2
# An armed write that does not come means that its process has nothing to write; then there is no crash.
ARMED_SECONDS = 4.0
NO_LIMIT = resource.RLIM_INFINITY


@dataclass(slots=True)
class Nemesis:
    """Carries out troubles one after the other, and restarts the service whenever it has brought it down."""

    service: Service
    controls: Controls
    folder: Path
    codes: list[int] = field(default_factory=list)
    _number: int = 0

    async def carry_out(self, plan: tuple[Trouble, ...]) -> None:
        """All of it, in order."""
        for trouble in plan:
            await asyncio.sleep(trouble.gap)
            await self.raise_fallen()
            with self._window(trouble):
                await self._do(trouble)

    async def raise_fallen(self) -> None:
        """Start the service again if it has ended although nobody brought it down; the checker shall hear of it."""
        if not is_alive(self._pid()):
            self.write("fall", pid=self._pid(), code=await self.service.ended())
            await self.service.start()

    def heal(self) -> None:
        """No fault stays, whatever was under way; only the clock stays where it is."""
        for cell in (Cell.DISK_FULL, Cell.SCHEDULER_WRITES, Cell.WORKER_WRITES):
            self.controls[cell] = 0
        for pid in (self._pid(), *children(self._pid())):
            _signal(pid, signal.SIGCONT)
            _limit_files(pid, NO_LIMIT)

    def step_clock(self, seconds: float) -> None:
        """Set the calendar clock of every process, and write down what it shows from now on."""
        self.controls[Cell.OFFSET] += int(seconds * MICROSECONDS)
        self.write("clock", wall=self.controls.wall())

    def write(self, what: str, **facts: Any) -> None:
        """A line of the journal."""
        append(self.folder / NEMESIS, what=what, **facts)

    async def _do(self, trouble: Trouble) -> None:
        deeds: dict[Kind, Callable[[Trouble], Awaitable[None]]] = {
            Kind.KILL_WORKER: self._kill_worker,
            Kind.KILL_SERVICE: self._kill_service,
            Kind.STOP_WORKER: self._freeze,
            Kind.STOP_SERVICE: self._freeze,
            Kind.TERMINATE: self._restart,
            Kind.DIE_SCHEDULER: self._die_at_write,
            Kind.DIE_WORKER: self._die_at_write,
            Kind.DIE_STARTING: self._die_starting,
            Kind.DISK_FULL: self._fill_disk,
            Kind.WRITE_ERROR: self._refuse_writes,
            Kind.CLOCK_BACK: self._set_back,
            Kind.CLOCK_AHEAD: self._set_ahead,
        }
        await deeds[trouble.kind](trouble)

    async def _kill_worker(self, _trouble: Trouble) -> None:
        for pid in self._workers():
            self.write("death", pid=pid, because="kill -9")
            _signal(pid, signal.SIGKILL)

    async def _kill_service(self, trouble: Trouble) -> None:
        self._mourn("kill -9 of the service")
        await self.service.kill()
        await asyncio.sleep(trouble.seconds)
        await self.service.start()

    async def _restart(self, _trouble: Trouble) -> None:
        self.codes.append(await self.service.stop())
        await self.service.start()

    async def _freeze(self, trouble: Trouble) -> None:
        pids = [self._pid()] if trouble.kind is Kind.STOP_SERVICE else self._workers()
        for pid in pids:
            _signal(pid, signal.SIGSTOP)
        await asyncio.sleep(trouble.seconds)
        for pid in pids:
            _signal(pid, signal.SIGCONT)

    async def _die_at_write(self, trouble: Trouble) -> None:
        """The process journals its own death; a service that died so is started again."""
        is_service = trouble.kind is Kind.DIE_SCHEDULER
        cell = Cell.SCHEDULER_WRITES if is_service else Cell.WORKER_WRITES
        for pid in [self._pid()] if is_service else self._workers():
            self.controls[cell] = trouble.number
            await _gone(pid)
            self.controls[cell] = 0
            if is_service and not is_alive(pid):
                await self.service.ended()
                await self.service.start()

    async def _die_starting(self, trouble: Trouble) -> None:
        """A service that is killed, and the next one at a write before it is ready, if it writes that often."""
        self._mourn("kill -9 of the service")
        await self.service.kill()
        self.controls[Cell.SCHEDULER_WRITES] = trouble.number
        await self.service.launch()
        await _gone(self._pid())
        self.controls[Cell.SCHEDULER_WRITES] = 0
        self._mourn("at its start")
        # Signalling a process that has just died would reap it under the hands of whoever waits for it.
        await (self.service.kill() if is_alive(self._pid()) else self.service.ended())
        await self.service.start()

    async def _fill_disk(self, trouble: Trouble) -> None:
        self.controls[Cell.DISK_FULL] = 1
        await asyncio.sleep(trouble.seconds)
        self.controls[Cell.DISK_FULL] = 0

    async def _refuse_writes(self, trouble: Trouble) -> None:
        """The kernel lets the store's log grow no further (RLIMIT_FSIZE), for the scheduler's process alone."""
        pid, log = self._pid(), self.folder / "scheduler.db-wal"
        _limit_files(pid, max(log.stat().st_size if log.exists() else 0, 1))
        await asyncio.sleep(trouble.seconds)
        _limit_files(pid, NO_LIMIT)

    async def _set_back(self, trouble: Trouble) -> None:
        self.step_clock(-trouble.number)
        await asyncio.sleep(trouble.seconds)
        self.step_clock(trouble.number)

    async def _set_ahead(self, trouble: Trouble) -> None:
        self.step_clock(trouble.number)

    def _mourn(self, because: str) -> None:
        """Journal the death of the service; its children end by themselves as soon as they see that it is gone."""
        for pid in (self._pid(), *children(self._pid())):
            self.write("death", pid=pid, because=because)

    @contextmanager
    def _window(self, trouble: Trouble) -> Iterator[None]:
        self._number += 1
        self.write("begin", number=self._number, kind=label(trouble))
        try:
            yield
        finally:
            self.write("end", number=self._number)

    def _workers(self) -> list[int]:
        """The worker child, if there is one."""
        return children(self._pid())[:1]

    def _pid(self) -> int:
        assert self.service.process is not None
        return self.service.process.pid


@asynccontextmanager
async def unleashed(service: Service, controls: Controls, folder: Path) -> AsyncIterator[Nemesis]:
    """A nemesis that leaves nothing behind."""
    nemesis = Nemesis(service, controls, folder)
    nemesis.write("clock", wall=controls.wall())
    try:
        yield nemesis
    finally:
        nemesis.heal()


def children(pid: int) -> list[int]:
    """The living children of a process."""
    try:
        found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [int(each) for each in found if is_alive(int(each))]


def is_alive(pid: int) -> bool:
    """True while the process runs or is frozen; a zombie is dead."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] not in "ZX"
    except OSError:
        return False


async def _gone(pid: int) -> None:
    """Return when the process has ended, or when it had time enough to."""
    with suppress(TimeoutError):
        async with asyncio.timeout(ARMED_SECONDS):
            while is_alive(pid):  # noqa: ASYNC110 - another process gives no sign
                await asyncio.sleep(0.02)


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def _limit_files(pid: int, limit: int) -> None:
    with suppress(ProcessLookupError):
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (limit, NO_LIMIT))
