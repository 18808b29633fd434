"""The JSON documents of tasks and executions as types: what the API promises of them, and what its answers are made of.

Whoever builds a document is held to its type by the type checker, and the API's description is made of the same types.
"""

from typing import Annotated, Any, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from domain.scheduling.change import ChangeAction, Via
from domain.scheduling.cron.lint import Severity
from domain.scheduling.execution import AttemptOutcome, ExecutionKind, ExecutionState
from domain.scheduling.identifiers import ExecutionId, NodeId, TaskId
from domain.scheduling.policy import Misfire, Overlap
from domain.scheduling.retry import BackoffKind
from domain.scheduling.schedule import ScheduleType
from domain.scheduling.task import Delivery, PauseMode, TaskStatus

InstantText = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
"""RFC 3339 in UTC, to the microsecond where there is one."""
# Not the format `duration`: that one, of RFC 3339, knows no fractions.
DurationText = Annotated[str, Field(pattern=r"^P([0-9]+D)?(T([0-9]+H)?([0-9]+M)?([0-9]+(\.[0-9]+)?S)?)?$")]
"""ISO 8601 in days, hours, minutes and seconds."""


class BackoffDocument(TypedDict):
    """The wait before each retry; `delays` counts for the kind `list` alone."""

    kind: BackoffKind
    initial: DurationText
    cap: DurationText
    delays: list[DurationText]


class PolicyDocument(TypedDict):
    """How a task is run, every default spelled out."""

    misfire: Misfire
    grace: DurationText | None
    catch_up_max: int
    overlap: Overlap
    backoff: BackoffDocument
    timeout: DurationText
    start_at: InstantText | None
    end_at: InstantText | None
    max_runs: int | None
    jitter: DurationText
    fail_after: int | None


class DefinitionDocument(TypedDict):
    """What people say of a task. `handler` null: it runs what its name says; `anchor` is that of an interval."""

    name: str
    handler: str | None
    task_type: str
    schedule_type: ScheduleType
    schedule: str
    schedule_sentence: str
    anchor: InstantText | None
    timezone: str
    payload: dict[str, Any]
    description: str
    tags: list[str]
    delivery: Delivery
    max_retries: int
    policy: PolicyDocument


class PauseDocument(TypedDict):
    """Why a task is paused, and until when; `until` null: until somebody resumes it."""

    reason: str
    by: str
    at: InstantText
    until: InstantText | None
    mode: PauseMode


class TaskStandingDocument(DefinitionDocument):
    """What there is to say of a task besides its id.

    `version` moves with people's changes only. `decided_until`: every occurrence up to then has run or is on record as
    passed over. `warnings` are codes of what somebody should know, `no_worker` perhaps.
    """

    status: TaskStatus
    enabled: bool
    pause: PauseDocument | None
    version: int
    created_at: InstantText
    updated_at: InstantText
    deleted_at: InstantText | None
    last_run_at: InstantText | None
    next_run_at: InstantText | None
    decided_until: InstantText
    run_count: int
    error_count: int
    last_error: str | None
    last_state: ExecutionState | None
    open_executions: int
    warnings: list[str]


class TaskDocument(TaskStandingDocument):
    """A task."""

    id: TaskId


class PlannedTaskDocument(TaskStandingDocument):
    """A task as it would be."""

    id: None


class ChangeDocument(TypedDict):
    """A change somebody made."""

    action: ChangeAction
    by: str
    via: Via
    at: InstantText
    reason: str


class DifferenceDocument(TypedDict):
    """A field that says something else, in a sentence and as values; a payload's member may be on one side only."""

    pointer: str
    sentence: str
    before: NotRequired[Any]
    after: NotRequired[Any]


class VersionDocument(TypedDict):
    """A version of a task; `redefines` false: its definition is that of the version before.

    `differences` are what it says otherwise than that one; null: the version before is not on record.
    """

    version: int
    redefines: bool
    change: ChangeDocument | None
    definition: DefinitionDocument
    differences: list[DifferenceDocument] | None


class FindingDocument(TypedDict):
    """What there is to know of a schedule; `position` is the 0-based character of the field it is about."""

    code: str
    severity: Severity
    pointer: str
    position: int | None
    detail: str
    hint: str | None
    at: InstantText | None


class ErrorDocument(TypedDict):
    """Why an attempt failed: the class of the error, and the end of its text."""

    kind: str
    text: str


class ProgressDocument(TypedDict):
    """How far an attempt has come; `total` null: nobody knows of how much."""

    done: int
    total: int | None
    note: str


class CancelDocument(TypedDict):
    """Who asked for the end of an execution."""

    at: InstantText
    by: str
    reason: str


class ExecutionDocument(TypedDict):
    """An execution: one run of one occurrence.

    `nominal_at` is the instant of the schedule (null: it was asked for by hand), `scheduled_at` that with jitter,
    `available_at` the one from which a worker may have it. `attempts_used` counts against `max_retries`, `starts` every
    time it began, `rescues` how often its worker died.
    """

    id: ExecutionId
    task_id: TaskId
    task_name: str
    task_type: str
    kind: ExecutionKind
    state: ExecutionState
    version: int
    nominal_at: InstantText | None
    scheduled_at: InstantText
    created_at: InstantText
    available_at: InstantText
    started_at: InstantText | None
    finished_at: InstantText | None
    attempts_used: int
    starts: int
    rescues: int
    worker_id: NodeId | None
    error: ErrorDocument | None
    result: Any
    progress: ProgressDocument | None
    cancel: CancelDocument | None
    root_id: ExecutionId | None
    redrive_of: ExecutionId | None
    redriven_by: ExecutionId | None


class AttemptDocument(TypedDict):
    """One start of an execution; `outcome` null: it is running."""

    start: int
    worker_id: NodeId
    started_at: InstantText
    finished_at: InstantText | None
    outcome: AttemptOutcome | None
    error: ErrorDocument | None


class LogLineDocument(TypedDict):
    """A line the handler logged."""

    at: InstantText
    level: str
    text: str


class ExecutionRecordDocument(ExecutionDocument):
    """All that is kept of an execution: its attempts and its log, each oldest first; `payload` null: the task's own."""

    payload: dict[str, Any] | None
    attempts: list[AttemptDocument]
    log: list[LogLineDocument]


class HeldDocument(TypedDict):
    """Who holds all firing, why and since when."""

    actor: str
    reason: str
    since: InstantText
