"""What a run leaves to be judged: the store's dump, the handlers' ledger, the journals, and what the harness noted."""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from tests.support.chaos_clock import SteppedClock
from tests.support.chaos_dump import Dump
from tests.support.chaos_ledger import LEDGER, NEMESIS, REQUESTS, Fault, Mark, deaths, faults, lines, marks
from tests.support.chaos_run import Aftermath

Line = dict[str, Any]


class Finding(NamedTuple):
    """A broken promise: the invariant's name in the reliability plan, and where it was broken."""

    invariant: str
    text: str


@dataclass(frozen=True)
class Evidence:
    """All of it. `marked_at` is the instant (stepped calendar) that every active task had to reach in the end."""

    dump: Dump
    ledger: list[Mark]
    nemesis: list[Line]
    requests: list[Line]
    marked_at: int
    aftermath: Aftermath = field(default_factory=lambda: Aftermath(Path()))

    @cached_property
    def clock(self) -> SteppedClock:
        """The calendar clock, with its steps."""
        return SteppedClock.of(self.nemesis)

    @cached_property
    def faults(self) -> list[Fault]:
        """The windows of trouble."""
        return faults(self.nemesis)

    @cached_property
    def deaths(self) -> dict[int, float]:
        """When each process ended."""
        return deaths(self.nemesis, self.ledger)

    @cached_property
    def marks(self) -> dict[str, list[Mark]]:
        """The ledger by execution."""
        found: dict[str, list[Mark]] = {}
        for mark in self.ledger:
            found.setdefault(mark.execution, []).append(mark)
        return found

    @cached_property
    def workers(self) -> dict[str, int]:
        """The process of each worker, as far as it began an execution that nobody else ever did."""
        found: dict[str, int] = {}
        for execution_id, attempts in self.dump.attempts.items():
            starts = self.starts(execution_id)
            if len(attempts) == len(starts) == 1:
                found[attempts[0].worker_id] = starts[0].pid
        return found

    def starts(self, execution_id: str) -> list[Mark]:
        """Every start of an execution."""
        return [mark for mark in self.marks.get(execution_id, ()) if mark.what == "start"]

    def end_of(self, start: Mark) -> Mark | None:
        """How the handler that began so ended, if it came to an end."""
        found = self.marks[start.execution]
        return next((mark for mark in found if mark.fence == start.fence and mark.what == "end"), None)

    def over_at(self, start: Mark) -> float | None:
        """When nothing of a start ran any more: its own end or its process's; None if nobody saw either."""
        end = self.end_of(start)
        return end.monotonic if end is not None else self.deaths.get(start.pid)


def gathered(aftermath: Aftermath) -> Evidence:
    """The evidence in the folder of a run."""
    folder = aftermath.folder
    return Evidence(
        aftermath.dump,
        marks(folder / LEDGER),
        lines(folder / NEMESIS),
        lines(folder / REQUESTS),
        aftermath.marked_at,
        aftermath,
    )
