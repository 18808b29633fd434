"""The occurrences of one task: its schedule within its bounds, each with the instant at which it is to run."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.scheduling.identifiers import MICROSECOND, TaskId, chance, microseconds
from domain.scheduling.policy import ExecutionPolicy
from domain.scheduling.schedule import IntervalSchedule, Schedule

COUNT_MAX = 10_000
DIVIDED_MAX = 10**18


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One instant of a schedule. The nominal instant alone is its identity; it runs at `run_at`, jitter included."""

    nominal_at: datetime
    run_at: datetime


@dataclass(frozen=True, slots=True)
class Timeline:
    """Occurrences in order; their run instants come in the same order and before the following nominal instant."""

    task_id: TaskId
    schedule: Schedule
    start_at: datetime | None = None
    end_at: datetime | None = None
    jitter: timedelta = timedelta(0)

    @classmethod
    def bounded(cls, task_id: TaskId, schedule: Schedule, policy: ExecutionPolicy) -> "Timeline":
        """The occurrences of a task within the bounds of its policy, `max_runs` aside."""
        return cls(task_id, schedule, policy.start_at, policy.end_at, policy.jitter)

    def after(self, instant: datetime) -> Occurrence | None:
        """The first occurrence whose nominal instant is strictly later."""
        nominal = self._nominal_after(instant)
        return None if nominal is None else self._occurrence(nominal)

    def newest(self, *, after: datetime, until: datetime) -> Occurrence | None:
        """The last occurrence with nominal instant in (after, until]."""
        if self.end_at is not None and self.end_at < until:
            until = self.end_at
        nominal = self.schedule.previous_before(until + MICROSECOND)
        if nominal is None or nominal <= after or (self.start_at is not None and nominal < self.start_at):
            return None
        return self._occurrence(nominal)

    def count(self, first: Occurrence, last: Occurrence) -> tuple[int, bool]:
        """How many occurrences lie from `first` to `last`, both included, and whether there may be more.

        Intervals are counted exactly, by division; of cron occurrences no more than COUNT_MAX are.
        """
        if first.nominal_at == last.nominal_at:
            return 1, False
        most = DIVIDED_MAX if isinstance(self.schedule, IntervalSchedule) else COUNT_MAX
        count = 1 + self.schedule.count_between(first.nominal_at, last.nominal_at, at_most=most)
        return (count, False) if count <= most else (most, True)

    def _nominal_after(self, instant: datetime) -> datetime | None:
        if self.start_at is not None and instant < self.start_at:
            instant = self.start_at - MICROSECOND
        nominal = self.schedule.next_after(instant)
        return None if nominal is None or (self.end_at is not None and nominal > self.end_at) else nominal

    def _occurrence(self, nominal: datetime) -> Occurrence:
        if not self.jitter:
            return Occurrence(nominal, nominal)
        following = self._nominal_after(nominal)
        spread = self.jitter if following is None else min(self.jitter, following - nominal - MICROSECOND)
        # Of the task and the instant alone, so that every process delays this occurrence by the same amount.
        drawn = chance(f"{self.task_id}/{microseconds(nominal)}")
        # Scaled, not reduced modulo: 32 bits of microseconds would end after 71 minutes.
        return Occurrence(nominal, nominal + (drawn * (spread // MICROSECOND + 1) >> 32) * MICROSECOND)
