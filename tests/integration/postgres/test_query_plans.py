"""Every statement of the loops touches but the rows that it is about, however many there are beside them.

They are carried out a second time by EXPLAIN, which counts the rows that each step of a plan has looked at.
"""

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event

from adapters.sql.postgres_address import address_of
from adapters.sql.store.opening import SqlStore
from adapters.sql.store.postgres_opening import open_postgres_store
from application.scheduling.ports.execution_store import Beat, LogLine, Progress, Settlement
from application.scheduling.ports.history import Retention
from application.scheduling.ports.task_store import Decision
from domain.scheduling.change import ChangeAction
from domain.scheduling.firing import fire
from domain.scheduling.identifiers import ClaimToken, NodeId
from domain.scheduling.outcome import Succeeded
from domain.scheduling.runs import run_now
from domain.scheduling.sharing import EVERYTHING, Share
from domain.scheduling.task import ScheduledTask
from tests.support.builders import DAY, MINUTE, a_change, a_creation, a_definition, a_failure
from tests.support.manual_clock import NOON, ManualClock
from tests.support.postgres_servers import PostgresServer
from tests.support.recorders import CountingEntropy

WORKER = NodeId("worker")
# So many tasks, and so many executions of each sort, lie beside those that are worked on.
STORED = 600
# What a statement on a few rows may look at in one step: those, and the head of an index.
TOUCHED_MAX = 100

# Each is like one that the store has made, but for its names and what is told here.
CROWD = f"""
CREATE TABLE stored AS SELECT each FROM generate_series(1::bigint, {STORED}) AS each;
INSERT INTO scheduler.tasks SELECT (jsonb_populate_record(pattern, jsonb_build_object(
    'id', 'stored ' || each, 'name', 'stored ' || each, 'look_at', look_at + each * 60000000, 'bucket', each % 64))).*
    FROM scheduler.tasks AS pattern, stored;
INSERT INTO scheduler.definitions SELECT (jsonb_populate_record(pattern, jsonb_build_object(
    'task_id', 'stored ' || each))).* FROM scheduler.definitions AS pattern, stored;
INSERT INTO scheduler.executions SELECT (jsonb_populate_record(pattern, jsonb_build_object(
    'id', 'stored ' || sort.state || each, 'task_id', 'stored ' || each, 'key', sort.state, 'state', sort.state,
    'available_at', available_at + each * 1000000, 'worker_id', 'another',
    'finished_at', CASE WHEN is_over THEN available_at END))).*
    FROM scheduler.executions AS pattern, stored, (VALUES
        ('pending', false), ('running', false), ('retry_wait', false), ('dead', true), ('succeeded', true)
    ) AS sort (state, is_over);
INSERT INTO scheduler.attempts (execution_id, start, token, worker_id, started_at)
    SELECT id, 1, 'a token', 'another', 0 FROM scheduler.executions WHERE state = 'running';
DROP TABLE stored;
"""

# What can't be inserted a second time.
UNDO = (
    f"DELETE FROM scheduler.attempts WHERE worker_id = '{WORKER}'",
    "DELETE FROM scheduler.log_lines",
    "DELETE FROM scheduler.changes WHERE idempotency_key = 'k'",
)

Statements = list[tuple[str, Any]]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def store(server: PostgresServer, url: str, clock: ManualClock) -> AsyncIterator[SqlStore]:
    """A store with many tasks and executions, of which nothing is known to the planner; three tasks are ours."""
    async with open_postgres_store(address_of(url), CountingEntropy(), clock=clock) as stores:
        await stores.tasks.mutate([a_creation(a_definition("pattern"))])
        pattern = await stores.tasks.find("pattern")
        assert isinstance(pattern, ScheduledTask)
        await stores.tasks.mutate([run_now(pattern, a_change(ChangeAction.RUN, at=NOON), key="pattern")])
        server.run(CROWD, url.rpartition("/")[2])
        await stores.tasks.mutate([a_creation(a_definition(f"task {number}")) for number in range(3)])
        yield stores


@contextmanager
def _captured(store: SqlStore) -> Iterator[Statements]:
    """Every statement that the block sends by a loop's connection, with its parameters."""
    seen: Statements = []

    def note(_connection: object, _cursor: object, statement: str, parameters: Any, *_more: object) -> None:
        seen.append((statement, parameters))

    engines = [each.sync_engine for each in (store.database.writer, store.database.reader)]
    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    yield seen
    for engine in engines:
        event.remove(engine, "before_cursor_execute", note)


async def _far_reaching(store: SqlStore, seen: Statements) -> list[tuple[str, int, str]]:
    """The steps that look at many rows: their kind, how many, and the statement."""
    found = []
    for statement, parameters in seen:
        async with store.database.writer.connect() as connection:
            if "INSERT" in statement:
                for undo in UNDO:
                    await connection.exec_driver_sql(undo)
            explained = await connection.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", parameters)
            (plan,) = json.loads(explained.scalar_one())
            await connection.rollback()
        found += [(kind, rows, statement) for kind, rows in _steps(plan["Plan"]) if rows > TOUCHED_MAX]
    return found


def _steps(node: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    looked_at = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
    yield f"{node['Node Type']} {node.get('Relation Name', '')}", round(looked_at * node["Actual Loops"])
    for each in node.get("Plans", ()):
        yield from _steps(each)


async def _decided(store: SqlStore, clock: ManualClock) -> list[Decision]:
    found = await store.tasks.due(EVERYTHING, until=clock.now(), limit=3)
    return [Decision(task, fire(task, clock.now())) for task in found if isinstance(task, ScheduledTask)]


async def test_dispatching_touches_only_what_is_due(store: SqlStore, clock: ManualClock) -> None:
    clock.advance(MINUTE)
    with _captured(store) as seen:
        await store.tasks.next_look_at(EVERYTHING)
        await store.tasks.due(Share(frozenset({1, 2})), until=clock.now(), limit=3)
        await store.tasks.commit_firings(await _decided(store, clock))
        await store.executions.release_due(3)

    assert len(seen) > 8
    assert await _far_reaching(store, seen) == []


async def test_running_executions_touches_only_them(store: SqlStore, clock: ManualClock) -> None:
    with _captured(store) as seen:
        claims = list(await store.executions.claim(WORKER, [ClaimToken(each) for each in "ab"], task_types=["mail"]))
        claims += await store.executions.claim(WORKER, [ClaimToken(each) for each in "cd"])
        assert len(claims) == 4
        one, another, last, left = claims
        log = (LogLine(NOON, "info", "hello"),)
        await store.executions.heartbeat(WORKER, [Beat(one.execution.id, one.token, Progress(1), log)])
        await store.executions.settle([Settlement(one.execution.id, one.token, Succeeded(), log=log)])
        failure = a_failure(retry_at=NOON + DAY)
        await store.executions.settle([Settlement(each.execution.id, each.token, failure) for each in (another, last)])
        await store.executions.cancel(left.execution.id, a_change(ChangeAction.CANCEL, at=clock.now(), key="k"))
        await store.executions.rescue_worker(WORKER)

    assert len(seen) > 20
    assert await _far_reaching(store, seen) == []


async def test_forgetting_touches_only_what_it_forgets(store: SqlStore, clock: ManualClock) -> None:
    clock.advance(timedelta(days=500))
    with _captured(store) as seen:
        assert await store.history.prune(Retention(), limit=10) > 0

    assert len([statement for statement, _ in seen if statement.startswith("DELETE")]) >= 6
    assert await _far_reaching(store, seen) == []
