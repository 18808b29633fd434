"""One attempt while it runs: what its handler sees of it, and what the heartbeat carries of it.

The handler may run in a thread, the heartbeat always does, so every change here happens under one lock.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from threading import Event, Lock

from application.scheduling import json_text
from application.scheduling.ports.clock import Clock
from application.scheduling.ports.execution_store import Beat, Claim, Progress
from application.scheduling.processors import RunCancelledError
from application.scheduling.services.attempt_log import AttemptLog
from domain.scheduling.identifiers import ClaimToken, ExecutionId, TaskId
from domain.scheduling.outcome import Outcome

NOTE_CHARACTERS_MAX = 200
COUNT_MAX = 2**63 - 1


@dataclass(slots=True)
class Attempt:
    """The handler's `Run`, and the worker's handle on it."""

    claim: Claim
    clock: Clock
    deadline: float
    log: AttemptLog = field(init=False)
    _cancelled: Event = field(default_factory=Event)
    _lost: Event = field(default_factory=Event)
    _hurried: Event = field(default_factory=Event)
    _over: Event = field(default_factory=Event)
    _given_up: Event = field(default_factory=Event)
    _ended: Outcome | BaseException | None = None
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

    @property
    def is_hurried(self) -> bool:
        """True if it was told to stop because its time is over, or the worker is leaving."""
        return self._hurried.is_set()

    @property
    def is_given_up(self) -> bool:
        """True if the heartbeat settled it in its stead."""
        return self._given_up.is_set()

    @property
    def ended(self) -> Outcome | BaseException | None:
        """How the handler ended, or the error it ended with; None while code of it runs."""
        return self._ended

    @property
    def is_over(self) -> bool:
        """True once no code of the handler runs any more, though its end may not be settled yet."""
        return self._over.is_set()

    def checkpoint(self) -> None:
        """See Run; also when its time is over or the worker is leaving."""
        if self.is_cancelled or self.is_lost or self.is_hurried:
            raise RunCancelledError("the execution was asked to stop")

    def progress(self, done: int, total: int | None = None, note: str = "") -> None:
        """See Run. Counts beyond what a store can keep are kept as the largest it can."""
        progress = Progress(_count(done), None if total is None else _count(total), _note(note))
        with self._lock:
            self._progress = progress

    def interruptible(self, interrupt: Callable[[], None] | None) -> None:
        """What stops the handler from outside, callable from any thread, called at most once; None: nothing does."""
        with self._lock:
            self._interrupt = interrupt
        if self.is_cancelled or self.is_lost:
            self._stop()

    def ask_to_stop(self) -> None:
        """Somebody cancelled the execution. Asking again does nothing: it would disturb the handler's cleaning up."""
        self._cancelled.set()
        self._stop()

    def hurry(self) -> None:
        """Its time is over, or the worker is leaving: the next checkpoint ends it."""
        self._hurried.set()

    def lose(self) -> None:
        """The claim is no longer ours."""
        self._lost.set()
        self._stop()

    def give_up(self) -> None:
        """The heartbeat settled it: what its code still does, or the event loop still hears of it, is nothing."""
        self._given_up.set()
        self.lose()

    def end(self, ended: Outcome | BaseException) -> None:
        """The last code of the handler has returned, or there never was any."""
        self._ended = ended
        self._over.set()

    def beat(self) -> Beat:
        """A sign of life with what happened since the last one."""
        with self._lock:
            progress, self._progress = self._progress, None
        return Beat(self.execution_id, self.token, progress, self.log.taken())

    def unsent(self, beat: Beat) -> None:
        """Put back what could not be delivered."""
        with self._lock:
            self._progress = self._progress or beat.progress
        self.log.put_back(beat.log)

    def _stop(self) -> None:
        with self._lock:
            interrupt, self._interrupt = self._interrupt, None
        if interrupt is not None:
            interrupt()


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


def mark_stuck(stuck: set[ClaimToken], attempt: Attempt) -> None:
    """Its code was told to stop and goes on in this process; `unmark_stuck` follows when it ends after all."""
    stuck.add(attempt.token)
    # It may have ended, in another thread, between the caller's look and the mark.
    if attempt.is_over:
        stuck.discard(attempt.token)


def unmark_stuck(stuck: set[ClaimToken], attempt: Attempt, ended: Outcome | BaseException) -> None:
    """The code of the attempt has ended, whether anybody had given it up or not."""
    attempt.end(ended)
    stuck.discard(attempt.token)


def _count(given: int) -> int:
    return min(max(int(given), 0), COUNT_MAX)


def _note(given: str) -> str:
    return json_text.storable(str(given)[:NOTE_CHARACTERS_MAX])
