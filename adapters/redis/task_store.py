"""`TaskStore` in one Redis."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from adapters.records.packing import at_or_none
from adapters.records.steps import replayed
from adapters.redis.firings import Firings
from adapters.redis.mutations import Mutations
from adapters.redis.open_work import OpenWork
from adapters.redis.reading import tasks_of
from adapters.redis.script import script
from adapters.redis.server import Reply, Server
from application.scheduling.ports.task_store import (
    CommitAnswer,
    Decision,
    KeyReused,
    MutateAnswer,
    Place,
    Replayed,
    Unreadable,
)
from domain.scheduling.identifiers import MICROSECOND, TaskId, microseconds
from domain.scheduling.mutation import Mutation
from domain.scheduling.sharing import TAKEOVER_AFTER, Share
from domain.scheduling.task import ScheduledTask

_TAKEOVER_US = TAKEOVER_AFTER // MICROSECOND
_REMEMBERED_MAX = 50_000


@dataclass(slots=True)
class RedisTaskStore:
    """`TaskStore` over the scripts of the store.

    What was read as due is committed only in the generation in which it was read.
    """

    server: Server
    # Of what was read as due last, which may be decided long before it is committed.
    _read_in: dict[TaskId, int] = field(default_factory=dict, init=False)

    async def due(
        self, share: Share, *, until: datetime, limit: int, after: Place | None = None
    ) -> Sequence[ScheduledTask | Unreadable]:
        """See the port."""
        buckets = False if share.is_everything else sorted(share.buckets)
        behind = after is not None and [microseconds(after.look_at), after.task_id]
        reply = await self.server.call(
            script("due", only_reads=True), [microseconds(until), limit, buckets, _TAKEOVER_US, behind]
        )
        found = _found(reply, with_payload=False)
        if len(self._read_in) > _REMEMBERED_MAX:
            self._read_in.clear()
        self._read_in |= dict.fromkeys(map(_id_of, found), reply.generation)
        return found

    async def next_look_at(self, share: Share) -> datetime | None:
        """See the port."""
        buckets = False if share.is_everything else sorted(share.buckets)
        return at_or_none((await self.server.call(script("look", only_reads=True), buckets)).answer or None)

    async def get(self, task_id: TaskId) -> ScheduledTask | Unreadable | None:
        """See the port."""
        return await self._one("living", task_id)

    async def deleted(self, task_id: TaskId) -> ScheduledTask | Unreadable | None:
        """See the port."""
        return await self._one("deleted", task_id)

    async def find(self, name: str) -> ScheduledTask | Unreadable | None:
        """See the port."""
        return await self._one("name", name)

    async def scan(self, *, after: TaskId | None, limit: int) -> Sequence[ScheduledTask | Unreadable]:
        """See the port."""
        return _found(await self.server.call(script("find", only_reads=True), ["after", after or "", limit]))

    async def commit_firings(self, decisions: Sequence[Decision]) -> Sequence[CommitAnswer]:
        """See the port. One call a batch; what ends with a firing is decided on a reading of its own."""
        # If some were read before a fail-over, all have moved: those that have not are read again.
        generations = [self._read_in[each.task_id] for each in decisions if each.task_id in self._read_in]
        return await Firings(self.server).commit(decisions, min(generations, default=None))

    async def mutate(self, mutations: Sequence[Mutation]) -> Sequence[MutateAnswer]:
        """See the port."""
        return await Mutations(self.server).carry_out(mutations)

    async def replay(self, idempotency_key: str, body_hash: str) -> Replayed | KeyReused | None:
        """See the port."""
        reading = await OpenWork(self.server).of_executions([], [idempotency_key])
        return replayed(reading.done.get(idempotency_key), body_hash)

    async def tzdata(self) -> str | None:
        """See the port."""
        kept: str | None = (await self.server.call(script("zone_data", only_reads=True))).answer or None
        return kept

    async def keep_tzdata(self, version: str) -> None:
        """See the port."""
        await self.server.call(script("zone_data", in_full_memory=True), version)

    async def _one(self, *sign: str) -> ScheduledTask | Unreadable | None:
        return next(iter(_found(await self.server.call(script("find", only_reads=True), sign))), None)


def _id_of(found: ScheduledTask | Unreadable) -> TaskId:
    return found.id if isinstance(found, ScheduledTask) else found.task_id


def _found(reply: Reply, *, with_payload: bool = True) -> list[ScheduledTask | Unreadable]:
    ids, opens = reply.answer
    return list(tasks_of(reply, ids, opens, with_payload=with_payload))
