"""What a store does between reading and writing, whatever the engine: each step on what the steps before it left."""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from application.scheduling.ports.execution_store import Settled, Settlement, settled
from application.scheduling.ports.records import ChangeRecord
from application.scheduling.ports.task_store import (
    Applied,
    KeyReused,
    Moved,
    MutateAnswer,
    NameTaken,
    Replayed,
    TooEarly,
    loses_payload,
)
from domain.scheduling.execution import Execution, ExecutionState
from domain.scheduling.identifiers import ExecutionId, TaskId
from domain.scheduling.mutation import Mutation
from domain.scheduling.task import ScheduledTask, Skip
from domain.scheduling.work import Work

Ends = dict[tuple[str, str], Settled]
"""What attempts that were settled before led to, by execution and token."""


@dataclass(slots=True)
class Steps:
    """The work of several tasks within one atomic step of a store, as its parts so far leave it.

    `sealed` are tasks that cannot be read; each has a stand-in. `versions` are tasks as of every version they got.
    """

    works: dict[TaskId, Work]
    homes: dict[ExecutionId, TaskId]
    sealed: frozenset[TaskId] = frozenset()
    new: set[TaskId] = field(default_factory=set)
    touched: set[TaskId] = field(default_factory=set)
    versions: list[ScheduledTask] = field(default_factory=list)
    skips: dict[tuple[TaskId, datetime], Skip] = field(default_factory=dict)
    changes: list[ChangeRecord] = field(default_factory=list)

    def put(self, work: Work, passed_over: Iterable[Skip] = ()) -> None:
        """Keep what a step made of a task, and the Skips it recorded; one that grew replaces what it grew from."""
        task_id = work.task.id
        self.works[task_id] = work
        self.touched.add(task_id)
        self.skips.update(((task_id, skip.first_at), skip) for skip in passed_over)

    def record(self, record: ChangeRecord, *, is_version: bool = False) -> None:
        """Keep a change, and the definition it made, if it made a version."""
        self.changes.append(record)
        if is_version:
            self.versions.append(self.works[record.task_id].task)

    def holder_of(self, execution_id: ExecutionId) -> Work | None:
        """The work that has this execution among those that were open when it was read."""
        task_id = self.homes.get(execution_id)
        return None if task_id is None else self.works[task_id]


RunKey = tuple[str, str, str]


@dataclass(slots=True)
class Ledger:
    """What a batch is judged by, as its mutations so far leave it."""

    steps: Steps
    done: dict[str, ChangeRecord]
    holders: dict[str, TaskId]
    runs: dict[RunKey, Replayed]
    now: datetime

    def carry_out(self, mutation: Mutation) -> MutateAnswer:
        """Judge by the idempotency key, by what was read, by the clock, then by the name; apply what passes."""
        assert not loses_payload(mutation), "what was found due came without its payload"
        known = self._done_before(mutation)
        if known is not None:
            return known
        task_id = mutation.after.id
        before = self.steps.works.get(task_id)
        if not mutation.holds_for(before.task if before else None):
            return Moved()
        if mutation.good_until is not None and mutation.good_until <= self.now:
            return Moved()
        if mutation.change.at > self.now:
            return TooEarly(mutation.change.at - self.now)
        holder = self.holders.get(mutation.after.definition.name)
        if holder is not None and holder != task_id:
            return NameTaken(holder)
        after = mutation.apply(before or Work(mutation.after))
        self._keep(mutation, before, after)
        return Applied(_as_read(after.task), _first_run(mutation))

    def _keep(self, mutation: Mutation, before: Work | None, after: Work) -> None:
        task = after.task
        if before is None:
            self.steps.new.add(task.id)
        elif self.holders.get(before.task.definition.name) == task.id:
            del self.holders[before.task.definition.name]
        if task.deleted_at is None:
            self.holders[task.definition.name] = task.id
        self.steps.put(after, mutation.skips)
        record = ChangeRecord(mutation.change, task.id, task.version, _first_run(mutation))
        self.steps.record(record, is_version=before is None or before.task.version != task.version)
        if mutation.change.idempotency_key is not None:
            self.done[mutation.change.idempotency_key] = record
        self.runs.update((run_key(run), Replayed(task.id, run.version, run.id)) for run in mutation.runs)

    def _done_before(self, mutation: Mutation) -> Replayed | KeyReused | None:
        """What the idempotency key answers, or, without one, the key of an execution that is to be created."""
        known = replayed(self.done.get(mutation.change.idempotency_key or ""), mutation.change.body_hash)
        named = (self.runs.get(run_key(run)) for run in mutation.runs)
        return known or next((there for there in named if there is not None), None)


def are_apart(mutations: Sequence[Mutation]) -> bool:
    """True of plain creations that share no id, name or key.

    Each of them is answered as if it were alone, whatever their order, and all are applied where nothing of them is
    there. A batch of others may refuse one for another of its own, although what is there would be the reason.
    """
    ids = [each.after.id for each in mutations]
    names = [each.after.definition.name for each in mutations]
    keys = [each.change.idempotency_key for each in mutations if each.change.idempotency_key is not None]
    return all(map(_is_plain, mutations)) and _differ(ids) and _differ(names) and _differ(keys)


def replayed(known: ChangeRecord | None, body_hash: str) -> Replayed | KeyReused | None:
    """What a change's idempotency key answers, given the change that was done with it."""
    if known is None:
        return None
    if known.change.body_hash != body_hash:
        return KeyReused(known.change)
    return Replayed(known.task_id, known.version, known.execution_id)


def settle(steps: Steps, ends: Ends, settlement: Settlement, now: datetime) -> Settled | None:
    """End the attempt if it runs and its token holds it, else None; `ends` then says what a repetition is answered."""
    execution_id, token = settlement.execution_id, settlement.token
    work = steps.holder_of(execution_id)
    if work is None:
        return None
    execution = work.executions[execution_id]
    if execution.state is not ExecutionState.RUNNING or execution.token != token:
        return None
    after = work.settle(execution_id, settlement.outcome, now)
    steps.put(after)
    answer = settled(after, execution_id, work)
    ends[execution_id, token] = replace(answer, cancel=None, stopped=None)
    return answer


def _is_plain(mutation: Mutation) -> bool:
    """True of a creation of which nothing runs or was passed over as yet, and which is good at any time."""
    leaves_more = mutation.firing or mutation.runs or mutation.skips
    return mutation.before is None and not leaves_more and mutation.good_until is None


def _differ(values: Sequence[Hashable]) -> bool:
    return len(set(values)) == len(values)


def _first_run(mutation: Mutation) -> ExecutionId | None:
    return mutation.runs[0].id if mutation.runs else None


def run_key(run: Execution) -> RunKey:
    """By what an execution that no schedule called for is told from all others."""
    return (run.task_id, run.kind, run.key)


def _as_read(task: ScheduledTask) -> ScheduledTask:
    """The task with its open executions in the order in which they are read."""
    return task if len(task.open) < 2 else task.with_open(*sorted(task.open, key=lambda each: each.id))
