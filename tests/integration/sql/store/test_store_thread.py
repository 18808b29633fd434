"""The store in a thread of its own: whatever holds the loop of its user holds no transaction."""

import asyncio
import sqlite3
import time
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from adapters.sql.store import open_sqlite_store
from application.scheduling.ports.errors import StoreRefusedError
from domain.scheduling.task import ScheduledTask
from entrypoints.store_thread import in_a_thread
from tests.support.builders import a_creation, a_definition
from tests.support.manual_clock import ManualClock
from tests.support.recorders import CountingEntropy

BLOCKED_SECONDS = 0.1
CREATIONS = 30


async def test_code_that_holds_the_loop_keeps_nobody_from_writing(tmp_path: Path) -> None:
    path = tmp_path / "scheduler.db"
    opening = partial(open_sqlite_store, path, ManualClock(), CountingEntropy())
    async with in_a_thread(opening) as stores, asyncio.TaskGroup() as group:
        with closing(sqlite3.connect(path, timeout=2)) as other:
            for number in range(CREATIONS):
                creation = a_creation(a_definition(f"task {number}"))
                group.create_task(stores.tasks.mutate([creation]))
                for _ in range(number % 7):
                    await asyncio.sleep(0)
                # Here code of somebody's blocks the loop, in the middle of whatever the store was asked for.
                time.sleep(BLOCKED_SECONDS)  # noqa: TID251, ASYNC251 - the fault under test
                other.execute("BEGIN IMMEDIATE")
                other.rollback()

        found = await stores.tasks.find("task 0")
        assert isinstance(found, ScheduledTask)


async def test_what_the_store_refuses_is_heard_where_it_was_asked_for(tmp_path: Path) -> None:
    (tmp_path / "scheduler.db").write_bytes(b"no database at all, but some text that is long enough to be looked at")

    with pytest.raises(StoreRefusedError):
        async with in_a_thread(partial(open_sqlite_store, tmp_path / "scheduler.db", ManualClock(), CountingEntropy())):
            pass
