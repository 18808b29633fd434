"""Files that many processes append to and that outlive each of them: the handlers' ledger and two journals.

A line is one `write` to a file opened with O_APPEND, followed by fdatasync: lines never mix, and one that was written
stays, whatever becomes of its writer. `monotonic` is CLOCK_MONOTONIC, which all processes of a machine share, so that
lines of different files have one order.
"""

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LEDGER = "ledger.jsonl"
NEMESIS = "nemesis.jsonl"
REQUESTS = "requests.jsonl"


def append(path: Path, **facts: Any) -> None:
    """One line with the present instant, on the disk when this returns."""
    line = json.dumps({"monotonic": time.monotonic(), **facts}, separators=(",", ":"))
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, line.encode() + b"\n")
        os.fdatasync(descriptor)
    finally:
        os.close(descriptor)


def lines(path: Path) -> list[dict[str, Any]]:
    """Every line in the order of its instants; none if nobody has written."""
    if not path.exists():
        return []
    found = [json.loads(line) for line in path.read_text().splitlines()]
    return sorted(found, key=lambda line: float(line["monotonic"]))


@dataclass(frozen=True, slots=True)
class Mark:
    """What a handler did: `start`, `end` with its outcome (done, failed, stopped), or `crash`, its own kill.

    `scheduled_at` and `wall` are microseconds since 1970, the latter by the stepped clock.
    """

    what: str
    execution: str
    task: str
    scheduled_at: int
    attempt: int
    fence: int
    pid: int
    monotonic: float
    wall: int
    outcome: str = ""


def marks(path: Path) -> list[Mark]:
    """The ledger, in order."""
    return [Mark(**line) for line in lines(path)]


@dataclass(frozen=True, slots=True)
class Fault:
    """A window of trouble on this machine's monotonic clock."""

    kind: str
    began: float
    ended: float

    def touches(self, instant: float, *, after: float = 0.0) -> bool:
        """True if the instant lies in the window, or within `after` seconds behind it."""
        return self.began <= instant <= self.ended + after


def faults(journal: list[dict[str, Any]]) -> list[Fault]:
    """The windows of a nemesis's journal; one that never ended lasts until its last line."""
    last = max((line["monotonic"] for line in journal), default=0.0)
    begun = {line["number"]: line for line in journal if line["what"] == "begin"}
    ended = {line["number"]: line["monotonic"] for line in journal if line["what"] == "end"}
    return [Fault(line["kind"], line["monotonic"], ended.get(number, last)) for number, line in begun.items()]


def deaths(journal: list[dict[str, Any]], ledger: list[Mark]) -> dict[int, float]:
    """When each process ended, as early as anybody knew: its killer, itself, or who looked for it."""
    found: dict[int, float] = {}
    told = [(line["pid"], line["monotonic"]) for line in journal if line["what"] == "death"]
    told += [(mark.pid, mark.monotonic) for mark in ledger if mark.what == "crash"]
    for pid, instant in told:
        found[pid] = min(instant, found.get(pid, instant))
    return found
