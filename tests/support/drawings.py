"""Decisions drawn as one letter per occurrence, of a task that is due every ten minutes from noon on.

P starts pending, W waiting, D delivered; m is passed over by misfire, o by overlap, g by grace.
"""

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby

from domain.scheduling.execution import ExecutionKind, ExecutionState
from domain.scheduling.firing import Start
from domain.scheduling.identifiers import ExecutionId
from domain.scheduling.schedule import IntervalSchedule
from domain.scheduling.task import OpenExecution, Skip, SkipReason
from domain.scheduling.timeline import Occurrence
from tests.support.builders import MINUTE
from tests.support.manual_clock import NOON

EVERY_TEN = IntervalSchedule(10 * MINUTE)
PENDING, WAITING, RUNNING = ExecutionState.PENDING, ExecutionState.WAITING, ExecutionState.RUNNING
RETRY_WAIT, DELIVERED = ExecutionState.RETRY_WAIT, ExecutionState.DELIVERED


def minute(number: float) -> datetime:
    return NOON + number * MINUTE


def occurrence(number: int) -> Occurrence:
    return Occurrence(minute(number), minute(number))


def opened(*states: ExecutionState, kind: ExecutionKind = ExecutionKind.AUTO) -> tuple[OpenExecution, ...]:
    return tuple(OpenExecution(ExecutionId(f"e{number}"), kind, state) for number, state in enumerate(states))


OPEN = {
    "nothing": (),
    "pending": opened(PENDING),
    "running": opened(RUNNING),
    "running, waiting": opened(RUNNING, WAITING),
    "retry_wait": opened(RETRY_WAIT),
    "manual": opened(PENDING, kind=ExecutionKind.MANUAL),
}
REASONS = {"m": SkipReason.MISFIRE, "o": SkipReason.OVERLAP, "g": SkipReason.GRACE}
STATES = {"P": PENDING, "W": WAITING, "D": DELIVERED}


def skips_in(drawn: str, times: Sequence[datetime]) -> tuple[Skip, ...]:
    """The Skips that a drawing of one letter per occurrence means: one per run of the same small letter."""
    groups = [list(group) for _, group in groupby(zip(drawn, times, strict=True), key=lambda pair: pair[0])]
    return tuple(
        Skip(REASONS[group[0][0]], group[0][1], group[-1][1], len(group)) for group in groups if group[0][0] in REASONS
    )


def starts_in(drawn: str, occurrences: Sequence[Occurrence]) -> tuple[Start, ...]:
    return tuple(
        Start(each, STATES[letter]) for letter, each in zip(drawn, occurrences, strict=True) if letter in STATES
    )


def skip_of(reason: SkipReason, first: int, last: int, count: int, *, at_least: bool = False) -> Skip:
    return Skip(reason, minute(first), minute(last), count, at_least)
