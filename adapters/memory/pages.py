"""Cutting sorted rows into pages, so that a row that stands still is seen exactly once whatever moves around it."""

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from domain.errors import DomainError

Row = TypeVar("Row")
Place = tuple[Any, str]


@dataclass(frozen=True, slots=True)
class Paging(Generic[Row]):
    """An order of rows by their place: a value and, where that is equal, an id.

    Rows whose value is None come last either way. `name` tells orders apart, and `type` is that of their values, so
    that a cursor of one is not taken for a cursor of another.
    """

    name: str
    type: type[str] | type[int]
    place: Callable[[Row], Place]
    descending: bool

    def cut(self, rows: Sequence[Row], limit: int, cursor: str | None) -> tuple[tuple[Row, ...], str | None]:
        """The page that follows the cursor, and the cursor of the one after it (None: there is none)."""
        valued = [row for row in rows if self.place(row)[0] is not None]
        others = [row for row in rows if self.place(row)[0] is None]
        ordered = [
            *sorted(valued, key=self.place, reverse=self.descending),
            *sorted(others, key=lambda row: self.place(row)[1], reverse=self.descending),
        ]
        if cursor is not None:
            # The place of a row that has gone meanwhile is still a place in the order.
            last = self._decoded(cursor)
            ordered = [row for row in ordered if self._follows(self.place(row), last)]
        page = tuple(ordered[:limit])
        return page, self._encoded(self.place(page[-1])) if len(ordered) > limit else None

    def _follows(self, place: Place, last: Place) -> bool:
        if (place[0] is None) != (last[0] is None):
            return place[0] is None
        mine, its = (place[1:], last[1:]) if last[0] is None else (place, last)
        return mine < its if self.descending else mine > its

    def _encoded(self, place: Place) -> str:
        text = json.dumps([self.name, self.descending, *place])
        return base64.urlsafe_b64encode(text.encode()).decode()

    def _decoded(self, cursor: str) -> Place:
        try:
            name, descending, value, id_ = json.loads(base64.urlsafe_b64decode(cursor))
        except (ValueError, TypeError, RecursionError):
            raise _bad_cursor() from None
        if (name, descending) != (self.name, self.descending) or not isinstance(id_, str):
            raise _bad_cursor()
        if value is not None and type(value) is not self.type:
            raise _bad_cursor()
        return value, id_


def _bad_cursor() -> DomainError:
    return DomainError("this is no cursor of this list", code="bad_cursor", hint="start again at the first page")
