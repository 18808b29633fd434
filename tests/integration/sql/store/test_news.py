"""What the journal of changes owes to its file: several processes, a bounded length, backups, restarts."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from adapters.sql.store import open_sqlite_store
from adapters.sql.store.news_tables import STRIDE
from application.scheduling.ports.news import KEPT, Changed
from tests.support.builders import a_creation, a_definition
from tests.support.manual_clock import ManualClock
from tests.support.recorders import CountingEntropy

LIMIT = 100
MANY = f"""
WITH RECURSIVE numbers (number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < {KEPT + 2_000})
INSERT INTO news (task_id) SELECT 'one of many' FROM numbers
"""


@contextmanager
def _by_hand(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        yield connection


async def test_what_another_process_or_a_hand_changes_is_told(tmp_path: Path) -> None:
    path, clock = tmp_path / "scheduler.db", ManualClock()
    async with (
        open_sqlite_store(path, clock, CountingEntropy()) as ours,
        open_sqlite_store(path, clock, CountingEntropy()) as theirs,
    ):
        mark = (await ours.news.since(None, limit=LIMIT)).mark
        await theirs.tasks.mutate([a_creation(), a_creation(a_definition("other"))])
        told = await ours.news.since(mark, limit=LIMIT)
        with _by_hand(path) as connection:
            connection.execute("UPDATE tasks SET name = 'renamed' WHERE name = 'other'")

        assert set(told.tasks) == {"id-report", "id-other"}
        assert (await ours.news.since(told.mark, limit=LIMIT)).tasks == ("id-other",)


async def test_a_mark_holds_across_a_restart(tmp_path: Path) -> None:
    path, clock = tmp_path / "scheduler.db", ManualClock()
    async with open_sqlite_store(path, clock, CountingEntropy()) as store:
        mark = (await store.news.since(None, limit=LIMIT)).mark
        await store.tasks.mutate([a_creation()])

    async with open_sqlite_store(path, clock, CountingEntropy()) as store:
        told = await store.news.since(mark, limit=LIMIT)

    assert (told.tasks, told.is_complete) == (("id-report",), True)


async def test_the_journal_is_bounded_and_a_mark_from_before_it_is_not_known(tmp_path: Path) -> None:
    path = tmp_path / "scheduler.db"
    async with open_sqlite_store(path, ManualClock(), CountingEntropy()) as store:
        empty = (await store.news.since(None, limit=LIMIT)).mark
        await store.tasks.mutate([a_creation()])
        first = (await store.news.since(None, limit=LIMIT)).mark
        with _by_hand(path) as connection:
            connection.execute(MANY)
            (kept,) = connection.execute("SELECT count(*) FROM news").fetchone()
        told = [await store.news.since(mark, limit=100_000) for mark in (empty, first)]
        newest = (await store.news.since(None, limit=LIMIT)).mark
        await store.tasks.mutate([a_creation(a_definition("later"))])

        assert KEPT <= kept <= KEPT + STRIDE
        assert told == [Changed(newest, is_complete=False)] * 2
        assert (await store.news.since(newest, limit=LIMIT)).tasks == ("id-later",)


async def test_a_mark_of_what_a_restored_backup_has_lost_is_not_known(tmp_path: Path) -> None:
    path, backup = tmp_path / "scheduler.db", tmp_path / "backup.db"
    async with open_sqlite_store(path, ManualClock(), CountingEntropy()) as store:
        await store.tasks.mutate([a_creation()])
    shutil.copyfile(path, backup)
    async with open_sqlite_store(path, ManualClock(), CountingEntropy()) as store:
        await store.tasks.mutate([a_creation(a_definition("lost"))])
        lost = (await store.news.since(None, limit=LIMIT)).mark

    async with open_sqlite_store(backup, ManualClock(), CountingEntropy()) as store:
        before = await store.news.since(lost, limit=LIMIT)
        await store.tasks.mutate([a_creation(a_definition("another"))])
        after = await store.news.since(lost, limit=LIMIT)

    assert not before.is_complete
    assert not after.is_complete


async def test_what_is_pruned_is_not_told(tmp_path: Path) -> None:
    async with open_sqlite_store(tmp_path / "scheduler.db", ManualClock(), CountingEntropy()) as store:
        await store.tasks.mutate([a_creation()])
        mark = (await store.news.since(None, limit=LIMIT)).mark
        with _by_hand(tmp_path / "scheduler.db") as connection:
            connection.execute("DELETE FROM tasks")

        assert await store.news.since(mark, limit=LIMIT) == Changed(mark)
