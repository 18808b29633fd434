"""The stores that must behave alike: adding one is adding an entry to `BACKENDS`."""

import atexit
import shutil
import sqlite3
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from functools import cache
from pathlib import Path

from adapters.memory import open_memory_store
from adapters.sql.store import open_sqlite_store
from domain.scheduling.identifiers import TaskId
from tests.conformance.store_under_test import StoreUnderTest
from tests.support.manual_clock import ManualClock
from tests.support.recorders import CountingEntropy

Opening = Callable[[ManualClock, Path], AbstractAsyncContextManager[StoreUnderTest]]


@asynccontextmanager
async def _memory(clock: ManualClock, folder: Path) -> AsyncIterator[StoreUnderTest]:
    async with open_memory_store(clock, CountingEntropy()) as stores:

        async def cut_off() -> None:
            stores.state.available = False

        async def spoil(task_id: TaskId) -> None:
            stores.state.tasks[task_id].error = "spoilt by a test"

        async def mend(task_id: TaskId) -> None:
            stores.state.tasks[task_id].error = None

        yield StoreUnderTest(clock, stores, cut_off, spoil, mend)


async def _empty_store() -> Path:
    """A store's file with nothing in it, made once: the migrations take longer than most tests."""
    path = _scratch() / "empty.db"
    if not path.exists():
        async with open_sqlite_store(path, ManualClock(), CountingEntropy()):
            pass
    return path


@cache
def _scratch() -> Path:
    folder = tempfile.TemporaryDirectory()
    atexit.register(folder.cleanup)
    return Path(folder.name)


@asynccontextmanager
async def _sqlite(clock: ManualClock, folder: Path) -> AsyncIterator[StoreUnderTest]:
    path = folder / "store.db"
    shutil.copyfile(await _empty_store(), path)

    def run(statement: str, *values: object) -> None:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute(statement, values)

    async def cut_off() -> None:
        with closing(sqlite3.connect(path)) as connection:
            names = connection.execute(
                "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
            )
            tables = [name for (name,) in names]
        for table in tables:
            run(f'DROP TABLE "{table}"')

    async def spoil(task_id: TaskId) -> None:
        run("UPDATE definitions SET schedule = '{' || schedule WHERE task_id = ?", task_id)

    async def mend(task_id: TaskId) -> None:
        run("UPDATE definitions SET schedule = substr(schedule, 2) WHERE task_id = ?", task_id)

    async with open_sqlite_store(path, clock, CountingEntropy()) as stores:
        yield StoreUnderTest(clock, stores, cut_off, spoil, mend)


BACKENDS: dict[str, Opening] = {"memory": _memory, "sqlite": _sqlite}
