"""`ExecutionStore` in memory."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from adapters.memory.state import KeptAttempt, KeptExecution, State
from application.scheduling.ports.execution_store import (
    HELD_MAX,
    Beat,
    CancelAnswer,
    Claim,
    Expired,
    HeartbeatAnswer,
    Held,
    Lost,
    Released,
    Rescued,
    SettleAnswer,
    Settlement,
    rescued,
    settled,
)
from application.scheduling.ports.records import AttemptRecord, ChangeRecord
from domain.scheduling.change import Change
from domain.scheduling.execution import CancelRequest, ExecutionState
from domain.scheduling.identifiers import ClaimToken, ExecutionId, NodeId
from domain.scheduling.work import UNKNOWN_HANDLER_PATIENCE


@dataclass(frozen=True, slots=True)
class MemoryExecutionStore:
    """`ExecutionStore` over the shared state."""

    state: State

    async def claim(
        self,
        worker_id: NodeId,
        tokens: Sequence[ClaimToken],
        *,
        task_types: Sequence[str] | None = None,
        isolated: bool = False,
    ) -> Sequence[Claim]:
        """See the port. Executions available since the same instant come by id."""
        now = self.state.now()
        claimable = [
            kept
            for kept in self._claimable(now, isolated=isolated)
            if task_types is None or self.state.definition(kept.execution).task_type in task_types
        ]
        return [self._claim(kept, worker_id, token, now) for kept, token in zip(claimable, tokens, strict=False)]

    async def is_suspect_pending(self) -> bool:
        """See the port."""
        return bool(self._claimable(self.state.now(), isolated=True))

    async def heartbeat(self, worker_id: NodeId, beats: Sequence[Beat]) -> HeartbeatAnswer:  # noqa: ARG002
        """See the port. The tokens say who is meant; `worker_id` serves stores that keep their workers apart."""
        self.state.now()
        lost, cancelled = set(), set()
        for beat in beats:
            kept = self.state.executions.get(beat.execution_id)
            if kept is None or not kept.is_held_by(beat.token):
                lost.add(beat.token)
                continue
            kept.beat += 1
            kept.tell(beat.progress, beat.log)
            if beat.progress is not None or beat.log:
                self.state.journal.tell(kept.execution.task_id, kept.execution.id)
            if kept.execution.cancel is not None:
                cancelled.add(beat.token)
        return HeartbeatAnswer(frozenset(lost), frozenset(cancelled))

    async def settle(self, settlements: Sequence[Settlement]) -> Sequence[SettleAnswer]:
        """See the port."""
        now = self.state.now()
        return [self._settle(settlement, now) for settlement in settlements]

    async def release_due(self, limit: int) -> Released:
        """See the port."""
        now = self.state.now()
        waiting = self.state.open_executions(ExecutionState.RETRY_WAIT)
        due = [kept for kept in waiting if kept.execution.available_at <= now][:limit]
        for kept in due:
            kept.execution = kept.execution.released(now)
            self.state.journal.tell(kept.execution.task_id, kept.execution.id)
        left = waiting[len(due) :]
        return Released(len(due), left[0].execution.available_at if left else None)

    async def expire_unknown(self, limit: int) -> Sequence[Expired]:
        """See the port."""
        now = self.state.now()
        due = sorted(
            (kept.execution.unknown_since, kept.execution.id)
            for kept in self.state.open_executions(ExecutionState.PENDING)
            if kept.execution.unknown_since is not None
            and now - kept.execution.unknown_since >= UNKNOWN_HANDLER_PATIENCE
        )[:limit]
        # One after the other: two may be of one task.
        return [self._expire(execution_id, now) for _, execution_id in due]

    async def held(self) -> Sequence[Held]:
        """See the port."""
        self.state.now()
        return [_held(kept) for kept in self.state.open_executions(ExecutionState.RUNNING)[:HELD_MAX]]

    async def rescue(self, silent: Sequence[Held]) -> Sequence[Rescued]:
        """See the port."""
        now = self.state.now()
        return [self._rescue(seen, now) for seen in silent if self._is_as_seen(seen)]

    async def rescue_worker(self, worker_id: NodeId) -> Sequence[Rescued]:
        """See the port."""
        now = self.state.now()
        running = [_held(kept) for kept in self.state.open_executions(ExecutionState.RUNNING)]
        return [self._rescue(held, now) for held in running if held.worker_id == worker_id]

    async def cancel(self, execution_id: ExecutionId, change: Change) -> CancelAnswer | None:
        """See the port. A change goes on record only if it changed something."""
        now = self.state.now()
        kept = self.state.executions.get(execution_id)
        if kept is None:
            return None
        execution = kept.execution
        if not execution.is_open or execution.cancel is not None:
            return CancelAnswer(execution.state)
        request = CancelRequest(now, change.actor, change.reason)
        work = self.state.work(execution.task_id).cancel((execution_id,), request)
        self.state.write(work, now)
        if change.idempotency_key in self.state.changes_by_key:
            change = replace(change, idempotency_key=None)
        self.state.record(ChangeRecord(change, work.task.id, work.task.version, execution_id))
        return CancelAnswer(kept.execution.state, work.task.id, work.task.definition.name)

    def _claimable(self, now: datetime, *, isolated: bool) -> list[KeptExecution]:
        return [
            kept
            for kept in self.state.open_executions(ExecutionState.PENDING)
            if kept.execution.is_suspect == isolated
            and (kept.execution.unknown_since is None or kept.execution.available_at <= now)
        ]

    def _claim(self, kept: KeptExecution, worker_id: NodeId, token: ClaimToken, now: datetime) -> Claim:
        self.state.claims_made += 1
        fence = (self.state.generation << 32) + self.state.claims_made
        execution = kept.execution.claimed(worker_id, token, fence, now)
        kept.execution, kept.beat, kept.progress = execution, 0, None
        self.state.journal.tell(execution.task_id, execution.id)
        record = AttemptRecord(execution.starts, worker_id, now, finished_at=None, outcome=None, error=None)
        kept.attempts.append(KeptAttempt(record, token))
        return Claim(execution, self.state.definition(execution), token)

    def _settle(self, settlement: Settlement, now: datetime) -> SettleAnswer:
        kept = self.state.executions.get(settlement.execution_id)
        if kept is None:
            return Lost()
        if not kept.is_held_by(settlement.token):
            ends = (each.settled() for each in kept.attempts if each.token == settlement.token)
            return next((answer for answer in ends if answer is not None), Lost())
        kept.tell(settlement.progress, settlement.log)
        work = self.state.work(kept.execution.task_id)
        after = work.settle(settlement.execution_id, settlement.outcome, now)
        self.state.write(after, now)
        return settled(after, settlement.execution_id, work)

    def _expire(self, execution_id: ExecutionId, now: datetime) -> Expired:
        work = self.state.work(self.state.executions[execution_id].execution.task_id)
        after = work.expire(execution_id, now)
        self.state.write(after, now)
        return Expired(after.task.id, after.stopped(work))

    def _is_as_seen(self, seen: Held) -> bool:
        kept = self.state.executions.get(seen.execution_id)
        return kept is not None and kept.is_held_by(seen.token) and kept.beat == seen.beat

    def _rescue(self, seen: Held, now: datetime) -> Rescued:
        work = self.state.work(self.state.executions[seen.execution_id].execution.task_id)
        after = work.rescue(seen.execution_id, now)
        self.state.write(after, now)
        return rescued(after, seen, work)


def _held(kept: KeptExecution) -> Held:
    execution = kept.execution
    assert execution.token is not None, "a running execution has a claim"
    assert execution.worker_id is not None, "a claim has a holder"
    return Held(execution.id, execution.token, execution.worker_id, kept.beat)
