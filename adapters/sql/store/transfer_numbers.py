"""The numbers a database gives away by itself, which must go on above those that were copied.

Where one writer numbers its rows, the row of the store and the highest row say what is next. A server has sequences.
"""

from sqlalchemy import case, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.sql.store.server_tables import SCHEMA
from adapters.sql.store.tables import store

_FENCE = text(f"SELECT last_value FROM {SCHEMA}.fence")  # noqa: S608 - a name of ours
_SETTING = (
    text(f"SELECT setval('{SCHEMA}.fence', greatest(last_value, :fence)) FROM {SCHEMA}.fence"),  # noqa: S608
    text(f"SELECT setval(pg_get_serial_sequence('{SCHEMA}.changes', 'id'), greatest(:changes, 1))"),
)


async def fence_of(connection: AsyncConnection) -> int:
    """The highest number that a claim was given in this generation, or one more."""
    is_served = connection.dialect.name == "postgresql"
    number: int = (await connection.execute(_FENCE if is_served else select(store.c.fence))).scalar_one()
    return number


async def number_above(connection: AsyncConnection, fence: int, changes: int) -> None:
    """Number claims and changes above these from now on."""
    if connection.dialect.name == "postgresql":
        for statement, value in zip(_SETTING, ({"fence": fence}, {"changes": changes}), strict=True):
            await connection.execute(statement, value)
    else:
        higher = case((store.c.fence > fence, store.c.fence), else_=fence)
        await connection.execute(update(store).values(fence=higher))
