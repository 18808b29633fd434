"""How long executions take: counted in a few fixed steps, so that figures of any number of them stay small.

The steps are those of coins, 1, 2, 5, 10 …, from a millisecond to some 58 days: a share of all runs can then be said to
have taken "at most 5 s", which is true, where a mean or an interpolation would only look exact.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate
from typing import Self

from domain.scheduling.execution import ExecutionState

STEPS = tuple(timedelta(milliseconds=each * 10**power) for power in range(10) for each in (1, 2, 5))
"""The upper bounds; the step behind the last one, number `len(STEPS)`, has none."""
NO_STEP = -1
"""The step of what has no duration."""


def run_time(state: ExecutionState, started_at: datetime | None, finished_at: datetime | None) -> timedelta | None:
    """How long the attempt ran with which an execution ended, never negative.

    None for one that has not ended, never began, or was cancelled: that may have been long after its attempt.
    """
    if state not in (ExecutionState.SUCCEEDED, ExecutionState.DEAD) or started_at is None or finished_at is None:
        return None
    # A clock that was set back meanwhile shows the end before the start.
    return max(finished_at - started_at, timedelta(0))


def step_of(duration: timedelta | None) -> int:
    """The number of the first step that is not shorter; NO_STEP for None."""
    return NO_STEP if duration is None else bisect_left(STEPS, duration)


@dataclass(frozen=True, slots=True)
class Durations:
    """How many runs ended within each step, by its number; those without a duration are not counted."""

    by_step: Mapping[int, int]

    @property
    def count(self) -> int:
        """How many there are."""
        return sum(self.by_step.values())

    def at_most(self, percent: int) -> timedelta | None:
        """The least step within which `percent` (1 to 100) of 100 runs ended.

        None: so many of them took longer than the last step that has an end, or there are none (`count` is 0).
        """
        ascending = sorted(self.by_step)
        ended = accumulate(self.by_step[step] for step in ascending)
        enough = (step for step, count in zip(ascending, ended, strict=True) if count >= _rank(percent, self.count))
        step = next(enough, len(STEPS))
        return STEPS[step] if step < len(STEPS) else None


@dataclass(frozen=True, slots=True)
class Spread:
    """Many durations told in short: how many ended within each step, by its number, and how long they were together."""

    by_step: Mapping[int, int]
    total: timedelta

    @classmethod
    def of(cls, durations: Iterable[timedelta]) -> Self:
        """The spread of these; negative ones count as none at all.

        Ten thousand tasks of one instant are told so, hence they are counted by the step and not one by one.
        """
        ascending = sorted(durations)
        by_step: dict[int, int] = {}
        place = 0
        while place < len(ascending):
            step = bisect_left(STEPS, ascending[place])
            end = bisect_right(ascending, STEPS[step]) if step < len(STEPS) else len(ascending)
            by_step[step] = end - place
            place = end
        return cls(by_step, max(sum(ascending, timedelta(0)), timedelta(0)))


def percentile(durations: Iterable[timedelta], percent: int) -> timedelta | None:
    """The least duration that `percent` (1 to 100) of 100 of these do not exceed, exactly; None: there are none."""
    ascending = sorted(durations)
    return ascending[_rank(percent, len(ascending)) - 1] if ascending else None


def _rank(percent: int, count: int) -> int:
    """How many of `count` are at least so many of 100."""
    return -(-percent * count // 100)
