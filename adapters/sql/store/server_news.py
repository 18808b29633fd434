"""`News` on a server: the journal, read by whose look which entries were there already."""

import re
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import BigInteger, ColumnClause, Text, any_, bindparam, column, func, or_, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.records.packing import Row
from adapters.sql.engine import Database
from adapters.sql.store.news_tables import LATE, news
from adapters.sql.store.tables import Whole
from application.scheduling.ports.news import Changed

_NUMBER: Final = "(0|[1-9][0-9]{0,17})"
# The number of an entry, what it names, and which transactions were not over when the mark was made: those from the
# first number on, and those of the list.
_MARK: Final = re.compile(rf"{_NUMBER}-(.*)~{_NUMBER}~((?:[1-9][0-9]{{0,17}}\.)*)", re.ASCII | re.DOTALL)
_XID: ColumnClause[int] = column("xid", BigInteger)
_ENTRY = (news.c.id, news.c.task_id, news.c.execution_id)


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in the journal: its newest entry at a moment, and the transactions whose entries may come to light later.

    The order of numbers is not that of commits, so what was new after that moment is what those transactions wrote,
    and the ones from `beyond` on, whatever the numbers.
    """

    number: int
    names: str
    beyond: int
    in_flight: tuple[int, ...]

    def __str__(self) -> str:
        late = "".join(f"{each}." for each in self.in_flight)
        return f"{self.number}-{self.names}~{self.beyond}~{late}"


class ServerNews:
    """`News` in one PostgreSQL database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._newest = select(*_ENTRY).order_by(news.c.id.desc()).limit(1)
        self._moment = select(func.pg_current_snapshot().cast(Text), select(func.min(news.c.id)).scalar_subquery())
        number, in_flight = bindparam("number", type_=Whole), bindparam("in_flight", type_=ARRAY(BigInteger))
        is_new = or_(bindparam("beyond", type_=Whole) <= _XID, any_(in_flight) == _XID)
        behind = select(*_ENTRY, is_new).where(news.c.id > number - LATE, or_(news.c.id == number, is_new))
        self._behind = behind.order_by(news.c.id).limit(bindparam("limit", type_=Whole))

    async def since(self, mark: str | None, *, limit: int) -> Changed:
        """See the port. Behind a mark, so many entries at most are looked at as may be late, and those after it."""
        async with self._database.browsing("news") as connection:
            moment, oldest = (await connection.execute(self._moment)).one()
            seen = None if mark is None else _parsed(mark)
            if seen is not None and _reaches_back(oldest, seen):
                later = await self._later(connection, seen, limit)
                if later is not None and len(later) <= limit:
                    return await self._told(connection, seen, later, moment)
            newest = (await connection.execute(self._newest)).first()
        return Changed(str(_mark(newest, moment)), is_complete=mark is None)

    async def _later(self, connection: AsyncConnection, seen: Mark, limit: int) -> list[Row] | None:
        """What is new since the mark; None if its own entry is not there."""
        asked = {"number": seen.number, "beyond": seen.beyond, "in_flight": seen.in_flight, "limit": limit + 2}
        rows: list[Any] = list((await connection.execute(self._behind, asked)).all())
        own = next((row for row in rows if row[0] == seen.number), None)
        if seen.number and (own is None or _named(own) != seen.names):
            return None
        return [row for row in rows if row[3]]

    async def _told(self, connection: AsyncConnection, seen: Mark, later: list[Row], moment: str) -> Changed:
        if not later:
            return Changed(str(seen))
        newest = (await connection.execute(self._newest)).first()
        tasks = dict.fromkeys(row[1] for row in later)
        executions = dict.fromkeys(row[2] for row in later if row[2] is not None)
        return Changed(str(_mark(newest, moment)), tuple(tasks), tuple(executions))


def _parsed(text: str) -> Mark | None:
    matched = _MARK.fullmatch(text)
    if matched is None:
        return None
    number, names, beyond, in_flight = matched.groups()
    return Mark(int(number), names, int(beyond), tuple(int(each) for each in in_flight.split(".") if each))


def _reaches_back(oldest: int | None, seen: Mark) -> bool:
    """True if nothing has been trimmed, or nothing that the mark's transactions in flight may have written."""
    return oldest is None or oldest == 1 or oldest <= seen.number - LATE


def _mark(newest: Row | None, moment: str) -> Mark:
    """The mark of a moment, as pg_snapshot spells it: `xmin:xmax:in,flight`."""
    _, beyond, in_flight = moment.split(":")
    number, names = (0, "") if newest is None else (newest[0], _named(newest))
    return Mark(number, names, int(beyond), tuple(int(each) for each in in_flight.split(",") if each))


def _named(row: Row) -> str:
    return str(row[2] or row[1])
