"""One page of memory that every process of a chaos run shares: the step of the calendar clock, and armed faults.

The page is a file that each process maps, so that the nemesis reaches into running processes without a signal, and
a process that is started later finds things as they are. Each number is eight aligned bytes, written at once.
"""

import mmap
import os
import struct
import time
from enum import IntEnum
from pathlib import Path

MICROSECONDS = 1_000_000
NAME = "controls"
LAUNCHER = "tests.support.chaos_launcher"
# Variables by which the harness tells the launcher of the run's folder, and of a lease of so many seconds.
FOLDER, LEASE = "CHAOS_FOLDER", "CHAOS_LEASE"
_NUMBER = struct.Struct("<q")


class Cell(IntEnum):
    """What stands where. A countdown is a number of store writes: negative ends before the commit, positive after."""

    OFFSET = 0
    DISK_FULL = 1
    SCHEDULER_WRITES = 2
    WORKER_WRITES = 3


class Controls:
    """The page of the run in `folder`, made if it is not there, with everything at rest."""

    def __init__(self, folder: Path) -> None:
        descriptor = os.open(folder / NAME, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            os.ftruncate(descriptor, len(Cell) * _NUMBER.size)
            self._page = mmap.mmap(descriptor, len(Cell) * _NUMBER.size)
        finally:
            os.close(descriptor)

    def __getitem__(self, cell: Cell) -> int:
        return int(_NUMBER.unpack_from(self._page, cell * _NUMBER.size)[0])

    def __setitem__(self, cell: Cell, value: int) -> None:
        _NUMBER.pack_into(self._page, cell * _NUMBER.size, value)

    def wall(self) -> int:
        """The calendar clock as the service under test sees it: microseconds since 1970."""
        return time.time_ns() // 1_000 + self[Cell.OFFSET]  # noqa: TID251 - the clock outside the system it judges

    def counted_down(self, cell: Cell) -> int:
        """Count one write of an armed countdown; the number the last one stood at (1 or -1), else 0."""
        left = self[cell]
        if left:
            self[cell] = left - 1 if left > 0 else left + 1
        return left if abs(left) == 1 else 0
