"""How a database refuses changes to a store that is sealed: by triggers, which no process that still runs escapes."""

from collections.abc import Iterable, Iterator

from sqlalchemy import Table, text
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.sql.store.server_tables import SCHEMA

TOLD = "this store is being moved, or was moved, and is not to be changed any more"
_CHANGES = ("INSERT", "UPDATE", "DELETE")
_WORD = "sealed"
# Which triggers bear that were made before the other word was chosen.
_FORMER_WORD = "held"


async def guard(connection: AsyncConnection, tables: Iterable[Table]) -> None:
    """Refuse whatever would change these tables, from the end of the connection's transaction on."""
    await unguard(connection, tables)
    for statement in _guarding(connection.dialect.name, tables):
        await connection.execute(text(statement))


async def unguard(connection: AsyncConnection, tables: Iterable[Table]) -> None:
    """Take changes again; no error if they were taken all the time."""
    for table in tables:
        of = "" if connection.dialect.name == "sqlite" else f" ON {SCHEMA}.{table.name}"
        for change in _CHANGES:
            for word in (_WORD, _FORMER_WORD):
                await connection.execute(text(f"DROP TRIGGER IF EXISTS {_name(table, change, word)}{of}"))


def _guarding(dialect_name: str, tables: Iterable[Table]) -> Iterator[str]:
    schema = ""
    if dialect_name == "sqlite":
        body = f"BEGIN SELECT RAISE(ABORT, '{TOLD}'); END"
    else:
        # Class 57 is an operator's intervention, which passes: https://www.postgresql.org/docs/current/errcodes-appendix.html
        raised = f"BEGIN RAISE EXCEPTION '{TOLD}' USING ERRCODE = '57P03'; END"
        schema = f"{SCHEMA}."
        yield f"CREATE OR REPLACE FUNCTION {schema}store_is_sealed() RETURNS trigger LANGUAGE plpgsql AS $$ {raised} $$"
        body = f"FOR EACH STATEMENT EXECUTE FUNCTION {schema}store_is_sealed()"
    for table in tables:
        for change in _CHANGES:
            yield f"CREATE TRIGGER {_name(table, change)} BEFORE {change} ON {schema}{table.name} {body}"


def _name(table: Table, change: str, word: str = _WORD) -> str:
    return f"{word}_{table.name}_{change.lower()}"
