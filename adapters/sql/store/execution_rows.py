"""Executions, attempts, log lines, Skips and changes as rows, and back."""

from collections.abc import Iterable, Iterator

from adapters.sql.store.dialect import Row
from adapters.sql.store.packing import (
    UNREADABLE,
    at_or_none,
    pack_cancel,
    pack_error,
    unpack_cancel,
    unpack_error,
    us_or_none,
)
from adapters.sql.store.tables import attempts, changes, executions, log_lines, skips
from application.scheduling.ports.execution_store import LogLine
from application.scheduling.ports.history import AttemptRecord, ChangeRecord
from domain.scheduling.change import Change, ChangeAction, Via
from domain.scheduling.execution import AttemptOutcome, Execution, ExecutionKind, ExecutionState
from domain.scheduling.identifiers import TaskId, instant_of, microseconds
from domain.scheduling.task import Skip, SkipReason

# What steps move, in the order of `moved_row`.
MOVED_COLUMNS = (
    executions.c.id,
    executions.c.state,
    executions.c.available_at,
    executions.c.attempts_used,
    executions.c.starts,
    executions.c.rescues,
    executions.c.token,
    executions.c.fence,
    executions.c.worker_id,
    executions.c.started_at,
    executions.c.finished_at,
    executions.c.cancel,
    executions.c.unknown_since,
    executions.c.error,
    executions.c.result_json,
)
# What an execution is born with, in the order of `birth_row`.
BIRTH_COLUMNS = (
    executions.c.task_id,
    executions.c.kind,
    executions.c.key,
    executions.c.version,
    executions.c.scheduled_at,
    executions.c.created_at,
    executions.c.nominal_at,
    executions.c.payload_json,
    executions.c.root_id,
    executions.c.number,
    executions.c.chain_at,
)
# In the order `execution_of` reads.
EXECUTION_COLUMNS = (*MOVED_COLUMNS, *BIRTH_COLUMNS)
ATTEMPT_COLUMNS = (
    attempts.c.start,
    attempts.c.worker_id,
    attempts.c.started_at,
    attempts.c.finished_at,
    attempts.c.outcome,
    attempts.c.error,
)
LOG_COLUMNS = (log_lines.c.at, log_lines.c.level, log_lines.c.text)
SKIP_COLUMNS = (skips.c.reason, skips.c.first_at, skips.c.last_at, skips.c.count, skips.c.at_least)
CHANGE_COLUMNS = (
    changes.c.task_id,
    changes.c.version,
    changes.c.execution_id,
    changes.c.action,
    changes.c.actor,
    changes.c.via,
    changes.c.at,
    changes.c.reason,
    changes.c.idempotency_key,
    changes.c.body_hash,
)

_KINDS = {str(each): each for each in ExecutionKind}
_STATES = {str(each): each for each in ExecutionState}


def moved_row(execution: Execution) -> Row:
    """The values of MOVED_COLUMNS."""
    return (
        execution.id,
        execution.state,
        microseconds(execution.available_at),
        execution.attempts_used,
        execution.starts,
        execution.rescues,
        execution.token,
        execution.fence,
        execution.worker_id,
        us_or_none(execution.started_at),
        us_or_none(execution.finished_at),
        pack_cancel(execution.cancel),
        us_or_none(execution.unknown_since),
        pack_error(execution.error),
        execution.result_json,
    )


def execution_row(execution: Execution) -> Row:
    """The values of EXECUTION_COLUMNS."""
    return (
        *moved_row(execution),
        execution.task_id,
        execution.kind,
        execution.key,
        execution.version,
        microseconds(execution.scheduled_at),
        microseconds(execution.created_at),
        us_or_none(execution.nominal_at),
        execution.payload_json,
        execution.root_id,
        execution.number,
        us_or_none(execution.chain_at),
    )


def execution_of(row: Row) -> Execution:
    """The execution of a row of EXECUTION_COLUMNS; raises one of UNREADABLE."""
    (
        id_,
        state,
        available_at,
        attempts_used,
        starts,
        rescues,
        token,
        fence,
        worker_id,
        started_at,
        finished_at,
        cancel,
        unknown_since,
        error,
        result_json,
        task_id,
        kind,
        key,
        version,
        scheduled_at,
        created_at,
        nominal_at,
        payload_json,
        root_id,
        number,
        chain_at,
    ) = row
    return Execution(
        id=id_,
        task_id=task_id,
        kind=_KINDS[kind],
        key=key,
        version=version,
        state=_STATES[state],
        scheduled_at=instant_of(scheduled_at),
        created_at=instant_of(created_at),
        available_at=instant_of(available_at),
        nominal_at=at_or_none(nominal_at),
        payload_json=payload_json,
        attempts_used=attempts_used,
        starts=starts,
        rescues=rescues,
        token=token,
        fence=fence,
        worker_id=worker_id,
        started_at=at_or_none(started_at),
        finished_at=at_or_none(finished_at),
        cancel=unpack_cancel(cancel),
        unknown_since=at_or_none(unknown_since),
        error=unpack_error(error),
        result_json=result_json,
        root_id=root_id,
        number=number,
        chain_at=at_or_none(chain_at),
    )


def readable_executions(rows: Iterable[Row]) -> Iterator[Execution]:
    """The executions of those rows of EXECUTION_COLUMNS that can be read."""
    for row in rows:
        try:
            yield execution_of(row)
        except UNREADABLE:
            continue


def attempt_of(row: Row) -> AttemptRecord:
    """The attempt of a row of ATTEMPT_COLUMNS; raises one of UNREADABLE."""
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
    """The line of a row of LOG_COLUMNS; raises one of UNREADABLE."""
    at, level, text = row
    return LogLine(instant_of(at), level, text)


def skip_row(task_id: TaskId, skip: Skip) -> Row:
    """The values of the task's id and of SKIP_COLUMNS."""
    first_at, last_at = microseconds(skip.first_at), microseconds(skip.last_at)
    return (task_id, skip.reason, first_at, last_at, skip.count, int(skip.at_least))


def skip_of(row: Row) -> Skip:
    """The Skip of a row of SKIP_COLUMNS; raises one of UNREADABLE."""
    reason, first_at, last_at, count, at_least = row
    return Skip(SkipReason(reason), instant_of(first_at), instant_of(last_at), count, bool(at_least))


def change_row(record: ChangeRecord) -> Row:
    """The values of CHANGE_COLUMNS."""
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
    """The record of a row of CHANGE_COLUMNS; raises one of UNREADABLE."""
    task_id, version, execution_id, action, actor, via, at, reason, idempotency_key, body_hash = row
    change = Change(ChangeAction(action), actor, Via(via), instant_of(at), reason, idempotency_key, body_hash)
    return ChangeRecord(change, task_id, version, execution_id)
