"""Records as bytes and back: what adapters/records spells as rows, as MessagePack arrays.

Reading a definition is the dearest part of reading a task, and tasks are read far more often than changed; so the last
ones are remembered by their bytes.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any, TypeVar

import msgpack

from adapters.records.executions import EXECUTION_FIELDS, execution_of, execution_row
from adapters.records.packing import UNREADABLE, Row
from adapters.records.tasks import (
    BIRTH_FIELDS,
    DEFINITION_FIELDS,
    TASK_STATE_FIELDS,
    birth_row,
    definition_of,
    definition_row,
    stand_in_of,
    state_of,
)
from application.scheduling.ports.task_store import PAYLOAD_LEFT_OUT, Unreadable
from domain.scheduling.execution import Execution
from domain.scheduling.identifiers import ExecutionId, TaskId
from domain.scheduling.task import Definition, ScheduledTask

T = TypeVar("T")

NO_PAYLOAD = "{}"
REMEMBERED_MAX = 20_000

_STATE_OF_BIRTH = itemgetter(*(BIRTH_FIELDS.index(name) for name in TASK_STATE_FIELDS))
_OPEN_SEQ = BIRTH_FIELDS.index("open_seq")
_VERSION = BIRTH_FIELDS.index("version")
_TASK_ID = EXECUTION_FIELDS.index("task_id")


def pack(row: Row) -> bytes:
    """A row as a record."""
    packed: bytes = msgpack.packb([False if value is None else value for value in row])
    return packed


def request_of(value: object) -> bytes:
    """A value as scripts take it, without the types for bytes and short texts: their MessagePack does not know them."""
    packed: bytes = msgpack.packb(value, use_bin_type=False)
    return packed


def unpack(record: bytes) -> list[Any]:
    """The row of a record; raises one of UNREADABLE."""
    row = msgpack.unpackb(record, strict_map_key=False)
    if not isinstance(row, list):
        raise TypeError("no array of values")
    return [None if value is False else value for value in row]


def value_of(record: bytes, of: Callable[[Row], T | None]) -> T | None:
    """What `of` makes of a record's row; None if it cannot be read."""
    try:
        return of(unpack(record))
    except UNREADABLE:
        return None


def version_key(task_id: str, version: int) -> str:
    """The name of a version of a task among `definitions` and the other hashes of versions."""
    return f"{task_id}/{version}"


def pack_task(task: ScheduledTask, open_: Sequence[ExecutionId]) -> bytes:
    """A task's state, with the ids of what is open; its definition is a record of its own."""
    return pack([*birth_row(task), open_])


def open_ids(state: bytes) -> list[ExecutionId]:
    """What is open, in a task's state."""
    ids: list[ExecutionId] = unpack(state)[-1]
    return ids


def pack_definition(definition: Definition) -> bytes:
    """A definition without its payload."""
    return pack(definition_row(definition)[:-1])


@lru_cache(REMEMBERED_MAX)
def unpack_definition(record: bytes, payload_json: str) -> Definition:
    """The definition with this payload; raises one of UNREADABLE."""
    return definition_of([*unpack(record), payload_json])


def unpack_task(
    task_id: str, state: bytes, definition: bytes, payload_json: str, open_: Sequence[Row] = ()
) -> ScheduledTask | Unreadable:
    """The task; `open_` are the ids, kinds and states of its open executions."""
    try:
        row = unpack(state)
        if not (isinstance(row[_VERSION], int) and isinstance(row[-1], list)):
            raise TypeError("no state of a task")
        return state_of(_STATE_OF_BIRTH(row), unpack_definition(definition, payload_json), open_)
    except UNREADABLE as error:
        return Unreadable(TaskId(task_id), f"{type(error).__name__}: {error}")


def open_rows(flat: Sequence[str]) -> list[Row]:
    """The open executions of a reading, which tells them one behind the other."""
    return list(zip(flat[0::3], flat[1::3], flat[2::3], strict=True))


def payload_of(payload: bytes, *, is_read: bool = True) -> str:
    """The text of a payload as it was read."""
    if not is_read:
        return PAYLOAD_LEFT_OUT
    return payload.decode() if payload else NO_PAYLOAD


def pack_execution(execution: Execution, task_type: str, message: str | None) -> bytes:
    """An execution with its type and the message that was sent for it."""
    return pack([*execution_row(execution), task_type, message])


def unpack_execution(record: bytes) -> tuple[Execution, str, str | None]:
    """An execution, its type and its message; raises one of UNREADABLE."""
    *row, task_type, message = unpack(record)
    if not (isinstance(row[_TASK_ID], str) and isinstance(task_type, str)):
        raise TypeError("no record of an execution")
    return execution_of(row), task_type, message


def attempt_key(execution_id: ExecutionId, start: int) -> str:
    """The name of an attempt among `attempts`."""
    return f"{execution_id}/{start}"


def stand_in(state: bytes, definition: bytes) -> ScheduledTask:
    """What its executions may end beside when a task cannot be read though its state can."""
    row = unpack(state)
    try:
        values = [*unpack(definition), NO_PAYLOAD]
    except UNREADABLE:
        values = [None] * len(DEFINITION_FIELDS)
    values[:2] = row[BIRTH_FIELDS.index("name")], row[BIRTH_FIELDS.index("task_type")]
    return stand_in_of([*_STATE_OF_BIRTH(row), *values])


def resealed(state: bytes, task: ScheduledTask, open_: Sequence[ExecutionId]) -> bytes:
    """The state of a task that cannot be read, after a step on its stand-in: only what is open has moved."""
    row = unpack(state)
    row[_OPEN_SEQ] += task.open_seq
    row[-1] = open_
    return pack(row)
