"""Cutting rows that are at hand into pages, so that a row that stands still is seen exactly once whatever moves."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from heapq import nlargest, nsmallest
from typing import Any, Generic, TypeVar

from adapters.records.cursors import bad_cursor, decode_cursor, encode_cursor

Row = TypeVar("Row")
# What a row is sorted by, then its id; of no type in common, so that they can be compared.
Place = tuple[Any, str]


def caseless(name: str) -> str:
    """What names are sorted by: the letters of ASCII small, all others as they are."""
    # Bytes know the case of ASCII letters alone.
    return name.encode("utf-8", "surrogatepass").lower().decode("utf-8", "surrogatepass")


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

    def cut(self, rows: Iterable[Row], limit: int, cursor: str | None) -> tuple[tuple[Row, ...], str | None]:
        """The page that follows the cursor, and the cursor of the one after it (None: there is none).

        Raises DomainError (`bad_cursor`).
        """
        found = list(rows)
        if cursor is not None:
            # The place of a row that has gone meanwhile is still a place in the order.
            last = self._decoded(cursor)
            found = [row for row in found if self._follows(self.place(row), last)]
        first = self._first(found, limit + 1)
        page = tuple(first[:limit])
        return page, self._encoded(self.place(page[-1])) if len(first) > limit else None

    def _first(self, rows: Sequence[Row], count: int) -> list[Row]:
        # Places are made again and again, as ten thousand of them kept at once would call the garbage collector.
        pick = nlargest if self.descending else nsmallest
        found = pick(count, [row for row in rows if self.place(row)[0] is not None], key=self.place)
        if len(found) < count:
            others = [row for row in rows if self.place(row)[0] is None]
            found += pick(count - len(found), others, key=lambda row: self.place(row)[1])
        return found

    def _follows(self, place: Place, last: Place) -> bool:
        if (place[0] is None) != (last[0] is None):
            return place[0] is None
        mine, its = (place[1:], last[1:]) if last[0] is None else (place, last)
        return mine < its if self.descending else mine > its

    def _encoded(self, place: Place) -> str:
        return encode_cursor(self._list_name, place)

    def _decoded(self, cursor: str) -> Place:
        place = decode_cursor(self._list_name, cursor)
        if place[0] is not None and type(place[0]) is not self.type:
            raise bad_cursor()
        return place

    @property
    def _list_name(self) -> str:
        return f"{self.name} descending" if self.descending else self.name
