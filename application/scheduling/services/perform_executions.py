"""What a worker does all day: claim as much as it has hands for, run it, and settle what has ended."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from application.scheduling.ports.clock import Clock, Entropy
from application.scheduling.ports.execution_store import Claim, ExecutionStore
from application.scheduling.ports.observer import Observer
from application.scheduling.services.attempt import Attempt, Hurry
from application.scheduling.services.live_attempts import LiveAttempts
from application.scheduling.services.rescue_stuck import LEASE, trusted
from application.scheduling.services.run_execution import Call, RunExecution
from application.scheduling.services.settle_execution import SettleExecution
from domain.scheduling.events import ClaimLost, ExecutionIsolated, ExecutionStarted, HandlerMissing
from domain.scheduling.identifiers import ClaimToken, NodeId
from domain.scheduling.outcome import HandedBack

SETTLE_MAX = 500


@dataclass(slots=True)
class PerformExecutions:
    """Keeps up to `concurrency` handlers going. Its passes run in one event loop; `live` is shared with the heartbeat.

    `isolated`: claims suspects alone, and only with empty hands, so that one at most ends with this process.
    `something_ended` and `hands_free` wake the two passes.
    """

    executions: ExecutionStore
    run_execution: RunExecution
    settle_execution: SettleExecution
    clock: Clock
    entropy: Entropy
    observer: Observer
    worker_id: NodeId
    concurrency: int
    isolated: bool = False
    lease: timedelta = LEASE
    live: LiveAttempts = field(default_factory=LiveAttempts)
    something_ended: asyncio.Event = field(default_factory=asyncio.Event)
    hands_free: asyncio.Event = field(default_factory=asyncio.Event)
    _calls: dict[ClaimToken, Call] = field(default_factory=dict)
    _is_leaving: bool = False

    @property
    def is_stuck(self) -> bool:
        """True if code that was told to stop still occupies this process, which should then be replaced."""
        return bool(self.live.stuck())

    async def claim_once(self, group: asyncio.TaskGroup) -> bool:
        """Claim for every free hand and start what was claimed as tasks of `group`; True if there may be more.

        If the answer comes when little is left of the lease, as no heartbeat named the claims meanwhile, nothing is
        started: it is handed back, as it may be about to run elsewhere.
        """
        # What has ended but is not settled yet fills up to as many places again: a silent store stops the claiming.
        ended_max = 0 if self.isolated else self.concurrency
        free = min(self.concurrency - len(self._calls), self.concurrency + ended_max - len(self.live))
        if free <= 0:
            return False
        tokens = [ClaimToken(self.entropy.token()) for _ in range(free)]
        asked = self.clock.monotonic()
        claims = await self.executions.claim(self.worker_id, tokens, isolated=self.isolated)
        is_late = self.clock.monotonic() - asked > trusted(self.lease)
        for claim in claims:
            if is_late or self._is_leaving:
                self._hand_back(claim)
            else:
                self._start(claim, group)
        return len(claims) == free

    async def settle_once(self) -> bool:
        """Settle what has ended; True if there is more. Raises StoreUnavailableError, and will try again."""
        ended = [each.ended for each in self.live.all() if each.ended is not None]
        if not ended:
            return False
        await self.settle_execution.settle(ended[:SETTLE_MAX], self.live)
        self.hands_free.set()
        return len(ended) > SETTLE_MAX

    def leave(self) -> None:
        """Make what runs stop and hand back, and start nothing any more: this process is about to end."""
        self._is_leaving = True
        for call in tuple(self._calls.values()):
            call.stop(Hurry.LEAVING)

    def _hand_back(self, claim: Claim) -> None:
        attempt = Attempt(claim, self.clock, deadline=self.clock.monotonic())
        attempt.end(HandedBack())
        attempt.conclude()
        self.live.add(attempt)
        self.something_ended.set()

    def _start(self, claim: Claim, group: asyncio.TaskGroup) -> None:
        timeout = claim.definition.policy.timeout.total_seconds()
        attempt = Attempt(claim, self.clock, self.clock.monotonic() + timeout)
        self.live.add(attempt)
        call = self.run_execution.begin(attempt, group, self._over)
        self._calls[attempt.token] = call
        # It runs as soon as this is over.
        if call.handler is None:
            self.observer.observe(_missing(attempt))
            return
        if self.isolated:
            rescues = claim.execution.rescues
            self.observer.observe(ExecutionIsolated(attempt.execution_id, attempt.task_name, rescues))
        self.observer.observe(_started(attempt, self.clock.now()))

    def _over(self, attempt: Attempt) -> None:
        del self._calls[attempt.token]
        # One that the heartbeat settled is held no longer and no news.
        if attempt.is_lost and self.live.remove(attempt.token):
            self.observer.observe(ClaimLost(attempt.execution_id, attempt.task_name))
        self.something_ended.set()
        self.hands_free.set()


def _started(attempt: Attempt, now: datetime) -> ExecutionStarted:
    definition, execution = attempt.claim.definition, attempt.claim.execution
    since = execution.unknown_since
    return ExecutionStarted(
        execution_id=attempt.execution_id,
        task_id=attempt.task_id,
        task_name=attempt.task_name,
        task_type=definition.task_type,
        attempt=attempt.attempt,
        waited=now - execution.available_at,
        handler_name=definition.handler_name,
        put_back_for=None if since is None else now - since,
    )


def _missing(attempt: Attempt) -> HandlerMissing:
    definition = attempt.claim.definition
    return HandlerMissing(
        execution_id=attempt.execution_id,
        task_id=attempt.task_id,
        task_name=attempt.task_name,
        task_type=definition.task_type,
        handler_name=definition.handler_name,
    )
