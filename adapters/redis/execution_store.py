"""`ExecutionStore` in one Redis."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from adapters.records.packing import UNREADABLE, Row, at_or_none, pack_error, pack_progress
from adapters.records.steps import settle
from adapters.redis.codec import payload_of, unpack_definition, unpack_execution
from adapters.redis.open_work import OpenWork, Verdict
from adapters.redis.script import script
from adapters.redis.server import Reply, Server
from adapters.redis.units import Reading, lines_of
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
    Settled,
    Settlement,
    rescued,
)
from application.scheduling.ports.records import ChangeRecord
from domain.scheduling.change import Change
from domain.scheduling.events import ExecutionRescued
from domain.scheduling.execution import AttemptOutcome, CancelRequest, ErrorReport, ExecutionState
from domain.scheduling.identifiers import MICROSECOND, ClaimToken, ExecutionId, NodeId, TaskId
from domain.scheduling.outcome import Succeeded
from domain.scheduling.work import UNKNOWN_HANDLER_PATIENCE

BATCH_MAX = 500
"""How many executions go in one call; a call keeps every other client waiting."""
TASK_GONE = ErrorReport(
    "task_gone", "its worker fell silent, and its task, which tells what follows, is not in the store"
)
_PER_CLAIM = 3
_SUCCEEDED = Settled(ExecutionState.SUCCEEDED, AttemptOutcome.SUCCEEDED)


@dataclass(frozen=True, slots=True)
class RedisExecutionStore:
    """`ExecutionStore` over the scripts of the store.

    What ends work or keeps it alive is written even when the server's memory is full: it is what frees it.
    """

    server: Server

    async def claim(
        self,
        worker_id: NodeId,
        tokens: Sequence[ClaimToken],
        *,
        task_types: Sequence[str] | None = None,
        isolated: bool = False,
    ) -> Sequence[Claim]:
        """See the port. Executions available since the same instant come by id."""
        if not tokens:
            return []
        types = False if task_types is None else list(task_types)
        request = [worker_id, list(tokens)[:BATCH_MAX], types, isolated]
        reply = await self.server.call(script("claim", in_full_memory=True), request)
        claims = [_claim(reply, place, execution_id) for place, execution_id in enumerate(reply.answer)]
        broken = [each for each in claims if isinstance(each, str)]
        if broken:
            await self.server.call(script("put_aside", in_full_memory=True), broken)
        return [each for each in claims if isinstance(each, Claim)]

    async def is_suspect_pending(self) -> bool:
        """See the port. One that cannot be read is none."""
        return bool((await self.server.call(script("pending", only_reads=True), ["suspects"])).answer)

    async def heartbeat(self, worker_id: NodeId, beats: Sequence[Beat]) -> HeartbeatAnswer:  # noqa: ARG002 - the token says it all here
        """See the port."""
        if not beats:
            return HeartbeatAnswer(frozenset(), frozenset())
        request = [
            [each.execution_id, each.token, pack_progress(each.progress) or False, lines_of(each.log)] for each in beats
        ]
        lost, cancelled = (await self.server.call(script("heartbeat", in_full_memory=True), request)).answer
        return HeartbeatAnswer(
            frozenset(beats[place - 1].token for place in lost),
            frozenset(beats[place - 1].token for place in cancelled),
        )

    async def settle(self, settlements: Sequence[Settlement]) -> Sequence[SettleAnswer]:
        """See the port. What cannot be read, an execution or the end of an attempt, is lost."""
        answers = list[SettleAnswer]()
        for first in range(0, len(settlements), BATCH_MAX):
            answers += await self._settle(settlements[first : first + BATCH_MAX])
        return answers

    async def release_due(self, limit: int) -> Released:
        """See the port."""
        reply = await self.server.call(script("release", in_full_memory=True), limit)
        moved, next_at = reply.answer
        return Released(moved, at_or_none(next_at or None))

    async def expire_unknown(self, limit: int) -> Sequence[Expired]:
        """See the port. One whose own row cannot be read stays until it is mended."""
        patience = UNKNOWN_HANDLER_PATIENCE // MICROSECOND
        ids = (await self.server.call(script("pending", only_reads=True), ["unknown", patience, limit])).answer
        work = OpenWork(self.server)
        expired = await work.carry_out(ids, work.of_executions, _expire, in_full_memory=True)
        return [each for each in expired if each is not None]

    async def held(self) -> Sequence[Held]:
        """See the port."""
        return await self._held()

    async def rescue(self, silent: Sequence[Held]) -> Sequence[Rescued]:
        """See the port."""
        work, taken = OpenWork(self.server), list[Rescued]()

        async def read(batch: Sequence[Held]) -> Reading:
            return await work.of_executions([each.execution_id for each in batch])

        for first in range(0, len(silent), BATCH_MAX):
            batch = silent[first : first + BATCH_MAX]
            answers = await work.carry_out(batch, read, _rescue, in_full_memory=True)
            if any(answer is None for answer in answers):
                buried = await self._bury(batch)
                answers = [answer or alone for answer, alone in zip(answers, buried, strict=True)]
            taken += [each for each in answers if each is not None]
        return taken

    async def rescue_worker(self, worker_id: NodeId) -> Sequence[Rescued]:
        """See the port."""
        return await self.rescue(await self._held(worker_id))

    async def cancel(self, execution_id: ExecutionId, change: Change) -> CancelAnswer | None:
        """See the port. A change goes on record only if it changed something."""
        work = OpenWork(self.server)
        keys = [] if change.idempotency_key is None else [change.idempotency_key]

        async def read(_: Sequence[ExecutionId]) -> Reading:
            return await work.of_executions([execution_id], keys)

        def decide(reading: Reading, _: ExecutionId) -> Verdict[CancelAnswer | None]:
            return _cancel(reading, execution_id, change)

        (answer,) = await work.carry_out([execution_id], read, decide, in_full_memory=True)
        return answer

    async def _settle(self, batch: Sequence[Settlement]) -> list[SettleAnswer]:
        """Settle what the script of plain ends can, then all others as the domain decides."""
        is_plain = await self._settle_plain(batch)
        others = [each for each, is_settled in zip(batch, is_plain, strict=True) if not is_settled]
        if not others:
            return [_SUCCEEDED] * len(batch)
        work = OpenWork(self.server)

        async def read(left: Sequence[Settlement]) -> Reading:
            return await work.of_executions([each.execution_id for each in left])

        found = iter(await work.carry_out(others, read, _settle, in_full_memory=True))
        return [_SUCCEEDED if is_settled else next(found) for is_settled in is_plain]

    async def _settle_plain(self, batch: Sequence[Settlement]) -> Sequence[bool]:
        if not any(isinstance(each.outcome, Succeeded) for each in batch):
            return [False] * len(batch)
        request = [_settlement_row(each) for each in batch]
        is_plain: Sequence[bool] = (await self.server.call(script("settle", in_full_memory=True), request)).answer
        return is_plain

    async def _bury(self, batch: Sequence[Held]) -> list[Rescued | None]:
        """End those whose tasks are gone; None for all others."""
        request = [[[each.execution_id, each.token, each.beat] for each in batch], pack_error(TASK_GONE)]
        found = (await self.server.call(script("bury", in_full_memory=True), request)).answer
        return [_buried(each, *ended) if ended else None for each, ended in zip(batch, found, strict=True)]

    async def _held(self, worker_id: NodeId | None = None) -> list[Held]:
        reply = await self.server.call(script("held", only_reads=True), [HELD_MAX, worker_id or False])
        return [Held(*each) for each in reply.answer]


def _claim(reply: Reply, place: int, execution_id: ExecutionId) -> Claim | ExecutionId:
    """A claim of a reply; the id of the execution if it or what it runs cannot be read."""
    record, definition, payload = reply.readings[_PER_CLAIM * place : _PER_CLAIM * (place + 1)]
    try:
        execution, _, message_id = unpack_execution(record)
        assert execution.token is not None, "a claim has a token"
        return Claim(execution, unpack_definition(definition, payload_of(payload)), execution.token, message_id)
    except UNREADABLE:
        return execution_id


def _settlement_row(settlement: Settlement) -> Row:
    """An end as settle.lua takes it: of one that is no success it needs to know no more than that."""
    result = settlement.outcome.result_json if isinstance(settlement.outcome, Succeeded) else None
    return (
        settlement.execution_id,
        settlement.token,
        isinstance(settlement.outcome, Succeeded),
        False if result is None else result,
        pack_progress(settlement.progress) or False,
        lines_of(settlement.log),
    )


def _settle(reading: Reading, settlement: Settlement) -> Verdict[SettleAnswer]:
    """End an attempt that runs and is held by its token; otherwise answer as when it was settled."""
    answer = settle(reading.steps, reading.ends, settlement, reading.now)
    if answer is None:
        return reading.ends.get((settlement.execution_id, settlement.token), Lost()), None
    task_id = reading.steps.homes[settlement.execution_id]
    reading.told.setdefault(task_id, []).append(settlement)
    return answer, task_id


def _expire(reading: Reading, execution_id: ExecutionId) -> Verdict[Expired | None]:
    work = reading.steps.holder_of(execution_id)
    execution = work.executions[execution_id] if work else None
    if work is None or execution is None or execution.state is not ExecutionState.PENDING:
        return None, None
    if execution.unknown_since is None or reading.now - execution.unknown_since < UNKNOWN_HANDLER_PATIENCE:
        return None, None
    after = work.expire(execution_id, reading.now)
    reading.steps.put(after)
    return Expired(after.task.id, after.stopped(work)), after.task.id


def _rescue(reading: Reading, seen: Held) -> Verdict[Rescued | None]:
    """Take an execution whose token and heartbeat are still as they were seen."""
    work = reading.steps.holder_of(seen.execution_id)
    execution = work.executions[seen.execution_id] if work else None
    if work is None or execution is None or execution.state is not ExecutionState.RUNNING:
        return None, None
    if execution.token != seen.token or reading.beats.get(seen.execution_id) != seen.beat:
        return None, None
    after = work.rescue(seen.execution_id, reading.now)
    reading.steps.put(after)
    expected = reading.expected.setdefault(after.task.id, [])
    expected.append(["beats", seen.execution_id, seen.beat])
    return rescued(after, seen, work), after.task.id


def _buried(seen: Held, task_id: TaskId, state: str) -> Rescued:
    return Rescued(ExecutionRescued(seen.execution_id, task_id, "", seen.worker_id, ExecutionState(state)))


def _cancel(reading: Reading, execution_id: ExecutionId, change: Change) -> Verdict[CancelAnswer | None]:
    asked = reading.asked.get(execution_id)
    if asked is None:
        return None, None
    work = reading.steps.holder_of(execution_id)
    if work is None or work.executions[execution_id].cancel is not None:
        return CancelAnswer(asked.state), None
    after = work.cancel((execution_id,), CancelRequest(reading.now, change.actor, change.reason))
    reading.steps.put(after)
    task_id, key = after.task.id, change.idempotency_key
    if key is not None and key in reading.done:
        change = replace(change, idempotency_key=None)
    elif key is not None:
        reading.expected.setdefault(task_id, []).append(["keys", key, False])
    reading.steps.record(ChangeRecord(change, task_id, after.task.version, execution_id))
    return CancelAnswer(after.executions[execution_id].state, task_id, after.task.definition.name), task_id
