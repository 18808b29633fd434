"""The heartbeat of a worker: it keeps claims alive and hears what became of them.

It runs in a thread with a store connection of its own, so that a handler which blocks the worker's event loop loses
neither its claim nor those of its neighbours, and so that its time-out is settled although the loop can't.
"""

from dataclasses import dataclass, field
from datetime import timedelta

from application.scheduling.ports.clock import Clock
from application.scheduling.ports.errors import StoreUnavailableError
from application.scheduling.ports.execution_store import ExecutionStore, Settlement
from application.scheduling.services.attempt import Attempt, LiveAttempts
from application.scheduling.services.rescue_stuck import LEASE
from domain.scheduling.execution import ErrorReport
from domain.scheduling.identifiers import ClaimToken, NodeId
from domain.scheduling.outcome import Failed

BEAT_EVERY = timedelta(seconds=1)
OVERDUE_AFTER = timedelta(seconds=10)


@dataclass(slots=True)
class KeepClaims:
    """One call for all attempts of a worker. `stuck` collects the tokens of those it had to settle itself."""

    executions: ExecutionStore
    live: LiveAttempts
    clock: Clock
    worker_id: NodeId
    stuck: set[ClaimToken]
    lease: timedelta = LEASE
    _named_at: float | None = field(default=None)

    async def run_once(self) -> None:
        """Name every claim; lose those that are lost, stop those that are to stop, settle those long overdue."""
        started = self.clock.monotonic()
        attempts = {attempt.token: attempt for attempt in self.live.all()}
        if not attempts:
            self._named_at = started
            return
        beats = [attempt.beat() for attempt in attempts.values()]
        try:
            answer = await self.executions.heartbeat(self.worker_id, beats)
        except StoreUnavailableError:
            for attempt, beat in zip(attempts.values(), beats, strict=True):
                attempt.unsent(beat)
            self._lose_if_silent_too_long(attempts)
            raise
        # From the start of the call: the store may have heard it that early and not a moment later.
        self._named_at = started
        for token in answer.lost & attempts.keys():
            attempts[token].lose()
        for token in answer.cancelled & attempts.keys():
            attempts[token].ask_to_stop()
        await self._settle_overdue(attempts)

    def _lose_if_silent_too_long(self, attempts: dict[ClaimToken, Attempt]) -> None:
        """Stop working on claims that others may take before we can name them again (River's trust window)."""
        silent = self.clock.monotonic() - (self._named_at or self.clock.monotonic())
        if silent > self.lease.total_seconds() * 3 / 4:
            for attempt in attempts.values():
                attempt.lose()

    async def _settle_overdue(self, attempts: dict[ClaimToken, Attempt]) -> None:
        limit = self.clock.monotonic() - OVERDUE_AFTER.total_seconds()
        overdue = [each for each in attempts.values() if each.deadline < limit and each.token not in self.stuck]
        if overdue:
            await self.executions.settle([self._timed_out(attempt) for attempt in overdue])
        for attempt in overdue:
            self.stuck.add(attempt.token)
            attempt.lose()

    def _timed_out(self, attempt: Attempt) -> Settlement:
        policy = attempt.claim.definition.policy
        error = ErrorReport("timeout", f"it ran longer than {policy.timeout} and did not stop")
        then = policy.retry.decide(attempt.execution_id, attempts_used=attempt.attempt, failed_at=self.clock.now())
        return Settlement(attempt.execution_id, attempt.token, Failed(error, then, timed_out=True))
