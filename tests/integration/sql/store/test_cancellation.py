"""A cancelled call leaves nothing half done, and no connection in its hands."""

import asyncio
import sqlite3
import threading
from contextlib import closing, suppress
from datetime import timedelta
from pathlib import Path
from typing import cast

import pytest
from sqlalchemy import QueuePool

from adapters.sql import engine
from adapters.sql.store import SqlStore
from application.scheduling.ports.errors import StoreUnavailableError
from application.scheduling.ports.task_store import Committed, Decision, Moved
from domain.scheduling.firing import fire
from domain.scheduling.identifiers import ClaimToken, NodeId
from domain.scheduling.sharing import EVERYTHING
from domain.scheduling.task import ScheduledTask
from tests.support.builders import a_creation, a_definition
from tests.support.manual_clock import ManualClock

TASKS = 20
# Turns of the event loop before the call is cancelled: from before its first statement to after its last.
TURNS = (0, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233, 377, 610)


async def _due(store: SqlStore, clock: ManualClock) -> list[Decision]:
    await store.tasks.mutate([a_creation(a_definition(f"task {number}")) for number in range(TASKS)])
    clock.advance(timedelta(minutes=1))
    found = await store.tasks.due(EVERYTHING, until=clock.now(), limit=TASKS)
    return [Decision(task, fire(task, clock.now())) for task in found if isinstance(task, ScheduledTask)]


def _checked_out(store: SqlStore) -> int:
    engines = (store.database.writer, store.database.reader, store.database.browser)
    return sum(cast(QueuePool, each.pool).checkedout() for each in engines)


async def _cancelled_after(turns: int, call: asyncio.Task[object]) -> None:
    for _ in range(turns):
        await asyncio.sleep(0)
    call.cancel()
    with suppress(asyncio.CancelledError):
        await call


@pytest.mark.parametrize("turns", TURNS)
async def test_a_cancelled_commit_is_whole_or_nothing(store: SqlStore, clock: ManualClock, turns: int) -> None:
    decisions = await _due(store, clock)
    async with asyncio.TaskGroup() as group:
        call: asyncio.Task[object] = group.create_task(store.tasks.commit_firings(decisions))
        await _cancelled_after(turns, call)

    assert _checked_out(store) == 0
    again = await store.tasks.commit_firings(decisions)
    claims = await store.executions.claim(NodeId("worker"), [ClaimToken(str(number)) for number in range(2 * TASKS)])
    assert len(claims) == TASKS
    assert set(map(type, again)) in ({Committed}, {Moved})


@pytest.mark.parametrize("turns", TURNS)
async def test_a_cancelled_read_gives_its_connection_back(store: SqlStore, clock: ManualClock, turns: int) -> None:
    await _due(store, clock)
    async with asyncio.TaskGroup() as group:
        call: asyncio.Task[object] = group.create_task(store.tasks.due(EVERYTHING, until=clock.now(), limit=TASKS))
        await _cancelled_after(turns, call)

    assert _checked_out(store) == 0
    assert len(await store.tasks.due(EVERYTHING, until=clock.now(), limit=TASKS)) == TASKS


async def test_calls_cancelled_one_after_the_other_leave_no_lock_behind(store: SqlStore, clock: ManualClock) -> None:
    await _due(store, clock)
    for turns in range(8, 48):
        clock.advance(timedelta(minutes=1))
        found = await store.tasks.due(EVERYTHING, until=clock.now(), limit=TASKS)
        decisions = [Decision(task, fire(task, clock.now())) for task in found if isinstance(task, ScheduledTask)]
        async with asyncio.TaskGroup() as group:
            call: asyncio.Task[object] = group.create_task(store.tasks.commit_firings(decisions))
            await _cancelled_after(turns, call)

        assert set(map(type, await store.tasks.commit_firings(decisions))) in ({Committed}, {Moved})


async def test_one_that_waits_for_its_turn_can_be_cancelled(store: SqlStore, clock: ManualClock) -> None:
    decisions = await _due(store, clock)
    async with store.database.writing("test"), asyncio.TaskGroup() as group:
        call: asyncio.Task[object] = group.create_task(store.tasks.commit_firings(decisions))
        await _cancelled_after(10, call)

    assert set(map(type, await store.tasks.commit_firings(decisions))) == {Committed}


async def test_a_call_that_takes_too_long_is_given_up_and_the_next_one_works(
    store: SqlStore, clock: ManualClock, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decisions = await _due(store, clock)
    monkeypatch.setattr(engine, "DISCARD_TIMEOUT", timedelta(milliseconds=50))
    monkeypatch.setattr(store.database, "timeout", timedelta(milliseconds=50))
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailableError, match="did not answer in time"):
            await store.tasks.commit_firings(decisions)

    monkeypatch.undo()
    assert _checked_out(store) == 0
    assert set(map(type, await store.tasks.commit_firings(decisions))) == {Committed}
    # The thread of the connection that was given up tells the event loop when it is free again.
    for thread in threading.enumerate():
        if thread.daemon and thread is not threading.current_thread():
            await asyncio.to_thread(thread.join, 0.5)
