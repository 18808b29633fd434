"""A store in a file of its own, on a clock that stands still."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapters.sql.store import SqlStore, open_sqlite_store
from tests.support.manual_clock import ManualClock
from tests.support.recorders import CountingEntropy


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "scheduler.db"


@pytest.fixture
async def store(clock: ManualClock, path: Path) -> AsyncIterator[SqlStore]:
    async with open_sqlite_store(path, clock, CountingEntropy()) as opened:
        yield opened
