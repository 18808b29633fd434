"""The hand that carries out a plan of faults on the processes of a run, and has the ground do those of the store.

Only processes that the harness started are touched, each by its own id. Every window and every death is written to a
journal before it happens, so that the checker knows what may be put down to it.
"""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from tests.support.chaos_control import Cell
from tests.support.chaos_ground import Deed, Ground, services
from tests.support.chaos_ledger import NEMESIS, append
from tests.support.chaos_plan import Kind, Trouble, label
from tests.support.service import API, Service, eventually

# An armed write that does not come means that its process has nothing to write; then there is no crash.
ARMED_SECONDS = 4.0
# Who asks may meet a scheduler that is only starting.
SWITCHED_WITHIN_SECONDS = 60.0
ASKED_SECONDS = 3.0
# Within a second where there is a processor for everybody.
HELD_WITHIN_SECONDS = 3.0


@dataclass(slots=True)
class Nemesis:
    """Carries out troubles one after the other, and starts every process again that it has brought down."""

    ground: Ground
    codes: list[int] = field(default_factory=list)
    _number: int = 0

    async def carry_out(self, plan: tuple[Trouble, ...]) -> None:
        """All of it, in order."""
        for trouble in plan:
            await asyncio.sleep(trouble.gap)
            await self.raise_fallen()
            await self.strike(trouble)

    async def strike(self, trouble: Trouble) -> None:
        """One of them, at once; whatever it brings down is up again when this returns."""
        with self._window(trouble):
            await self._deeds()[trouble.kind](trouble)

    @asynccontextmanager
    async def holding(self) -> AsyncIterator[None]:
        """Within the block all firing is held, and between two lines of the journal nothing may start."""
        with self._window(Trouble(Kind.HOLD)):
            await eventually(lambda: self._has_switched("PUT"), within=SWITCHED_WITHIN_SECONDS)
            await asyncio.sleep(HELD_WITHIN_SECONDS)
            self.write("held")
            yield
            self.write("released")
            await eventually(lambda: self._has_switched("DELETE"), within=SWITCHED_WITHIN_SECONDS)

    async def raise_fallen(self) -> None:
        """Start again what has ended although nobody brought it down; the checker shall hear of it."""
        for service in services(self.ground):
            if not is_alive(pid_of(service)):
                self.write("fall", pid=pid_of(service), code=await service.ended())
                await service.start()

    def heal(self) -> None:
        """No fault stays, whatever was under way; only the clock stays where it is."""
        for cell in (Cell.SCHEDULER_WRITES, Cell.WORKER_WRITES):
            self.ground.controls[cell] = 0
        # One that never started would hide why.
        for service in (each for each in services(self.ground) if each.process is not None):
            for pid in family(service):
                _signal(pid, signal.SIGCONT)
        self.ground.heal()

    def write(self, what: str, **facts: Any) -> None:
        """A line of the journal."""
        append(self.ground.folder / NEMESIS, what=what, **facts)

    def _deeds(self) -> Mapping[Kind, Deed]:
        return {
            Kind.KILL_WORKER: self._kill_worker,
            Kind.KILL_SERVICE: self._kill_service,
            Kind.KILL_SCHEDULERS: self._kill_schedulers,
            Kind.KILL_HOUSE: self._kill_house,
            Kind.STOP_WORKER: self._freeze_worker,
            Kind.STOP_SERVICE: self._freeze_service,
            Kind.STOP_HOUSE: self._freeze_house,
            Kind.TERMINATE: self._restart,
            Kind.DIE_SCHEDULER: self._die_scheduling,
            Kind.DIE_WORKER: self._die_working,
            Kind.DIE_STARTING: self._die_starting,
            **self.ground.deeds,
        }

    async def _kill_worker(self, trouble: Trouble) -> None:
        for pid in self._worker(trouble):
            self.write("death", pid=pid, because="kill -9")
            _signal(pid, signal.SIGKILL)

    async def _kill_service(self, trouble: Trouble) -> None:
        await self._kill(trouble, _struck(self.ground.schedulers, trouble))

    async def _kill_schedulers(self, trouble: Trouble) -> None:
        await self._kill(trouble, *self.ground.schedulers)

    async def _kill_house(self, trouble: Trouble) -> None:
        await self._kill(trouble, _struck(self.ground.workers, trouble))

    async def _kill(self, trouble: Trouble, *struck: Service) -> None:
        for service in struck:
            self._mourn(service, "kill -9 of the service")
            await service.kill()
        await asyncio.sleep(trouble.seconds)
        async with asyncio.TaskGroup() as group:
            for service in struck:
                group.create_task(service.start())

    async def _restart(self, trouble: Trouble) -> None:
        service = _struck(services(self.ground), trouble)
        self.codes.append(await service.stop())
        await service.start()

    async def _freeze_worker(self, trouble: Trouble) -> None:
        await _freeze(self._worker(trouble), trouble.seconds)

    async def _freeze_service(self, trouble: Trouble) -> None:
        await _freeze([pid_of(_struck(self.ground.schedulers, trouble))], trouble.seconds)

    async def _freeze_house(self, trouble: Trouble) -> None:
        await _freeze(family(_struck(self.ground.workers, trouble)), trouble.seconds)

    async def _die_scheduling(self, trouble: Trouble) -> None:
        pids = {pid_of(each): each for each in self.ground.schedulers}
        for pid in await self._armed(Cell.SCHEDULER_WRITES, trouble, list(pids)):
            await pids[pid].ended()
            await pids[pid].start()

    async def _die_working(self, trouble: Trouble) -> None:
        pids = [pid for each in self.ground.workers for pid in children(pid_of(each))[:1]]
        await self._armed(Cell.WORKER_WRITES, trouble, pids)

    async def _armed(self, cell: Cell, trouble: Trouble, pids: Sequence[int]) -> list[int]:
        """Have one of these processes end at a write, which it journals itself; those that have ended."""
        self.ground.controls[cell] = trouble.number
        await _gone(pids)
        self.ground.controls[cell] = 0
        return [pid for pid in pids if not is_alive(pid)]

    async def _die_starting(self, trouble: Trouble) -> None:
        """A service that is killed, and the next one at a write before it is ready, if it writes that often."""
        service = _struck(self.ground.schedulers, trouble)
        self._mourn(service, "kill -9 of the service")
        await service.kill()
        self.ground.controls[Cell.SCHEDULER_WRITES] = trouble.number
        await service.launch()
        await _gone([pid_of(service)])
        self.ground.controls[Cell.SCHEDULER_WRITES] = 0
        self._mourn(service, "at its start")
        # Signalling a process that has just died would reap it under the hands of whoever waits for it.
        await (service.kill() if is_alive(pid_of(service)) else service.ended())
        await service.start()

    async def _has_switched(self, method: str) -> bool:
        """True if one scheduler or the other has turned the switch."""
        patience, why = aiohttp.ClientTimeout(total=ASKED_SECONDS), {"reason": "chaos"}
        for each in self.ground.schedulers:
            assert each.session is not None
            with suppress(aiohttp.ClientError, TimeoutError, OSError):
                url = f"{each.address}{API}/hold"
                async with each.session.request(method, url, json=why, timeout=patience) as response:
                    if response.ok:
                        return True
        return False

    def _mourn(self, service: Service, because: str) -> None:
        """Journal the death of a service; its children end by themselves as soon as they see that it is gone."""
        for pid in family(service):
            self.write("death", pid=pid, because=because)

    @contextmanager
    def _window(self, trouble: Trouble) -> Iterator[None]:
        self._number = number = self._number + 1
        self.write("begin", number=number, kind=label(trouble))
        try:
            yield
        finally:
            self.write("end", number=number)

    def _worker(self, trouble: Trouble) -> list[int]:
        """The worker child that is struck, if there is one."""
        return children(pid_of(_struck(self.ground.workers, trouble)))[:1]


@asynccontextmanager
async def unleashed(ground: Ground) -> AsyncIterator[Nemesis]:
    """A nemesis that leaves nothing behind."""
    nemesis = Nemesis(ground)
    nemesis.write("clock", wall=ground.controls.wall())
    try:
        yield nemesis
    finally:
        nemesis.heal()


def pid_of(service: Service) -> int:
    """The process of a service that was started."""
    assert service.process is not None
    return service.process.pid


def family(service: Service) -> list[int]:
    """The process of a service and its living children."""
    return [pid_of(service), *children(pid_of(service))]


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


async def _gone(pids: Sequence[int]) -> None:
    """Return when one of the processes has ended, or when they had time enough to."""
    with suppress(TimeoutError):
        async with asyncio.timeout(ARMED_SECONDS):
            while pids and all(map(is_alive, pids)):  # noqa: ASYNC110 - another process gives no sign
                await asyncio.sleep(0.02)


async def _freeze(pids: Sequence[int], seconds: float) -> None:
    for pid in pids:
        _signal(pid, signal.SIGSTOP)
    await asyncio.sleep(seconds)
    for pid in pids:
        _signal(pid, signal.SIGCONT)


def _struck(those: Sequence[Service], trouble: Trouble) -> Service:
    return those[trouble.victim % len(those)]


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)
