"""Lists of executions, newest first, and all that is kept of one."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Any

from adapters.records.cursors import decode_cursor, encode_cursor
from adapters.records.executions import attempts_of, log_of
from adapters.records.packing import UNREADABLE, Row, unpack_progress
from adapters.redis.codec import unpack, unpack_execution
from adapters.redis.script import script
from adapters.redis.server import Server
from application.scheduling.ports.execution_store import Progress
from application.scheduling.ports.history import ExecutionFilter, ExecutionPage
from application.scheduling.ports.records import AttemptRecord, ExecutionRecord, ExecutionSummary
from domain.scheduling.execution import Execution, ExecutionState
from domain.scheduling.identifiers import ExecutionId, least_execution_id

LIST_NAME = "executions"
SLICE_MAX = 500
"""How many records one call of a script answers at most."""
BEHIND_ALL = "g"
"""Behind every execution's id, which is hexadecimal."""
_ATTEMPT_VALUES = 6


@dataclass(frozen=True, slots=True)
class ExecutionLists:
    """Reads of executions; each call of a script sees one snapshot. What cannot be read is left out."""

    server: Server

    async def page(self, which: ExecutionFilter, *, limit: int, cursor: str | None) -> ExecutionPage:
        """One page. Raises DomainError for a bad cursor."""
        before: str | None = BEHIND_ALL if cursor is None else decode_cursor(LIST_NAME, cursor)[1]
        ids: list[str] = []
        summaries: list[ExecutionSummary | None] = []
        while before and len(ids) <= limit:
            request = _request(which, before, min(limit + 1 - len(ids), SLICE_MAX))
            reply = await self.server.call(script("executions", only_reads=True), request)
            rows, before = reply.answer
            readings = iter(reply.readings)
            ids += [row[0] for row in rows]
            summaries += [_summary(row, readings) for row in rows]
        more = encode_cursor(LIST_NAME, (None, ids[limit - 1])) if len(ids) > limit else None
        return ExecutionPage(tuple(each for each in summaries[:limit] if each is not None), more)

    async def record(self, execution_id: ExecutionId) -> ExecutionRecord | None:
        """All that is kept of one execution; None if there is none or it cannot be read."""
        which = ExecutionFilter(ids=frozenset({execution_id}))
        request = _request(which, BEHIND_ALL, 1, is_whole=True)
        reply = await self.server.call(script("executions", only_reads=True), request)
        for row in reply.answer[0]:
            readings = iter(reply.readings)
            summary = _summary(row, readings)
            *_, starts, lines = row
            if summary is not None:
                attempts = attempts_read(islice(readings, starts))
                return ExecutionRecord(summary, attempts, log_of(rows_read(islice(readings, lines))))
        return None


def execution_read(readings: Iterator[bytes]) -> tuple[Execution, Progress | None] | None:
    """The execution of the next two readings, its record and its progress; None: it cannot be read."""
    record, progress = next(readings), next(readings)
    try:
        return unpack_execution(record)[0], unpack_progress(progress.decode() or None)
    except UNREADABLE:
        return None


def attempts_read(readings: Iterable[bytes]) -> tuple[AttemptRecord, ...]:
    """The attempts of those readings that can be read."""
    return attempts_of(row[:_ATTEMPT_VALUES] for row in rows_read(readings))


def rows_read(readings: Iterable[bytes]) -> Iterator[Row]:
    """The rows of those readings that are records."""
    for reading in readings:
        with suppress(*UNREADABLE):
            yield unpack(reading)


def _request(which: ExecutionFilter, before: str, limit: int, *, is_whole: bool = False) -> list[Any]:
    """What scripts/executions.lua asks for; an index of a task or of states makes their conditions needless."""
    since = "" if which.since is None else least_execution_id(which.since)
    if which.until is not None:
        before = min(before, least_execution_id(which.until))
    task_id: str | None = which.task_id
    states: list[str] = sorted(which.states)
    given = None
    index, prefixes = "by_state", [f"{state}/" for state in states or ExecutionState]
    if which.ids is not None:
        given = sorted((each for each in which.ids if since <= each < before), reverse=True)
    elif task_id is not None:
        index, prefixes, task_id = "by_task", [f"{task_id}/"], None
    else:
        states = []
    conditions = (task_id, states or None, which.backfill)
    return [or_false(each) for each in (given, index, prefixes, since, before, *conditions, limit, is_whole)]


def or_false(value: Any) -> Any:
    """What scripts are given for a value: None would leave a hole in an array."""
    return False if value is None else value


def _summary(row: Row, readings: Iterator[bytes]) -> ExecutionSummary | None:
    """The summary of a row of the answer and the next two readings; None: it cannot be read."""
    _, task_name, task_type, redriven_by, *_ = row
    found = execution_read(readings)
    if found is None:
        return None
    execution, progress = found
    return ExecutionSummary(execution, task_name, task_type, progress, redriven_by or None)
