"""What is on record: executions with their attempts, changes, versions, and the evidence about a span of time."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from application.scheduling.ports.execution_store import LogLine, Progress
from application.scheduling.ports.task_store import Unreadable
from domain.scheduling.change import OF_EXECUTIONS, Change, ChangeAction
from domain.scheduling.execution import AttemptOutcome, ErrorReport, Execution
from domain.scheduling.identifiers import ExecutionId, NodeId, TaskId
from domain.scheduling.task import Definition, ScheduledTask, Skip

EVIDENCE_MAX = 200
"""How many records of a kind stand in the `Evidence` of one question."""
EXECUTION_ACTIONS = OF_EXECUTIONS - {ChangeAction.BACKFILL}
"""The changes that are about one execution; a backfill is about several, of which its record names the first."""


@dataclass(frozen=True, slots=True)
class ExecutionSummary:
    """An execution in a list, with the name and type its task has now ("" if the task is gone).

    `redriven_by` is the execution that was asked for in place of this dead one.
    """

    execution: Execution
    task_name: str
    task_type: str
    progress: Progress | None = None
    redriven_by: ExecutionId | None = None


@dataclass(frozen=True, slots=True)
class AttemptRecord:
    """One start of an execution; `outcome` None: it is running."""

    start: int
    worker_id: NodeId
    started_at: datetime
    finished_at: datetime | None
    outcome: AttemptOutcome | None
    error: ErrorReport | None


@dataclass(frozen=True, slots=True)
class ExecutionRecord:
    """All that is kept of an execution: its attempts and its log, each oldest first."""

    summary: ExecutionSummary
    attempts: tuple[AttemptRecord, ...]
    log: tuple[LogLine, ...]


@dataclass(frozen=True, slots=True)
class ChangeRecord:
    """A change on record, with the version of the task after it."""

    change: Change
    task_id: TaskId
    version: int
    execution_id: ExecutionId | None


@dataclass(frozen=True, slots=True)
class ExecutionEvidence:
    """An execution with its attempts, oldest first, and how far the last of them has come."""

    execution: Execution
    attempts: tuple[AttemptRecord, ...]
    progress: Progress | None

    @property
    def begun(self) -> tuple[AttemptRecord, ...]:
        """The attempts in which it began to run: not those of workers that had no handler for it."""
        return tuple(each for each in self.attempts if each.outcome is not AttemptOutcome.UNKNOWN_HANDLER)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is on record about a task, deleted or not, around a span of time; `now` is the store's clock.

    `executions` ascend by id, `skips` by instant, `changes` from the oldest. `versions` are definitions without their
    payloads. `is_cut` says that the span has more executions or Skips than are here. Executions and Skips of instants
    up to `forgotten_until` may have been forgotten before they were old, because there were too many of them.
    """

    now: datetime
    task: ScheduledTask | Unreadable
    executions: tuple[ExecutionEvidence, ...]
    skips: tuple[Skip, ...]
    changes: tuple[ChangeRecord, ...]
    versions: Mapping[int, Definition]
    is_cut: bool = False
    forgotten_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class VersionRecord:
    """A version of a task that is on record.

    `made_by` is the change that made it; None: that is older than the changes kept. `redefines` is False if the version
    before has the same definition: its change moved something else, the status perhaps.
    """

    task_id: TaskId
    version: int
    definition: Definition
    made_by: Change | None
    redefines: bool
