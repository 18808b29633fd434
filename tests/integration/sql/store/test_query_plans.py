"""Every statement of the hot paths finds its rows by an index, however many there are."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event

from adapters.sql.store import SqlStore
from application.scheduling.ports.execution_store import Beat, LogLine, Progress, Settlement
from application.scheduling.ports.history import ExecutionFilter, Retention
from application.scheduling.ports.task_store import Decision
from domain.scheduling.change import ChangeAction
from domain.scheduling.execution import ExecutionState
from domain.scheduling.firing import fire
from domain.scheduling.identifiers import ClaimToken, NodeId
from domain.scheduling.outcome import Succeeded
from domain.scheduling.runs import run_now
from domain.scheduling.sharing import EVERYTHING, Share
from domain.scheduling.task import ScheduledTask
from tests.support.builders import a_change, a_creation, a_definition
from tests.support.manual_clock import NOON, ManualClock

WORKER = NodeId("worker")
Statements = list[tuple[str, Any]]


@contextmanager
def _captured(store: SqlStore) -> Iterator[Statements]:
    """Every statement the block sends, with its parameters."""
    seen: Statements = []

    def note(_connection: object, _cursor: object, statement: str, parameters: Any, *_more: object) -> None:
        seen.append((statement, parameters))

    database = store.database
    engines = [each.sync_engine for each in (database.writer, database.reader, database.browser)]
    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    yield seen
    for engine in engines:
        event.remove(engine, "before_cursor_execute", note)


async def _plan(store: SqlStore, statement: str, parameters: Any) -> list[str]:
    async with store.database.reading("explain") as connection:
        rows = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", tuple(parameters))
        return [row[-1] for row in rows]


async def _scans(store: SqlStore, seen: Statements) -> list[tuple[str, str]]:
    """The steps that read a whole table or index of the store."""
    found = []
    for statement, parameters in seen:
        if statement.split()[0] in ("SELECT", "UPDATE", "INSERT", "DELETE", "WITH"):
            plan = await _plan(store, statement, parameters)
            found += [(step, statement) for step in plan if step.startswith("SCAN") and _is_stored(step)]
    return found


def _is_stored(step: str) -> bool:
    """True for tables and indexes of the store; subqueries, JSON arrays and the one row of `store` are not meant."""
    tables = ("tasks", "definitions", "executions", "attempts", "log_lines", "finished", "skips", "changes")
    # A scan of a small partial index in its order, up to a limit, is a search from its beginning.
    bounded = (
        "executions_pending",
        "executions_suspect",
        "executions_retry_wait",
        "executions_running",
        "tasks_look_at",
    )
    return step.split()[1] in tables and not any(index in step for index in bounded)


async def _added(store: SqlStore) -> ScheduledTask:
    await store.tasks.mutate([a_creation(a_definition(f"task {number}")) for number in range(3)])
    found = await store.tasks.find("task 0")
    assert isinstance(found, ScheduledTask)
    return found


async def test_dispatching_scans_no_table(store: SqlStore, clock: ManualClock) -> None:
    await _added(store)
    clock.advance(timedelta(minutes=1))
    with _captured(store) as seen:
        await store.tasks.next_look_at(EVERYTHING)
        await store.tasks.due(Share(frozenset({1, 2})), until=clock.now(), limit=10)
        found = await store.tasks.due(EVERYTHING, until=clock.now(), limit=10)
        await store.tasks.commit_firings(
            [Decision(task, fire(task, clock.now())) for task in found if isinstance(task, ScheduledTask)]
        )
        await store.executions.release_due(10)
        await store.tasks.scan(after=None, limit=10)

    assert len(seen) > 10
    assert [step for step in await _scans(store, seen) if "sqlite_autoindex_tasks_1" not in step[0]] == []


async def test_running_executions_scans_no_table(store: SqlStore, clock: ManualClock) -> None:
    await _added(store)
    clock.advance(timedelta(minutes=1))
    found = await store.tasks.due(EVERYTHING, until=clock.now(), limit=10)
    await store.tasks.commit_firings(
        [Decision(task, fire(task, clock.now())) for task in found if isinstance(task, ScheduledTask)]
    )
    log = (LogLine(NOON, "info", "hello"),)
    with _captured(store) as seen:
        await store.executions.claim(WORKER, [ClaimToken("a")], task_types=["mail"])
        (claim,) = await store.executions.claim(WORKER, [ClaimToken("b")])
        (other,) = await store.executions.claim(WORKER, [ClaimToken("c")])
        await store.executions.heartbeat(WORKER, [Beat(claim.execution.id, claim.token, Progress(1), log)])
        await store.executions.held()
        await store.executions.settle([Settlement(claim.execution.id, claim.token, Succeeded(), log=log)])
        await store.executions.cancel(other.execution.id, a_change(ChangeAction.CANCEL, at=clock.now(), key="k"))
        await store.executions.rescue_worker(WORKER)

    assert len(seen) > 30
    assert await _scans(store, seen) == []


async def test_suspects_are_found_without_looking_at_what_else_is_pending(store: SqlStore, clock: ManualClock) -> None:
    await _added(store)
    with _captured(store) as seen:
        await store.executions.is_suspect_pending()
        await store.executions.claim(WORKER, [ClaimToken("a")], isolated=True)
        await store.executions.claim(WORKER, [ClaimToken("b")], isolated=True, task_types=["mail"])

    steps = [step for statement, parameters in seen for step in await _plan(store, statement, parameters)]
    assert len([step for step in steps if "executions_suspect" in step]) == 3
    assert not any("executions_pending" in step for step in steps)


async def test_changing_tasks_scans_no_table(store: SqlStore, clock: ManualClock) -> None:
    task = await _added(store)
    with _captured(store) as seen:
        await store.tasks.replay("key", "hash")
        change = a_change(ChangeAction.RUN, at=clock.now(), key="key")
        await store.tasks.mutate([run_now(task, change, key="key")])
        await store.tasks.mutate([a_creation(a_definition("another"))])
        await store.tasks.deleted(task.id)
        await store.history.changes(task.id, limit=10)
        await store.history.versions(task.id, limit=10)
        await store.history.version(task.id, 1)
        await store.history.executions(ExecutionFilter(task.id, backfill="name"), limit=10, cursor=None)
        await store.history.skips(task.id, limit=10)
        await store.history.tasks_by_name(after="a", limit=10)

    assert len(seen) > 20
    assert await _scans(store, seen) == []


async def test_forgetting_scans_no_table(store: SqlStore, clock: ManualClock) -> None:
    task = await _added(store)
    await store.tasks.mutate([run_now(task, a_change(ChangeAction.RUN, at=NOON), key="key")])
    (claim,) = await store.executions.claim(WORKER, [ClaimToken("a")])
    log = (LogLine(NOON, "info", "hello"),)
    await store.executions.settle([Settlement(claim.execution.id, claim.token, Succeeded(), log=log)])
    clock.advance(timedelta(days=500))
    with _captured(store) as seen:
        assert await store.history.prune(Retention(), limit=10) == 5

    assert len([statement for statement, _ in seen if statement.startswith("DELETE")]) == 7
    assert await _scans(store, seen) == []


async def test_explaining_scans_no_table(store: SqlStore, clock: ManualClock) -> None:
    task = await _added(store)
    await store.tasks.mutate([run_now(task, a_change(ChangeAction.RUN, at=NOON), key="key")])
    with _captured(store) as seen:
        evidence = await store.history.evidence(task.id, since=NOON, until=clock.advance(timedelta(days=1)))

    assert evidence is not None
    assert len(evidence.executions) == 1
    assert len([statement for statement, _ in seen if statement.startswith("SELECT")]) == 16
    assert await _scans(store, seen) == []


async def test_figures_are_read_from_indexes(store: SqlStore, clock: ManualClock) -> None:
    task = await _added(store)
    since, until = NOON, NOON + timedelta(days=1)
    with _captured(store) as seen:
        await store.figures.past_runs([task.id], limit=30)
        await store.figures.backlog()
        await store.figures.coming(until=until, limit=10)
        await store.figures.next_runs(since=since, until=until)
        await store.figures.hours(since=since, until=until)
        await store.figures.hours(since=since, until=until, task_type="mail")
        await store.figures.types(since=since, until=until)

    assert len([statement for statement, _ in seen if statement.startswith("SELECT")]) == 10
    # Of the dead there is an index of their own, which is counted.
    assert [step for step, _ in await _scans(store, seen)] == ["SCAN executions USING INDEX executions_dead"]


async def test_counts_are_read_from_indexes(store: SqlStore) -> None:
    await _added(store)
    with _captured(store) as seen:
        await store.history.counts()

    # Rows that an index names are not read as long as nothing of them is asked for, which a plan does not tell.
    scans = [step for step, _ in await _scans(store, seen)]
    assert {step.split()[-1] for step in scans} == {"tasks_status", "executions_open"}


PRIMARY_KEY = "sqlite_autoindex_executions_1"


@pytest.mark.parametrize(
    ("states", "indexes"),
    [
        ((), {PRIMARY_KEY}),
        ((ExecutionState.SUCCEEDED, ExecutionState.DEAD), {PRIMARY_KEY}),
        ((ExecutionState.DEAD,), {"executions_dead"}),
        ((ExecutionState.CANCELLED,), {"executions_cancelled"}),
        ((ExecutionState.CANCELLED, ExecutionState.DELIVERED), {"executions_cancelled", "executions_delivered"}),
        ((ExecutionState.WAITING,), {"executions_open"}),
        ((ExecutionState.RUNNING, ExecutionState.DEAD), {"executions_open", "executions_dead"}),
    ],
)
@pytest.mark.parametrize("until", [None, NOON])
async def test_an_execution_list_reads_no_more_than_its_task_or_its_states_have(
    store: SqlStore, states: tuple[ExecutionState, ...], indexes: set[str], until: datetime | None
) -> None:
    task = await _added(store)
    with _captured(store) as seen:
        await store.history.executions(ExecutionFilter(task.id, frozenset(states)), limit=10, cursor=None)
        of_one = len(seen)
        of_all = ExecutionFilter(states=frozenset(states), until=until)
        await store.history.executions(of_all, limit=10, cursor=None)

    assert await _scans(store, seen[:of_one]) == []
    plans = [step.split() for each in seen[of_one:] for step in await _plan(store, *each)]
    assert {step[step.index("INDEX") + 1] for step in plans if step[1] == "executions"} == indexes
