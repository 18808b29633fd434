"""Going through one kind of record in two stores side by side, and putting right in the second what differs."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final, Protocol

from application.scheduling.ports.transfer import KEY_WIDTHS, Key, Kind, Row, Transfer

PAGE_MAX: Final = 1_000
WIDE_PAGE_MAX: Final = 250
"""Rows of a page: those that carry payloads, results and errors may have many kilobytes each."""
_WIDE: Final = frozenset({Kind.VERSIONS, Kind.EXECUTIONS, Kind.LOG_LINES})


@dataclass(frozen=True, slots=True)
class Seen:
    """How many rows were read in the source, how many of them were written to the target, and what went from there."""

    read: int = 0
    written: int = 0
    gone: int = 0


@dataclass(frozen=True, slots=True)
class KindReport:
    """One kind after a pass: what was seen, and how many rows either store had before, with their digests.

    A digest is the SHA-256 of the rows in their order, "" if none was taken. `unreadable` records of the source are
    not in the copy.
    """

    kind: Kind
    seen: Seen
    counts: tuple[int, int]
    digests: tuple[str, str]
    unreadable: int

    @property
    def is_equal(self) -> bool:
        """True if nothing was put right, and counts and digests were the same."""
        is_untouched = not (self.seen.written or self.seen.gone)
        return is_untouched and self.counts[0] == self.counts[1] and self.digests[0] == self.digests[1]


class _Digest(Protocol):
    def update(self, text: bytes, /) -> None: ...
    def hexdigest(self) -> str: ...


@dataclass(slots=True)
class _Reader:
    """The rows of a kind in one store, of which those up to some key are taken at a time."""

    transfer: Transfer
    kind: Kind
    digest: _Digest | None
    count: int = 0
    unreadable: int = 0
    is_over: bool = False
    _after: Key | None = None
    _rows: dict[Key, Row] = field(default_factory=dict)
    _last: Key | None = None

    async def fill(self) -> None:
        """Have rows at hand, unless there are no more."""
        limit = WIDE_PAGE_MAX if self.kind in _WIDE else PAGE_MAX
        while not self._rows and not self.is_over:
            page = await self.transfer.page(self.kind, self._after, limit=limit)
            self._after, self.is_over = page.after, page.after is None
            self.unreadable += page.unreadable
            self._add(page.rows)

    @property
    def known_until(self) -> Key | None:
        """Up to which key everything is at hand; None: up to the end."""
        return None if self.is_over else self._last

    def take(self, until: Key | None) -> Mapping[Key, Row]:
        """The rows at hand up to a key, each of them once."""
        if until is None or self._last is None or self._last <= until:
            taken, self._rows = self._rows, {}
        else:
            taken = {key: row for key, row in self._rows.items() if key <= until}
            self._rows = {key: row for key, row in self._rows.items() if key > until}
        self.count += len(taken)
        if self.digest is not None:
            for row in taken.values():
                self.digest.update(canonical(row))
        return taken

    def _add(self, rows: Sequence[Row]) -> None:
        width = KEY_WIDTHS[self.kind]
        for row in rows:
            key: Key = tuple(row[:width])  # type: ignore[arg-type]  # a key is never None
            assert self._last is None or self._last < key, f"{self.kind} are not told in the order of their keys"
            self._last, self._rows[key] = key, row


async def compare_kind(
    kind: Kind, source: Transfer, target: Transfer, tell: Callable[[Kind, Seen], None], *, proving: bool
) -> KindReport:
    """Make the target's records of a kind those of the source, a page at a time; with `proving`, take digests.

    What changes in the source meanwhile may be missed. Raises StoreUnavailableError.
    """
    ours = _Reader(source, kind, sha256() if proving else None)
    theirs = _Reader(target, kind, sha256() if proving else None)
    seen = Seen()
    while True:
        await ours.fill()
        await theirs.fill()
        ends = [each for each in (ours.known_until, theirs.known_until) if each is not None]
        until = min(ends, default=None)
        mine, there = ours.take(until), theirs.take(until)
        rows = [row for key, row in mine.items() if not _is_same(row, there.get(key))]
        gone = [key for key in there if key not in mine]
        if rows or gone:
            await target.write(kind, rows, gone)
        seen = Seen(seen.read + len(mine), seen.written + len(rows), seen.gone + len(gone))
        tell(kind, seen)
        if until is None:
            break
    digests = [each.digest.hexdigest() if each.digest else "" for each in (ours, theirs)]
    counts = (ours.count, theirs.count)
    return KindReport(kind, seen, counts, (digests[0], digests[1]), ours.unreadable)


def canonical(row: Row) -> bytes:
    """The one text of a row. Some stores can't keep the character NUL and have U+FFFD in its place: so has this."""
    return json.dumps(list(row), separators=(",", ":")).replace("\\u0000", "\\ufffd").encode()


def _is_same(row: Row, other: Row | None) -> bool:
    return other is not None and (list(row) == list(other) or canonical(row) == canonical(other))
