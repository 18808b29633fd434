"""One attempt while it runs: what its handler sees of it, and what the heartbeat carries of it.

The handler may run in a thread, the heartbeat always does, so every change here happens under one lock.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, auto
from threading import RLock

from application.scheduling import json_text
from application.scheduling.ports.clock import Clock
from application.scheduling.ports.execution_store import Beat, Claim, Progress
from application.scheduling.processors import RunCancelledError
from application.scheduling.services.attempt_log import AttemptLog
from domain.scheduling.execution import ErrorReport
from domain.scheduling.identifiers import ClaimToken, ExecutionId, TaskId
from domain.scheduling.outcome import Failed, HandedBack, Outcome, Stopped
from domain.scheduling.retry import GiveUp
from domain.scheduling.schedule_text import text_of

NOTE_CHARACTERS_MAX = 200
COUNT_MAX = 2**63 - 1


class Hurry(Enum):
    """Why code was told to stop, other than that somebody cancelled its execution."""

    TIMEOUT = auto()
    LEAVING = auto()


@dataclass(frozen=True, slots=True)
class Ended:
    """How an attempt ended, and how long it had taken by then."""

    attempt: "Attempt"
    outcome: Outcome
    took: timedelta


@dataclass(slots=True)
class Attempt:
    """The handler's `Run`, and the worker's handle on it. Two things move in it, and either may move first.

    Its *code* waits for the event loop or runs in it, runs in a thread (`is_in_thread`), and is over at last
    (`is_over`), for good. While it is not although it was given up it is stuck (`is_stuck`) and occupies the process.

    Its *end* is open until `conclude` decides it, once and for good, by what the code has come to, or by why it was
    told to stop. Whoever sees that it is time concludes, event loop or heartbeat; both get the same answer, so both may
    tell the store. From its claim until its end is on record, or the claim is lost, `LiveAttempts` holds the attempt,
    and the worker has work; whether its code goes on has no part in that.
    """

    claim: Claim
    clock: Clock
    deadline: float
    log: AttemptLog = field(init=False)
    began: float = field(init=False)
    _is_cancelled: bool = False
    _is_lost: bool = False
    _is_over: bool = False
    _hurried_by: Hurry | None = None
    _is_in_thread: bool = False
    _is_given_up: bool = False
    _came_to: Outcome | None = None
    _ended: Ended | None = None
    _interrupt: Callable[[], None] | None = None
    _progress: Progress | None = None
    _lock: RLock = field(default_factory=RLock)

    def __post_init__(self) -> None:
        self.log = AttemptLog(self.clock)
        self.began = self.clock.monotonic()

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
    def dispatched_at(self) -> datetime:
        """See Run."""
        return self.claim.execution.available_at

    @property
    def message_id(self) -> str:
        """See Run."""
        return self.claim.message_id or self.execution_id

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
        return self._is_cancelled

    @property
    def is_lost(self) -> bool:
        """True once the claim belongs to somebody else: whatever the handler does now counts for nothing."""
        return self._is_lost

    @property
    def is_in_thread(self) -> bool:
        """True while code of it runs in a thread, and goes on whatever the event loop does."""
        return self._is_in_thread

    @property
    def is_over(self) -> bool:
        """True once no code of the handler runs any more, and none will."""
        return self._is_over

    @property
    def is_stuck(self) -> bool:
        """True while code of it goes on that was told to stop and had its grace."""
        return self._is_given_up and not self.is_over

    @property
    def ended(self) -> Ended | None:
        """Its end; None while that is open."""
        return self._ended

    def checkpoint(self) -> None:
        """See Run; also when its time is over or the worker is leaving."""
        if self.is_cancelled or self.is_lost or self._hurried_by is not None:
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
        self._is_cancelled = True
        self._stop()

    def lose(self) -> None:
        """The claim is no longer ours."""
        self._is_lost = True
        self._stop()

    def hurry(self, why: Hurry) -> None:
        """Tell its code to stop: the next checkpoint ends it. What is over, or was told already, hears nothing."""
        with self._lock:
            if self._hurried_by is None and not self.is_over:
                self._hurried_by = why

    def give_up(self) -> None:
        """It was told to stop and had its grace: from now on it is stuck, unless it is over."""
        self._is_given_up = True

    def enter_thread(self) -> bool:
        """Code of it begins to run in a thread; False if its end was decided before, so that it must not."""
        with self._lock:
            self._is_in_thread = self._ended is None and not self.is_over
            if not self._is_in_thread:
                self._is_over = True
            return self._is_in_thread

    def leave_thread(self) -> None:
        """Nothing of it runs in the thread any more: the event loop goes on with it, unless it was given up."""
        with self._lock:
            self._is_in_thread = False
            if self._is_given_up:
                self._is_over = True

    def leave_loop(self) -> None:
        """The event loop does not go on with it: what is in no thread is over."""
        with self._lock:
            if not self._is_in_thread:
                self._is_over = True

    def end(self, came_to: Outcome) -> None:
        """The last code of the handler has returned, or there never was any."""
        with self._lock:
            self._came_to = came_to
            self._is_over = True
            self._is_in_thread = False

    def conclude(self) -> Ended:
        """Decide its end by what is known now; whoever comes later gets the same answer."""
        with self._lock:
            if self._ended is None:
                took = timedelta(seconds=self.clock.monotonic() - self.began)
                self._ended = Ended(self, self._outcome(), took)
            return self._ended

    def cut_off(self, *, threads_too: bool) -> Ended | None:
        """Conclude what the event loop does not go on with; None: it goes on in a thread, and its end is open."""
        with self._lock:
            if self._is_in_thread and self._ended is None and not threads_too:
                return None
            self.hurry(Hurry.LEAVING)
            return self.conclude()

    def failed(self, error: ErrorReport, then: GiveUp | None = None, *, timed_out: bool = False) -> Failed:
        """A failure of this attempt; its retry policy says what is next, unless `then` does."""
        retry = self.claim.definition.policy.retry
        decided = then or retry.decide(self.execution_id, attempts_used=self.attempt, failed_at=self.clock.now())
        return Failed(error, decided, timed_out)

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

    def _outcome(self) -> Outcome:
        came_to = self._came_to
        if came_to is not None and not isinstance(came_to, Failed):
            return came_to
        if self.is_cancelled:
            return Stopped()
        if self._hurried_by is Hurry.TIMEOUT:
            text = f"it ran longer than {text_of(self.claim.definition.policy.timeout)}"
            error = ErrorReport("timeout", text if self.is_over else f"{text} and did not stop")
            return self.failed(error, timed_out=True)
        return came_to if came_to is not None and self._hurried_by is None else HandedBack()

    def _stop(self) -> None:
        with self._lock:
            interrupt, self._interrupt = self._interrupt, None
        if interrupt is not None:
            interrupt()


def _count(given: int) -> int:
    return min(max(int(given), 0), COUNT_MAX)


def _note(given: str) -> str:
    return json_text.storable(str(given)[:NOTE_CHARACTERS_MAX])
