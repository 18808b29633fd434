"""The JSON documents of the API alone, as types: lists, messages, previews and figures."""

from typing import NotRequired

from typing_extensions import TypedDict

from application.scheduling.document_types import (
    DurationText,
    ExecutionDocument,
    FindingDocument,
    HeldDocument,
    InstantText,
    LogLineDocument,
    TaskDocument,
    VersionDocument,
)
from application.scheduling.services.batch_change import Outcome
from application.scheduling.services.batch_orders import BatchAction
from domain.scheduling.execution import ExecutionState
from domain.scheduling.identifiers import ExecutionId, NodeId, TaskId
from domain.scheduling.task import TaskStatus
from entrypoints.web.contract.problem_documents import FaultDocument


class TaskListDocument(TypedDict):
    """A page of tasks. `total` counts all that match, `counts` those by status whatever status was asked for."""

    tasks: list[TaskDocument]
    total: int
    counts: dict[TaskStatus, int]
    next_cursor: str | None


class ChangedTaskDocument(TaskDocument):
    """A task after a change, and what was done."""

    message: str


class VersionListDocument(TypedDict):
    """The last versions of a task, newest first."""

    task_id: TaskId
    versions: list[VersionDocument]


class FlagDocument(TypedDict):
    """What is out of the ordinary about an occurrence: `jitter`, or the code of a clock change."""

    code: str
    detail: str


class OccurrenceDocument(TypedDict):
    """An occurrence to come: `nominal_at` by the schedule, `run_at` with jitter, and that on the clocks of its zone."""

    nominal_at: InstantText
    run_at: InstantText
    local: InstantText
    utc: InstantText
    flags: list[FlagDocument]


class ForecastDocument(TypedDict):
    """A schedule in a sentence, its next occurrences, and what there is to know of it."""

    timezone: str
    sentence: str
    upcoming: list[OccurrenceDocument]
    lint: list[FindingDocument]


class TaskForecastDocument(ForecastDocument):
    """The next occurrences of a task."""

    task_id: TaskId


class ExecutionListDocument(TypedDict):
    """A page of executions, newest first."""

    executions: list[ExecutionDocument]
    next_cursor: str | None


class DeadLetterListDocument(TypedDict):
    """A page of dead executions, newest first."""

    dead_letters: list[ExecutionDocument]
    next_cursor: str | None


class LogDocument(TypedDict):
    """Lines of an execution's log, oldest first; `next` asks for those behind them, `is_final` says there are none."""

    execution_id: ExecutionId
    state: ExecutionState
    lines: list[LogLineDocument]
    next: int
    is_final: bool


class CancelledDocument(TypedDict):
    """What became of an execution that was to be cancelled."""

    message: str
    execution_id: ExecutionId
    state: ExecutionState


class StartedDocument(TypedDict):
    """An execution that was asked for, and where to follow it."""

    message: str
    execution_id: ExecutionId
    task_id: TaskId
    location: str
    redrive_of: NotRequired[ExecutionId]


class BackfilledExecutionDocument(TypedDict):
    """An occurrence of the past and its execution; null if it is only planned."""

    execution_id: ExecutionId | None
    nominal_at: InstantText | None


class PlannedBackfillDocument(TypedDict):
    """What a backfill would run, and what would speak against it."""

    message: str
    task_id: TaskId
    executions: list[BackfilledExecutionDocument]
    remarks: list[FaultDocument]


class BackfillDocument(TypedDict):
    """What a backfill runs, its name, and where to follow it."""

    message: str
    task_id: TaskId
    executions: list[BackfilledExecutionDocument]
    backfill: str
    location: str


class HandlerDocument(TypedDict):
    """What a worker can run; `name` null: every task of its type."""

    task_type: str
    name: str | None


class MemberDocument(TypedDict):
    """A process of the scheduler."""

    node_id: NodeId
    roles: list[str]
    host: str
    pid: int
    started_at: InstantText
    concurrency: int
    handlers: list[HandlerDocument]


class UpcomingTaskDocument(TypedDict):
    """A task that runs soon."""

    id: TaskId
    name: str
    type: str
    next_run: InstantText | None


class RecentTaskDocument(TypedDict):
    """A task that has run of late."""

    id: TaskId
    name: str
    type: str
    last_run: InstantText | None
    status: TaskStatus
    run_count: int


class AttentionDocument(TypedDict):
    """What deserves attention; `dead_letters` are counted up to 10,000."""

    failing: int
    late: int
    dead_letters: int
    oldest_pending_at: InstantText | None


class TypeFiguresDocument(TypedDict):
    """How the executions of a type ended within a week, and within what time half and 95 of 100 of the runs did.

    That time is null where none ran, or where it is longer than 57 days.
    """

    task_type: str
    ended: dict[ExecutionState, int]
    p50_at_most: DurationText | None
    p95_at_most: DurationText | None


class StatisticsDocument(TypedDict):
    """The figures: the guide's names first, then ours."""

    total_tasks: int
    active_tasks: int
    paused_tasks: int
    completed_tasks: int
    failed_tasks: int
    tasks_by_type: dict[str, int]
    upcoming_tasks: list[UpcomingTaskDocument]
    recent_executions: list[RecentTaskDocument]
    open_executions: dict[ExecutionState, int]
    finished_24h: dict[ExecutionState, int]
    attention: AttentionDocument
    types_7d: list[TypeFiguresDocument]
    executions: list[ExecutionDocument]
    members: list[MemberDocument]


class HealthDocument(TypedDict):
    """Whether the work gets done; `overdue_since` is the instant for which the oldest due task still waits.

    `durability` says what of the work the store may forget; null: nothing that it has answered for.
    While all firing is `held`, that is what somebody wants, and no problem.
    """

    status: str
    problems: list[str]
    schedulers: int
    workers: int
    overdue_since: InstantText | None
    durability: str | None
    held: HeldDocument | None
    time: InstantText


class BatchItemDocument(TypedDict):
    """What became of one task of a batch; `code` and `detail` say why it was refused."""

    id: TaskId
    name: str | None
    outcome: Outcome
    code: str | None
    detail: str | None
    execution_id: ExecutionId | None


class BatchUndoDocument(TypedDict):
    """The body of the batch that takes back what was done."""

    action: BatchAction
    value: NotRequired[str]
    ids: list[TaskId]
    versions: list[int]
    confirm: NotRequired[int]


class BatchDocument(TypedDict):
    """What became of a batch, or would: `counts` of all its tasks, `results` of each (of a dry run the first 20).

    `ids` are those of the tasks that were changed, or would be. `left` counts those that there was no time for: the
    same request with the same Idempotency-Key goes on; in a dry run nothing is said of them. `undo` is null where
    nothing can take it back.
    """

    action: BatchAction
    dry_run: bool
    total: int
    counts: dict[Outcome, int]
    left: int
    results: list[BatchItemDocument]
    ids: list[TaskId]
    undo: BatchUndoDocument | None
