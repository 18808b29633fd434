"""Committing firings: the one hard step, set-based, because it is what ten thousand tasks do at the same instant.

A batch is compared in one read and written in one statement a table. What firing a task means is the domain's to say
(`Work.commit`). The plain case, in which nothing ends, neither an execution nor the task, is written here a second
time, as arithmetic on columns; the conformance tests hold the two against each other. All others go through `Work`.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Column, Executable, Text, bindparam, case, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.records.executions import skip_row
from adapters.records.packing import Row, pack_quarantine, pack_skip
from adapters.sql.store.batches import ROWS, ROWS_MAX, replacing, updating
from adapters.sql.store.dialect import Dialect
from adapters.sql.store.execution_rows import SKIP_COLUMNS
from adapters.sql.store.open_work import OpenWork
from adapters.sql.store.tables import Whole, executions, skips, tasks
from application.scheduling.ports.task_store import CommitAnswer, Committed, Decision, Moved, TooEarly, Unreadable
from domain.scheduling.execution import ExecutionKind
from domain.scheduling.firing import Firing, Start
from domain.scheduling.identifiers import ExecutionId, TaskId, execution_id, microseconds
from domain.scheduling.standing import Standing
from domain.scheduling.task import Quarantine, ScheduledTask

_BORN_COLUMNS = (
    executions.c.id,
    executions.c.task_id,
    executions.c.task_type,
    executions.c.key,
    executions.c.version,
    executions.c.state,
    executions.c.scheduled_at,
    executions.c.nominal_at,
)
_BORN, _ADVANCED = "born", "advanced"
_RUNS = Column("runs", Whole)
_ADVANCED_COLUMNS = (
    tasks.c.id,
    tasks.c.decided_until,
    tasks.c.next_nominal_at,
    tasks.c.next_run_at,
    tasks.c.trailing_skip,
    _RUNS,
)
_QUARANTINED_COLUMNS = (tasks.c.id, tasks.c.quarantine, tasks.c.look_at)


@dataclass(slots=True)
class Plan:
    """What a batch is to write: rows for the plain firings, decisions for the others, quarantines."""

    advanced: list[Row] = field(default_factory=list)
    born: list[Row] = field(default_factory=list)
    passed_over: list[Row] = field(default_factory=list)
    others: list[tuple[TaskId, Firing]] = field(default_factory=list)
    quarantined: list[Row] = field(default_factory=list)


class Firings:
    """The statements, prepared for one dialect."""

    def __init__(self, dialect: Dialect, work: OpenWork) -> None:
        self._dialect = dialect
        self._work = work
        compared = select(
            *(tasks.c.id, tasks.c.status, tasks.c.version, tasks.c.decided_until, tasks.c.open_seq),
            tasks.c.deleted_at.is_not(None),
        )
        self._compared = dialect.query(compared.where(dialect.is_among(tasks.c.id, "ids")))
        self._fire = dialect.at_once([_bearing(dialect), _advancing(dialect)])
        self._pass_over = replacing(dialect, skips, (skips.c.task_id, *SKIP_COLUMNS), ("task_id", "first_at"))
        self._quarantine = updating(dialect, tasks, _QUARANTINED_COLUMNS, ("id",))

    async def commit(
        self, connection: AsyncConnection, decisions: Sequence[Decision], now: datetime
    ) -> list[CommitAnswer]:
        """Commit decisions on different tasks within a transaction that holds the write lock; answers in order."""
        ids = self._dialect.pack_values([task_id_of(each) for each in decisions])
        current = {row[0]: Standing(*row[1:]) for row in await self._compared.rows(connection, ids=ids)}
        plan = Plan()
        answers = [_answer(each, current.get(task_id_of(each)), now, plan) for each in decisions]
        await self._write(connection, plan, now)
        if not plan.others:
            return answers
        created = await self._commit_others(connection, plan.others, now)
        return [created.get(task_id_of(decision), answer) for decision, answer in zip(decisions, answers, strict=True)]

    async def _write(self, connection: AsyncConnection, plan: Plan, now: datetime) -> None:
        at = microseconds(now)
        if plan.advanced:
            fired = {_ADVANCED: self._dialect.pack(plan.advanced), _BORN: self._dialect.pack(plan.born), "at": at}
            for statement in self._fire:
                await connection.execute(statement, fired)
        if plan.passed_over:
            await connection.execute(self._pass_over, {ROWS: self._dialect.pack(plan.passed_over)})
        if plan.quarantined:
            await connection.execute(self._quarantine, {ROWS: self._dialect.pack(plan.quarantined)})

    async def _commit_others(
        self, connection: AsyncConnection, firings: Sequence[tuple[TaskId, Firing]], now: datetime
    ) -> dict[TaskId, CommitAnswer]:
        steps = await self._work.of_tasks(connection, [task_id for task_id, _ in firings])
        answers: dict[TaskId, CommitAnswer] = {}
        for task_id, firing in firings:
            before = steps.works.get(task_id)
            if before is None:
                # It compared equal and cannot be read: the next look finds it unreadable.
                answers[task_id] = Moved()
                continue
            after = before.commit(firing, now)
            steps.put(after, firing.skips)
            answers[task_id] = Committed(tuple(sorted(after.created)))
        await self._work.write(connection, steps, now)
        return answers


def task_id_of(decision: Decision) -> TaskId:
    """The task that is decided on."""
    return decision.task.task_id if isinstance(decision.task, Unreadable) else decision.task.id


def batches_of(decisions: Iterable[Decision]) -> Iterator[list[Decision]]:
    """Cut into batches of at most ROWS_MAX, none with two decisions on one task: the second must see the first."""
    batch: dict[TaskId, Decision] = {}
    for decision in decisions:
        task_id = task_id_of(decision)
        if task_id in batch or len(batch) == ROWS_MAX:
            yield list(batch.values())
            batch = {}
        batch[task_id] = decision
    if batch:
        yield list(batch.values())


def _answer(decision: Decision, current: Standing | None, now: datetime, plan: Plan) -> CommitAnswer:
    verdict, task = decision.verdict, decision.task
    if current is None:
        return Moved()
    if isinstance(verdict, Quarantine):
        read = task if isinstance(task, ScheduledTask) else None
        if not current.allows_quarantine(read):
            return Moved()
        plan.quarantined.append((task_id_of(decision), pack_quarantine(verdict), microseconds(verdict.look_at)))
        return Committed()
    assert isinstance(task, ScheduledTask), "a task that cannot be read cannot be decided"
    return _fired(task, verdict, current, now, plan)


def _fired(task: ScheduledTask, firing: Firing, current: Standing, now: datetime, plan: Plan) -> CommitAnswer:
    if not current.allows_firing(task) or (firing.good_until is not None and firing.good_until <= now):
        return Moved()
    if firing.decided_at > now:
        return TooEarly(firing.decided_at - now)
    if not firing.is_plain:
        plan.others.append((task.id, firing))
        return Committed()
    born = [_born_row(task, start) for start in firing.run]
    plan.born += born
    plan.advanced.append(_advanced_row(task, firing))
    plan.passed_over += [skip_row(task.id, skip) for skip in firing.skips]
    return Committed(tuple([ExecutionId(row[0]) for row in born]))


def _born_row(task: ScheduledTask, start: Start) -> Row:
    """`automatic` for one start, as a row of _BORN_COLUMNS."""
    occurrence, state = start
    nominal_at, run_at = microseconds(occurrence.nominal_at), microseconds(occurrence.run_at)
    key = str(nominal_at)
    id_ = execution_id(task.id, ExecutionKind.AUTO, key, occurrence.nominal_at)
    return (id_, task.id, task.definition.task_type, key, task.version, state, run_at, nominal_at)


def _advanced_row(task: ScheduledTask, firing: Firing) -> Row:
    """`advanced` of the task, as a row of _ADVANCED_COLUMNS."""
    following = firing.next_occurrence
    assert following is not None, "a task without a next occurrence may be complete, which Work decides"
    trailing = firing.trailing_skip or (None if firing.run else task.trailing_skip)
    return (
        task.id,
        microseconds(firing.decided_until),
        microseconds(following.nominal_at),
        microseconds(following.run_at),
        pack_skip(trailing),
        len(firing.run),
    )


def _advancing(dialect: Dialect) -> Executable:
    """UPDATE the tasks of the rows, relative where something else may have moved the column meanwhile."""
    given = dialect.given(_ADVANCED_COLUMNS, _ADVANCED)
    runs = given.c.runs
    return (
        update(tasks)
        .where(tasks.c.id == given.c.id)
        .values(
            decided_until=given.c.decided_until,
            next_nominal_at=given.c.next_nominal_at,
            next_run_at=given.c.next_run_at,
            look_at=given.c.next_run_at,
            trailing_skip=given.c.trailing_skip,
            quarantine=None,
            auto_runs=tasks.c.auto_runs + runs,
            run_count=tasks.c.run_count + runs,
            open_seq=tasks.c.open_seq + case((runs > 0, 1), else_=0),
            last_run_at=case((runs > 0, bindparam("at", type_=Whole)), else_=tasks.c.last_run_at),
        )
    )


def _bearing(dialect: Dialect) -> Executable:
    """INSERT the executions of the rows; an occurrence that has one already keeps it."""
    given = dialect.given(_BORN_COLUMNS, _BORN)
    at = bindparam("at", type_=Whole)
    rows = select(*given.c, literal(str(ExecutionKind.AUTO), Text), at, at)
    names = [*(each.name for each in _BORN_COLUMNS), "kind", "created_at", "available_at"]
    return dialect.insert_or_keep(executions, names, rows, ("id",))
