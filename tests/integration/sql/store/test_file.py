"""The file of the store: how it is made, and when it is refused."""

import asyncio
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from adapters.sql import sqlite_connection, sqlite_file
from adapters.sql.sqlite_file import check_place, file_system_of
from adapters.sql.store import SqlStore, open_sqlite_store
from application.scheduling.ports.errors import PortError, StoreRefusedError, StoreUnavailableError
from tests.support.builders import a_creation
from tests.support.manual_clock import ManualClock
from tests.support.recorders import CountingEntropy

MOUNTS = """\
/dev/vda / ext4 rw 0 0
server:/export /srv/shared nfs4 rw 0 0
//server/share /srv/my\\040share cifs rw 0 0
/dev/vdb /srv/shared/disk xfs rw 0 0
"""


async def _refusal(path: Path, error: type[PortError] = StoreRefusedError) -> str:
    with pytest.raises(error) as refused:
        async with open_sqlite_store(path, ManualClock(), CountingEntropy()):
            pass
    return str(refused.value)


def _everything_at(path: Path) -> dict[str, bytes]:
    """The files in its folder, by their names."""
    return {each.name: each.read_bytes() for each in path.parent.iterdir()}


async def test_the_file_and_its_log_are_for_the_owner_alone(store: SqlStore, path: Path) -> None:
    await store.tasks.mutate([a_creation()])

    modes = {each.name: each.stat().st_mode & 0o777 for each in path.parent.glob("scheduler.db*")}
    assert modes.keys() >= {"scheduler.db", "scheduler.db-wal"}
    assert set(modes.values()) == {0o600}


async def test_a_store_keeps_its_name_and_its_tasks_when_it_is_opened_again(path: Path, clock: ManualClock) -> None:
    names = []
    for seed in (1, 2):
        async with open_sqlite_store(path, clock, CountingEntropy(seed)) as store:
            await store.tasks.mutate([a_creation()])
            async with store.database.reading("test") as connection:
                names.append((await connection.execute(text("SELECT store_id FROM store"))).scalar_one())
            assert await store.tasks.find("report") is not None

    assert names[0] == names[1]


async def test_every_connection_writes_through_to_the_disk_and_checks_references(store: SqlStore) -> None:
    async with store.database.writing("test") as connection:
        values = [
            (await connection.exec_driver_sql(f"PRAGMA {name}")).scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        ]

    assert values == ["wal", 2, 1]


async def test_somebody_elses_database_is_refused_and_left_as_it_is(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE customers (id INTEGER)")

    before = await asyncio.to_thread(_everything_at, path)
    assert "holds somebody else's tables (customers)" in await _refusal(path)
    assert await asyncio.to_thread(_everything_at, path) == before


async def test_somebody_elses_database_with_a_log_is_refused_and_nothing_is_left_beside_it(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE customers (id INTEGER)")

    before = await asyncio.to_thread(_everything_at, path)
    assert "holds somebody else's tables (customers)" in await _refusal(path)
    assert await asyncio.to_thread(_everything_at, path) == before


def test_what_is_no_file_is_refused_and_nothing_is_left_beside_it(path: Path) -> None:
    path.mkdir()

    assert asyncio.run(_refusal(path)) == f"{path} is no file"
    assert [*path.parent.iterdir()] == [path]


async def test_a_store_that_lacks_a_table_is_refused_by_its_name(path: Path, clock: ManualClock) -> None:
    async with open_sqlite_store(path, clock, CountingEntropy()):
        pass
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DROP TABLE attempts")

    assert "lacks the tables attempts" in await _refusal(path)


async def test_a_newer_schema_is_refused_and_left_as_it_is(path: Path, clock: ManualClock) -> None:
    async with open_sqlite_store(path, clock, CountingEntropy()):
        pass
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.execute("UPDATE store SET usable_since = '9999'")

    refusal = await _refusal(path)

    assert refusal == f"{path} has schema 9999, newer than this program's 0009: upgrade the program"
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [("9999",)]


async def test_a_newer_store_that_is_worked_on_is_not_moved(path: Path, clock: ManualClock) -> None:
    async with open_sqlite_store(path, clock, CountingEntropy()):
        pass
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")

    async with open_sqlite_store(path, clock, CountingEntropy()):
        pass
    with pytest.raises(StoreRefusedError, match="has schema 9999, newer than this program's"):
        async with open_sqlite_store(path, clock, CountingEntropy(), for_transfer=True):
            pass


def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(path: Path) -> None:
    letter = b"this is a letter, not a database" * 100
    path.write_bytes(letter)

    refusal = asyncio.run(_refusal(path))

    assert refusal == f"open {path}: file is not a database"
    assert path.read_bytes() == letter
    assert [*path.parent.iterdir()] == [path]


async def test_a_file_the_user_may_not_write_is_refused(
    path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_sqlite_store(path, clock, CountingEntropy()):
        pass
    # The tests may run as root, who may write everything.
    monkeypatch.setattr(os, "access", lambda place, _mode: place != path)

    assert await _refusal(path) == f"{path} is read-only for this user: the store must be writable"


async def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")

    assert "cannot be made" in await _refusal(tmp_path / "taken" / "scheduler.db")


async def test_a_file_locked_by_another_program_may_be_tried_again(
    path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_file, "BUSY_TIMEOUT_SECONDS", 0.05)
    monkeypatch.setattr(sqlite_connection, "WRITER_PATIENCE_SECONDS", 0.05)
    async with open_sqlite_store(path, clock, CountingEntropy()):
        pass
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        refusal = await _refusal(path, StoreUnavailableError)

    assert refusal == f"open {path}: database is locked"


@pytest.mark.parametrize(
    ("place", "kind"),
    [
        ("/var/scheduler.db", "ext4"),
        ("/srv/shared/scheduler.db", "nfs4"),
        ("/srv/shared/disk/scheduler.db", "xfs"),
        ("/srv/my share/scheduler.db", "cifs"),
        ("/srv/sharedness/scheduler.db", "ext4"),
    ],
)
def test_the_file_system_is_that_of_the_deepest_mount_point(place: str, kind: str) -> None:
    assert file_system_of(Path(place), MOUNTS) == kind


def test_a_network_file_system_is_refused() -> None:
    with pytest.raises(StoreRefusedError, match="network file system"):
        check_place(Path("/srv/shared/scheduler.db"), MOUNTS)


def test_nothing_is_refused_where_mounts_are_unknown(tmp_path: Path) -> None:
    check_place(tmp_path / "scheduler.db", "")
