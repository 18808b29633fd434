"""The embedded profile as the ground of a run: one service on a SQLite file, read with plain `sqlite3`."""

import asyncio
import resource
import sqlite3
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.chaos_control import LAUNCHER, MICROSECONDS, Cell, Controls
from tests.support.chaos_dump import OPEN, OWED, RESTLESS, Dump, is_whole, read
from tests.support.chaos_ground import Deed, environment
from tests.support.chaos_ledger import NEMESIS, append
from tests.support.chaos_plan import Kind, Trouble
from tests.support.service import Service

STORE = "scheduler.db"
NO_LIMIT = resource.RLIM_INFINITY


@dataclass(slots=True)
class FileGround:
    """See the protocol; the calendar clock of all processes can be stepped."""

    folder: Path
    controls: Controls
    service: Service
    lease: float = 30.0
    # Who asks without a login is known so.
    asker: str = "local"
    schedulers: Sequence[Service] = field(init=False)
    workers: Sequence[Service] = field(init=False)

    def __post_init__(self) -> None:
        self.schedulers = self.workers = (self.service,)

    @property
    def deeds(self) -> Mapping[Kind, Deed]:
        """See the protocol."""
        return {
            Kind.DISK_FULL: self._fill_disk,
            Kind.WRITE_ERROR: self._refuse_writes,
            Kind.CLOCK_BACK: self._set_back,
            Kind.CLOCK_AHEAD: self._set_ahead,
        }

    def heal(self) -> None:
        """See the protocol. Only the clock stays where it is."""
        self.controls[Cell.DISK_FULL] = 0
        self._limit_files(NO_LIMIT)

    async def is_undecided(self, until: int) -> bool:
        """See the protocol."""
        return bool(self._column(OWED.format(until=until)))

    async def is_open(self) -> bool:
        """See the protocol."""
        return bool(self._column(OPEN))

    async def restless(self) -> list[str]:
        """See the protocol."""
        return self._column(RESTLESS)

    async def dump(self) -> Dump:
        """See the protocol."""
        return read(self.folder / STORE)

    def is_sound(self) -> bool:
        """See the protocol."""
        return is_whole(self.folder / STORE)

    async def _fill_disk(self, trouble: Trouble) -> None:
        self.controls[Cell.DISK_FULL] = 1
        await asyncio.sleep(trouble.seconds)
        self.controls[Cell.DISK_FULL] = 0

    async def _refuse_writes(self, trouble: Trouble) -> None:
        """The kernel lets the store's log grow no further (RLIMIT_FSIZE), for the scheduler's process alone."""
        log = self.folder / f"{STORE}-wal"
        self._limit_files(max(log.stat().st_size if log.exists() else 0, 1))
        await asyncio.sleep(trouble.seconds)
        self._limit_files(NO_LIMIT)

    async def _set_back(self, trouble: Trouble) -> None:
        self._step_clock(-trouble.number)
        await asyncio.sleep(trouble.seconds)
        self._step_clock(trouble.number)

    async def _set_ahead(self, trouble: Trouble) -> None:
        self._step_clock(trouble.number)

    def _step_clock(self, seconds: float) -> None:
        """Set the calendar clock of every process, and write down what it shows from now on."""
        self.controls[Cell.OFFSET] += int(seconds * MICROSECONDS)
        append(self.folder / NEMESIS, what="clock", wall=self.controls.wall())

    def _limit_files(self, limit: int) -> None:
        if self.service.process is not None:
            with suppress(ProcessLookupError):
                resource.prlimit(self.service.process.pid, resource.RLIMIT_FSIZE, (limit, NO_LIMIT))

    def _column(self, question: str) -> list[str]:
        with closing(sqlite3.connect(self.folder / STORE)) as connection:
            return [row[0] for row in connection.execute(question)]


@asynccontextmanager
async def on_a_file(folder: Path) -> AsyncIterator[FileGround]:
    """One service on a file of its own."""
    yield FileGround(folder, Controls(folder), Service(folder, environment(folder), LAUNCHER))
