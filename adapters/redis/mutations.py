"""What people and programs change, on its way into Redis: batch by batch, and creations without reading first.

A creation hopes that there is nothing yet of its id, its name and its keys. Whether that is so the server sees as it
writes, and nearly always it is; where it is not, the creation is read for and decided like every other change.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from adapters.records.lanes import side_by_side
from adapters.records.steps import Ledger, are_apart, run_key
from adapters.redis.open_work import OpenWork, Verdict
from adapters.redis.server import Server
from adapters.redis.units import Reading
from application.scheduling.ports.task_store import PAYLOAD_LEFT_OUT, Applied, Moved, MutateAnswer
from domain.scheduling.mutation import Mutation
from domain.scheduling.task import ScheduledTask

BATCH_MAX: Final = 500
"""How many changes go in one call; a call keeps every other client waiting."""

_Batch = Sequence[Mutation]


@dataclass(frozen=True, slots=True)
class Mutations:
    """Carries out mutations, each in a step of its own."""

    server: Server

    async def carry_out(self, mutations: Sequence[Mutation]) -> list[MutateAnswer]:
        """The answers in their order, as if each had been carried out after those before it."""
        batches = [mutations[first : first + BATCH_MAX] for first in range(0, len(mutations), BATCH_MAX)]
        if len(batches) > 1 and are_apart(mutations):
            return await side_by_side(batches, partial(_written, self.server))
        return [answer for batch in batches for answer in await _written(self.server, batch)]


async def _written(server: Server, batch: _Batch) -> list[MutateAnswer]:
    work, in_full_memory = OpenWork(server), not any(_adds(each) for each in batch)
    supposed = _nothing_there(batch)
    return await work.carry_out(batch, work.of_mutations, _carry_out, supposed=supposed, in_full_memory=in_full_memory)


def _adds(mutation: Mutation) -> bool:
    """True of what adds a task, a version or executions; a pause or a deletion, for one, does not."""
    before, after = mutation.before, mutation.after
    return before is None or before.definition != after.definition or bool(mutation.firing or mutation.runs)


def _nothing_there(batch: _Batch) -> Reading | None:
    """The reading that creations hope for; None: more must be known."""
    if not are_apart(batch):
        return None
    return Reading(max(each.change.at for each in batch), generation=None)


def _is_another(read: ScheduledTask, there: ScheduledTask) -> bool:
    """True if what was read went with a fail-over, and another version has its number since."""
    known = there.definition
    if read.definition.payload_json == PAYLOAD_LEFT_OUT:
        known = replace(known, payload_json=PAYLOAD_LEFT_OUT)
    return read.version == there.version and read.definition != known


def _carry_out(reading: Reading, mutation: Mutation) -> Verdict[MutateAnswer]:
    """Judge a mutation and apply what passes; what it was judged by is to be so when it is written."""
    there = reading.steps.works.get(mutation.after.id)
    if mutation.before is not None and there is not None and _is_another(mutation.before, there.task):
        return Moved(), None
    ledger = Ledger(reading.steps, reading.done, reading.holders, reading.runs, reading.now)
    name, holder = mutation.after.definition.name, reading.holders.get(mutation.after.definition.name)
    answer = ledger.carry_out(mutation)
    if not isinstance(answer, Applied):
        return answer, None
    task_id = mutation.after.id
    expected = reading.expected.setdefault(task_id, [])
    # What a task is called already, its state says.
    if holder is None:
        expected.append(["names", name, False])
    if mutation.change.idempotency_key is not None:
        expected.append(["keys", mutation.change.idempotency_key, False])
    expected += [["runs", "/".join(run_key(run)), False] for run in mutation.runs]
    if mutation.good_until is not None:
        reading.good_until[task_id] = mutation.good_until
    return answer, task_id
