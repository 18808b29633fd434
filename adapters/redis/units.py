"""What a reading holds, and what is written of it: a unit for each task, as write.lua takes it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from adapters.records.executions import change_row, skip_row
from adapters.records.packing import Row, pack_error, pack_progress, us_or_none
from adapters.records.steps import Ends, RunKey, Steps
from adapters.redis.codec import (
    NO_PAYLOAD,
    attempt_key,
    pack,
    pack_definition,
    pack_execution,
    pack_task,
    request_of,
    resealed,
    version_key,
)
from application.scheduling.ports.execution_store import LogLine, Settlement
from application.scheduling.ports.records import ChangeRecord
from application.scheduling.ports.task_store import Replayed
from domain.scheduling.execution import AttemptOutcome, Execution
from domain.scheduling.finish import Finish, finishes
from domain.scheduling.identifiers import ExecutionId, TaskId, microseconds
from domain.scheduling.task import ScheduledTask, Skip
from domain.scheduling.work import EndedAttempt, Work


@dataclass(frozen=True, slots=True)
class Record:
    """An execution as it was read, byte by byte and in the domain's words."""

    stored: bytes
    execution: Execution
    task_type: str
    message: str | None


@dataclass(slots=True)
class Reading:
    """What was read: `steps` to decide on, at the store's clock `now`, and all as it was stored.

    What is written of it holds from `now` on, in this `generation`; None: it was supposed, and is good for any.

    Steps add what else their task has to be like (`expected`: hash, field, value or False), until when they hold, and
    what holders told with the ends of their attempts. `left_out` are executions that stay open whatever is decided, for
    they, or what they may wait for, cannot be read.
    """

    now: datetime
    generation: int | None
    states: dict[TaskId, bytes] = field(default_factory=dict)
    records: dict[ExecutionId, Record] = field(default_factory=dict)
    asked: dict[ExecutionId, Execution] = field(default_factory=dict)
    beats: dict[ExecutionId, int] = field(default_factory=dict)
    ends: Ends = field(default_factory=dict)
    done: dict[str, ChangeRecord] = field(default_factory=dict)
    holders: dict[str, TaskId] = field(default_factory=dict)
    runs: dict[RunKey, Replayed] = field(default_factory=dict)
    sealed: set[TaskId] = field(default_factory=set)
    steps: Steps = field(default_factory=lambda: Steps({}, {}))
    expected: dict[TaskId, list[Row]] = field(default_factory=dict)
    good_until: dict[TaskId, datetime] = field(default_factory=dict)
    told: dict[TaskId, list[Settlement]] = field(default_factory=dict)
    left_out: dict[TaskId, list[ExecutionId]] = field(default_factory=dict)

    def add(self, work: Work, state: bytes, records: Sequence[Record]) -> None:
        """Keep the work of a task as it was read."""
        task_id = work.task.id
        self.states[task_id] = state
        self.steps.works[task_id] = work
        self.steps.homes |= dict.fromkeys(work.executions, task_id)
        self.records |= {each.execution.id: each for each in records}


@dataclass(slots=True)
class _Beside:
    """What steps left of one task beside its work."""

    versions: list[ScheduledTask] = field(default_factory=list)
    skips: list[Skip] = field(default_factory=list)
    changes: list[ChangeRecord] = field(default_factory=list)


def units_of(reading: Reading, task_ids: Sequence[TaskId]) -> list[bytes]:
    """What write.lua is to compare and to write for each of these tasks."""
    steps, beside = reading.steps, {task_id: _Beside() for task_id in task_ids}
    for task in steps.versions:
        beside[task.id].versions.append(task)
    for (owner, _), skip in steps.skips.items():
        beside[owner].skips.append(skip)
    for change in steps.changes:
        beside[change.task_id].changes.append(change)
    # Packed one by one: as lists, those of a large batch are so many that collecting garbage takes longer than packing.
    return [request_of(_unit(reading, task_id, beside[task_id])) for task_id in task_ids]


def _unit(reading: Reading, task_id: TaskId, beside: _Beside) -> list[Any]:
    work, versions, skips = reading.steps.works[task_id], beside.versions, beside.skips
    read = reading.states.get(task_id, b"")
    open_ = sorted([*(each.id for each in work.task.open), *reading.left_out.get(task_id, [])])
    state = resealed(read, work.task, open_) if task_id in reading.sealed else pack_task(work.task, open_)
    good_until = reading.good_until.get(task_id)
    told = reading.told.get(task_id, [])
    return [
        task_id,
        read,
        state,
        us_or_none(good_until) or False,
        [_moved(reading, work, work.executions[each]) for each in sorted(work.created | work.changed)],
        reading.expected.get(task_id, []),
        [
            *_versions_kept(versions),
            *(_ended(reading, work, each) for each in work.ended),
            *(["skips", skip_key(task_id, each), pack(skip_row(task_id, each)[1:])] for each in skips),
            *(["progress", each.execution_id, pack_progress(each.progress)] for each in told if each.progress),
        ],
        [*_versions_placed(versions, reading.now), *_skips_placed(task_id, skips)],
        [[each.execution_id, lines_of(each.log)] for each in told if each.log],
        [_counted(each) for each in finishes(work)],
        [_change(each, versions) for each in beside.changes],
    ]


def lines_of(log: Iterable[LogLine]) -> list[Row]:
    """Log lines as they are kept."""
    return [[microseconds(line.at), line.level, line.text] for line in log]


def skip_key(task_id: TaskId, skip: Skip) -> str:
    """The name of a Skip; those of a task sort by their first instants."""
    return f"{task_id}/{microseconds(skip.first_at):014x}"


def _moved(reading: Reading, work: Work, execution: Execution) -> list[Any]:
    record = reading.records.get(execution.id)
    if record is not None:
        packed = pack_execution(execution, record.task_type, record.message)
        return [execution.id, record.stored, packed]
    return [execution.id, False, pack_execution(execution, _type_of(reading, work, execution), None)]


def _type_of(reading: Reading, work: Work, execution: Execution) -> str:
    """The type of a new execution: its version is that of the task, or of the execution that it continues."""
    if execution.version != work.task.version:
        others = (reading.records[each] for each in work.executions if each in reading.records)
        return next(each.task_type for each in others if each.execution.version == execution.version)
    return work.task.definition.task_type


def _ended(reading: Reading, work: Work, ended: EndedAttempt) -> list[Any]:
    execution = reading.records[ended.execution_id].execution
    # What a rescue ended, its holder can no longer settle; any other end is what a repeated settling is answered with.
    led_to = None if ended.outcome is AttemptOutcome.RESCUED else work.executions[ended.execution_id].state
    row = (
        ended.start,
        execution.worker_id,
        us_or_none(execution.started_at),
        microseconds(reading.now),
        ended.outcome,
        pack_error(ended.error),
        execution.token,
        led_to,
    )
    return ["attempts", attempt_key(execution.id, ended.start), pack(row)]


def _versions_kept(versions: Sequence[ScheduledTask]) -> Iterator[list[Any]]:
    for task in versions:
        name = version_key(task.id, task.version)
        yield ["definitions", name, pack_definition(task.definition)]
        if task.definition.payload_json != NO_PAYLOAD:
            yield ["payloads", name, task.definition.payload_json]


def _versions_placed(versions: Sequence[ScheduledTask], at: datetime) -> Iterator[list[Any]]:
    for task in versions:
        yield ["versions", f"{task.id}/{task.version:010d}", 0]
        if task.version > 1:
            yield ["superseded", version_key(task.id, task.version - 1), microseconds(at)]


def _skips_placed(task_id: TaskId, skips: Sequence[Skip]) -> Iterator[list[Any]]:
    for skip in skips:
        yield ["skips_by_task", skip_key(task_id, skip), 0]
        yield ["skips_by_end", skip_key(task_id, skip), microseconds(skip.last_at)]


def _counted(finish: Finish) -> list[str]:
    return [str(microseconds(finish.hour)), f"{finish.task_type}/{finish.state}/{finish.step}"]


def _change(record: ChangeRecord, versions: Sequence[ScheduledTask]) -> list[Any]:
    made = any(each.version == record.version for each in versions)
    version = version_key(record.task_id, record.version) if made else False
    return [pack(change_row(record)), record.task_id, record.change.idempotency_key or False, version]
