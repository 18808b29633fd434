"""What follows a failed attempt: another one, and when, or none."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import assert_never

from domain.errors import InvalidPolicyError
from domain.scheduling.identifiers import MICROSECOND, ExecutionId, chance

RETRIES_MAX = 100
DELAY_MAX = timedelta(days=7)
DELAYS_MAX = 100
# One microsecond doubled so often is longer than DELAY_MAX.
DOUBLINGS_MAX = 40
JITTER_RATIO = 0.1


class BackoffKind(StrEnum):
    """How the wait grows from one retry to the next."""

    FIXED = "fixed"
    LINEAR = "linear"
    EXPONENTIAL = "exponential"
    LIST = "list"


@dataclass(frozen=True, slots=True)
class Backoff:
    """The wait before each retry: `initial`, its multiples or its doublings, or a list whose last entry repeats.

    `cap` bounds what grows by itself; a fixed wait and the entries of a list are meant as they stand.
    """

    kind: BackoffKind = BackoffKind.EXPONENTIAL
    initial: timedelta = timedelta(seconds=30)
    cap: timedelta = timedelta(minutes=30)
    delays: tuple[timedelta, ...] = ()

    def __post_init__(self) -> None:
        for name, value in (("initial", self.initial), ("cap", self.cap)):
            if not timedelta(0) <= value <= DELAY_MAX:
                raise _out_of_range(f"/policy/backoff/{name}", f"{name} must lie between 0 seconds and 7 days")
        if (self.kind is BackoffKind.LIST) != bool(self.delays):
            raise _out_of_range("/policy/backoff/delays", "delays go with the kind 'list', which needs at least one")
        if len(self.delays) > DELAYS_MAX or any(not timedelta(0) <= delay <= DELAY_MAX for delay in self.delays):
            raise _out_of_range("/policy/backoff/delays", f"at most {DELAYS_MAX} delays between 0 seconds and 7 days")

    def before_retry(self, number: int) -> timedelta:
        """The wait before retry `number` (1 is the first), without jitter."""
        match self.kind:
            case BackoffKind.FIXED:
                return self.initial
            case BackoffKind.LINEAR:
                factor = number
            case BackoffKind.EXPONENTIAL:
                factor = 1 << min(number - 1, DOUBLINGS_MAX)
            case BackoffKind.LIST:
                return self.delays[min(number, len(self.delays)) - 1]
            case _:
                assert_never(self.kind)
        # Whole microseconds, which can't overflow as a timedelta of so many doublings would.
        return min(self.initial // MICROSECOND * factor, self.cap // MICROSECOND) * MICROSECOND


@dataclass(frozen=True, slots=True)
class RetryAt:
    """Try again at this instant."""

    at: datetime


@dataclass(frozen=True, slots=True)
class GiveUp:
    """No further attempt: the execution is dead."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often a failed execution is tried again (`max_retries`; 0 is one attempt in all) and after which waits."""

    max_retries: int = 3
    backoff: Backoff = field(default_factory=Backoff)

    def __post_init__(self) -> None:
        if not 0 <= self.max_retries <= RETRIES_MAX:
            raise InvalidPolicyError(
                f"max_retries must lie between 0 and {RETRIES_MAX}", code="out_of_range", pointer="/max_retries"
            )

    def decide(self, execution: ExecutionId, *, attempts_used: int, failed_at: datetime) -> RetryAt | GiveUp:
        """What follows the failure of attempt `attempts_used` (1 is the first).

        The jitter of ±10 % is a hash of execution and attempt: every process comes to the same instant.
        """
        if attempts_used > self.max_retries:
            return GiveUp()
        factor = 1 + JITTER_RATIO * (2 * chance(f"{execution}/{attempts_used}") / 0xFFFFFFFF - 1)
        return RetryAt(failed_at + self.backoff.before_retry(attempts_used) * factor)


def _out_of_range(pointer: str, detail: str) -> InvalidPolicyError:
    return InvalidPolicyError(detail, code="out_of_range", pointer=pointer)
