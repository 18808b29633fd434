"""The migrations lead to the tables the code names."""

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from sqlalchemy import create_engine

from adapters.sql.store import migrations, open_sqlite_store
from adapters.sql.store.tables import METADATA
from tests.support.manual_clock import ManualClock
from tests.support.recorders import CountingEntropy

Schema = dict[str, object]


def _schema(path: Path) -> Schema:
    """What SQLite says of every table, index and trigger, the words of the statements that made them aside."""
    with closing(sqlite3.connect(path)) as connection:
        names = connection.execute(
            "SELECT type, name FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%' AND name <> 'alembic_version'"
        ).fetchall()
        return {name: _described(connection, kind, name) for kind, name in names}


def _described(connection: sqlite3.Connection, kind: str, name: str) -> object:
    if kind in ("index", "trigger"):
        (made,) = connection.execute("SELECT sql FROM sqlite_schema WHERE name = ?", (name,)).fetchone()
        return " ".join(made.split())
    facts: Iterable[str] = ("table_xinfo", "foreign_key_list")
    columns = [connection.execute(f"PRAGMA {fact}({name})").fetchall() for fact in facts]
    (strict,) = connection.execute("SELECT strict FROM pragma_table_list WHERE name = ?", (name,)).fetchone()
    (rowless,) = connection.execute("SELECT wr FROM pragma_table_list WHERE name = ?", (name,)).fetchone()
    return columns, strict, rowless


async def test_an_empty_file_is_migrated_to_the_tables_of_the_code(tmp_path: Path) -> None:
    async with open_sqlite_store(tmp_path / "migrated.db", ManualClock(), CountingEntropy()):
        pass
    engine = create_engine(f"sqlite:///{tmp_path / 'made.db'}")
    METADATA.create_all(engine)
    engine.dispose()

    assert _schema(tmp_path / "migrated.db") == _schema(tmp_path / "made.db")


def test_each_migration_says_since_which_schema_programs_can_work_with_its_own() -> None:
    made = {path.name[1:5] for path in (Path(migrations.__file__).parent / "versions").glob("v*.py")}

    # Before 0009 nobody asked.
    assert sorted(migrations.USABLE_SINCE) == sorted(each for each in made if each >= "0009")
    assert all("0009" <= since <= schema for schema, since in migrations.USABLE_SINCE.items())


async def test_migrating_twice_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "scheduler.db"
    schemas = []
    for _ in range(2):
        async with open_sqlite_store(path, ManualClock(), CountingEntropy()):
            schemas.append(_schema(path))

    assert schemas[0] == schemas[1]
