"""The migrations lead to the tables the code names, from nothing and from every earlier version."""

from pathlib import Path

from alembic import command
from sqlalchemy import Connection, text

from adapters.sql.postgres import open_database
from adapters.sql.postgres_address import address_of
from adapters.sql.store import migrations, open_postgres_store
from adapters.sql.store.server_tables import SCHEMA
from adapters.sql.store.tables import METADATA
from tests.support.manual_clock import ManualClock
from tests.support.postgres_servers import PostgresServer
from tests.support.recorders import CountingEntropy

VERSIONS = sorted(path.name[1:5] for path in (Path(migrations.__file__).parent / "versions").glob("v*.py"))
# What the server says of everything in the schema, names of the database aside.
DESCRIBED = f"""
SELECT 'column', table_name, column_name, data_type, is_nullable, column_default, collation_name
FROM information_schema.columns WHERE table_schema = '{SCHEMA}'
UNION ALL SELECT 'index', tablename, indexname, indexdef, '', '', '' FROM pg_indexes WHERE schemaname = '{SCHEMA}'
UNION ALL SELECT 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid), '', '', ''
FROM pg_constraint WHERE connamespace = '{SCHEMA}'::regnamespace
UNION ALL SELECT 'trigger', tgrelid::regclass::text, tgname, pg_get_triggerdef(oid), '', '', ''
FROM pg_trigger WHERE NOT tgisinternal
UNION ALL SELECT 'function', '', proname, pg_get_functiondef(oid), '', '', ''
FROM pg_proc WHERE pronamespace = '{SCHEMA}'::regnamespace
UNION ALL SELECT 'storage', '', relname, relkind::text, array_to_string(reloptions, ','), '', ''
FROM pg_class WHERE relnamespace = '{SCHEMA}'::regnamespace AND relname <> 'alembic_version'
ORDER BY 1, 2, 3, 4
"""


def _described(server: PostgresServer, url: str) -> list[tuple[str, ...]]:
    every = server.run(DESCRIBED, url.rpartition("/")[2])
    return [row for row in every if "alembic_version" not in "".join(row)]


async def _made(url: str, *steps: str) -> None:
    """Make the tables as the code names them, or by so many migrations, each in a transaction of its own."""
    database = open_database(address_of(url), SCHEMA)
    try:
        for step in ("", *steps) if steps else ("", "tables"):
            async with database.writing("make") as connection:
                await connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
                await connection.execute(text(f"SET LOCAL search_path TO {SCHEMA}, pg_catalog"))
                await connection.run_sync(_make, step)
    finally:
        await database.close()


def _make(connection: Connection, step: str) -> None:
    if step == "tables":
        METADATA.create_all(connection)
    elif step:
        config = migrations._config()
        config.attributes["connection"] = connection
        command.upgrade(config, step)


async def test_an_empty_database_is_migrated_to_the_tables_of_the_code(server: PostgresServer, url: str) -> None:
    made = server.database("made_by_the_code")
    await _made(made)

    async with open_postgres_store(address_of(url), CountingEntropy(), clock=ManualClock()):
        pass

    assert _described(server, url) == _described(server, made)


async def test_each_version_is_migrated_to_the_next(server: PostgresServer, url: str) -> None:
    made = server.database("migrated_by_steps")
    await _made(made, *VERSIONS)

    async with open_postgres_store(address_of(url), CountingEntropy(), clock=ManualClock()):
        pass

    assert _described(server, url) == _described(server, made)
