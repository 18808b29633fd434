"""What is measured: every figure by its name, what it counts and by what; docs/metrics.md says what to do about it.

Names and units are Prometheus's conventions. No label has the name, the payload or the id of anything that people made,
but for task types, of which each process tells the first TYPES_MAX it meets and calls the others OTHER_TYPES.
"""

from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Protocol

from domain.scheduling.durations import STEPS, Spread

PREFIX = "peachpie_scheduler_"
TASK_TYPE = "task_type"
TYPES_MAX = 100
OTHER_TYPES = "other"


class Kind(StrEnum):
    """How a figure moves: only up; up and down; or as a count of durations in steps."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True, eq=False)
class Metric:
    """One figure; `name` is without PREFIX. Of a histogram the first so many STEPS are told apart.

    Each is itself and equal to no other, so that counting needs no look at its texts.
    """

    kind: Kind
    name: str
    meaning: str
    labels: tuple[str, ...] = ()
    steps: int = 0

    @property
    def full_name(self) -> str:
        """Its name as it is told."""
        return PREFIX + self.name


Labels = tuple[str, ...]
Readings = Mapping[Metric, Mapping[Labels, float]]
"""What was read: of each metric a figure for each combination of its labels' values."""


class Counting(Protocol):
    """Numbers of one process that only grow. Each method is safe in every thread and quick."""

    def add(self, metric: Metric, *labels: str, amount: float = 1) -> None:
        """Count something; `labels` are the values of the metric's own, in their order."""

    def lasted(self, metric: Metric, *labels: str, duration: timedelta) -> None:
        """Count one duration in a histogram; a negative one is none at all."""

    def spread(self, metric: Metric, *labels: str, spread: Spread) -> None:
        """Count many durations in a histogram."""

    def hand_over(self, send: Callable[[bytes], bool]) -> bool:
        """Send all numbers, some in each line, and count from nothing on; what is not sent is kept.

        `send` answers whether a line, of about 4 kB at most, has gone. True if all have.
        """

    def take_over(self, line: bytes) -> None:
        """Add what another process has sent in one line. It may run anybody's code, so what does not fit is dropped."""


class Telling(Protocol):
    """The figures of one process, as those who watch read them."""

    def look_at(self, look: Callable[[], Readings]) -> None:
        """Read this, too, whenever the figures are asked for; it must be quick and not raise."""

    def text(self, readings: Readings) -> bytes:
        """Every metric, with these readings; what was never counted is 0 if it has no labels."""


def _counter(name: str, meaning: str, *labels: str) -> Metric:
    return Metric(Kind.COUNTER, name, meaning, labels)


def _gauge(name: str, meaning: str, *labels: str) -> Metric:
    return Metric(Kind.GAUGE, name, meaning, labels)


def _histogram(name: str, longest: timedelta, meaning: str, *labels: str) -> Metric:
    return Metric(Kind.HISTOGRAM, name, meaning, labels, bisect_right(STEPS, longest))


# How dispatching goes, counted by each process that does it.
LATENESS = _histogram(
    "dispatch_lateness_seconds",
    timedelta(seconds=500),
    "From the instant an execution was scheduled for to its being claimable",
)
EXECUTIONS_DISPATCHED = _counter("executions_dispatched_total", "Executions that firings created")
FIRINGS = _counter("firings_total", "Firings by what the store answered: committed, moved or too_early", "answer")
PASSED_OVER = _counter("occurrences_passed_over_total", "Occurrences that were decided not to run", "reason")
TASKS_STOPPED = _counter("tasks_stopped_total", "Tasks that failed for good after so many dead executions in a row")
QUARANTINES = _counter("quarantines_total", "Times a task could not be decided and was put aside")
CLOCK_LEAPS = _counter("clock_leaps_total", "Leaps of the calendar by more than 30 s, ahead or back", "direction")
CLOCK_HELD = _gauge("clock_held", "1 while nothing fires because the calendar leapt ahead")
CHANGES = _counter("task_changes_total", "What people, programs and the system did to tasks", "action", "via")

# How executions go, counted where they run and told with the figures of the process that started the worker.
ATTEMPTS = _counter(
    "attempts_settled_total",
    "Attempts that ended, by their outcome and the state it led the execution to",
    TASK_TYPE,
    "outcome",
    "state",
)
ATTEMPT_DURATION = _histogram("attempt_duration_seconds", timedelta(seconds=5_000), "How long attempts ran", TASK_TYPE)
START_WAIT = _histogram(
    "start_wait_seconds", timedelta(seconds=500), "From an execution's being claimable to the start of an attempt"
)
CLAIMS_LOST = _counter("claims_lost_total", "Attempts whose claim was no longer their own when they ended")
RESCUES = _counter(
    "executions_rescued_total", "Executions taken from dead or silent workers, by what followed", "state"
)
ISOLATIONS = _counter("executions_isolated_total", "Executions run alone because their workers kept dying")
EXPIRED = _counter("executions_expired_total", "Executions given up because no worker had their handler for an hour")

# The store as each process meets it.
STORE_CALLS = _histogram(
    "store_call_seconds", timedelta(seconds=10), "How long calls to the store took, failed ones included", "operation"
)
STORE_ERRORS = _counter("store_errors_total", "Calls that the store did not answer", "operation")
PASSES_FAILED = _counter("passes_failed_total", "Passes of a loop that could not reach the store", "loop")
RECORDS_PRUNED = _counter("records_pruned_total", "Records forgotten because their retention was over")

# The work as the store has it: the same from every process that tells it.
STORE_UP = _gauge("store_up", "1 if the store answered when it was last asked, else 0")
TASKS = _gauge("tasks", "Tasks that are not deleted", "status")
QUARANTINED = _gauge("tasks_quarantined", "Tasks that cannot be decided now")
DUE_LAG = _gauge("due_lag_seconds", "For how long the first task that is due has waited to be dispatched")
FIRING_HELD = _gauge("firing_held", "1 while somebody holds all firing with the maintenance switch")
OPEN = _gauge("executions_open", "Executions that have not ended", "state")
BACKLOG = _gauge("backlog_executions", "Executions that wait for a worker", TASK_TYPE)
UNSERVED = _gauge("unserved_executions", "Executions that wait and whose type no living worker serves", TASK_TYPE)
OLDEST_PENDING = _gauge("oldest_pending_seconds", "For how long the longest waiting execution has been pending")
DEAD_LETTERS = _gauge("dead_letters", "Executions that died and were not redriven, up to 10,000")
OUTBOX = _gauge("outbox_messages", "Messages of external tasks that wait for their streams, up to 10,000")
OUTBOX_AGE = _gauge("outbox_oldest_seconds", "For how long the first message of an external task has waited")
MEMBERS = _gauge("members", "Living processes that have a role", "role")
WORKER_SLOTS = _gauge("worker_slots", "How many executions the living workers can run at once")

# The process itself, and the workers it started.
BUCKETS_HELD = _gauge("buckets_held", "Of 64 shares of the tasks, those that this scheduler looks after")
TERM_HELD = _gauge("term_held", "1 while the upkeep of the store is this scheduler's")
WORKER_PROCESSES = _gauge("worker_processes", "Worker processes that this one started and that live")
LOOP_LAG = _histogram(
    "event_loop_lag_seconds",
    timedelta(seconds=10),
    "How much later than asked for the event loop came back, asked every second",
    "process",
)
CPU = _counter("process_cpu_seconds_total", "Processor time that was used", "process")
MEMORY = _gauge("process_resident_memory_bytes", "Memory that is held", "process")
STARTED = _gauge("process_start_time_seconds", "When the process began, in seconds since 1970")
BUILD = _gauge("build_info", "Always 1; its labels say what runs here", "version", "tzdata", "store")

METRICS: tuple[Metric, ...] = (
    *(LATENESS, EXECUTIONS_DISPATCHED, FIRINGS, PASSED_OVER, TASKS_STOPPED, QUARANTINES, CLOCK_LEAPS, CLOCK_HELD),
    *(CHANGES, ATTEMPTS, ATTEMPT_DURATION, START_WAIT, CLAIMS_LOST, RESCUES, ISOLATIONS, EXPIRED),
    *(STORE_CALLS, STORE_ERRORS, PASSES_FAILED, RECORDS_PRUNED),
    *(
        STORE_UP,
        TASKS,
        QUARANTINED,
        DUE_LAG,
        FIRING_HELD,
        OPEN,
        BACKLOG,
        UNSERVED,
        OLDEST_PENDING,
        DEAD_LETTERS,
        OUTBOX,
        OUTBOX_AGE,
        MEMBERS,
    ),
    *(WORKER_SLOTS, BUCKETS_HELD, TERM_HELD, WORKER_PROCESSES, LOOP_LAG, CPU, MEMORY, STARTED, BUILD),
)
"""All of them, in the order of the documentation."""
