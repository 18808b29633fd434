"""What the peers' programs share: how a burst, a worker and adding are timed. They run in environments of their own, so
that nothing but the standard library may be imported here.
"""

import itertools
import json
import os
import sys
import time
from collections.abc import Callable, Sequence

Figures = dict[str, float]
# A peer that adds this many schedules a second has them all before they are due.
ADDS_PER_SECOND = 1_000


def due_after_adding(count: int) -> float:
    """A POSIX time for `count` schedules that are still to be added one by one."""
    return float(int(time.time() + count / ADDS_PER_SECOND + 2))


def burst(due_at: float, handed_over: Sequence[float]) -> Figures:
    """Tasks a second from the instant they were due to the last hand-over, and how late they were handed over."""
    assert due_at <= min(handed_over), "handed over before it was due"
    late = sorted(instant - due_at for instant in handed_over)
    return {
        "rate": len(late) / late[-1],
        "p50_ms": late[len(late) // 2] * 1e3,
        "p99_ms": late[len(late) * 99 // 100] * 1e3,
    }


def each_second(count: int, began: float) -> Figures:
    """So many things a second since `began` by `time.perf_counter()`."""
    return {"rate": count / (time.perf_counter() - began)}


class Countdown:
    """A no-op task: reports the rate from its first call to its last, and ends the process."""

    def __init__(self, count: int) -> None:
        self._count, self._began = count, 0.0
        self._calls = itertools.count(1)  # whose steps are whole, whichever thread makes them

    def __call__(self) -> None:
        call = next(self._calls)
        if call == 1:
            self._began = time.perf_counter()
        if call == self._count:
            report({"worker": each_second(self._count, self._began)})


def report(figures: dict[str, Figures]) -> None:
    """Hand the figures to whoever started this program, and end it whatever else still runs in it."""
    print(json.dumps(figures), flush=True)
    os._exit(0)


def main(deeds: dict[str, Callable[[str, int], None]]) -> None:
    """Do what the command line names: a deed, the server's address, and how many tasks."""
    deed, url, count = sys.argv[1:]
    deeds[deed](url, int(count))
