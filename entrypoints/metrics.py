"""What one process tells those who watch over it.

A worker child tells its supervisor, and is told of in the figures of that one.
"""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from threading import Lock

from application.scheduling.ports.clock import Clock
from application.scheduling.ports.metrics import (
    CPU,
    LOOP_LAG,
    MEMORY,
    WORKER_PROCESSES,
    Counting,
    Readings,
    Telling,
)
from application.scheduling.services.measure_store import MeasureStore

LAG_EVERY = timedelta(seconds=1)
SERVICE, WORKER = "service", "worker"


@dataclass(frozen=True, slots=True)
class ProcessMetrics:
    """The figures of this process, and of the whole store if it is one that reads them (`store`)."""

    telling: Telling
    store: MeasureStore | None

    async def text(self) -> bytes:
        """All of them as Prometheus reads them; a store that does not answer is one of the figures, not an error."""
        return self.telling.text({} if self.store is None else await self.store.readings())


@dataclass(slots=True)
class LoopLag:
    """How late an event loop is: its pass, which is to be made every LAG_EVERY, counts how much later it is made."""

    counting: Counting
    clock: Clock
    process: str
    _due_at: float | None = None

    async def run_once(self) -> None:
        """Count how late this pass is; the first one is never."""
        now = self.clock.monotonic()
        if self._due_at is not None:
            self.counting.lasted(LOOP_LAG, self.process, duration=timedelta(seconds=now - self._due_at))
        self._due_at = now + LAG_EVERY.total_seconds()


@dataclass(slots=True)
class FiguresOfChild:
    """What a worker child counts, on its way to its supervisor: of one that is killed the last second is not heard."""

    counting: Counting
    clock: Clock
    send: Callable[[bytes], bool]
    _cpu_seconds: float = 0.0
    _lock: Lock = field(default_factory=Lock)

    def lag(self) -> LoopLag:
        """How late the event loop is in which this is called."""
        return LoopLag(self.counting, self.clock, WORKER)

    def tell(self) -> None:
        """Send what was counted since the last time, as far as it can be heard now. Safe in every thread."""
        with self._lock:
            used = _cpu_seconds()
            self.counting.add(CPU, WORKER, amount=used - self._cpu_seconds)
            self._cpu_seconds = used
            self.counting.hand_over(self.send)


def look_at_processes(workers: Iterable[int]) -> Readings:
    """What this process takes of the machine, and how much memory these workers hold."""
    pids = tuple(workers)
    return {
        CPU: {(SERVICE,): _cpu_seconds()},
        MEMORY: {(SERVICE,): _resident_bytes(os.getpid()), (WORKER,): sum(map(_resident_bytes, pids))},
        WORKER_PROCESSES: {(): len(pids)},
    }


def installed_version() -> str:
    """The version that is installed; a checkout that was not has none."""
    try:
        return version("peachpie-scheduler")
    except PackageNotFoundError:
        return "checkout"


def _cpu_seconds() -> float:
    used = os.times()
    return used.user + used.system


def _resident_bytes(pid: int) -> int:
    """What a process holds in memory; 0 if it has ended, or where the system does not tell (proc(5), statm)."""
    try:
        pages = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]
    except (OSError, IndexError):
        return 0
    return int(pages) * os.sysconf("SC_PAGE_SIZE")
