"""`DemoContent` in the content database."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.sql.content import tables
from adapters.sql.content.host import Host
from adapters.sql.engine import Database
from application.fediverse.ports.demo_content import Added, DemoEntity, DemoRow
from application.scheduling.ports.errors import StoreRefusedError

CHUNK_ROWS = 400  # keys per look-up; SQLite takes 32,766 values in a statement

_NATURAL_KEYS: Mapping[DemoEntity, tuple[str, ...]] = {
    "file": ("file_path",),
    "instance": ("domain",),
    "user": ("ap_profile_id",),
    "community": ("ap_id",),
    "post": ("ap_id",),
    "post_reply": ("ap_id",),
    "activity_pub_log": ("activity_id",),
    "post_bookmark": ("user_id", "post_id"),
    "post_vote": ("user_id", "post_id"),
    "report": ("reporter_id", "suspect_post_id"),
}


@dataclass(frozen=True, slots=True)
class SqlDemoContent:
    """See the port."""

    database: Database
    host: Host

    async def add(self, entity: DemoEntity, rows: Sequence[DemoRow]) -> Added:
        """See the port."""
        if self.host.has_application:
            raise StoreRefusedError("the content is an application's: demonstration data has no place in it")
        table = tables.METADATA.tables[entity]
        key = [table.c[name] for name in _NATURAL_KEYS[entity]]
        ids: list[int] = []
        count = 0
        async with self.database.writing(f"add demo {entity}") as connection:
            for chunk in _chunks(rows):
                known = await _known(connection, table, key, chunk)
                new = [row for row in chunk if _key(row, key) not in known]
                known |= await _insert(connection, table, key, new)
                ids.extend(known[_key(row, key)] for row in chunk)
                count += len(new)
        return Added(ids, count)


_Key = tuple[Any, ...]


def _chunks(rows: Sequence[DemoRow]) -> Iterator[Sequence[DemoRow]]:
    left = iter(rows)
    while chunk := list(islice(left, CHUNK_ROWS)):
        yield chunk


def _key(row: DemoRow, key: Sequence[sa.Column[Any]]) -> _Key:
    return tuple(row[column.name] for column in key)


async def _known(
    connection: AsyncConnection, table: sa.Table, key: Sequence[sa.Column[Any]], chunk: Sequence[DemoRow]
) -> dict[_Key, int]:
    # Column by column, for SQLite does not look up rows of values in an index; the key decides among what it finds.
    wanted = [column.in_([row[column.name] for row in chunk]) for column in key]
    rows = await connection.execute(sa.select(table.c.id, *key).where(*wanted))
    return {tuple(row[1:]): row[0] for row in rows}


async def _insert(
    connection: AsyncConnection, table: sa.Table, key: Sequence[sa.Column[Any]], new: Sequence[DemoRow]
) -> dict[_Key, int]:
    if not new:
        return {}
    # The key comes back with the id: to keep the order of the rows would cost a statement for each.
    rows = await connection.execute(sa.insert(table).returning(table.c.id, *key), [dict(row) for row in new])
    return {tuple(row[1:]): row[0] for row in rows}
