"""The heartbeat of a worker: it keeps claims alive and hears what became of them.

It runs in a thread with a store connection of its own, so that a handler which blocks the worker's event loop loses
neither its claim nor those of its neighbours, and so that its time-out is settled although the loop can't. A loop that
is not going to come back it stands in for: plain functions go on in their threads, and their ends are settled here.
"""

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from datetime import timedelta

from application.scheduling.ports.clock import Clock
from application.scheduling.ports.execution_store import ExecutionStore, Settled
from application.scheduling.ports.observer import Observer
from application.scheduling.services.attempt import Attempt, LiveAttempts, mark_stuck
from application.scheduling.services.rescue_stuck import LEASE
from application.scheduling.services.run_execution import outcome_unheard
from application.scheduling.services.settle_execution import Ended, settle_all, settled_event
from domain.scheduling.execution import ErrorReport
from domain.scheduling.identifiers import ClaimToken, NodeId
from domain.scheduling.outcome import Failed

BEAT_EVERY = timedelta(seconds=1)
OVERDUE_AFTER = timedelta(seconds=7)


@dataclass(slots=True)
class KeepClaims:
    """One call for all attempts of a worker. `stuck` collects the tokens of those it had to settle itself."""

    executions: ExecutionStore
    live: LiveAttempts
    clock: Clock
    worker_id: NodeId
    stuck: set[ClaimToken]
    observer: Observer | None = None
    lease: timedelta = LEASE
    _named_at: float | None = None

    async def run_once(self) -> None:
        """Name every claim; lose those that are lost, stop those that are to stop, settle those long overdue."""
        started = self.clock.monotonic()
        # A lost claim is named no more: whoever looks after it must see it fall silent.
        attempts = {attempt.token: attempt for attempt in self.live.all() if not attempt.is_lost}
        if not attempts or self._named_at is None:
            self._named_at = started
        if not attempts:
            return
        beats = [attempt.beat() for attempt in attempts.values()]
        try:
            answer = await self.executions.heartbeat(self.worker_id, beats)
        except BaseException:
            for attempt, beat in zip(attempts.values(), beats, strict=True):
                attempt.unsent(beat)
            self._lose_if_silent_too_long(attempts.values(), since=self._named_at)
            raise
        # From the start of the call: the store may have heard it that early and not a moment later.
        self._named_at = started
        for token in answer.lost & attempts.keys():
            attempts[token].lose()
        for token in answer.cancelled & attempts.keys():
            attempts[token].ask_to_stop()
        await self._settle_overdue(attempts.values())

    async def stand_in(self, in_threads: Set[ClaimToken]) -> bool:
        """Settle what has ended, hand back what only the event loop could go on with, leave `in_threads` to go on.

        For an event loop that is held by code which was given up. True while anything goes on in a thread.
        """
        now = self.clock.monotonic()
        # Looked at before the attempts: what has left a thread since then has ended.
        going_on = {*in_threads} - self.stuck
        cut_off = [
            Ended(each, outcome_unheard(each), timedelta(seconds=now - each.deadline) + _timeout(each))
            for each in self.live.all()
            if each.token not in going_on and not each.is_lost and each.token not in self.stuck
        ]
        await self._settle(cut_off)
        return bool(going_on)

    def _lose_if_silent_too_long(self, attempts: Iterable[Attempt], *, since: float) -> None:
        """Stop working on claims that others may take before we can name them again (River's trust window)."""
        if self.clock.monotonic() - since > self.lease.total_seconds() * 3 / 4:
            for attempt in attempts:
                attempt.lose()

    async def _settle_overdue(self, attempts: Iterable[Attempt]) -> None:
        """Time out what the event loop did not, because code that never yields holds it."""
        now = self.clock.monotonic()
        overdue = [
            Ended(each, self._timed_out(each), timedelta(seconds=now - each.deadline) + _timeout(each))
            for each in attempts
            if each.deadline + OVERDUE_AFTER.total_seconds() < now and not self._is_looked_after(each)
        ]
        await self._settle(overdue)
        for ended in overdue:
            mark_stuck(self.stuck, ended.attempt)

    async def _settle(self, ended: Sequence[Ended]) -> None:
        if not ended:
            return
        answers = await settle_all(self.executions, ended)
        for each, answer in zip(ended, answers, strict=True):
            each.attempt.give_up()
            if self.observer is not None and isinstance(answer, Settled):
                self.observer.observe(settled_event(each, answer.state))

    def _is_looked_after(self, attempt: Attempt) -> bool:
        """True if its end is known, though perhaps not settled yet, or nobody waits for it any more."""
        return attempt.is_over or attempt.is_lost or attempt.token in self.stuck

    def _timed_out(self, attempt: Attempt) -> Failed:
        retry = attempt.claim.definition.policy.retry
        error = ErrorReport("timeout", f"it ran longer than {_timeout(attempt)} and did not stop")
        then = retry.decide(attempt.execution_id, attempts_used=attempt.attempt, failed_at=self.clock.now())
        return Failed(error, then, timed_out=True)


def _timeout(attempt: Attempt) -> timedelta:
    return attempt.claim.definition.policy.timeout
