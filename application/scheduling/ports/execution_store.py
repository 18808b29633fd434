"""Executions on their way: claimed, kept alive, settled, rescued."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from domain.scheduling.change import Change
from domain.scheduling.events import ExecutionRescued, TaskStopped
from domain.scheduling.execution import AttemptOutcome, CancelRequest, ErrorReport, Execution, ExecutionState
from domain.scheduling.identifiers import ClaimToken, ExecutionId, NodeId, TaskId
from domain.scheduling.outcome import Outcome
from domain.scheduling.task import Definition
from domain.scheduling.work import Work

HELD_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Claim:
    """An execution this worker owns: its token, and the definition of the version it was fired from.

    `execution.payload_json` overrides the definition's. `execution.fence` rises with every claim of the store.
    `message_id` is its message in the stream of its type, which tells no claim from another; None: the store has no
    streams.
    """

    execution: Execution
    definition: Definition
    token: ClaimToken
    message_id: str | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an attempt has come; `total` None: unknown."""

    done: int
    total: int | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line the handler logged."""

    at: datetime
    level: str
    text: str


@dataclass(frozen=True, slots=True)
class Beat:
    """A sign of life of one held attempt, with what it has to tell since the last one."""

    execution_id: ExecutionId
    token: ClaimToken
    progress: Progress | None = None
    log: tuple[LogLine, ...] = ()


@dataclass(frozen=True, slots=True)
class HeartbeatAnswer:
    """Which of the named tokens are no longer good, and which executions are to stop."""

    lost: frozenset[ClaimToken]
    cancelled: frozenset[ClaimToken]


@dataclass(frozen=True, slots=True)
class Settlement:
    """The end of a held attempt, with the rest of its log."""

    execution_id: ExecutionId
    token: ClaimToken
    outcome: Outcome
    progress: Progress | None = None
    log: tuple[LogLine, ...] = ()


@dataclass(frozen=True, slots=True)
class Settled:
    """Accepted, now or before: the state the attempt led to, and its outcome and error as they went on record.

    They may be others than its worker told: who goes on too often has failed, who was asked to stop is cancelled.

    Only the step itself tells the rest: `cancel`, who had asked for it, if the execution ended cancelled; `stopped`, if
    the task was stopped by this end. A repeated settling answers with neither.
    """

    state: ExecutionState
    outcome: AttemptOutcome
    error: ErrorReport | None = None
    cancel: CancelRequest | None = None
    stopped: TaskStopped | None = None


@dataclass(frozen=True, slots=True)
class Lost:
    """Unchanged: the token is not, and never ended, an attempt of this execution."""


SettleAnswer = Settled | Lost


@dataclass(frozen=True, slots=True)
class Released:
    """How many retries became pending, and when the next wait ends (None: nothing waits)."""

    moved: int
    next_at: datetime | None


@dataclass(frozen=True, slots=True)
class Held:
    """A running execution as an observer sees it: `beat` moves with every heartbeat that names its token."""

    execution_id: ExecutionId
    token: ClaimToken
    worker_id: NodeId
    beat: int


@dataclass(frozen=True, slots=True)
class Rescued:
    """An execution that was taken from its holder, the state that led to, and its task, if that was stopped by it."""

    event: ExecutionRescued
    stopped: TaskStopped | None = None


@dataclass(frozen=True, slots=True)
class Expired:
    """An execution of this task was given up, and the task itself, if it was stopped by that."""

    task_id: TaskId
    stopped: TaskStopped | None = None


@dataclass(frozen=True, slots=True)
class CancelAnswer:
    """The state after the asking: cancelled, or running and asked to stop, or final as before.

    `task_id` and `task_name` say whose execution it is if the asking changed something; else they are None and empty.
    """

    state: ExecutionState
    task_id: TaskId | None = None
    task_name: str = ""


def settled(after: Work, execution_id: ExecutionId, before: Work) -> Settled:
    """What a store answers of an end that led from `before` to `after`."""
    execution, ended = after.executions[execution_id], after.ended[-1]
    cancel = execution.cancel if execution.state is ExecutionState.CANCELLED else None
    return Settled(execution.state, ended.outcome, ended.error, cancel, after.stopped(before))


def rescued(after: Work, held: Held, before: Work) -> Rescued:
    """What a store answers of a rescue that led from `before` to `after`."""
    task, state = after.task, after.executions[held.execution_id].state
    event = ExecutionRescued(held.execution_id, task.id, task.definition.name, held.worker_id, state)
    return Rescued(event, after.stopped(before))


class ExecutionStore(Protocol):
    """Executions on their way. Each method is one atomic step per item, whole or not at all, also when cancelled.

    Every method raises StoreUnavailableError when the backend does not answer; the call may be repeated: a claim
    whose answer was lost is rescued like any other whose token is never named.

    An execution ends whether or not its task can be read: settle, rescue and cancel do to it what they do to any
    other. Of a task that cannot be read only `open` and `open_seq` move; nothing is counted, and nothing completes it.
    """

    async def claim(
        self,
        worker_id: NodeId,
        tokens: Sequence[ClaimToken],
        *,
        task_types: Sequence[str] | None = None,
        isolated: bool = False,
    ) -> Sequence[Claim]:
        """Take pending executions, longest available first, one for each token; start them.

        Those that were put back because their handler is unknown wait until their `available_at`; the others wait for
        no clock, so one that is set back keeps nothing from running.
        `task_types` None: of any type. `isolated`: suspects only (`Execution.is_suspect`), for a process that runs one
        at a time; otherwise no suspect, so that nobody dies with it. Answers fewer than asked when there are fewer.
        Never retry_wait. What an earlier attempt told of its progress is forgotten.
        """

    async def is_suspect_pending(self) -> bool:
        """Tell whether an `isolated` claim would find something; asked often, and as cheap when others wait."""

    async def heartbeat(self, worker_id: NodeId, beats: Sequence[Beat]) -> HeartbeatAnswer:
        """Keep these claims alive, and store what they tell."""

    async def settle(self, settlements: Sequence[Settlement]) -> Sequence[SettleAnswer]:
        """End these attempts if they are running and held by their tokens; see `Work.settle` for where each leads.

        Repeated with the token of an attempt that was settled, it answers as before and changes nothing.
        """

    async def release_due(self, limit: int) -> Released:
        """Make at most `limit` retries pending whose wait is over, longest waiting first."""

    async def expire_unknown(self, limit: int) -> Sequence[Expired]:
        """End at most `limit` pending executions dead (`unknown_handler`), longest unknown first; return whose.

        Those that were put back first UNKNOWN_HANDLER_PATIENCE ago or earlier because nobody has their handler; no
        worker needs to be there for it.
        """

    async def held(self) -> Sequence[Held]:
        """Return the running executions, at most HELD_MAX, for an observer who looks for tokens that fell silent."""

    async def rescue(self, silent: Sequence[Held]) -> Sequence[Rescued]:
        """Take these from their holders, if token and beat are still as seen; return what was taken, in their order."""

    async def rescue_worker(self, worker_id: NodeId) -> Sequence[Rescued]:
        """Take everything from a worker that is known to be dead; return what was taken, longest available first."""

    async def cancel(self, execution_id: ExecutionId, change: Change) -> CancelAnswer | None:
        """End it, or ask it to stop if it runs; None: there is no such execution.

        The change goes on record if it changed something: not for one that has ended or was asked before. It does so
        without its idempotency key if that is known already: a key stays with the change that was first to bear it.
        """
