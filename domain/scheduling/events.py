"""What happened, in the past tense: the vocabulary of logs and metrics."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.scheduling.execution import AttemptOutcome, ErrorReport, ExecutionState
from domain.scheduling.identifiers import ExecutionId, NodeId, TaskId


@dataclass(frozen=True, slots=True)
class Dispatched:
    """One pass committed so many firings; `lateness` is the largest distance from a run instant to its commit."""

    committed: int
    executions: int
    moved: int
    lateness: timedelta


@dataclass(frozen=True, slots=True)
class TaskQuarantined:
    """A task could not be decided and waits to be tried again."""

    task_id: TaskId
    error: str
    look_at: datetime


@dataclass(frozen=True, slots=True)
class ClockLeapt:
    """The calendar went further ahead than time did, or back (negative); nothing is decided for the time `held`."""

    by: timedelta
    held: timedelta


@dataclass(frozen=True, slots=True)
class ExecutionStarted:
    """A worker began an attempt."""

    execution_id: ExecutionId
    task_id: TaskId
    task_name: str
    task_type: str
    attempt: int
    waited: timedelta


@dataclass(frozen=True, slots=True)
class ExecutionIsolated:
    """An execution begins with a process to itself, as so many of its workers died while running it."""

    execution_id: ExecutionId
    task_name: str
    rescues: int


@dataclass(frozen=True, slots=True)
class ExecutionSettled:
    """A worker's attempt ended and was accepted; `state` is where the execution stands now."""

    execution_id: ExecutionId
    task_id: TaskId
    task_name: str
    task_type: str
    attempt: int
    outcome: AttemptOutcome
    state: ExecutionState
    took: timedelta
    error: ErrorReport | None = None


@dataclass(frozen=True, slots=True)
class ClaimLost:
    """A worker ended an attempt whose claim was no longer its own; nothing of it was recorded."""

    execution_id: ExecutionId
    task_name: str


@dataclass(frozen=True, slots=True)
class ExecutionsRescued:
    """Executions were taken from a dead or silent worker."""

    worker_id: NodeId | None
    count: int


@dataclass(frozen=True, slots=True)
class ExecutionsExpired:
    """Executions were given up because no worker had their handler for too long."""

    count: int


@dataclass(frozen=True, slots=True)
class StoreFailed:
    """A pass could not reach its store and will try again."""

    doing: str
    error: str


@dataclass(frozen=True, slots=True)
class RecordsPruned:
    """Old records were forgotten."""

    count: int


Event = (
    Dispatched
    | TaskQuarantined
    | ClockLeapt
    | ExecutionStarted
    | ExecutionIsolated
    | ExecutionSettled
    | ClaimLost
    | ExecutionsRescued
    | ExecutionsExpired
    | StoreFailed
    | RecordsPruned
)
