"""What handlers really did, written down outside the store."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime

from domain.scheduling.identifiers import ExecutionId


@dataclass(frozen=True, slots=True)
class Line:
    """A handler began, or ended in its own words; `elapsed` is true time, `worker_now` what its worker took it for."""

    what: str
    execution_id: ExecutionId
    fence: int
    attempt: int
    worker: str
    elapsed: int
    worker_now: datetime


@dataclass(slots=True)
class Ledger:
    """The lines in order, and by execution."""

    lines: dict[ExecutionId, list[Line]] = field(default_factory=lambda: defaultdict(list))
    count: int = 0

    def write(self, line: Line) -> None:
        """One more line, which stays whatever becomes of the process."""
        self.count += 1
        self.lines[line.execution_id].append(line)

    def starts(self, execution_id: ExecutionId) -> list[Line]:
        """The beginnings of an execution."""
        return [line for line in self.lines.get(execution_id, ()) if line.what == "start"]

    def ended(self, execution_id: ExecutionId, fence: int) -> Line | None:
        """How the claim with this fence ended, if its handler came to an end of its own."""
        lines = self.lines.get(execution_id, ())
        return next((line for line in lines if line.fence == fence and line.what != "start"), None)
