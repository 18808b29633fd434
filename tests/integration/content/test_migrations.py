import asyncio
import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from adapters.sql.content.migrate import VERSION_TABLE, missing_columns
from adapters.sql.content.sqlite import open_sqlite_content
from adapters.sql.content.tables import METADATA
from application.scheduling.ports.errors import StoreRefusedError
from tests.support.content_bases import ContentFile


def whole_schema(connection: sa.Connection) -> set[str]:
    rows = connection.execute(sa.text("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL"))
    return {" ".join(row[0].split()) for row in rows if VERSION_TABLE not in row[0]}


async def test_the_migrations_lead_from_nothing_to_the_tables(path: Path) -> None:
    async with open_sqlite_content(path):
        pass
    migrated = sa.create_engine(f"sqlite:///{path}")
    declared = sa.create_engine("sqlite://")

    with migrated.connect() as there, declared.connect() as here:
        METADATA.create_all(here)

        assert whole_schema(there) == whole_schema(here)
        options = {"include_name": lambda name, _type, _parents: name != VERSION_TABLE}
        context = MigrationContext.configure(there, opts=options)
        assert compare_metadata(context, METADATA) == []
        assert missing_columns(there) == []
    migrated.dispose()
    declared.dispose()


async def test_opening_again_changes_nothing(path: Path) -> None:
    async with open_sqlite_content(path):
        before = ContentFile(path).dump()

    async with open_sqlite_content(path):
        assert ContentFile(path).dump() == before


async def test_the_file_is_kept_in_wal_mode(path: Path) -> None:
    async with open_sqlite_content(path):
        assert ContentFile(path).value("PRAGMA journal_mode") == "wal"


async def test_a_database_from_the_future_is_refused(path: Path) -> None:
    async with open_sqlite_content(path):
        pass
    ContentFile(path).execute(f"UPDATE {VERSION_TABLE} SET version_num = '9999' WHERE version_num = '0001'")

    with pytest.raises(StoreRefusedError, match="newer"):
        async with open_sqlite_content(path):
            pass


async def test_a_file_that_is_no_database_is_refused(path: Path) -> None:
    await asyncio.to_thread(path.write_bytes, b"this is a letter to my aunt, not a database" * 100)

    with pytest.raises(StoreRefusedError):
        async with open_sqlite_content(path):
            pass


async def test_a_column_that_is_missing_is_named(path: Path) -> None:
    async with open_sqlite_content(path):
        pass
    ContentFile(path).execute("ALTER TABLE post DROP COLUMN url")

    with pytest.raises(StoreRefusedError, match="post\\.url"):
        async with open_sqlite_content(path):
            pass


async def test_a_host_table_in_the_way_is_left_as_it_is(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE post (id INTEGER PRIMARY KEY)")
    connection.close()

    with pytest.raises(StoreRefusedError, match="of its own: post"):
        async with open_sqlite_content(path):
            pass
    assert ContentFile(path).value("SELECT count(*) FROM sqlite_master") == 1
