"""`News` in SQL: the journal that the triggers of `news_tables` write."""

import re

from sqlalchemy import bindparam, select

from adapters.records.packing import Row
from adapters.sql.engine import Database
from adapters.sql.store.dialect import Dialect
from adapters.sql.store.news_tables import news
from adapters.sql.store.tables import Whole
from application.scheduling.ports.news import Changed

BEGINNING = "0-"
_MARK = re.compile(r"(0|[1-9][0-9]{0,17})-.*", re.ASCII)


class SqlNews:
    """`News` in one SQL database.

    A mark has the number of an entry and what that entry names: where it is not to be found, or names something else,
    because it is trimmed or the file is another one, the mark is not known.
    """

    def __init__(self, database: Database, dialect: Dialect) -> None:
        self._database = database
        entries = select(news.c.id, news.c.task_id, news.c.execution_id)
        limit = bindparam("limit", type_=Whole)
        self._newest = dialect.query(entries.order_by(news.c.id.desc()).limit(1))
        behind = entries.where(news.c.id >= bindparam("first", type_=Whole))
        self._behind = dialect.query(behind.order_by(news.c.id).limit(limit))

    async def since(self, mark: str | None, *, limit: int) -> Changed:
        """See the port. Where nothing has changed, one entry is read."""
        async with self._database.browsing("news") as connection:
            matched = _MARK.fullmatch(mark) if mark is not None else None
            if matched is not None:
                first = int(matched[1])
                # One for the entry of the mark itself, one to see that there are too many.
                rows = await self._behind.rows(connection, first=first, limit=limit + 2)
                later = _behind(matched[0], rows)
                if later is not None and len(later) <= limit:
                    return _told(matched[0], later)
            newest = await self._newest.rows(connection)
        return Changed(_mark(newest[0]) if newest else BEGINNING, is_complete=mark is None)


def _behind(mark: str, rows: list[Row]) -> list[Row] | None:
    """The entries behind that of the mark, with which the rows begin; None if that is not there."""
    if mark == BEGINNING:
        return rows if not rows or rows[0][0] == 1 else None
    return rows[1:] if rows and _mark(rows[0]) == mark else None


def _told(mark: str, later: list[Row]) -> Changed:
    tasks = dict.fromkeys(task_id for _, task_id, _ in later)
    executions = dict.fromkeys(execution_id for *_, execution_id in later if execution_id is not None)
    return Changed(_mark(later[-1]) if later else mark, tuple(tasks), tuple(executions))


def _mark(row: Row) -> str:
    number, task_id, execution_id = row
    return f"{number}-{execution_id or task_id}"
