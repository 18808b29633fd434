"""Changes: those of one task, and the list of all, newest first."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from adapters.records.cursors import bad_cursor, decode_cursor, encode_cursor
from adapters.records.executions import change_of
from adapters.records.packing import UNREADABLE, us_or_none
from adapters.redis.codec import unpack
from adapters.redis.execution_lists import SLICE_MAX, or_false
from adapters.redis.script import script
from adapters.redis.server import Server
from application.scheduling.ports.history import AuditEntry, AuditFilter, AuditPage
from application.scheduling.ports.records import ChangeRecord
from domain.scheduling.identifiers import TaskId

LIST_NAME = "audit"
DIGITS = 12
"""Numbers of changes are written with so many digits, so that they sort as texts."""
_BEHIND_ALL = 999_999_999_999


@dataclass(frozen=True, slots=True)
class AuditLists:
    """Reads of changes; each call of a script sees one snapshot. What cannot be read is left out."""

    server: Server

    async def page(self, which: AuditFilter, *, limit: int, cursor: str | None) -> AuditPage:
        """One page. Raises DomainError for a bad cursor."""
        numbers, entries = await self._newest(which, limit + 1, _place(cursor))
        more = encode_cursor(LIST_NAME, (int(numbers[limit - 1]), "")) if len(numbers) > limit else None
        return AuditPage(tuple(each for each in entries[:limit] if each is not None), more)

    async def of_task(self, task_id: TaskId, *, limit: int) -> Sequence[ChangeRecord]:
        """The last changes of a task, newest first."""
        _, entries = await self._newest(AuditFilter(task_id=task_id), limit, _BEHIND_ALL)
        return [each.record for each in entries if each is not None]

    async def _newest(self, which: AuditFilter, limit: int, before: int) -> tuple[list[str], list[AuditEntry | None]]:
        """The numbers of the last changes before this one, and the changes, None for what cannot be read."""
        numbers: list[str] = []
        entries: list[AuditEntry | None] = []
        place = f"{before:0{DIGITS}}"
        while place and len(numbers) < limit:
            request = [or_false(which.task_id), place, *_conditions(which), min(limit - len(numbers), SLICE_MAX)]
            reply = await self.server.call(script("changes", only_reads=True), request)
            rows, place = reply.answer
            numbers += [number for number, _ in rows]
            entries += _entries([name for _, name in rows], reply.readings)
        return numbers, entries


def _place(cursor: str | None) -> int:
    if cursor is None:
        return _BEHIND_ALL
    number, _ = decode_cursor(LIST_NAME, cursor)
    if not isinstance(number, int):
        raise bad_cursor()
    return min(max(number, 0), _BEHIND_ALL)


def _conditions(which: AuditFilter) -> list[Any]:
    conditions = (which.actor, which.action, us_or_none(which.since), us_or_none(which.until))
    return [or_false(each) for each in conditions]


def _entries(names: Sequence[str], readings: Sequence[bytes]) -> Iterator[AuditEntry | None]:
    for name, reading in zip(names, readings, strict=True):
        entry = None
        with suppress(*UNREADABLE):
            entry = AuditEntry(change_of(unpack(reading)), name)
        yield entry
