"""`Transfer` in Redis.

A store that is marked has no generation, so that no script of a process that still runs does anything; those of this
port are called like the one that meets a server, which needs none.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgpack

from adapters.records.packing import packed
from adapters.records.transfer import mark_in, mark_row
from adapters.redis.arrival import ARRIVE
from adapters.redis.codec import pack, value_of
from adapters.redis.script import script
from adapters.redis.server import Server, answer_of
from adapters.redis.transfer_rows import key_of, place_of, put_of, removal_of, rows_of
from application.scheduling.ports.transfer import Facts, Key, Kind, Mark, Page, Row
from domain.access.record import Link
from domain.scheduling.change import OF_EXECUTIONS
from domain.scheduling.identifiers import microseconds

# How many rows one script writes while everybody else waits: some milliseconds.
SLICE: Final = 500


@dataclass(frozen=True, slots=True)
class RedisTransfer:
    """`Transfer` in one Redis."""

    server: Server

    async def facts(self) -> Facts:
        """See the port."""
        found, (anchor, head) = await self._call("transfer_facts", only_reads=True)
        name, generation, fence, tzdata, changes, mark = found
        return Facts(
            name,
            generation,
            fence,
            tzdata or None,
            changes,
            anchor=_link(anchor),
            head=_link(head),
            mark=mark_in(mark) if mark else None,
        )

    async def begin(self, mark: Mark) -> bool:
        """See the port."""
        return await self._mark(None, mark, must_be_empty=True)

    async def replace_mark(self, seen: Mark | None, by: Mark | None) -> bool:
        """See the port."""
        return await self._mark(seen, by, must_be_empty=False)

    async def page(self, kind: Kind, after: Key | None, *, limit: int) -> Page:
        """See the port."""
        place = "" if after is None else place_of(kind, after)
        (names, behind), readings = await self._call("transfer_page", [kind, place, limit], only_reads=True)
        rows, unreadable = rows_of(kind, names, readings)
        return Page(rows, None if behind is False else key_of(kind, behind), unreadable)

    async def write(self, kind: Kind, rows: Sequence[Row], gone: Sequence[Key]) -> None:
        """See the port. Slices of SLICE are a step each; what goes from a list of log lines goes from its end."""
        removals = [removal_of(kind, key) for key in reversed(gone)]
        for place in range(0, len(removals), SLICE):
            await self._call("transfer_write", [kind, [], removals[place : place + SLICE]])
        for place in range(0, len(rows), SLICE):
            puts = [put_of(kind, row) for row in rows[place : place + SLICE]]
            await self._call("transfer_write", [kind, puts, []])

    async def finish(self, of: Facts, seen: Mark) -> bool:
        """See the port. Which change made which version is found anew first, in slices, which changes nothing else."""
        after: Any = 0
        while after is not False:
            request = [after, SLICE, sorted(OF_EXECUTIONS)]
            after, _ = await self._call("transfer_makers", request)
        ends = [pack((each.number, each.hash)) if of.head.number else False for each in (of.anchor, of.head)]
        request = [_text(seen), of.generation, of.fence, of.tzdata or False, of.changes, *ends]
        is_written, _ = await self._call("transfer_finish", request)
        return bool(is_written)

    async def _mark(self, seen: Mark | None, by: Mark | None, *, must_be_empty: bool) -> bool:
        is_written, _ = await self._call("transfer_mark", [_text(seen), _text(by), must_be_empty])
        return bool(is_written)

    async def _call(self, name: str, request: Any = None, *, only_reads: bool = False) -> tuple[Any, list[bytes]]:
        """What a script answers, and its readings."""
        called, clock = script(name, only_reads=only_reads), self.server.clock
        at = b"" if clock is None else b"%d" % microseconds(clock.now())
        arguments = (at, ARRIVE, msgpack.packb(request, use_bin_type=False))
        async with self.server.connection(name) as connection:
            raw = await answer_of(connection, called, *arguments)
        header, *readings = raw if isinstance(raw, list) else (raw,)
        return msgpack.unpackb(header, strict_map_key=False, unicode_errors="replace")[-1], readings


def _link(record: bytes) -> Link:
    """A place in the chain of access records; where nothing tells it, it is the beginning."""
    return value_of(record, lambda row: Link(*row)) or Link()


def _text(mark: Mark | None) -> str | bool:
    return False if mark is None else packed(mark_row(mark))
