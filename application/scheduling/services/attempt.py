"""One attempt while it runs: what its handler sees of it, and what the heartbeat carries of it.

The handler may run in a thread, the heartbeat always does, so every change here happens under one lock.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from threading import Event, Lock

from application.scheduling.ports.clock import Clock
from application.scheduling.ports.execution_store import Beat, Claim, LogLine, Progress
from application.scheduling.processors import RunCancelledError
from domain.scheduling.identifiers import ClaimToken, ExecutionId, TaskId

LINE_CHARACTERS_MAX = 2_000
LINES_WAITING_MAX = 1_000


@dataclass(slots=True)
class Attempt:
    """The handler's `Run`, and the worker's handle on it."""

    claim: Claim
    clock: Clock
    deadline: float
    log: "AttemptLog" = field(init=False)
    _cancelled: Event = field(default_factory=Event)
    _lost: Event = field(default_factory=Event)
    _interrupt: Callable[[], None] | None = None
    _progress: Progress | None = None
    _lock: Lock = field(default_factory=Lock)

    def __post_init__(self) -> None:
        self.log = AttemptLog(self.clock)

    @property
    def token(self) -> ClaimToken:
        """The claim's."""
        return self.claim.token

    @property
    def execution_id(self) -> ExecutionId:
        """See Run."""
        return self.claim.execution.id

    @property
    def task_id(self) -> TaskId:
        """See Run."""
        return self.claim.execution.task_id

    @property
    def task_name(self) -> str:
        """See Run."""
        return self.claim.definition.name

    @property
    def attempt(self) -> int:
        """See Run."""
        return self.claim.execution.attempts_used + 1

    @property
    def scheduled_at(self) -> datetime:
        """See Run."""
        return self.claim.execution.scheduled_at

    @property
    def fence(self) -> int:
        """See Run."""
        return self.claim.execution.fence

    @property
    def payload_json(self) -> str:
        """The payload of this run: the execution's own, or the definition's."""
        own = self.claim.execution.payload_json
        return self.claim.definition.payload_json if own is None else own

    @property
    def is_cancelled(self) -> bool:
        """See Run."""
        return self._cancelled.is_set()

    @property
    def is_lost(self) -> bool:
        """True once the claim belongs to somebody else: whatever the handler does now counts for nothing."""
        return self._lost.is_set()

    def checkpoint(self) -> None:
        """See Run."""
        if self.is_cancelled or self.is_lost:
            raise RunCancelledError("the execution was asked to stop")

    def progress(self, done: int, total: int | None = None, note: str = "") -> None:
        """See Run."""
        with self._lock:
            self._progress = Progress(done, total, note[:200])

    def interruptible(self, interrupt: Callable[[], None] | None) -> None:
        """What stops the handler from outside, callable from any thread; None: nothing does."""
        with self._lock:
            self._interrupt = interrupt
        if self.is_cancelled or self.is_lost:
            self._stop()

    def ask_to_stop(self) -> None:
        """Somebody cancelled the execution."""
        self._cancelled.set()
        self._stop()

    def lose(self) -> None:
        """The claim is no longer ours."""
        self._lost.set()
        self._stop()

    def beat(self) -> Beat:
        """A sign of life with what happened since the last one."""
        with self._lock:
            progress, self._progress = self._progress, None
        return Beat(self.execution_id, self.token, progress, self.log.taken())

    def unsent(self, beat: Beat) -> None:
        """Put back what a heartbeat could not deliver."""
        with self._lock:
            self._progress = self._progress or beat.progress
        self.log.put_back(beat.log)

    def _stop(self) -> None:
        with self._lock:
            interrupt = self._interrupt
        if interrupt is not None:
            interrupt()


@dataclass(slots=True)
class AttemptLog:
    """The lines of one attempt that were not sent yet; beyond LINES_WAITING_MAX they are counted, not kept."""

    clock: Clock
    _lines: list[LogLine] = field(default_factory=list)
    _dropped: int = 0
    _lock: Lock = field(default_factory=Lock)

    def debug(self, text: str, **values: object) -> None:
        """See RunLog."""
        self.write("debug", text, **values)

    def info(self, text: str, **values: object) -> None:
        """See RunLog."""
        self.write("info", text, **values)

    def warning(self, text: str, **values: object) -> None:
        """See RunLog."""
        self.write("warning", text, **values)

    def error(self, text: str, **values: object) -> None:
        """See RunLog."""
        self.write("error", text, **values)

    def write(self, level: str, text: str, **values: object) -> None:
        """A line at a level, its values appended as key=value, shortened to LINE_CHARACTERS_MAX."""
        told = " ".join([str(text), *(f"{name}={value}" for name, value in values.items())])
        line = LogLine(self.clock.now(), level, told[:LINE_CHARACTERS_MAX])
        with self._lock:
            if len(self._lines) < LINES_WAITING_MAX:
                self._lines.append(line)
            else:
                self._dropped += 1

    def taken(self) -> tuple[LogLine, ...]:
        """The waiting lines, which then wait no longer."""
        with self._lock:
            lines, self._lines = self._lines, []
            dropped, self._dropped = self._dropped, 0
        if dropped:
            lines.append(LogLine(self.clock.now(), "warning", f"{dropped} lines were dropped: too many at once"))
        return tuple(lines)

    def put_back(self, lines: tuple[LogLine, ...]) -> None:
        """Let these wait again, before what came since."""
        with self._lock:
            self._lines = [*lines, *self._lines][:LINES_WAITING_MAX]


@dataclass(slots=True)
class LiveAttempts:
    """The attempts this worker holds, from claim to settlement, shared between its loop and its heartbeat thread."""

    _by_token: dict[ClaimToken, Attempt] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def add(self, attempt: Attempt) -> None:
        """It is held from now on."""
        with self._lock:
            self._by_token[attempt.token] = attempt

    def remove(self, token: ClaimToken) -> None:
        """It is held no longer; no error if it was not."""
        with self._lock:
            self._by_token.pop(token, None)

    def all(self) -> tuple[Attempt, ...]:
        """Those held at this moment."""
        with self._lock:
            return tuple(self._by_token.values())

    def __len__(self) -> int:
        with self._lock:
            return len(self._by_token)
