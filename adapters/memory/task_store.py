"""`TaskStore` in memory."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from adapters.memory.state import State
from application.scheduling.ports.records import ChangeRecord
from application.scheduling.ports.task_store import (
    PAYLOAD_LEFT_OUT,
    Applied,
    CommitAnswer,
    Committed,
    Decision,
    KeyReused,
    Moved,
    MutateAnswer,
    NameTaken,
    Place,
    Replayed,
    TooEarly,
    Unreadable,
    loses_payload,
)
from domain.scheduling.firing import Firing
from domain.scheduling.identifiers import TaskId
from domain.scheduling.mutation import Mutation
from domain.scheduling.sharing import TAKEOVER_AFTER, Share
from domain.scheduling.standing import Standing
from domain.scheduling.task import Quarantine, ScheduledTask
from domain.scheduling.work import Work


@dataclass(frozen=True, slots=True)
class MemoryTaskStore:
    """`TaskStore` over the shared state."""

    state: State

    async def due(
        self, share: Share, *, until: datetime, limit: int, after: Place | None = None
    ) -> Sequence[ScheduledTask | Unreadable]:
        """See the port."""
        now = self.state.now()
        found = [
            Place(look_at, task.id)
            for task, look_at in self._looked_at()
            if look_at <= until and (_is_in(task, share) or look_at + TAKEOVER_AFTER <= now)
        ]
        due = self._read(
            task_id for _, task_id in sorted(each for each in found if after is None or each > after)[:limit]
        )
        return [each if isinstance(each, Unreadable) else _without_payload(each) for each in due]

    async def next_look_at(self, share: Share) -> datetime | None:
        """See the port."""
        self.state.now()
        return min((look_at for task, look_at in self._looked_at() if _is_in(task, share)), default=None)

    async def get(self, task_id: TaskId) -> ScheduledTask | Unreadable | None:
        """See the port."""
        self.state.now()
        return self.state.task(task_id)

    async def deleted(self, task_id: TaskId) -> ScheduledTask | Unreadable | None:
        """See the port."""
        self.state.now()
        return self.state.deleted_task(task_id)

    async def find(self, name: str) -> ScheduledTask | Unreadable | None:
        """See the port."""
        self.state.now()
        holder = self._holder(name)
        return None if holder is None else self.state.task(holder)

    async def scan(self, *, after: TaskId | None, limit: int) -> Sequence[ScheduledTask | Unreadable]:
        """See the port."""
        self.state.now()
        ids = sorted(each.id for each in self._living() if after is None or each.id > after)
        return self._read(ids[:limit])

    async def commit_firings(self, decisions: Sequence[Decision]) -> Sequence[CommitAnswer]:
        """See the port."""
        now = self.state.now()
        return [self._commit(decision, now) for decision in decisions]

    async def mutate(self, mutations: Sequence[Mutation]) -> Sequence[MutateAnswer]:
        """See the port."""
        now = self.state.now()
        return [self._mutate(mutation, now) for mutation in mutations]

    async def replay(self, idempotency_key: str, body_hash: str) -> Replayed | KeyReused | None:
        """See the port."""
        self.state.now()
        return self._replay(idempotency_key, body_hash)

    async def tzdata(self) -> str | None:
        """See the port."""
        self.state.now()
        return self.state.tzdata

    async def keep_tzdata(self, version: str) -> None:
        """See the port."""
        self.state.now()
        self.state.tzdata = version

    def _living(self) -> Iterator[ScheduledTask]:
        return (kept.task for kept in self.state.tasks.values() if kept.task.deleted_at is None)

    def _looked_at(self) -> Iterator[tuple[ScheduledTask, datetime]]:
        return ((task, look_at) for task in self._living() if (look_at := task.look_at) is not None)

    def _read(self, task_ids: Iterable[TaskId]) -> list[ScheduledTask | Unreadable]:
        return [task for task in map(self.state.task, task_ids) if task is not None]

    def _holder(self, name: str) -> TaskId | None:
        return next((task.id for task in self._living() if task.definition.name == name), None)

    def _commit(self, decision: Decision, now: datetime) -> CommitAnswer:
        match decision.verdict, decision.task:
            case Quarantine() as quarantine, read:
                return self._quarantine(read, quarantine)
            case firing, ScheduledTask() as read:
                return self._fire(read, firing, now)
            case _:
                raise AssertionError("a task that cannot be read cannot be decided")

    def _quarantine(self, read: ScheduledTask | Unreadable, quarantine: Quarantine) -> CommitAnswer:
        kept = self.state.tasks.get(read.task_id if isinstance(read, Unreadable) else read.id)
        known = read if isinstance(read, ScheduledTask) else None
        if kept is None or not Standing.of(kept.task).allows_quarantine(known):
            return Moved()
        kept.task = replace(kept.task, quarantine=quarantine)
        self.state.journal.tell(kept.task.id)
        return Committed()

    def _fire(self, read: ScheduledTask, firing: Firing, now: datetime) -> CommitAnswer:
        kept = self.state.tasks.get(read.id)
        if kept is None or kept.error is not None or not Standing.of(kept.task).allows_firing(read):
            return Moved()
        if firing.good_until is not None and firing.good_until <= now:
            return Moved()
        if firing.decided_at > now:
            return TooEarly(firing.decided_at - now)
        work = self.state.work(read.id).commit(firing, now)
        self.state.write(work, now)
        self.state.pass_over(read.id, firing.skips)
        return Committed(tuple(sorted(work.created)))

    def _mutate(self, mutation: Mutation, now: datetime) -> MutateAnswer:
        assert not loses_payload(mutation), "what was found due came without its payload"
        known = self._done_before(mutation)
        if known is not None:
            return known
        task_id = mutation.after.id
        stored = self.state.tasks.get(task_id)
        if stored is not None and stored.error is not None:
            return Moved()
        if not mutation.holds_for(stored.task if stored else None):
            return Moved()
        if mutation.good_until is not None and mutation.good_until <= now:
            return Moved()
        if mutation.change.at > now:
            return TooEarly(mutation.change.at - now)
        holder = self._holder(mutation.after.definition.name)
        if holder is not None and holder != task_id:
            return NameTaken(holder)
        work = mutation.apply(self.state.work(task_id) if stored else Work(mutation.after))
        self.state.write(work, mutation.change.at)
        self.state.pass_over(task_id, mutation.skips)
        execution_id = mutation.runs[0].id if mutation.runs else None
        self.state.record(ChangeRecord(mutation.change, task_id, work.task.version, execution_id))
        return Applied(self.state.work(task_id).task, execution_id)

    def _done_before(self, mutation: Mutation) -> Replayed | KeyReused | None:
        """What the idempotency key answers, or, without one, the key of an execution that is to be created."""
        change = mutation.change
        known = None if change.idempotency_key is None else self._replay(change.idempotency_key, change.body_hash)
        if known is not None:
            return known
        named = (self.state.execution_of(run.task_id, run.kind, run.key) for run in mutation.runs)
        return next((Replayed(there.task_id, there.version, there.id) for there in named if there is not None), None)

    def _replay(self, idempotency_key: str, body_hash: str) -> Replayed | KeyReused | None:
        known = self.state.changes_by_key.get(idempotency_key)
        if known is None:
            return None
        if known.change.body_hash != body_hash:
            return KeyReused(known.change)
        return Replayed(known.task_id, known.version, known.execution_id)


def _is_in(task: ScheduledTask, share: Share) -> bool:
    return share.is_everything or task.bucket in share.buckets


def _without_payload(task: ScheduledTask) -> ScheduledTask:
    return replace(task, definition=replace(task.definition, payload_json=PAYLOAD_LEFT_OUT))
