"""Looks at the processes of a run from outside: which there are, when each was gone, and what each has in its hands."""

import asyncio
import os
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.chaos_control import FOLDER
from tests.support.chaos_ground import Ground, services
from tests.support.chaos_ledger import NEMESIS, append
from tests.support.chaos_nemesis import children, is_alive

LOOK_SECONDS = 0.1


@dataclass(slots=True)
class Life:
    """A process, and the most descriptors and resident kB it was seen to hold."""

    role: str
    descriptors_most: int = 0
    resident_most_kb: int = 0


@dataclass(slots=True)
class Watch:
    """Every process of the run that ever was, by its id."""

    ground: Ground
    lives: dict[int, Life] = field(default_factory=dict)
    _alive: set[int] = field(default_factory=set)

    async def look_on(self, over: asyncio.Event) -> None:
        """Look until it is over."""
        while not over.is_set():
            self.look()
            await asyncio.sleep(LOOK_SECONDS)
        self.look()

    def look(self) -> None:
        """Note who is new, who is gone, and what the others hold."""
        for service in services(self.ground):
            role = "service" if service in self.ground.schedulers else "supervisor"
            if service.process is not None:
                self._meet(service.process.pid, role)
                for pid in children(service.process.pid):
                    self._meet(pid, "worker")
        for pid in [each for each in self._alive if not is_alive(each)]:
            self._alive.remove(pid)
            append(self.ground.folder / NEMESIS, what="death", pid=pid, because="seen to be gone")
        for pid in self._alive:
            self._measure(self.lives[pid], pid)

    def _meet(self, pid: int, role: str) -> None:
        if pid not in self.lives and is_alive(pid):
            self.lives[pid] = Life(role)
            self._alive.add(pid)
            append(self.ground.folder / NEMESIS, what="birth", pid=pid, role=role)

    def _measure(self, life: Life, pid: int) -> None:
        descriptors, resident_kb = holdings(pid)
        life.descriptors_most = max(life.descriptors_most, descriptors)
        life.resident_most_kb = max(life.resident_most_kb, resident_kb)


def holdings(pid: int) -> tuple[int, int]:
    """Open descriptors and resident kB of a process; nothing if it is gone."""
    try:
        descriptors = len(list(Path(f"/proc/{pid}/fd").iterdir()))
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return 0, 0
    return descriptors, pages * os.sysconf("SC_PAGE_SIZE") // 1024


def left_over(folder: Path) -> list[int]:
    """The processes of the run in `folder` that are still there, frozen ones too."""
    mark = f"{FOLDER}={folder}".encode()
    return [int(each.name) for each in Path("/proc").iterdir() if each.name.isdigit() and _is_marked(each, mark)]


def _is_marked(process: Path, mark: bytes) -> bool:
    try:
        return mark in (process / "environ").read_bytes().split(b"\0")
    except OSError:
        return False
