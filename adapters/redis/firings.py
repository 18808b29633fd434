"""Committing firings: the plain ones in one script a batch, all others through the domain's `Work`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from adapters.records.executions import skip_row
from adapters.records.packing import Row, pack_quarantine, pack_skip, us_or_none
from adapters.redis.codec import pack
from adapters.redis.open_work import OpenWork, Verdict
from adapters.redis.script import script
from adapters.redis.server import Server
from adapters.redis.units import Reading
from application.scheduling.ports.task_store import CommitAnswer, Committed, Decision, Moved, TooEarly
from domain.scheduling.execution import ExecutionKind
from domain.scheduling.firing import Firing, Start
from domain.scheduling.identifiers import ExecutionId, TaskId, execution_id, microseconds
from domain.scheduling.policy import Overlap
from domain.scheduling.standing import Standing
from domain.scheduling.task import Quarantine, ScheduledTask, Skip

BATCH_MAX = 1_000
"""How many firings go in one call: the server answers nobody else for about 30 microseconds each."""


@dataclass(frozen=True, slots=True)
class Firings:
    """`commit_firings`, on what was read in one generation of the store."""

    server: Server

    async def commit(self, decisions: Sequence[Decision], generation: int | None) -> list[CommitAnswer]:
        """Commit decisions, in order; see the port. `generation` None: of whichever the store is of."""
        answers: dict[int, CommitAnswer] = {}
        for places in _rounds(decisions):
            for is_plain, commit in ((True, self._commit_plain), (False, self._commit_other)):
                alike = [place for place in places if _is_plain(decisions[place]) is is_plain]
                for first in range(0, len(alike), BATCH_MAX):
                    batch = alike[first : first + BATCH_MAX]
                    found = await commit([decisions[place] for place in batch], generation)
                    answers.update(zip(batch, found, strict=True))
        return [answers[place] for place in range(len(decisions))]

    async def _commit_plain(self, batch: Sequence[Decision], generation: int | None) -> list[CommitAnswer]:
        firings = [each for each in batch if isinstance(each.verdict, Firing)]
        quarantines = [each for each in batch if isinstance(each.verdict, Quarantine)]
        request = [*_flat(firings), [_quarantine_row(each) for each in quarantines]]
        answer = (await self.server.call(script("fire"), request, generation=generation)).answer
        fired, put_off = (iter(each) for each in answer or ([False] * len(firings), [False] * len(quarantines)))
        return [_answer(each, next(fired if isinstance(each.verdict, Firing) else put_off)) for each in batch]

    async def _commit_other(self, batch: Sequence[Decision], generation: int | None) -> list[CommitAnswer]:
        work = OpenWork(self.server)

        async def read(decisions: Sequence[Decision]) -> Reading:
            return await work.of_tasks(list(dict.fromkeys(each.task_id for each in decisions)))

        def decide(reading: Reading, decision: Decision) -> Verdict[CommitAnswer]:
            is_of_another = generation not in (None, reading.generation)
            return (Moved(), None) if is_of_another else _fire(reading, decision)

        return await work.carry_out(batch, read, decide)


def _rounds(decisions: Sequence[Decision]) -> Iterator[Sequence[int]]:
    """The places of the decisions, in rounds that have each task once: the second of a task must see the first."""
    left: Sequence[int] = range(len(decisions))
    while left:
        firsts = {decisions[place].task_id: place for place in reversed(left)}
        taken = frozenset(firsts.values())
        yield [place for place in left if place in taken]
        left = [place for place in left if place not in taken]


def _is_plain(decision: Decision) -> bool:
    """True if one script can write it: a quarantine ends nothing."""
    return isinstance(decision.verdict, Quarantine) or decision.verdict.is_plain


def _answer(decision: Decision, found: bool | float) -> CommitAnswer:
    if found is False:
        return Moved()
    if found is not True:
        return TooEarly(timedelta(microseconds=found))
    if isinstance(decision.verdict, Quarantine):
        return Committed()
    starts = decision.verdict.run
    return Committed(tuple([_id_of(decision.task_id, start) for start in starts]))


def _id_of(task_id: TaskId, start: Start) -> ExecutionId:
    nominal_at = start.occurrence.nominal_at
    return execution_id(task_id, ExecutionKind.AUTO, str(microseconds(nominal_at)), nominal_at)


def _flat(decisions: Sequence[Decision]) -> tuple[list[Any], list[Any], list[Any]]:
    """Plain firings, their runs and their skips as fire.lua takes them."""
    rows, runs, skips = list[Any](), list[Any](), list[Any]()
    for decision in decisions:
        firing = decision.verdict
        assert isinstance(firing, Firing), "a quarantine has a row of its own"
        rows += _firing_row(decision, firing)
        for start in firing.run:
            runs += _start_row(decision.task_id, start)
        for skip in firing.skips:
            skips += _skip_row(decision.task_id, skip)
    return rows, runs, skips


def _firing_row(decision: Decision, firing: Firing) -> Row:
    task = decision.task
    assert isinstance(task, ScheduledTask), "a task that cannot be read cannot be decided"
    following = firing.next_occurrence
    assert following is not None, "a task without a next occurrence may be complete, which Work decides"
    looks_at_open = task.definition.policy.overlap is not Overlap.ALLOW
    trailing = firing.trailing_skip or (None if firing.run else task.trailing_skip)
    return (
        task.id,
        task.version,
        microseconds(task.decided_until),
        task.open_seq if looks_at_open else False,
        us_or_none(firing.good_until) or False,
        microseconds(firing.decided_at),
        microseconds(firing.decided_until),
        microseconds(following.nominal_at),
        microseconds(following.run_at),
        pack_skip(trailing) or False,
        len(firing.run),
        len(firing.skips),
    )


def _start_row(task_id: TaskId, start: Start) -> Row:
    occurrence, state = start
    nominal_at = microseconds(occurrence.nominal_at)
    return (_id_of(task_id, start), str(nominal_at), state, microseconds(occurrence.run_at), nominal_at)


def _skip_row(task_id: TaskId, skip: Skip) -> Row:
    return (f"{microseconds(skip.first_at):014x}", microseconds(skip.last_at), pack(skip_row(task_id, skip)[1:]))


def _quarantine_row(decision: Decision) -> list[Any]:
    """A quarantine as fire.lua takes it; of a task that cannot be read nothing is compared."""
    task, verdict = decision.task, decision.verdict
    assert isinstance(verdict, Quarantine), "a firing has a row of its own"
    read = (task.version, microseconds(task.decided_until)) if isinstance(task, ScheduledTask) else (False, False)
    return [decision.task_id, *read, pack_quarantine(verdict), microseconds(verdict.look_at)]


def _fire(reading: Reading, decision: Decision) -> Verdict[CommitAnswer]:
    """The port's answer to a firing with which something ends, and the work it leads to."""
    task, firing = decision.task, decision.verdict
    assert isinstance(task, ScheduledTask), "a task that cannot be read cannot be decided"
    assert isinstance(firing, Firing), "quarantines are plain"
    before = reading.steps.works.get(task.id)
    if before is None or not Standing.of(before.task).allows_firing(task):
        return Moved(), None
    if firing.good_until is not None and firing.good_until <= reading.now:
        return Moved(), None
    if firing.decided_at > reading.now:
        return TooEarly(firing.decided_at - reading.now), None
    after = before.commit(firing, reading.now)
    reading.steps.put(after, firing.skips)
    if firing.good_until is not None:
        reading.good_until[task.id] = firing.good_until
    return Committed(tuple(sorted(after.created))), task.id
