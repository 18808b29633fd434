"""A store that is nothing but rows, as an end of a copy; it can be cut off at any call."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field

from application.scheduling.ports.errors import StoreUnavailableError
from application.scheduling.ports.transfer import KEY_WIDTHS, Facts, Key, Kind, Mark, Page, Row
from domain.access.record import Link

NEVER = 1_000_000


@dataclass(slots=True)
class Line:
    """What both ends of a copy hang on: after so many calls nothing answers any more."""

    calls_left: int = NEVER
    calls: int = 0

    def call(self) -> None:
        """One more call; raises StoreUnavailableError once there were enough."""
        if not self.calls_left:
            raise StoreUnavailableError("cut off")
        self.calls_left -= 1
        self.calls += 1


@dataclass(slots=True)
class PlainEnd:
    """`Transfer` over rows in memory."""

    store_id: str
    line: Line
    rows: dict[Kind, dict[Key, Row]] = field(default_factory=lambda: {kind: {} for kind in Kind})
    generation: int = 1
    mark: Mark | None = None
    undelivered: int = 0

    def put(self, kind: Kind, *row: str | int | None) -> None:
        """Keep a row."""
        self.rows[kind][_key(kind, row)] = row

    async def facts(self) -> Facts:
        """See the port."""
        self.line.call()
        return Facts(self.store_id, self.generation, 7, "2026a", 0, Link(), Link(), self.mark, self.undelivered)

    async def begin(self, mark: Mark) -> bool:
        """See the port."""
        self.line.call()
        if self.mark is not None or any(self.rows.values()):
            return False
        self.mark = mark
        return True

    async def replace_mark(self, seen: Mark | None, by: Mark | None) -> bool:
        """See the port."""
        self.line.call()
        if self.mark != seen:
            return False
        self.mark = by
        return True

    async def page(self, kind: Kind, after: Key | None, *, limit: int) -> Page:
        """See the port."""
        self.line.call()
        keys = sorted(self.rows[kind])
        first = 0 if after is None else bisect_right(keys, after)
        told = keys[first : first + limit]
        is_rest = len(told) == limit
        return Page([self.rows[kind][key] for key in told], told[-1] if is_rest else None)

    async def write(self, kind: Kind, rows: Sequence[Row], gone: Sequence[Key]) -> None:
        """See the port."""
        self.line.call()
        assert self.mark is not None, "nothing is written to a store that may be served"
        for key in gone:
            del self.rows[kind][key]
        self.rows[kind].update((_key(kind, row), row) for row in rows)

    async def finish(self, of: Facts, seen: Mark) -> bool:
        """See the port."""
        self.line.call()
        if self.mark != seen:
            return False
        self.generation, self.mark = max(self.generation, of.generation + 1), None
        return True


def _key(kind: Kind, row: Row) -> Key:
    return tuple(row[: KEY_WIDTHS[kind]])  # type: ignore[arg-type]  # keys are never None
