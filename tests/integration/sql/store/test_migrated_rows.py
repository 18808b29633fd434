"""What a store of any earlier version holds is there after its migration, and older programs go on with newer ones."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from sqlalchemy import Connection, insert, inspect, select, text
from sqlalchemy.exc import SQLAlchemyError

from adapters.sql.engine import Database
from adapters.sql.postgres import open_database as open_postgres
from adapters.sql.postgres_address import address_of
from adapters.sql.sqlite_file import open_database as open_sqlite
from adapters.sql.store import SqlStore, migrations, open_postgres_store, open_sqlite_store
from adapters.sql.store.news_tables import news
from adapters.sql.store.server_tables import SCHEMA
from adapters.sql.store.tables import METADATA
from adapters.sql.store.transfer_numbers import number_above
from application.scheduling.ports.errors import PortError, StoreRefusedError
from tests.conformance.backends import postgres_server
from tests.conformance.ends import MovedStore, Opening, ends_in
from tests.conformance.lived_in import go_on, live, seen
from tests.conformance.store_under_test import StoreUnderTest
from tests.support.accounts import TESTER
from tests.support.manual_clock import ManualClock
from tests.support.recorders import CountingEntropy

KINDS = [pytest.param("sqlite"), pytest.param("postgres", marks=pytest.mark.postgres)]
VERSIONS = sorted(path.name[1:5] for path in (Path(migrations.__file__).parent / "versions").glob("v*.py"))
# What the store had no place for before some version; everything else was always there.
SINCE = {
    **dict.fromkeys(("users", "account", "tokens"), "0003"),
    **dict.fromkeys(("records of access", "chain"), "0005"),
    "hold": "0007",
}
# Table, name and type of every column, and whether it must be given: in a file, and on a server.
_COLUMNS = (
    (
        'SELECT made.name, of.name, of.type, of."notnull" AND of.dflt_value IS NULL'
        " FROM sqlite_schema AS made, pragma_table_xinfo(made.name) AS of WHERE made.type = 'table'"
    ),
    (
        "SELECT table_name, column_name, data_type,"
        " is_nullable = 'NO' AND column_default IS NULL AND is_identity = 'NO'"
        f" FROM information_schema.columns WHERE table_schema = '{SCHEMA}'"
    ),
)
OPENERS = 2
NUMBERS = count(1)
Rows = dict[str, list[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class OldStore:
    """A store as a program of an earlier version left it."""

    database: Database
    opening: Opening

    async def run(self, *statements: str) -> None:
        """Change it by hand."""
        async with self.database.writing("change by hand") as connection:
            for each in statements:
                await connection.execute(text(each))

    async def version(self) -> str:
        """The version it says it has."""
        async with self.database.browsing("look") as connection:
            found: str = await connection.scalar(text(f"SELECT version_num FROM {self.prefix}alembic_version"))
        return found

    async def columns(self) -> dict[str, dict[str, tuple[str, bool]]]:
        """By table and name of its columns, their type and whether whoever writes a row must give a value."""
        async with self.database.browsing("look") as connection:
            rows = (await connection.execute(text(_COLUMNS[bool(self.prefix)]))).all()
        return {table: {name: (kind, bool(must)) for of, name, kind, must in rows if of == table} for table, *_ in rows}

    @property
    def prefix(self) -> str:
        """What stands before the names of its tables."""
        return f"{SCHEMA}." if self.database.solitude else ""


def _an_old_store(kind: str, name: str, folder: Path, clock: ManualClock) -> OldStore:
    if kind == "sqlite":
        path = folder / f"{name}.db"
        return OldStore(open_sqlite(path), lambda _: open_sqlite_store(path, clock, CountingEntropy()))
    address = address_of(postgres_server().database(name))
    opening = partial(open_postgres_store, address, CountingEntropy(), clock=clock)
    return OldStore(open_postgres(address, SCHEMA), lambda _: opening())


@asynccontextmanager
async def _old_store(kind: str, folder: Path, clock: ManualClock, version: str, rows: Rows) -> AsyncIterator[OldStore]:
    """A store of this version that holds of these rows what it has places for."""
    old = _an_old_store(kind, f"version_{next(NUMBERS)}", folder, clock)
    try:
        async with old.database.writing("fill") as connection:
            if old.prefix:
                await connection.execute(text(f"CREATE SCHEMA {SCHEMA}"))
                await connection.execute(text(f"SET LOCAL search_path TO {SCHEMA}, pg_catalog"))
            await connection.run_sync(_fill, version, rows)
            if old.prefix:
                await number_above(connection, fence=1, changes=len(rows["changes"]))
        yield old
    finally:
        await old.database.close()


def _fill(connection: Connection, version: str, rows: Rows) -> None:
    config = migrations._config()
    config.attributes["connection"] = connection
    command.upgrade(config, version)
    present = set(inspect(connection).get_table_names())
    for table in METADATA.sorted_tables:
        if table.name in present and rows.get(table.name):
            names = set(connection.execute(text(f"SELECT * FROM {table.name} LIMIT 0")).keys())
            known = [{name: row[name] for name in row if name in names} for row in rows[table.name]]
            connection.execute(insert(table), known)


async def _lived_in(kind: str, folder: Path, clock: ManualClock) -> tuple[Rows, dict[str, Any]]:
    """The rows of a store of the newest version in which everything has happened, and what its ports tell of them."""
    async with ends_in(clock, folder) as ends:
        made = await ends.a_store(kind)
        await live(made.steps, made.stores)
        assert isinstance(made.stores, SqlStore)
        async with made.stores.database.browsing("copy") as connection:
            rows = {
                table.name: [dict(row) for row in (await connection.execute(select(table))).mappings()]
                # The journal is written by the database itself.
                for table in METADATA.sorted_tables
                if table is not news
            }
        return rows, await seen(made)


async def _nothing(*_: object) -> None: ...


async def _opened(old: OldStore, clock: ManualClock, openers: int = 1) -> list[dict[str, Any]]:
    """What each of several processes sees that find the store at the same moment."""
    at_once = asyncio.Barrier(openers)

    async def opened() -> dict[str, Any]:
        await at_once.wait()
        async with old.opening(False) as stores:
            steps = StoreUnderTest(clock, stores, _nothing, _nothing, _nothing, CountingEntropy(1))
            return await seen(MovedStore("", old.opening, stores, steps))

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(opened()) for _ in range(openers)]
    return [each.result() for each in tasks]


@pytest.mark.parametrize("kind", KINDS)
async def test_what_a_store_of_any_version_holds_is_there_after_its_migration(kind: str, tmp_path: Path) -> None:
    rows, told = await _lived_in(kind, tmp_path, clock := ManualClock())
    for version in VERSIONS:
        async with _old_store(kind, tmp_path, clock, version, rows) as old:
            # Which version they find at once makes no difference.
            for after in await _opened(old, clock, OPENERS if version == VERSIONS[0] else 1):
                lost = {name for name in told if after[name] != told[name]}
                assert lost == {name for name, since in SINCE.items() if version < since}, version
            assert await old.version() == VERSIONS[-1]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_migration_that_fails_leaves_the_store_as_it_was(kind: str, tmp_path: Path) -> None:
    rows, told = await _lived_in(kind, tmp_path, clock := ManualClock())
    async with _old_store(kind, tmp_path, clock, VERSIONS[0], rows) as old:
        # In the way of one of the last steps.
        await old.run(f"CREATE TABLE {old.prefix}holds (id integer)")
        with pytest.raises((PortError, SQLAlchemyError), match="already exists"):
            async with old.opening(False):
                pass
        assert await old.version() == VERSIONS[0]

        await old.run(f"DROP TABLE {old.prefix}holds")
        (after,) = await _opened(old, clock)
        assert after["records"] == told["records"]


@pytest.mark.parametrize("kind", KINDS)
async def test_what_programs_know_that_may_go_on_is_there_and_they_need_give_nothing_new(
    kind: str, tmp_path: Path
) -> None:
    async with _old_store(kind, tmp_path, ManualClock(), migrations.usable_since(), {"changes": []}) as old:
        known = await old.columns()
        async with old.opening(False):
            present = await old.columns()

    for table, columns in known.items():
        assert {name: present[table][name] for name in columns} == columns
        new = {name: must_be_given for name, (_, must_be_given) in present[table].items() if name not in columns}
        assert not any(new.values()), f"{table}: a program that does not know {new} can write no row"


@pytest.mark.parametrize("kind", KINDS)
async def test_a_newer_store_is_worked_on_if_it_says_so_and_refused_in_a_line_if_not(kind: str, tmp_path: Path) -> None:
    rows, told = await _lived_in(kind, tmp_path, clock := ManualClock())
    async with _old_store(kind, tmp_path, clock, VERSIONS[-1], rows) as new:
        marked = f"UPDATE {new.prefix}store SET usable_since = '{{}}'"
        await new.run(
            f"ALTER TABLE {new.prefix}tasks ADD COLUMN colour text",
            f"CREATE TABLE {new.prefix}colours (name text)",
            f"UPDATE {new.prefix}alembic_version SET version_num = '9998'",
            marked.format(VERSIONS[-1]),
        )
        async with new.opening(False) as stores:
            steps = StoreUnderTest(clock, stores, _nothing, _nothing, _nothing, CountingEntropy(1))
            assert await seen(MovedStore("", new.opening, stores, steps)) == told
            await stores.holds.release("migrated", by=TESTER)
            await go_on(steps, 1)
        assert await new.version() == "9998"

        await new.run(marked.format("9998"))
        with pytest.raises(StoreRefusedError, match=f"has schema 9998, newer than this program's {VERSIONS[-1]}: "):
            async with new.opening(False):
                pass
