"""The stores as those who dispatch and claim see them: while all firing is held, there is nothing to do.

They are given these in place of the real ones, so that no way to fire or to start something can forget the switch. What
they read before it was thrown is not committed either: it is refused as if somebody else had come first, which it is.
Whoever changes tasks, settles or rescues has the real ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from application.scheduling.ports.execution_store import (
    Beat,
    CancelAnswer,
    Claim,
    ExecutionStore,
    Expired,
    HeartbeatAnswer,
    Held,
    Released,
    Rescued,
    SettleAnswer,
    Settlement,
)
from application.scheduling.ports.task_store import (
    CommitAnswer,
    Decision,
    KeyReused,
    Moved,
    MutateAnswer,
    Place,
    Replayed,
    TaskStore,
    Unreadable,
)
from application.scheduling.services.watch_hold import WatchHold
from domain.scheduling.change import Change
from domain.scheduling.identifiers import ClaimToken, ExecutionId, NodeId, TaskId
from domain.scheduling.mutation import Mutation
from domain.scheduling.sharing import Share
from domain.scheduling.task import ScheduledTask


@dataclass(frozen=True, slots=True)
class WithheldTasks:
    """`TaskStore` in which nothing is due, and nothing moves, while all firing is held."""

    tasks: TaskStore
    watch: WatchHold

    async def due(
        self, share: Share, *, until: datetime, limit: int, after: Place | None = None
    ) -> Sequence[ScheduledTask | Unreadable]:
        """See the port."""
        if await self.watch.current():
            return ()
        return await self.tasks.due(share, until=until, limit=limit, after=after)

    async def next_look_at(self, share: Share) -> datetime | None:
        """See the port."""
        return None if await self.watch.current() else await self.tasks.next_look_at(share)

    async def commit_firings(self, decisions: Sequence[Decision]) -> Sequence[CommitAnswer]:
        """See the port."""
        return (
            [Moved() for _ in decisions] if await self.watch.current() else await self.tasks.commit_firings(decisions)
        )

    async def mutate(self, mutations: Sequence[Mutation]) -> Sequence[MutateAnswer]:
        """See the port."""
        return [Moved() for _ in mutations] if await self.watch.current() else await self.tasks.mutate(mutations)

    async def get(self, task_id: TaskId) -> ScheduledTask | Unreadable | None:
        """See the port."""
        return await self.tasks.get(task_id)

    async def deleted(self, task_id: TaskId) -> ScheduledTask | Unreadable | None:
        """See the port."""
        return await self.tasks.deleted(task_id)

    async def find(self, name: str) -> ScheduledTask | Unreadable | None:
        """See the port."""
        return await self.tasks.find(name)

    async def scan(self, *, after: TaskId | None, limit: int) -> Sequence[ScheduledTask | Unreadable]:
        """See the port."""
        return await self.tasks.scan(after=after, limit=limit)

    async def replay(self, idempotency_key: str, body_hash: str) -> Replayed | KeyReused | None:
        """See the port."""
        return await self.tasks.replay(idempotency_key, body_hash)

    async def tzdata(self) -> str | None:
        """See the port."""
        return await self.tasks.tzdata()

    async def keep_tzdata(self, version: str) -> None:
        """See the port."""
        await self.tasks.keep_tzdata(version)


@dataclass(frozen=True, slots=True)
class WithheldExecutions:
    """`ExecutionStore` in which nothing can be claimed, and no wait ends, while all firing is held."""

    executions: ExecutionStore
    watch: WatchHold

    async def claim(
        self,
        worker_id: NodeId,
        tokens: Sequence[ClaimToken],
        *,
        task_types: Sequence[str] | None = None,
        isolated: bool = False,
    ) -> Sequence[Claim]:
        """See the port."""
        if await self.watch.current():
            return ()
        return await self.executions.claim(worker_id, tokens, task_types=task_types, isolated=isolated)

    async def is_suspect_pending(self) -> bool:
        """See the port."""
        return not await self.watch.current() and await self.executions.is_suspect_pending()

    async def release_due(self, limit: int) -> Released:
        """See the port."""
        return Released(0, None) if await self.watch.current() else await self.executions.release_due(limit)

    async def expire_unknown(self, limit: int) -> Sequence[Expired]:
        """See the port. What no worker may claim expires for no want of one."""
        return () if await self.watch.current() else await self.executions.expire_unknown(limit)

    async def heartbeat(self, worker_id: NodeId, beats: Sequence[Beat]) -> HeartbeatAnswer:
        """See the port."""
        return await self.executions.heartbeat(worker_id, beats)

    async def settle(self, settlements: Sequence[Settlement]) -> Sequence[SettleAnswer]:
        """See the port."""
        return await self.executions.settle(settlements)

    async def held(self) -> Sequence[Held]:
        """See the port."""
        return await self.executions.held()

    async def rescue(self, silent: Sequence[Held]) -> Sequence[Rescued]:
        """See the port."""
        return await self.executions.rescue(silent)

    async def rescue_worker(self, worker_id: NodeId) -> Sequence[Rescued]:
        """See the port."""
        return await self.executions.rescue_worker(worker_id)

    async def cancel(self, execution_id: ExecutionId, change: Change) -> CancelAnswer | None:
        """See the port."""
        return await self.executions.cancel(execution_id, change)
