"""What goes wrong in a run, and who sees to it: a plan made of a seed, and the hand that carries it out.

Only processes that the harness started are touched, each by its own id. Every window and every death is written to a
journal before it happens, so that the checker knows what may be put down to it.
"""

import asyncio
import os
import resource
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from random import Random
from typing import Any, assert_never

from tests.support.chaos_control import MICROSECONDS, Cell, Controls
from tests.support.chaos_ledger import NEMESIS, append
from tests.support.service import Service

GRACE_SECONDS = 2
# An armed write that does not come means that its process has nothing to write; then there is no crash.
ARMED_SECONDS = 4.0
# A service that starts writes no more often than so before it is ready.
STARTING_WRITES = 8
HOUR = 3_600
# In the long form, every so often, nothing happens for a while, so that there is a calm to measure.
CALM_EVERY, CALM_SECONDS = 8, 9.0
NO_LIMIT = resource.RLIM_INFINITY


class Kind(StrEnum):
    """The faults there are."""

    KILL_WORKER = "kill -9 worker"
    KILL_SERVICE = "kill -9 service"
    STOP_WORKER = "freeze worker"
    STOP_SERVICE = "freeze service"
    TERMINATE = "restart"
    DIE_SCHEDULER = "service dies at a write"
    DIE_WORKER = "worker dies at a write"
    DIE_STARTING = "service dies at a write of its start"
    DISK_FULL = "disk full"
    WRITE_ERROR = "write error"
    CLOCK_BACK = "clock back"
    CLOCK_AHEAD = "clock ahead"


@dataclass(frozen=True, slots=True)
class Trouble:
    """One fault, `gap` seconds after the one before, `seconds` long; `number` is its n-th write or size of step.

    A write counted from now: negative dies before its commit, positive after. A step is in seconds.
    """

    kind: Kind
    gap: float = 0.5
    seconds: float = 1.0
    number: int = 0


def every_kind() -> tuple[Trouble, ...]:
    """Each fault once, short, and each of its variants."""
    return (
        Trouble(Kind.KILL_WORKER),
        Trouble(Kind.CLOCK_BACK, number=30),
        Trouble(Kind.DIE_SCHEDULER, number=-3),
        Trouble(Kind.DISK_FULL),
        Trouble(Kind.CLOCK_AHEAD, number=HOUR),
        Trouble(Kind.STOP_WORKER),
        Trouble(Kind.DIE_WORKER, number=4),
        Trouble(Kind.KILL_SERVICE, seconds=0.3),
        Trouble(Kind.DIE_WORKER, number=-5),
        Trouble(Kind.CLOCK_BACK, number=HOUR),
        Trouble(Kind.TERMINATE),
        Trouble(Kind.STOP_SERVICE),
        Trouble(Kind.WRITE_ERROR),
        Trouble(Kind.CLOCK_AHEAD, number=30),
        Trouble(Kind.DIE_SCHEDULER, number=5),
        Trouble(Kind.KILL_WORKER, gap=1.5),
        Trouble(Kind.DIE_STARTING, number=-2),
    )


def short_plan(seed: int, *, parts: int) -> tuple[Trouble, ...]:
    """One of `parts` hands of a deck of every fault; seeds that follow each other hold all of it."""
    deck = every_kind()[seed % parts :: parts]
    return tuple(Random(seed).sample(deck, len(deck)))


def long_plan(seed: int, *, seconds: float) -> tuple[Trouble, ...]:
    """Faults of every kind and size at random, for about so many seconds, now and then one that outlasts a lease."""
    random, plan, spent = Random(seed), [Trouble(Kind.STOP_WORKER, gap=5, seconds=36)], 45.0
    while spent < seconds:
        kind = random.choice(list(Kind))
        lasting = random.choice((0.2, 1.0, 3.0))
        gap = CALM_SECONDS if len(plan) % CALM_EVERY == 0 else round(random.uniform(0.2, 4.0), 1)
        trouble = Trouble(kind, gap, lasting, _number(random, kind))
        plan.append(trouble)
        spent += trouble.gap + lasting + 1.5
    return tuple(random.sample(plan, len(plan)))


def crash_points(*, until: int) -> tuple[Trouble, ...]:
    """A death at each of `until` writes of either process and of a start, before and after its commit."""
    plan: list[Trouble] = []
    for each in range(1, until + 1):
        for number in (-each, each):
            plan.append(Trouble(Kind.DIE_SCHEDULER, 0.1, number=number))
            plan.append(Trouble(Kind.DIE_WORKER, 0.1, number=number))
            if each <= STARTING_WRITES:
                plan.append(Trouble(Kind.DIE_STARTING, 0.1, number=number))
    return tuple(plan)


def label(trouble: Trouble) -> str:
    """What a fault is called in journal, report and drawing."""
    match trouble.kind:
        case Kind.CLOCK_BACK | Kind.CLOCK_AHEAD:
            size = "1 h" if trouble.number == HOUR else f"{trouble.number} s"
            return f"{trouble.kind} {size}"
        case Kind.DIE_SCHEDULER | Kind.DIE_WORKER | Kind.DIE_STARTING:
            return f"{trouble.kind} ({'before' if trouble.number < 0 else 'after'} commit {abs(trouble.number)})"
        case _:
            return trouble.kind


def _number(random: Random, kind: Kind) -> int:
    if kind in (Kind.CLOCK_BACK, Kind.CLOCK_AHEAD):
        return random.choice((30, HOUR))
    return random.choice((-1, 1)) * random.randint(1, 60)


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
            with self._window(trouble):
                await self._do(trouble)

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
        match trouble.kind:
            case Kind.KILL_WORKER:
                for pid in children(self._pid())[:1]:
                    self._kill(pid)
            case Kind.KILL_SERVICE:
                await self._kill_service(trouble.seconds)
            case Kind.STOP_WORKER | Kind.STOP_SERVICE:
                await self._freeze(trouble)
            case Kind.TERMINATE:
                self.codes.append(await self.service.stop())
                await self.service.start()
            case Kind.DIE_SCHEDULER:
                await self._die_at_write(Cell.SCHEDULER_WRITES, self._pid(), trouble.number)
            case Kind.DIE_WORKER:
                for pid in children(self._pid())[:1]:
                    await self._die_at_write(Cell.WORKER_WRITES, pid, trouble.number)
            case Kind.DIE_STARTING:
                await self._die_starting(trouble.number)
            case Kind.DISK_FULL:
                self.controls[Cell.DISK_FULL] = 1
                await asyncio.sleep(trouble.seconds)
                self.controls[Cell.DISK_FULL] = 0
            case Kind.WRITE_ERROR:
                await self._refuse_writes(trouble.seconds)
            case Kind.CLOCK_BACK:
                self.step_clock(-trouble.number)
                await asyncio.sleep(trouble.seconds)
                self.step_clock(trouble.number)
            case Kind.CLOCK_AHEAD:
                self.step_clock(trouble.number)
            case _:
                assert_never(trouble.kind)

    async def _kill_service(self, down_seconds: float) -> None:
        self._mourn("kill -9 of the service")
        await self.service.kill()
        await asyncio.sleep(down_seconds)
        await self.service.start()

    async def _die_starting(self, number: int) -> None:
        """A service that is killed, and the next one at a write before it is ready, if it writes that often."""
        self._mourn("kill -9 of the service")
        await self.service.kill()
        self.controls[Cell.SCHEDULER_WRITES] = number
        await self.service.launch()
        await _gone(self._pid())
        self.controls[Cell.SCHEDULER_WRITES] = 0
        self._mourn("at its start")
        await self.service.kill()
        await self.service.start()

    async def _freeze(self, trouble: Trouble) -> None:
        pids = [self._pid()] if trouble.kind is Kind.STOP_SERVICE else children(self._pid())[:1]
        for pid in pids:
            _signal(pid, signal.SIGSTOP)
        await asyncio.sleep(trouble.seconds)
        for pid in pids:
            _signal(pid, signal.SIGCONT)

    async def _die_at_write(self, cell: Cell, pid: int, number: int) -> None:
        """The process journals its own death; a service that died so is started again."""
        self.controls[cell] = number
        await _gone(pid)
        self.controls[cell] = 0
        if cell is Cell.SCHEDULER_WRITES and not is_alive(pid):
            await self.service.ended()
            await self.service.start()

    async def _refuse_writes(self, seconds: float) -> None:
        """The kernel lets the store's log grow no further (RLIMIT_FSIZE), for the scheduler's process alone."""
        pid, log = self._pid(), self.folder / "scheduler.db-wal"
        _limit_files(pid, max(log.stat().st_size if log.exists() else 0, 1))
        await asyncio.sleep(seconds)
        _limit_files(pid, NO_LIMIT)

    def _mourn(self, because: str) -> None:
        """Journal the death of the service; its children end by themselves as soon as they see that it is gone."""
        for pid in (self._pid(), *children(self._pid())):
            self.write("death", pid=pid, because=because)

    def _kill(self, pid: int) -> None:
        self.write("death", pid=pid, because="kill -9")
        _signal(pid, signal.SIGKILL)

    @contextmanager
    def _window(self, trouble: Trouble) -> Iterator[None]:
        self._number += 1
        self.write("begin", number=self._number, kind=label(trouble))
        try:
            yield
        finally:
            self.write("end", number=self._number)

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
