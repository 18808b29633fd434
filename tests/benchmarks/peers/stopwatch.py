"""What the peers' programs share: how a burst, a worker and adding are timed.

They run in environments of their own, so that nothing but the standard library may be imported here. Whatever is timed
ends with the process, as most peers are meant to run for ever.
"""

import itertools
import json
import os
import sys
import time
from collections.abc import Callable, Iterator

Figures = dict[str, float]
# A peer that adds this many schedules a second has them all before they are due; on a quiet machine they add 3,000.
ADDS_PER_SECOND = 500
ADDING_SECONDS = 15.0
"""Where nothing but adding is measured, it lasts so long at most, however many are added by then."""
MOMENT_SECONDS = 0.05  # for what is due at once


def due_after_adding(count: int, at: float = ADDS_PER_SECOND) -> float:
    """A POSIX time for `count` schedules that are still to be added one by one, so many a second."""
    return float(int(time.time() + count / at + 2))


def each_second(count: int, began: float) -> Figures:
    """So many things a second since `began` by `time.perf_counter()`."""
    return {"rate": count / (time.perf_counter() - began)}


def for_a_while(count: int) -> Iterator[int]:
    """The numbers below `count`, or as many as are asked for within ADDING_SECONDS."""
    ends_at = time.perf_counter() + ADDING_SECONDS
    return itertools.takewhile(lambda _: time.perf_counter() < ends_at, range(count))


class HandOvers:
    """Stamps each hand-over of a burst; the last one reports the rate since they were due, and how late they were."""

    def __init__(self) -> None:
        self._instants: list[float] = []
        self._count, self._due_at, self._others = 0, 0.0, dict[str, Figures]()

    def expect(self, count: int, due_at: float, **others: Figures) -> None:
        """So many, not before that POSIX time; other figures are reported along."""
        assert time.time() - due_at < MOMENT_SECONDS, "due before everything was ready"
        self._count, self._due_at, self._others = count, due_at, others

    def __call__(self) -> None:
        self._instants.append(time.time())
        if len(self._instants) == self._count:
            report({**self._others, "burst": self._figures()})

    def _figures(self) -> Figures:
        late = sorted(instant - self._due_at for instant in self._instants)
        assert late[0] >= 0, "handed over before it was due"
        return {
            "rate": len(late) / late[-1],
            "p50_ms": late[len(late) // 2] * 1e3,
            "p99_ms": late[len(late) * 99 // 100] * 1e3,
        }


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
