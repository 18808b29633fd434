"""Lists of executions, newest first, and all that is kept of one."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Any

from adapters.records.cursors import decode_cursor, encode_cursor
from adapters.records.executions import attempt_of, attempts_of, log_line_of
from adapters.records.packing import UNREADABLE, Row, unpack_progress
from adapters.redis.codec import unpack, unpack_execution
from adapters.redis.script import script
from adapters.redis.server import Reply, Server
from application.scheduling.ports.execution_store import LogLine, Progress
from application.scheduling.ports.history import ExecutionFilter, ExecutionPage
from application.scheduling.ports.records import AttemptRecord, ExecutionRecord, ExecutionSummary
from domain.scheduling.identifiers import ExecutionId, least_execution_id

LIST_NAME = "executions"
SLICE_MAX = 1_000
"""How many records one call of a script answers at most."""
BEHIND_ALL = "g"
"""Behind the id of any execution, which are hexadecimal digits."""
# What is asked for beside that of an execution itself: a limit, and everything that belongs to it.
_ONE = (1, True)


@dataclass(frozen=True, slots=True)
class ExecutionLists:
    """Reads of executions, each call of a script a snapshot; what cannot be read is left out."""

    server: Server

    async def page(self, which: ExecutionFilter, *, limit: int, cursor: str | None) -> ExecutionPage:
        """One page. Raises DomainError for a bad cursor."""
        before: str | None = BEHIND_ALL if cursor is None else decode_cursor(LIST_NAME, cursor)[1]
        found: list[tuple[ExecutionId, ExecutionSummary | None]] = []
        while before is not None and len(found) <= limit:
            most = min(limit + 1 - len(found), SLICE_MAX)
            reply = await self.server.call(script("executions", only_reads=True), _request(which, before, most))
            rows, before = reply.answer[0], reply.answer[1] or None
            readings = iter(reply.readings)
            found += [_summary(id_, row, readings) for id_, *row in rows]
        more = encode_cursor(LIST_NAME, (None, found[limit - 1][0])) if len(found) > limit else None
        return ExecutionPage(tuple(each for _, each in found[:limit] if each is not None), more)

    async def record(self, execution_id: ExecutionId) -> ExecutionRecord | None:
        """All that is kept of one execution; None if there is none or it cannot be read."""
        request = [[execution_id], False, [], "", "", False, False, False, *_ONE]
        reply = await self.server.call(script("executions", only_reads=True), request)
        if not reply.answer[0]:
            return None
        ((id_, *row, starts, lines),) = reply.answer[0]
        readings = iter(reply.readings)
        _, summary = _summary(id_, row, readings)
        if summary is None:
            return None
        attempts = attempts_read(islice(readings, starts))
        return ExecutionRecord(summary, attempts, tuple(_lines(islice(readings, lines))))
