"""One run of an occurrence, and the only table of the states it can pass through (protocol 5)."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from domain.errors import IllegalTransitionError
from domain.scheduling.identifiers import (
    MICROSECOND,
    ClaimToken,
    ExecutionId,
    NodeId,
    TaskId,
    execution_id,
    microseconds,
)


class ExecutionState(StrEnum):
    """Where an execution is in its life."""

    WAITING = "waiting"
    PENDING = "pending"
    RUNNING = "running"
    RETRY_WAIT = "retry_wait"
    SUCCEEDED = "succeeded"
    DEAD = "dead"
    CANCELLED = "cancelled"
    DELIVERED = "delivered"

    @property
    def is_final(self) -> bool:
        """True if nothing leaves this state."""
        return not EDGES[self]


EDGES: dict[ExecutionState, frozenset[ExecutionState]] = {
    ExecutionState.WAITING: frozenset({ExecutionState.PENDING, ExecutionState.CANCELLED}),
    ExecutionState.PENDING: frozenset({ExecutionState.RUNNING, ExecutionState.CANCELLED, ExecutionState.DEAD}),
    ExecutionState.RUNNING: frozenset(
        {
            ExecutionState.SUCCEEDED,
            ExecutionState.RETRY_WAIT,
            ExecutionState.DEAD,
            ExecutionState.CANCELLED,
            ExecutionState.PENDING,
        }
    ),
    ExecutionState.RETRY_WAIT: frozenset({ExecutionState.PENDING, ExecutionState.CANCELLED, ExecutionState.DEAD}),
    ExecutionState.SUCCEEDED: frozenset(),
    ExecutionState.DEAD: frozenset(),
    ExecutionState.CANCELLED: frozenset(),
    ExecutionState.DELIVERED: frozenset(),
}

OPEN_STATES = frozenset(state for state in ExecutionState if not state.is_final)

RESCUES_MAX = 3
ISOLATED_AFTER = 2
"""So many rescues make a suspect. The starts that are left to it before RESCUES_MAX it has to itself."""


class ExecutionKind(StrEnum):
    """What called for an execution: its schedule, a person, an execution before it, or a repair of the past."""

    AUTO = "auto"
    MANUAL = "manual"
    CONTINUATION = "continuation"
    BACKFILL = "backfill"


_REDRIVE = "redrive:"

TASK_KINDS = frozenset({ExecutionKind.AUTO, ExecutionKind.CONTINUATION})
"""The kinds whose death counts towards `fail_after`, and whose end may complete the task."""


class AttemptOutcome(StrEnum):
    """How one attempt ended. The last three use up no attempt: the execution is started again."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    TIMEOUT = "timeout"
    CANCELLED = "cancelled"
    RESCUED = "rescued"
    HANDED_BACK = "handed_back"
    UNKNOWN_HANDLER = "unknown_handler"


@dataclass(frozen=True, slots=True)
class ErrorReport:
    """What went wrong: the class of the error and its text, both bounded and redacted by who reports it."""

    kind: str
    text: str

    @property
    def gist(self) -> str:
        """Kind and last line, which is where a traceback says what happened."""
        lines = self.text.strip().splitlines()
        last = lines[-1].strip() if lines else ""
        return last if last.startswith(self.kind) else f"{self.kind}: {last}".removesuffix(": ")


@dataclass(frozen=True, slots=True)
class CancelRequest:
    """Who asked for an execution to stop, when and why."""

    at: datetime
    actor: str
    reason: str


@dataclass(frozen=True, slots=True)
class Execution:
    """One execution. `attempts_used` counts attempts that ended by themselves, `starts` every claim of it.

    `available_at` is the instant since which a pending one may be claimed (or, if it was put back, from which), or at
    which a waiting retry becomes pending. `root_id` and `number` name the place in a chain of continuations (0: not
    one) that began at `chain_at`.
    """

    id: ExecutionId
    task_id: TaskId
    kind: ExecutionKind
    key: str
    version: int
    state: ExecutionState
    scheduled_at: datetime
    created_at: datetime
    available_at: datetime
    nominal_at: datetime | None = None
    payload_json: str | None = None
    attempts_used: int = 0
    starts: int = 0
    rescues: int = 0
    token: ClaimToken | None = None
    fence: int = 0
    worker_id: NodeId | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    cancel: CancelRequest | None = None
    unknown_since: datetime | None = None
    error: ErrorReport | None = None
    result_json: str | None = None
    root_id: ExecutionId | None = None
    number: int = 0
    chain_at: datetime | None = None

    @property
    def redrive_of(self) -> ExecutionId | None:
        """The dead execution that this one was asked for in place of."""
        if self.kind is not ExecutionKind.MANUAL or not self.key.startswith(_REDRIVE):
            return None
        return ExecutionId(self.key.removeprefix(_REDRIVE))

    @property
    def is_suspect(self) -> bool:
        """True if its workers died so often that it may be what kills them: it runs beside nothing else any more."""
        return self.rescues >= ISOLATED_AFTER

    @property
    def is_open(self) -> bool:
        """True while it is in no final state."""
        return not self.state.is_final

    def to(self, state: ExecutionState, at: datetime) -> "Execution":
        """The execution in a new state; a final one keeps `at` as its end. Raises IllegalTransitionError."""
        self._refuse_all_but_edges(state)
        return replace(self, state=state, finished_at=at if state.is_final else None)

    def claimed(self, worker_id: NodeId, token: ClaimToken, fence: int, at: datetime) -> "Execution":
        """Running, owned by whoever shows `token`."""
        self._refuse_all_but_edges(ExecutionState.RUNNING)
        # At once: workers claim thousands a second.
        return replace(
            self,
            state=ExecutionState.RUNNING,
            finished_at=None,
            token=token,
            fence=fence,
            worker_id=worker_id,
            starts=self.starts + 1,
            started_at=at,
        )

    def released(self, at: datetime) -> "Execution":
        """Pending and claimable from `at`: a retry whose wait is over, or one whose turn has come."""
        return replace(self.to(ExecutionState.PENDING, at), available_at=at)

    def cancelled(self, request: CancelRequest) -> "Execution":
        """Cancelled at once, or, while running, asked to stop; the first request stands."""
        if self.state is not ExecutionState.RUNNING:
            return replace(self.to(ExecutionState.CANCELLED, request.at), cancel=self.cancel or request)
        return replace(self, cancel=self.cancel or request)

    def _refuse_all_but_edges(self, state: ExecutionState) -> None:
        if state not in EDGES[self.state]:
            raise IllegalTransitionError(f"an execution cannot go from {self.state} to {state}")


def automatic(
    task_id: TaskId, version: int, *, nominal_at: datetime, run_at: datetime, at: datetime, state: ExecutionState
) -> Execution:
    """The execution of an occurrence; its key is the nominal instant, so no occurrence can have two."""
    key = str(microseconds(nominal_at))
    return Execution(
        id=execution_id(task_id, ExecutionKind.AUTO, key, nominal_at),
        task_id=task_id,
        kind=ExecutionKind.AUTO,
        key=key,
        version=version,
        state=state,
        scheduled_at=run_at,
        created_at=at,
        available_at=at,
        nominal_at=nominal_at,
        finished_at=at if state.is_final else None,
    )


def manual(task_id: TaskId, version: int, *, key: str, at: datetime, payload_json: str | None) -> Execution:
    """A run somebody asked for, claimable at once; `key` is what makes asking twice harmless."""
    return Execution(
        id=execution_id(task_id, ExecutionKind.MANUAL, key, at),
        task_id=task_id,
        kind=ExecutionKind.MANUAL,
        key=key,
        version=version,
        state=ExecutionState.PENDING,
        scheduled_at=at,
        created_at=at,
        available_at=at,
        payload_json=payload_json,
    )


def redrive_key(dead: ExecutionId) -> str:
    """The key of the one manual execution that may take the place of a dead one."""
    return f"{_REDRIVE}{dead}"


def backfill_key(backfill: str, nominal_at: datetime) -> str:
    """The key of a backfill's execution for one occurrence; `backfill` names the request."""
    return f"{backfill}:{microseconds(nominal_at)}"


def backfilled(
    task_id: TaskId, version: int, *, backfill: str, nominal_at: datetime, at: datetime, place: int
) -> Execution:
    """The execution of an occurrence of the past, claimable at once; `place` is its own among those of `backfill`.

    Executions that are claimable since the same instant are claimed by id, so the id says the place, too.
    """
    key = backfill_key(backfill, nominal_at)
    return Execution(
        id=execution_id(task_id, ExecutionKind.BACKFILL, key, at + place * MICROSECOND),
        task_id=task_id,
        kind=ExecutionKind.BACKFILL,
        key=key,
        version=version,
        state=ExecutionState.PENDING,
        scheduled_at=at,
        created_at=at,
        available_at=at,
        nominal_at=nominal_at,
    )


def continuation(of: Execution, *, at: datetime, after: timedelta) -> Execution:
    """The next piece of work that `of` left unfinished, waiting until `at + after`."""
    root, number = of.root_id or of.id, of.number + 1
    key = f"{root}+{number}"
    return replace(
        of,
        id=execution_id(of.task_id, ExecutionKind.CONTINUATION, key, at),
        kind=ExecutionKind.CONTINUATION,
        key=key,
        state=ExecutionState.RETRY_WAIT,
        created_at=at,
        scheduled_at=at + after,
        available_at=at + after,
        attempts_used=0,
        starts=0,
        rescues=0,
        token=None,
        worker_id=None,
        fence=0,
        started_at=None,
        finished_at=None,
        cancel=None,
        unknown_since=None,
        error=None,
        result_json=None,
        root_id=root,
        number=number,
        chain_at=of.chain_at or of.created_at,
    )
