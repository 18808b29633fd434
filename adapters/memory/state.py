"""What the memory store keeps, in plain dictionaries that its ports share.

Nothing here awaits, so each port method is one atomic step. A task is read with its open executions, a step of the
domain's `Work` decides, and `write` stores what it changed: the rules themselves stand in the domain.
"""

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime

from adapters.memory.chain import Chain
from adapters.memory.journal import Journal
from application.scheduling.ports.clock import Clock
from application.scheduling.ports.errors import StoreUnavailableError
from application.scheduling.ports.execution_store import LogLine, Progress, Settled
from application.scheduling.ports.hold import Hold
from application.scheduling.ports.membership import Member
from application.scheduling.ports.records import AttemptRecord, ChangeRecord
from application.scheduling.ports.task_store import Unreadable
from domain.scheduling.execution import AttemptOutcome, Execution, ExecutionKind, ExecutionState
from domain.scheduling.finish import Finish, finishes
from domain.scheduling.identifiers import ClaimToken, ExecutionId, NodeId, TaskId
from domain.scheduling.task import Definition, OpenExecution, ScheduledTask, Skip, TaskStatus
from domain.scheduling.work import EndedAttempt, Work


@dataclass(frozen=True, slots=True)
class KeptAttempt:
    """An attempt with its token; `led_to` is the state its settling answered, None if it was not settled."""

    record: AttemptRecord
    token: ClaimToken
    led_to: ExecutionState | None = None

    def settled(self) -> Settled | None:
        """What its settling answers when it is repeated; None if it was not settled."""
        if self.led_to is None or self.record.outcome is None:
            return None
        return Settled(self.led_to, self.record.outcome, self.record.error)


@dataclass(slots=True)
class KeptExecution:
    """An execution with all that is kept of it; `beat` counts the heartbeats of its present claim."""

    execution: Execution
    beat: int = 0
    progress: Progress | None = None
    attempts: list[KeptAttempt] = field(default_factory=list)
    log: list[LogLine] = field(default_factory=list)

    def is_held_by(self, token: ClaimToken) -> bool:
        """True if it is running and `token` is its claim."""
        return self.execution.state is ExecutionState.RUNNING and self.execution.token == token

    def tell(self, progress: Progress | None, log: tuple[LogLine, ...]) -> None:
        """Keep what its holder has to tell."""
        self.progress = progress or self.progress
        self.log.extend(log)


@dataclass(slots=True)
class KeptTask:
    """A task with its Skips; `error`, set by tests alone, says why its row cannot be read."""

    task: ScheduledTask
    skips: dict[datetime, Skip] = field(default_factory=dict)
    error: str | None = None


@dataclass(slots=True)
class KeptVersion:
    """A definition, the change that made it a version, and since when another one is in its place."""

    definition: Definition
    made_by: ChangeRecord
    superseded_at: datetime | None = None


@dataclass(slots=True)
class State:
    """Everything, for as long as the process lives. While not `available`, every call fails as without a server."""

    clock: Clock
    tasks: dict[TaskId, KeptTask] = field(default_factory=dict)
    executions: dict[ExecutionId, KeptExecution] = field(default_factory=dict)
    open_ids: set[ExecutionId] = field(default_factory=set)
    # The audit trail and the versions outlive the tasks they tell of; by idempotency key it says what was done before.
    versions: dict[TaskId, dict[int, KeptVersion]] = field(default_factory=dict)
    changes: list[ChangeRecord] = field(default_factory=list)
    changes_made: int = 0
    changes_by_key: dict[str, ChangeRecord] = field(default_factory=dict)
    finished: Counter[Finish] = field(default_factory=Counter)
    journal: Journal = field(default_factory=Journal)
    chain: Chain = field(default_factory=Chain)
    members: dict[NodeId, tuple[Member, datetime]] = field(default_factory=dict)
    hold: Hold | None = None
    # How many stores this one has been; a claim's fence counts within one.
    generation: int = 1
    claims_made: int = 0
    tzdata: str | None = None
    available: bool = True

    def now(self) -> datetime:
        """The store's clock; every port method asks it first. Raises StoreUnavailableError."""
        if not self.available:
            raise StoreUnavailableError("the memory store is closed")
        return self.clock.now()

    def task(self, task_id: TaskId) -> ScheduledTask | Unreadable | None:
        """The task with its open executions as they are now; None if there is none or it is deleted."""
        kept = self.tasks.get(task_id)
        return None if kept is None or kept.task.deleted_at is not None else self._read(kept)

    def deleted_task(self, task_id: TaskId) -> ScheduledTask | Unreadable | None:
        """The task if it is deleted, with what is open of it."""
        kept = self.tasks.get(task_id)
        return None if kept is None or kept.task.deleted_at is None else self._read(kept)

    def work(self, task_id: TaskId) -> Work:
        """The task, deleted or not, and its open executions, for a step to decide on.

        In place of a task that cannot be read stands one that is completed, which no end of an execution changes.
        """
        kept = self.tasks[task_id]
        task = kept.task if kept.error is None else replace(kept.task, status=TaskStatus.COMPLETED)
        return Work.of(self._with_open(task), (self.executions[each.id].execution for each in task.open))

    def write(self, work: Work, at: datetime) -> None:
        """Store what a step has changed; of a task that cannot be read, only what is open."""
        kept, task = self.tasks.setdefault(work.task.id, KeptTask(work.task)), work.task
        kept.task = task if kept.error is None else replace(kept.task, open=task.open, open_seq=task.open_seq)
        self.journal.tell(task.id)
        for execution_id in sorted(work.created | work.changed):
            self.put(work.executions[execution_id])
        self.finished.update(finishes(work))
        for ended in work.ended:
            self._end(ended, work.executions[ended.execution_id].state, at)

    def put(self, execution: Execution) -> None:
        """Store one execution as it is now."""
        kept = self.executions.setdefault(execution.id, KeptExecution(execution))
        kept.execution = execution
        self.journal.tell(execution.task_id, execution.id)
        (self.open_ids.add if execution.is_open else self.open_ids.discard)(execution.id)

    def pass_over(self, task_id: TaskId, skips: tuple[Skip, ...]) -> None:
        """Keep these Skips; one that begins where another did has grown out of it and replaces it."""
        self.tasks[task_id].skips.update((skip.first_at, skip) for skip in skips)

    def record(self, record: ChangeRecord) -> None:
        """Keep a change: on the audit trail, with the definition it made, and under its idempotency key."""
        self.changes.append(record)
        self.changes_made += 1
        versions = self.versions.setdefault(record.task_id, {})
        if record.version not in versions:
            self.supersede(record.task_id)
            versions[record.version] = KeptVersion(self.tasks[record.task_id].task.definition, record)
        if record.change.idempotency_key is not None:
            self.changes_by_key.setdefault(record.change.idempotency_key, record)

    def definition(self, execution: Execution) -> Definition:
        """The definition in the version that this execution runs."""
        return self.versions[execution.task_id][execution.version].definition

    def supersede(self, task_id: TaskId) -> None:
        """From now on, the last version of the task is that of no task any more."""
        for kept in self.versions[task_id].values():
            kept.superseded_at = kept.superseded_at or self.clock.now()

    def execution_of(self, task_id: TaskId, kind: ExecutionKind, key: str) -> Execution | None:
        """The one execution of this task, kind and key, or None."""
        name = (task_id, kind, key)
        kept = (each.execution for each in self.executions.values())
        return next((each for each in kept if (each.task_id, each.kind, each.key) == name), None)

    def open_executions(self, *states: ExecutionState) -> list[KeptExecution]:
        """The executions in these open states, longest available first."""
        found = (self.executions[each] for each in self.open_ids)
        return sorted(
            (kept for kept in found if kept.execution.state in states),
            key=lambda kept: (kept.execution.available_at, kept.execution.id),
        )

    def _read(self, kept: KeptTask) -> ScheduledTask | Unreadable:
        return Unreadable(kept.task.id, kept.error) if kept.error is not None else self._with_open(kept.task)

    def _with_open(self, task: ScheduledTask) -> ScheduledTask:
        # A claim or a released retry moves an execution's state without touching its task.
        executions = (self.executions[each.id].execution for each in sorted(task.open, key=lambda each: each.id))
        return task.with_open(*(OpenExecution(each.id, each.kind, each.state) for each in executions))

    def _end(self, ended: EndedAttempt, led_to: ExecutionState, at: datetime) -> None:
        attempts = self.executions[ended.execution_id].attempts
        index = next(index for index, each in enumerate(attempts) if each.record.start == ended.start)
        kept = attempts[index]
        record = replace(kept.record, finished_at=at, outcome=ended.outcome, error=ended.error)
        # A late holder must learn that its rescued claim is lost, so only what it settled itself is answered again.
        settled = ended.outcome is not AttemptOutcome.RESCUED
        attempts[index] = replace(kept, record=record, led_to=led_to if settled else None)
