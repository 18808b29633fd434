"""How old records are forgotten: in slices, so that nobody waits long for the write lock."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, text

from adapters.sql.store import SqlStore, pruning
from application.scheduling.ports.execution_store import LogLine, Settlement
from application.scheduling.ports.history import ExecutionFilter, Retention
from domain.scheduling.change import ChangeAction
from domain.scheduling.identifiers import ClaimToken, NodeId, TaskId
from domain.scheduling.mutation import delete, edit
from domain.scheduling.outcome import Succeeded
from domain.scheduling.runs import run_now
from domain.scheduling.task import ScheduledTask
from tests.support.builders import SECOND, a_change, a_creation
from tests.support.manual_clock import NOON, ManualClock

LINES, EXECUTIONS = 12, 5
SLICE_MAX = 4


@contextmanager
def _forgotten(store: SqlStore) -> Iterator[list[int]]:
    """How many rows each transaction of the block deleted of the table it named."""
    seen: list[int] = []

    def note(_connection: object, cursor: Any, statement: str, *_more: object) -> None:
        if statement.startswith("DELETE"):
            seen.append(cursor.rowcount)

    engine = store.database.writer.sync_engine
    event.listen(engine, "after_cursor_execute", note)
    yield seen
    event.remove(engine, "after_cursor_execute", note)


async def _has_run(store: SqlStore, task_id: TaskId, key: str) -> None:
    task = await store.tasks.get(task_id)
    assert isinstance(task, ScheduledTask)
    await store.tasks.mutate([run_now(task, a_change(ChangeAction.RUN, at=NOON), key=key)])
    (claim,) = await store.executions.claim(NodeId("worker"), [ClaimToken(key)])
    log = tuple(LogLine(NOON, "info", f"line {number}") for number in range(LINES))
    await store.executions.settle([Settlement(claim.execution.id, claim.token, Succeeded(), log=log)])


async def test_a_slice_of_rows_goes_at_a_time_until_all_are_gone(
    store: SqlStore, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruning, "NARROW_MAX", SLICE_MAX)
    monkeypatch.setattr(pruning, "WIDE_MAX", SLICE_MAX)
    monkeypatch.setattr(pruning, "BREATH_SECONDS", 0)
    creation = a_creation()
    await store.tasks.mutate([creation])
    for number in range(EXECUTIONS):
        await _has_run(store, creation.after.id, f"key {number}")
    clock.advance(timedelta(days=15))

    with _forgotten(store) as seen:
        assert await store.history.prune(Retention(), limit=100) == EXECUTIONS

    assert max(seen) == SLICE_MAX
    assert sum(seen) == EXECUTIONS * (LINES + 1 + 1)
    assert (await store.history.executions(ExecutionFilter(), limit=10, cursor=None)).executions == ()
    async with store.database.reading("count") as connection:
        for table in ("log_lines", "attempts"):
            assert (await connection.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one() == 0


async def test_deleted_tasks_go_in_slices_up_to_the_limit(
    store: SqlStore, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruning, "WIDE_MAX", SLICE_MAX)
    creations = [a_creation(task_id=f"task {number}") for number in range(SLICE_MAX + 3)]
    for creation in creations:
        await store.tasks.mutate([creation])
        await store.tasks.mutate([delete(creation.after, a_change(ChangeAction.DELETE, at=NOON))])
    clock.advance(timedelta(days=30) + SECOND)

    with _forgotten(store) as seen:
        assert await store.history.prune(Retention(), limit=SLICE_MAX + 2) == SLICE_MAX + 2

    assert [each for each in seen if each] == [SLICE_MAX, 2]


async def test_definitions_go_in_slices_up_to_the_limit(
    store: SqlStore, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruning, "WIDE_MAX", SLICE_MAX)
    task = a_creation()
    await store.tasks.mutate([task])
    for number in range(SLICE_MAX + 3):
        current = await store.tasks.get(task.after.id)
        assert isinstance(current, ScheduledTask)
        definition = replace(current.definition, description=f"version {number}")
        await store.tasks.mutate([edit(current, definition, a_change(at=NOON))])
    clock.advance(timedelta(days=365) + SECOND)

    with _forgotten(store) as seen:
        await store.history.prune(Retention(), limit=SLICE_MAX + 2)

    # Definitions, then the changes that made them.
    assert [each for each in seen if each] == [SLICE_MAX, 2, SLICE_MAX + 2]
    assert len(await store.history.versions(task.after.id, limit=10)) == 2
