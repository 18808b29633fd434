"""Tasks and their definitions as rows of plain values, and back. Each pair of functions is the other's inverse.

A row that cannot be read back is answered as `Unreadable`, so that one broken task never keeps others from running.
"""

from collections.abc import Iterable, Sequence

from adapters.records.packing import (
    UNREADABLE,
    Row,
    at,
    at_or_none,
    pack_pause,
    pack_policy,
    pack_quarantine,
    pack_schedule,
    pack_skip,
    packed,
    unpack_pause,
    unpack_policy,
    unpack_quarantine,
    unpack_schedule,
    unpack_skip,
    unpack_tags,
    us_or_none,
)
from application.scheduling.ports.task_store import Unreadable
from domain.scheduling.execution import ExecutionKind, ExecutionState
from domain.scheduling.identifiers import TaskId, microseconds
from domain.scheduling.schedule import OneTimeSchedule
from domain.scheduling.task import Definition, Delivery, OpenExecution, ScheduledTask, TaskStatus
from domain.scheduling.timeline import Occurrence

# What a step may move without another version.
STATE_FIELDS = (
    *("id", "status", "version", "updated_at", "decided_until", "next_nominal_at", "next_run_at", "look_at"),
    *("open_seq", "auto_runs", "run_count", "error_count", "last_run_at", "last_error", "last_state"),
    *("trailing_skip", "pause", "quarantine", "deleted_at"),
)
# What people search by.
FACE_FIELDS = ("id", "name", "task_type", "schedule_type")
# All that is kept of a task beside its definition: the last two never change.
BIRTH_FIELDS = (*STATE_FIELDS, *FACE_FIELDS[1:], "bucket", "created_at")
DEFINITION_FIELDS = (
    *("name", "task_type", "schedule", "schedule_text", "timezone", "policy", "handler", "tags", "description"),
    *("delivery", "payload_json"),
)
# What `task_of` reads: the state in the order of the task's fields, then the definition.
TASK_STATE_FIELDS = (
    *("id", "status", "version", "created_at", "updated_at", "decided_until", "next_nominal_at", "next_run_at"),
    *("open_seq", "auto_runs", "run_count", "error_count", "last_run_at", "last_error", "last_state"),
    *("trailing_skip", "pause", "quarantine", "deleted_at"),
)
TASK_FIELDS = (*TASK_STATE_FIELDS, *DEFINITION_FIELDS)

_STATUSES = {str(each): each for each in TaskStatus}
_DELIVERIES = {str(each): each for each in Delivery}
_KINDS = {str(each): each for each in ExecutionKind}
_STATES = {str(each): each for each in ExecutionState}
_NEVER = at(0)
# Stands between searched texts, so that none is found across two of them.
_SEPARATOR = "\x1f"


def state_row(task: ScheduledTask) -> Row:
    """The values of STATE_FIELDS."""
    following = task.next_occurrence
    return (
        task.id,
        task.status,
        task.version,
        microseconds(task.updated_at),
        microseconds(task.decided_until),
        None if following is None else microseconds(following.nominal_at),
        None if following is None else microseconds(following.run_at),
        us_or_none(task.look_at),
        task.open_seq,
        task.auto_runs,
        task.run_count,
        task.error_count,
        us_or_none(task.last_run_at),
        task.last_error,
        task.last_state,
        pack_skip(task.trailing_skip),
        pack_pause(task.pause),
        pack_quarantine(task.quarantine),
        us_or_none(task.deleted_at),
    )


def face_row(task: ScheduledTask) -> Row:
    """The values of FACE_FIELDS."""
    definition = task.definition
    return (task.id, definition.name, definition.task_type, definition.schedule.kind)


def birth_row(task: ScheduledTask) -> Row:
    """The values of BIRTH_FIELDS."""
    return (*state_row(task), *face_row(task)[1:], task.bucket, microseconds(task.created_at))


def definition_row(definition: Definition) -> Row:
    """The values of DEFINITION_FIELDS."""
    return (
        definition.name,
        definition.task_type,
        pack_schedule(definition.schedule),
        definition.schedule_text,
        definition.timezone,
        pack_policy(definition.policy),
        definition.handler,
        packed(definition.tags),
        definition.description,
        definition.delivery,
        definition.payload_json,
    )


def version_row(task: ScheduledTask) -> Row:
    """The task's id, the version, the values of DEFINITION_FIELDS, and the text that is searched."""
    definition = task.definition
    text = search_text(definition.name, definition.description, definition.handler)
    return (task.id, task.version, *definition_row(definition), text)


def search_text(name: str, description: str, handler: str | None) -> str:
    """Where words are looked for: in name, description and handler, without regard to case."""
    return _SEPARATOR.join((name, description, handler or "")).casefold()


def definition_of(row: Row) -> Definition:
    """The definition of a row of DEFINITION_FIELDS; raises one of UNREADABLE."""
    name, task_type, schedule, schedule_text, timezone, policy, handler, tags, description, delivery, payload = row
    return Definition(
        name,
        task_type,
        unpack_schedule(schedule),
        schedule_text,
        timezone,
        payload,
        unpack_policy(policy),
        handler,
        unpack_tags(tags),
        description,
        _DELIVERIES[delivery],
    )


def task_of(row: Row, open_: Sequence[Row] = ()) -> ScheduledTask | Unreadable:
    """The task of a row of TASK_FIELDS, with its open executions, rows of task, id, kind and state."""
    try:
        definition = definition_of(row[len(TASK_STATE_FIELDS) :])
        return state_of(row[: len(TASK_STATE_FIELDS)], definition, [each[1:] for each in open_])
    except UNREADABLE as error:
        return Unreadable(TaskId(str(row[0])), f"{type(error).__name__}: {error}")


def stand_in_of(row: Row) -> ScheduledTask:
    """What its executions may end beside when the task of a row of TASK_FIELDS cannot be read.

    Its name and handler are texts that can always be read. It is completed, which no end of an execution changes, and
    its `open_seq` begins at 0: what it has come to is by how much the task's has moved.
    """
    of_definition = dict(zip(DEFINITION_FIELDS, row[-len(DEFINITION_FIELDS) :], strict=True))
    definition = Definition(
        of_definition["name"] or "",
        of_definition["task_type"] or "",
        OneTimeSchedule(_NEVER),
        schedule_text="",
        handler=of_definition["handler"],
    )
    version = row[TASK_FIELDS.index("version")]
    return ScheduledTask(row[0], definition, TaskStatus.COMPLETED, version, _NEVER, _NEVER, _NEVER, None)


def tasks_of(rows: Iterable[Row], open_: Iterable[Row]) -> list[ScheduledTask | Unreadable]:
    """The tasks of rows of TASK_FIELDS, in order; `open_` has the rows of task, id, kind and state of all of them."""
    by_task: dict[str, list[Row]] = {}
    for each in open_:
        by_task.setdefault(each[0], []).append(each)
    return [task_of(row, by_task.get(row[0], ())) for row in rows]


def state_of(row: Row, definition: Definition, open_: Sequence[Row]) -> ScheduledTask:
    """The task of a row of TASK_STATE_FIELDS; `open_` are the ids, kinds and states of its open executions.

    Raises one of UNREADABLE.
    """
    id_, status, version, created_at, updated_at, decided_until, next_nominal_at, next_run_at = row[:8]
    open_seq, auto_runs, run_count, error_count, last_run_at, last_error, last_state = row[8:15]
    trailing_skip, pause, quarantine, deleted_at = row[15:]
    return ScheduledTask(
        id_,
        definition,
        _STATUSES[status],
        version,
        at(created_at),
        at(updated_at),
        at(decided_until),
        _occurrence(next_nominal_at, next_run_at),
        tuple([OpenExecution(id_, _KINDS[kind], _STATES[state]) for id_, kind, state in open_]),
        open_seq,
        auto_runs,
        run_count,
        error_count,
        at_or_none(last_run_at),
        last_error,
        None if last_state is None else _STATES[last_state],
        unpack_skip(trailing_skip),
        unpack_pause(pause),
        unpack_quarantine(quarantine),
        at_or_none(deleted_at),
    )


def _occurrence(nominal_at: int | None, run_at: int | None) -> Occurrence | None:
    if nominal_at is None or run_at is None:
        return None
    nominal = at(nominal_at)
    return Occurrence(nominal, nominal if run_at == nominal_at else at(run_at))
