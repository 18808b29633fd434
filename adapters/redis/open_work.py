"""Tasks with their open executions, read for the domain's steps to decide on, and what the steps left, written.

A reading and its writing are two calls, and nothing is locked between them: what was read is compared byte by byte as
it is written, task by task, and whatever has moved meanwhile is read and decided again. So the rules stand in the
domain alone, and a lost race costs one more round.
"""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from adapters.records.executions import remembered_change_of
from adapters.records.packing import UNREADABLE, unpack_error
from adapters.records.steps import run_key
from adapters.redis.codec import open_ids, payload_of, stand_in, unpack, unpack_execution, unpack_task
from adapters.redis.script import script
from adapters.redis.server import Reply, Server
from adapters.redis.units import Reading, Record, units_of
from application.scheduling.ports.errors import StoreUnavailableError
from application.scheduling.ports.execution_store import Settled
from application.scheduling.ports.task_store import Replayed, Unreadable
from domain.scheduling.execution import AttemptOutcome, ExecutionState
from domain.scheduling.identifiers import ExecutionId, TaskId, microseconds
from domain.scheduling.mutation import Mutation
from domain.scheduling.task import OpenExecution
from domain.scheduling.work import Work

ROUNDS_MAX = 100
"""How often a step is decided anew. In each round somebody's step is written, so only a flood or a bug gets there."""

Item = TypeVar("Item")
Answer = TypeVar("Answer")
# What becomes of an item, and the task that has to be written for that; None: none has.
Verdict = tuple[Answer, TaskId | None]


@dataclass(frozen=True, slots=True)
class OpenWork:
    """Reading, deciding and writing, in as many rounds as it takes."""

    server: Server

    async def carry_out(
        self,
        items: Sequence[Item],
        read: Callable[[Sequence[Item]], Awaitable[Reading]],
        decide: Callable[[Reading, Item], Verdict[Answer]],
        *,
        supposed: Reading | None = None,
        in_full_memory: bool = False,
    ) -> list[Answer]:
        """Decide each item on what was read and those before it, and write that; the answers in their order.

        With `supposed` they are decided on that first, and nothing is read if it proves to be so as it is written.

        What could not be written is read and decided again, with every item whose answer may rest on it. Raises
        StoreUnavailableError after ROUNDS_MAX.
        """
        answers: dict[int, Answer] = {}
        left = list(range(len(items)))
        for _ in range(ROUNDS_MAX):
            if not left:
                return [answers[place] for place in range(len(items))]
            reading, supposed = supposed or await read([items[place] for place in left]), None
            verdicts = {place: decide(reading, items[place]) for place in left}
            written = await self._write(reading, in_full_memory=in_full_memory)
            is_whole = len(written) == len(reading.steps.touched)
            for place, (answer, task_id) in verdicts.items():
                if is_whole or task_id in written:
                    answers[place] = answer
            left = [place for place in left if place not in answers]
        raise StoreUnavailableError("too many others change the same tasks at this moment")

    async def of_executions(self, ids: Sequence[ExecutionId], keys: Sequence[str] = ()) -> Reading:
        """Read these executions with their attempts and the work of their tasks; those that can't be read are sealed.

        `keys` are idempotency keys that are to be known, too.
        """
        reply = await self.server.call(script("work", only_reads=True), [[], list(ids), [list(keys), [], []], False])
        records = iter(reply.readings)
        reading = _reading(reply, records, with_sealed=True)
        for execution_id, found in zip(ids, reply.answer[1], strict=True):
            if found:
                _add_execution(reading, execution_id, records, attempts=found[0], beats=found[1])
        _add_done(reading, reply, records)
        return reading

    async def of_tasks(self, ids: Sequence[TaskId]) -> Reading:
        """Read the work of these tasks, without payloads; what is missing or cannot be read is left out."""
        reply = await self.server.call(script("work", only_reads=True), [list(ids), [], [[], [], []], False])
        return _reading(reply, iter(reply.readings))

    async def of_mutations(self, mutations: Sequence[Mutation]) -> Reading:
        """Read all that mutations are judged by."""
        ids = list(dict.fromkeys(each.after.id for each in mutations))
        keys = [each.change.idempotency_key for each in mutations if each.change.idempotency_key is not None]
        names = list(dict.fromkeys(each.after.definition.name for each in mutations))
        runs = [run_key(run) for each in mutations for run in each.runs]
        named = [list(dict.fromkeys(keys)), names, ["/".join(run) for run in runs]]
        reply = await self.server.call(script("work", only_reads=True), [ids, [], named, True])
        records = iter(reply.readings)
        reading = _reading(reply, records)
        _add_done(reading, reply, records)
        reading.holders |= {name: holder for name, holder in zip(names, reply.answer[3], strict=True) if holder}
        found = zip(runs, reply.answer[4], strict=True)
        reading.runs |= {run: Replayed(TaskId(run[0]), there[1], there[0]) for run, there in found if there}
        return reading

    async def _write(self, reading: Reading, *, in_full_memory: bool) -> frozenset[TaskId]:
        """Write what the steps left; which tasks were as they had been read, and so were written.

        Raises StoreUnavailableError where something else than a stream stands in the way of a delivery.
        """
        touched = sorted(reading.steps.touched)
        if not touched:
            return frozenset()
        request = (microseconds(reading.now), units_of(reading, touched))
        writing = script("write", in_full_memory=in_full_memory)
        answer = (await self.server.call(writing, request, generation=reading.generation)).answer or ()
        if (key := next((each for each in answer if isinstance(each, str)), None)) is not None:
            raise StoreUnavailableError(
                f"nothing can be delivered to {key}, which is no stream: rename or remove that key"
            )
        return frozenset(task_id for task_id, is_written in zip(touched, answer, strict=False) if is_written)


def _reading(reply: Reply, records: Iterator[bytes], *, with_sealed: bool = False) -> Reading:
    reading = Reading(reply.now, reply.generation)
    for task_id, count in reply.answer[0]:
        state, definition, payload = next(records), next(records), next(records)
        stored = [next(records) for _ in range(count)]
        found = [each for each in map(_record, stored) if each is not None]
        if len(found) < count:
            # Who waits may wait for the one that cannot be read.
            found = [each for each in found if each.execution.state is not ExecutionState.WAITING]
            reading.left_out[task_id] = _left_out(state, stored, found)
        open_ = [(each.execution.id, each.execution.kind, each.execution.state) for each in found]
        task = unpack_task(task_id, state, definition, payload_of(payload), open_)
        if isinstance(task, Unreadable):
            if not with_sealed:
                continue
            reading.sealed.add(task.task_id)
            task = stand_in(state, definition)
            task = task.with_open(*(OpenExecution(*each) for each in open_))
        reading.add(Work.of(task, (each.execution for each in found)), state, found)
    return reading


def _left_out(state: bytes, stored: Sequence[bytes], found: Sequence[Record]) -> list[ExecutionId]:
    decided_on = {each.stored for each in found}
    return [each for each, record in zip(open_ids(state), stored, strict=True) if record and record not in decided_on]


def _record(stored: bytes) -> Record | None:
    try:
        return Record(stored, *unpack_execution(stored))
    except UNREADABLE:
        return None


def _add_execution(
    reading: Reading, execution_id: ExecutionId, records: Iterator[bytes], *, attempts: int, beats: int
) -> None:
    stored = next(records)
    # Mostly it is open, and was read with its task.
    known = reading.records.get(execution_id)
    record = known if known is not None and known.stored == stored else _record(stored)
    if record is not None:
        reading.asked[execution_id] = record.execution
        reading.beats[execution_id] = beats
    for attempt in [next(records) for _ in range(attempts)]:
        end = _end(attempt)
        if end is not None:
            reading.ends[execution_id, end[0]] = end[1]


def _end(attempt: bytes) -> tuple[str, Settled] | None:
    """The token of an attempt that was settled, and what a repetition is answered with; None: it was not."""
    try:
        *_, outcome, error, token, led_to = unpack(attempt)
        if led_to is None:
            return None
        return token, Settled(ExecutionState(led_to), AttemptOutcome(outcome), unpack_error(error))
    except UNREADABLE:
        return None


def _add_done(reading: Reading, reply: Reply, records: Iterator[bytes]) -> None:
    for number in reply.answer[2]:
        if number:
            record = remembered_change_of(unpack(next(records)))
            reading.done[record.change.idempotency_key or ""] = record
