"""Executions, attempts, log lines, Skips and changes as rows of plain values, and back.

The order of the values is that of every store; an instant is whole microseconds, what has parts is one JSON text.
"""

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import fields
from typing import Any, TypeVar

from adapters.records.packing import (
    UNREADABLE,
    Row,
    at,
    at_or_none,
    pack_cancel,
    pack_error,
    unpack_cancel,
    unpack_error,
    us_or_none,
)
from application.scheduling.ports.execution_store import LogLine
from application.scheduling.ports.records import AttemptRecord, ChangeRecord
from domain.scheduling.change import Change, ChangeAction, Via
from domain.scheduling.execution import AttemptOutcome, Execution, ExecutionKind, ExecutionState
from domain.scheduling.identifiers import TaskId, instant_of, microseconds
from domain.scheduling.task import Skip, SkipReason

Record = TypeVar("Record")

# So much is kept of the log of one execution; one line more than LINES_MAX: it was cut, with a note as the last.
LINES_MAX = 1_000
LOG_BYTES_MAX = 64 * 1024
TRUNCATED = f"the log is cut here: only {LINES_MAX:,} lines or {LOG_BYTES_MAX // 1024} kB are kept"

_KINDS = {str(each): each for each in ExecutionKind}
_STATES = {str(each): each for each in ExecutionState}


def _same(value: Any) -> Any:
    return value


def _count(value: Any) -> Any:
    if value < 0:
        raise ValueError("nothing is counted below zero")
    return value


# How a field of an execution is read from the column of its name, and written to it; all others are as they are.
_READ: dict[str, Callable[[Any], Any]] = {
    "kind": _KINDS.__getitem__,
    "state": _STATES.__getitem__,
    **dict.fromkeys(("version", "attempts_used", "starts", "rescues", "fence", "number"), _count),
    **dict.fromkeys(("scheduled_at", "created_at", "available_at"), at),
    **dict.fromkeys(("nominal_at", "started_at", "finished_at", "unknown_since", "chain_at"), at_or_none),
    "cancel": unpack_cancel,
    "error": unpack_error,
}
_WRITE: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("scheduled_at", "created_at", "available_at"), microseconds),
    **dict.fromkeys(("nominal_at", "started_at", "finished_at", "unknown_since", "chain_at"), us_or_none),
    "cancel": pack_cancel,
    "error": pack_error,
}
EXECUTION_FIELDS = tuple(field.name for field in fields(Execution))
# What steps move; the rest an execution is born with.
MOVED_FIELDS = (
    "id",
    "state",
    "available_at",
    "attempts_used",
    "starts",
    "rescues",
    "token",
    "fence",
    "worker_id",
    "started_at",
    "finished_at",
    "cancel",
    "unknown_since",
    "error",
    "result_json",
)
CHANGE_FIELDS = (
    *("task_id", "version", "execution_id", "action", "actor"),
    *("via", "at", "reason", "idempotency_key", "body_hash"),
)
_READERS = tuple(_READ.get(name, _same) for name in EXECUTION_FIELDS)
_WRITERS = tuple((name, _WRITE.get(name, _same)) for name in EXECUTION_FIELDS)
_MOVED_WRITERS = tuple((name, _WRITE.get(name, _same)) for name in MOVED_FIELDS)


def moved_row(execution: Execution) -> Row:
    """The values of MOVED_FIELDS."""
    return [write(getattr(execution, name)) for name, write in _MOVED_WRITERS]


def execution_row(execution: Execution) -> Row:
    """The values of EXECUTION_FIELDS."""
    return [write(getattr(execution, name)) for name, write in _WRITERS]


def execution_of(row: Row) -> Execution:
    """The execution of a row of EXECUTION_FIELDS; raises one of UNREADABLE."""
    return Execution(*[read(value) for read, value in zip(_READERS, row, strict=True)])


def attempt_of(row: Row) -> AttemptRecord:
    """The attempt of an attempt's row; raises one of UNREADABLE."""
    start, worker_id, started_at, finished_at, outcome, error = row
    return AttemptRecord(
        start,
        worker_id,
        instant_of(started_at),
        at_or_none(finished_at),
        None if outcome is None else AttemptOutcome(outcome),
        unpack_error(error),
    )


def log_line_of(row: Row) -> LogLine:
    """The line of its row; raises one of UNREADABLE."""
    at, level, text = row
    return LogLine(instant_of(at), level, text)


def skip_row(task_id: TaskId, skip: Skip) -> Row:
    """The task's id, then the reason, first and last instant, count and whether counting stopped, as 0 or 1."""
    first_at, last_at = microseconds(skip.first_at), microseconds(skip.last_at)
    return (task_id, skip.reason, first_at, last_at, skip.count, int(skip.at_least))


def skips_of(rows: Iterable[Row]) -> list[Skip]:
    """The Skips of those rows that can be read."""
    return _readable(skip_of, rows)


def attempts_of(rows: Iterable[Row]) -> tuple[AttemptRecord, ...]:
    """The attempts of those rows that can be read."""
    return tuple(_readable(attempt_of, rows))


def log_of(rows: Iterable[Row]) -> tuple[LogLine, ...]:
    """The lines of those rows that can be read."""
    return tuple(_readable(log_line_of, rows))


def changes_of(rows: Iterable[Row]) -> list[ChangeRecord]:
    """The records of those rows that can be read."""
    return _readable(change_of, rows)


def skip_of(row: Row) -> Skip:
    """The Skip of its row; raises one of UNREADABLE."""
    reason, first_at, last_at, count, at_least = row
    return Skip(SkipReason(reason), instant_of(first_at), instant_of(last_at), count, bool(at_least))


def change_row(record: ChangeRecord) -> Row:
    """Task, version, execution, action, actor, via, instant, reason, idempotency key and hash of the body."""
    change = record.change
    return (
        record.task_id,
        record.version,
        record.execution_id,
        change.action,
        change.actor,
        change.via,
        microseconds(change.at),
        change.reason,
        change.idempotency_key,
        change.body_hash,
    )


def change_of(row: Row) -> ChangeRecord:
    """The record of its row; raises one of UNREADABLE."""
    task_id, version, execution_id, action, actor, via, at, reason, idempotency_key, body_hash = row
    change = Change(ChangeAction(action), actor, Via(via), instant_of(at), reason, idempotency_key, body_hash)
    return ChangeRecord(change, task_id, version, execution_id)


def remembered_change_of(row: Row) -> ChangeRecord:
    """What an idempotency key was used for, from its row; never raises.

    Of a record that cannot be read it keeps what a repetition is answered with: the key must not be taken for new.
    """
    try:
        return change_of(row)
    except UNREADABLE:
        task_id, version, execution_id, *_, idempotency_key, body_hash = row
        change = Change(ChangeAction.EDIT, "", Via.SYSTEM, at(0), "", idempotency_key, body_hash)
        return ChangeRecord(change, task_id, version, execution_id)


def _readable(read: Callable[[Row], Record], rows: Iterable[Row]) -> list[Record]:
    found: list[Record] = []
    for row in rows:
        # The others of a list are shown without the one that is broken.
        with suppress(*UNREADABLE):
            found.append(read(row))
    return found
