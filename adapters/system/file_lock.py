"""The lock that says who serves a file: held by a process and the children that inherit it, free when all are gone."""

import fcntl
import os
from dataclasses import dataclass
from pathlib import Path

from application.scheduling.ports.errors import StoreRefusedError

OWNER_ONLY_FOLDER = 0o700
OWNER_ONLY_FILE = 0o600


@dataclass(slots=True)
class FileLock:
    """An flock(2) on a file of its own; the kernel frees it when the last process that holds it ends."""

    path: Path
    descriptor: int = -1

    def acquire(self) -> bool:
        """Take it and write our process id into it; False if somebody else has it.

        The file and its folder are made for their owner alone. Raises StoreRefusedError where no lock can be had.
        """
        try:
            if self.descriptor < 0:
                self.path.parent.mkdir(mode=OWNER_ONLY_FOLDER, parents=True, exist_ok=True)
                self.descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, OWNER_ONLY_FILE)
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(self.descriptor, 0)
            os.pwrite(self.descriptor, f"{os.getpid()}\n".encode(), 0)
        except BlockingIOError:
            return False
        except OSError as error:
            raise StoreRefusedError(f"{self.path} cannot be locked: {error.strerror}") from error
        return True

    def holder(self) -> str:
        """The process id the holder wrote, for a message; "unknown" if there is none."""
        return os.pread(self.descriptor, 32, 0).decode(errors="replace").strip() or "unknown"

    def release(self) -> None:
        """Let go; children that inherited it still hold it."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1
