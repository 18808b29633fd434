"""The lock that says who serves a file: held by a process and the children that inherit it, free when all are gone."""

import fcntl
import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(slots=True)
class FileLock:
    """An flock(2) on a file of its own; the kernel frees it when the last process that holds it ends."""

    path: Path
    descriptor: int = -1

    def acquire(self) -> bool:
        """Take it and write our process id into it; False if somebody else has it."""
        if self.descriptor < 0:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        os.ftruncate(self.descriptor, 0)
        os.pwrite(self.descriptor, f"{os.getpid()}\n".encode(), 0)
        return True

    def holder(self) -> str:
        """The process id the holder wrote, for a message; "unknown" if there is none."""
        return os.pread(self.descriptor, 32, 0).decode(errors="replace").strip() or "unknown"

    def release(self) -> None:
        """Let go; children that inherited it still hold it."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1
