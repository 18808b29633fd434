"""What is on record about one task around a span of time: one script, so that all of it is of one instant."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from itertools import islice

from adapters.records.executions import changes_of, skips_of
from adapters.records.packing import UNREADABLE, at_or_none
from adapters.redis.codec import unpack_definition
from adapters.redis.execution_lists import attempts_read, execution_read, rows_read
from adapters.redis.reading import READINGS_PER_TASK, tasks_of
from adapters.redis.script import script
from adapters.redis.server import Server
from application.scheduling.ports.records import EVIDENCE_MAX, EXECUTION_ACTIONS, Evidence, ExecutionEvidence
from application.scheduling.ports.task_store import PAYLOAD_LEFT_OUT
from domain.scheduling.identifiers import TaskId, least_execution_id, microseconds
from domain.scheduling.task import Definition


async def evidence(server: Server, task_id: TaskId, *, since: datetime, until: datetime) -> Evidence | None:
    """See `History.evidence`."""
    span = [microseconds(since), least_execution_id(since), least_execution_id(until)]
    request = [task_id, *span, EVIDENCE_MAX, sorted(EXECUTION_ACTIONS)]
    reply = await server.call(script("evidence", only_reads=True), request)
    if reply.answer is False:
        return None
    open_, executions, skips, changes, versions, is_cut, forgotten = reply.answer
    tasks = list(tasks_of(reply, [task_id], [open_], with_payload=True))
    if not tasks:
        return None
    readings = islice(reply.readings, READINGS_PER_TASK, None)
    return Evidence(
        now=reply.now,
        task=tasks[0],
        executions=tuple(_executions((starts for _, starts in executions), readings)),
        skips=tuple(skips_of(rows_read(islice(readings, skips)))),
        changes=tuple(changes_of(rows_read(islice(readings, changes)))),
        versions=_versions(versions, readings),
        is_cut=is_cut,
        forgotten_until=at_or_none(forgotten or None),
    )


def _executions(starts: Iterable[int], readings: Iterator[bytes]) -> Iterator[ExecutionEvidence]:
    for each in starts:
        found, attempts = execution_read(readings), attempts_read(islice(readings, each))
        # The others are told without the one that is broken.
        if found is not None:
            yield ExecutionEvidence(found[0], attempts, found[1])


def _versions(versions: Iterable[str], readings: Iterator[bytes]) -> dict[int, Definition]:
    found: dict[int, Definition] = {}
    for version, reading in zip(versions, readings, strict=True):
        with suppress(*UNREADABLE):
            found[int(version)] = unpack_definition(reading, PAYLOAD_LEFT_OUT)
    return dict(sorted(found.items()))
