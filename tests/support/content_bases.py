"""Content databases, arranged and inspected behind the adapters' back.

Foreign keys are not enforced there, so that broken restores can be arranged.
"""

import asyncio
import json
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from threading import Thread
from typing import Any

import asyncpg

from adapters.sql.postgres_address import parse_address
from tests.support.postgres_servers import ADMIN, USER, PostgresServer


def stored(instant: datetime | None) -> str | None:
    """An aware instant as the database keeps it: naive UTC text."""
    return None if instant is None else instant.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")


class ContentBase(ABC):
    """One content database. Statements have ? for their parameters; instants go in aware and come out as text."""

    @abstractmethod
    def rows(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Run a statement and commit; the rows it answers."""

    @abstractmethod
    def add_all(self, table: str, rows: Iterable[Mapping[str, Any]]) -> list[int]:
        """Insert the rows in one transaction; returns their ids."""

    @abstractmethod
    def dump(self, *, without: tuple[str, ...] = ()) -> str:
        """Everything that is kept, apart from some tables: equal dumps are equal content."""

    def add(self, table: str, **values: Any) -> int:
        """Insert one row; returns its id."""
        return self.add_all(table, [values])[0]

    def execute(self, statement: str, *parameters: Any) -> None:
        """Run a statement."""
        self.rows(statement, *parameters)

    def ids(self, table: str, where: str = "true") -> list[int]:
        """The ids of the rows that fit, ascending."""
        return [row[0] for row in self.rows(f'SELECT id FROM "{table}" WHERE {where} ORDER BY id')]

    def value(self, query: str, *parameters: Any) -> Any:
        """The first value of the first row; None if there is none."""
        return next((row[0] for row in self.rows(query, *parameters)), None)

    def cursor(self) -> Mapping[str, Any]:
        """The place that the one checkpoint there is keeps."""
        place: Mapping[str, Any] = json.loads(self.value("SELECT cursor_json FROM scheduler_task_checkpoint"))
        return place


@dataclass(frozen=True)
class ContentFile(ContentBase):
    """An SQLite file."""

    path: Path

    @contextmanager
    def opened(self) -> Iterator[sqlite3.Connection]:
        """A connection that commits at the end."""
        with closing(sqlite3.connect(self.path)) as connection, connection:
            # What a test arranges need not survive a power cut.
            connection.execute("PRAGMA synchronous = OFF")
            yield connection

    def rows(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """See the base."""
        with self.opened() as connection:
            return connection.execute(statement, parameters).fetchall()

    def add_all(self, table: str, rows: Iterable[Mapping[str, Any]]) -> list[int]:
        """See the base."""
        with self.opened() as connection:
            return [_insert(connection, table, row) for row in rows]

    def dump(self, *, without: tuple[str, ...] = ()) -> str:
        """See the base; as SQL."""
        with self.opened() as connection:
            lines = connection.iterdump()
            return "\n".join(line for line in lines if not any(f'INSERT INTO "{name}"' in line for name in without))


def _insert(connection: sqlite3.Connection, table: str, row: Mapping[str, Any]) -> int:
    plain = {name: stored(value) if isinstance(value, datetime) else value for name, value in row.items()}
    columns, marks = ", ".join(plain), ", ".join("?" for _ in plain)
    values = f"({columns}) VALUES ({marks})" if plain else "DEFAULT VALUES"
    cursor = connection.execute(f'INSERT INTO "{table}" {values}', list(plain.values()))
    assert cursor.lastrowid is not None
    return cursor.lastrowid


class ContentOnServer(ContentBase):
    """A database on a PostgreSQL server, over one connection that lives in a thread of its own."""

    def __init__(self, server: PostgresServer, url: str, path: str) -> None:
        self.address = parse_address(url)
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._connection: Any = self._awaited(self._connected(server, path))

    async def _connected(self, server: PostgresServer, path: str) -> Any:
        place: Mapping[str, Any] = {"host": str(server.folder), "port": server.port, "database": self.address.database}
        connection = await asyncpg.connect(**place, user=ADMIN)
        await connection.execute(f"SET session_replication_role = replica; SET search_path = {path}; SET ROLE {USER}")
        return connection

    def close(self) -> None:
        """Leave the server."""
        self._awaited(self._connection.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def rows(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """See the base."""
        numbers = count(1)
        numbered = "".join(f"${next(numbers)}" if sign == "?" else sign for sign in statement)
        found = self._awaited(self._connection.fetch(numbered, *map(_naive, parameters)))
        return [tuple(_told(value) for value in row) for row in found]

    def add_all(self, table: str, rows: Iterable[Mapping[str, Any]]) -> list[int]:
        """See the base."""
        ids: list[int] = self._awaited(self._added(table, list(rows)))
        return ids

    async def _added(self, table: str, rows: Sequence[Mapping[str, Any]]) -> list[int]:
        ids = []
        async with self._connection.transaction():
            for row in rows:
                columns, marks = ", ".join(row), ", ".join(f"${number}" for number, _ in enumerate(row, start=1))
                values = f"({columns}) VALUES ({marks})" if row else "DEFAULT VALUES"
                statement = f'INSERT INTO "{table}" {values} RETURNING *'
                ids.append((await self._connection.fetchrow(statement, *map(_naive, row.values()))).get("id", 0))
        return ids

    def dump(self, *, without: tuple[str, ...] = ()) -> str:
        """See the base; a line for each row, as JSON."""
        tables = [name for (name,) in self.rows(_TABLES) if name not in without]
        return "\n".join(
            f"{name}: {row}"
            for name in tables
            for (row,) in self.rows(f'SELECT to_jsonb(t) FROM "{name}" t ORDER BY 1')
        )

    def script(self, statements: str) -> None:
        """Run statements, in transactions of their own making."""
        self._awaited(self._connection.execute(statements))

    def empty(self, keep: Iterable[str]) -> None:
        """Leave no row, and no table but those of `keep`; ids begin anew."""
        tables = {name for (name,) in self.rows(_TABLES)}
        dropped = (f'DROP TABLE "{name}" CASCADE' for name in tables - set(keep))
        # To truncate them would make each a new file.
        deleted = (f'DELETE FROM "{name}"' for name in tables & set(keep))
        self.script("; ".join([*dropped, *deleted, _FIRST_IDS]))

    def _awaited(self, answer: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(answer, self._loop).result()


_TABLES = """
    SELECT relname::text FROM pg_class WHERE relkind = 'r' AND pg_table_is_visible(oid)
    AND relname <> 'scheduler_alembic_version' AND relnamespace::regnamespace::text = ANY (current_schemas(false))
    ORDER BY 1"""

_FIRST_IDS = """
    SELECT setval(oid::regclass, 1, false) FROM pg_class
    WHERE relkind = 'S' AND relnamespace::regnamespace::text = ANY (current_schemas(false))"""


def _naive(value: Any) -> Any:
    return value.astimezone(UTC).replace(tzinfo=None) if isinstance(value, datetime) else value


def _told(value: Any) -> Any:
    return value.isoformat(" ", "microseconds") if isinstance(value, datetime) else value
