"""How a task wants to be run: what to do about late and overlapping occurrences, and its limits."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeVar

from domain.errors import InvalidPolicyError
from domain.scheduling.retry import RetryPolicy
from domain.scheduling.schedule_text import text_of

ON_TIME = timedelta(seconds=60)
TIMEOUT_DEFAULT = timedelta(minutes=15)
CATCH_UP_MAX = 100
# Less than a dispatch may take would pass every occurrence over.
GRACE_MIN = timedelta(seconds=1)

_Limit = TypeVar("_Limit", int, timedelta)


class Misfire(StrEnum):
    """Which of the occurrences found undecided run."""

    SKIP = "skip"
    LATEST = "latest"
    EARLIEST = "earliest"
    ALL = "all"


class Overlap(StrEnum):
    """What becomes of an occurrence while an earlier execution is still open."""

    SKIP = "skip"
    QUEUE_ONE = "queue_one"
    CANCEL_PREVIOUS = "cancel_previous"
    ALLOW = "allow"


@dataclass(frozen=True, slots=True)
class ExecutionPolicy:
    """A task's policies, every one with its default; the exact rules are `fire` and `Step`.

    `grace` (None: unlimited) is how late an occurrence may still run; `timeout` counts per attempt; `start_at` and
    `end_at` are the first and last instants at which an occurrence may lie, both included; `max_runs` counts
    automatic executions; `jitter` is the longest deliberate delay; after `fail_after` executions in a row have died
    the task is stopped (None: never).
    """

    misfire: Misfire = Misfire.LATEST
    grace: timedelta | None = None
    catch_up_max: int = CATCH_UP_MAX
    overlap: Overlap = Overlap.SKIP
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    timeout: timedelta = TIMEOUT_DEFAULT
    start_at: datetime | None = None
    end_at: datetime | None = None
    max_runs: int | None = None
    jitter: timedelta = timedelta(0)
    fail_after: int | None = 3

    def __post_init__(self) -> None:
        _between("grace", self.grace, GRACE_MIN, timedelta(days=3650))
        _between("catch_up_max", self.catch_up_max, 1, CATCH_UP_MAX)
        _between("timeout", self.timeout, timedelta(seconds=1), timedelta(days=7))
        _between("max_runs", self.max_runs, 1, 1_000_000_000)
        _between("jitter", self.jitter, timedelta(0), timedelta(days=1))
        _between("fail_after", self.fail_after, 1, 1_000_000)
        _aware("start_at", self.start_at)
        _aware("end_at", self.end_at)
        if self.start_at and self.end_at and self.end_at < self.start_at:
            raise InvalidPolicyError("end_at lies before start_at", code="end_before_start", pointer="/policy/end_at")

    @property
    def warnings(self) -> tuple[str, ...]:
        """Combinations that are allowed but seldom meant, as stable codes."""
        if self.misfire is Misfire.ALL and self.overlap is not Overlap.ALLOW:
            return ("all_needs_allow",)
        return ()

    def runs_left(self, auto_runs: int) -> int | None:
        """How many automatic executions `max_runs` still allows after so many; None: any number."""
        return None if self.max_runs is None else max(0, self.max_runs - auto_runs)


def _between(name: str, value: _Limit | None, low: _Limit, high: _Limit) -> None:
    if value is not None and not low <= value <= high:
        raise InvalidPolicyError(
            f"{name} must lie between {_told(low)} and {_told(high)}", code="out_of_range", pointer=f"/policy/{name}"
        )


def _told(limit: int | timedelta) -> str:
    """A limit as people write it: `100`, `0s`, `7d`."""
    if isinstance(limit, int):
        return str(limit)
    return f"{limit.days}d" if limit.days else text_of(limit) or "0s"


def _aware(name: str, instant: datetime | None) -> None:
    if instant is not None and instant.utcoffset() is None:
        raise InvalidPolicyError(f"{name} has no time zone", code="naive", pointer=f"/policy/{name}")
