"""What happened, in the past tense: the vocabulary of logs and metrics."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.scheduling.change import ChangeAction, Via
from domain.scheduling.durations import Spread
from domain.scheduling.execution import AttemptOutcome, CancelRequest, ErrorReport, ExecutionState
from domain.scheduling.identifiers import ExecutionId, NodeId, TaskId
from domain.scheduling.task import SkipReason

NO_WAITS = Spread.of(())


@dataclass(frozen=True, slots=True)
class Dispatched:
    """One pass committed so many firings; `lateness` is the largest distance from a run instant to its commit.

    `passed_over` counts the occurrences that were decided not to run, by reason; of very many, at least so many.
    `waits` are the distances of all executions, where `too_early` counts the firings that the store's clock put off.
    """

    committed: int
    executions: int
    moved: int
    lateness: timedelta
    passed_over: tuple[tuple[SkipReason, int], ...] = ()
    waits: Spread = NO_WAITS
    too_early: int = 0


@dataclass(frozen=True, slots=True)
class TaskChanged:
    """Somebody changed a task, or did something to its executions; `version` None: the task was not looked at.

    `execution_id` is the execution it was done to, or that it created, the first if there are several.
    """

    task_id: TaskId
    task_name: str
    version: int | None
    action: ChangeAction
    actor: str
    via: Via
    reason: str = ""
    execution_id: ExecutionId | None = None


@dataclass(frozen=True, slots=True)
class TaskStopped:
    """A task failed although it had occurrences left, as so many of its executions in a row died."""

    task_id: TaskId
    task_name: str
    failures: int


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
    """A worker began an attempt; `put_back_for` is for how long workers without its handler put it back, if any did."""

    execution_id: ExecutionId
    task_id: TaskId
    task_name: str
    task_type: str
    attempt: int
    waited: timedelta
    handler_name: str = ""
    put_back_for: timedelta | None = None


@dataclass(frozen=True, slots=True)
class HandlerMissing:
    """A worker took an execution whose handler it has not, and puts it back: nothing of it ran."""

    execution_id: ExecutionId
    task_id: TaskId
    task_name: str
    task_type: str
    handler_name: str


@dataclass(frozen=True, slots=True)
class ExecutionIsolated:
    """An execution begins with a process to itself, as so many of its workers died while running it."""

    execution_id: ExecutionId
    task_name: str
    rescues: int


@dataclass(frozen=True, slots=True)
class ExecutionSettled:
    """A worker's attempt ended and was accepted; `state` is where the execution stands now.

    `retry_at` is when its wait is over, if it is tried again; `cancel`, who had asked it to stop.
    """

    execution_id: ExecutionId
    task_id: TaskId
    task_name: str
    task_type: str
    attempt: int
    outcome: AttemptOutcome
    state: ExecutionState
    took: timedelta
    error: ErrorReport | None = None
    retry_at: datetime | None = None
    cancel: CancelRequest | None = None


@dataclass(frozen=True, slots=True)
class ClaimLost:
    """A worker ended an attempt whose claim was no longer its own; nothing of it was recorded."""

    execution_id: ExecutionId
    task_name: str


@dataclass(frozen=True, slots=True)
class ExecutionRescued:
    """An execution was taken from a dead or silent worker; `state` is where it stands now.

    Of one whose record cannot be read the task is not known.
    """

    execution_id: ExecutionId
    task_id: TaskId | None
    task_name: str
    worker_id: NodeId
    state: ExecutionState


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
class StoreRecovered:
    """A pass that could not reach its store before did so now."""

    doing: str


@dataclass(frozen=True, slots=True)
class StreamsFailed:
    """Messages to programs of others cannot be sent, and wait in the store."""

    error: str


@dataclass(frozen=True, slots=True)
class StreamsRecovered:
    """Messages are sent again, after so long."""

    after: timedelta


@dataclass(frozen=True, slots=True)
class StreamRefused:
    """The stream of one task type does not take its messages, which wait in the store."""

    task_type: str
    error: str


@dataclass(frozen=True, slots=True)
class RecordsPruned:
    """Old records were forgotten."""

    count: int


Event = (
    Dispatched
    | TaskChanged
    | TaskStopped
    | TaskQuarantined
    | ClockLeapt
    | ExecutionStarted
    | HandlerMissing
    | ExecutionIsolated
    | ExecutionSettled
    | ClaimLost
    | ExecutionRescued
    | ExecutionsExpired
    | StoreFailed
    | StoreRecovered
    | StreamsFailed
    | StreamsRecovered
    | StreamRefused
    | RecordsPruned
)
