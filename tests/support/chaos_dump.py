"""What is left in a store after a run, asked for in plain SQL, with none of the product's own reading."""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class TaskRow:
    """A row of `tasks`; instants are microseconds since 1970, as everywhere in the dump."""

    id: str
    name: str
    task_type: str
    status: str
    version: int
    created_at: int
    decided_until: int
    deleted_at: int | None


@dataclass(frozen=True, slots=True)
class VersionRow:
    """A row of `definitions`; `schedule` is `[type, …]`."""

    task_id: str
    version: int
    schedule: list[Any]
    policy: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ExecutionRow:
    """A row of `executions`."""

    id: str
    task_id: str
    kind: str
    key: str
    version: int
    state: str
    scheduled_at: int
    created_at: int
    nominal_at: int | None
    attempts_used: int
    starts: int
    rescues: int
    fence: int
    finished_at: int | None
    cancel: Any
    error: Any


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """A row of `attempts`; `outcome` is None while it runs."""

    execution_id: str
    start: int
    worker_id: str
    started_at: int
    finished_at: int | None
    outcome: str | None


@dataclass(frozen=True, slots=True)
class SkipRow:
    """A row of `skips`."""

    task_id: str
    first_at: int
    last_at: int
    reason: str
    count: int
    at_least: int


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """A row of `changes`, the audit."""

    id: int
    task_id: str
    version: int
    execution_id: str | None
    action: str
    actor: str
    at: int
    reason: str
    idempotency_key: str | None


_TABLES: dict[type, tuple[str, str]] = {
    TaskRow: ("tasks", "id"),
    VersionRow: ("definitions", "task_id, version"),
    ExecutionRow: ("executions", "id"),
    AttemptRow: ("attempts", "execution_id, start"),
    SkipRow: ("skips", "task_id, first_at"),
    ChangeRow: ("changes", "id"),
}
OPEN = "SELECT id FROM executions WHERE state IN ('waiting', 'pending', 'running', 'retry_wait') LIMIT 1"
OWED = "SELECT id FROM tasks WHERE status = 'active' AND deleted_at IS NULL AND look_at <= {until} LIMIT 1"
# A pause that ends by itself is no rest: its task would begin again while the run waits for its last execution.
RESTLESS = (
    "SELECT id FROM tasks WHERE deleted_at IS NULL AND task_type = 'chaos'"
    " AND (status = 'active' OR (status = 'paused' AND look_at IS NOT NULL))"
)
_JSON = frozenset({"schedule", "policy", "cancel", "error"})


@dataclass
class Dump:
    """All of it, complete before it is asked; lists of a task or an execution are in the order of the rows' keys."""

    tasks: dict[str, TaskRow] = field(default_factory=dict)
    executions: dict[str, ExecutionRow] = field(default_factory=dict)
    versions: dict[str, list[VersionRow]] = field(default_factory=lambda: defaultdict(list))
    attempts: dict[str, list[AttemptRow]] = field(default_factory=lambda: defaultdict(list))
    skips: dict[str, list[SkipRow]] = field(default_factory=lambda: defaultdict(list))
    changes: list[ChangeRow] = field(default_factory=list)

    def executions_of(self, task_id: str) -> list[ExecutionRow]:
        """Those of one task."""
        return self._executions_by_task.get(task_id, [])

    def changes_of(self, task_id: str) -> list[ChangeRow]:
        """Those of one task, in order."""
        return self._changes_by_task.get(task_id, [])

    def version_of(self, execution: ExecutionRow) -> VersionRow | None:
        """The definition it was recorded under."""
        kept = self.versions.get(execution.task_id, ())
        return next((each for each in kept if each.version == execution.version), None)

    @cached_property
    def _executions_by_task(self) -> dict[str, list[ExecutionRow]]:
        return _by_task(self.executions.values())

    @cached_property
    def _changes_by_task(self) -> dict[str, list[ChangeRow]]:
        return _by_task(self.changes)


def _by_task(rows: Iterable[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for each in rows:
        found.setdefault(each.task_id, []).append(each)  # type: ignore[attr-defined]  # of those kinds that have it
    return found


def dump_of(rows: Mapping[type, Iterable[Sequence[Any]]]) -> Dump:
    """What the statements of `SELECTS` have found, each kind's rows as they came."""
    found: dict[type, list[Any]] = {
        kind: [row_of(kind, dict(zip(_names(kind), each, strict=True))) for each in rows[kind]] for kind in _TABLES
    }
    dump = Dump(changes=found[ChangeRow])
    dump.tasks = {row.id: row for row in found[TaskRow]}
    dump.executions = {row.id: row for row in found[ExecutionRow]}
    for version in found[VersionRow]:
        dump.versions[version.task_id].append(version)
    for attempt in found[AttemptRow]:
        dump.attempts[attempt.execution_id].append(attempt)
    for skip in found[SkipRow]:
        dump.skips[skip.task_id].append(skip)
    return dump


def read(path: Path) -> Dump:
    """Read the file at `path`, in one snapshot; whoever serves it may go on meanwhile."""
    connection = sqlite3.connect(path)
    try:
        connection.execute("BEGIN")
        return dump_of({kind: connection.execute(select) for kind, select in SELECTS.items()})
    finally:
        connection.close()


def is_whole(path: Path) -> bool:
    """True if SQLite itself finds nothing wrong with the file."""
    connection = sqlite3.connect(path)
    try:
        return bool(connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok")
    finally:
        connection.close()


def row_of(kind: type[Row], values: Mapping[str, Any]) -> Row:
    """The row of these values, as they are stored; those that it does not have are left out."""
    return kind(**{name: _value(name, values[name]) for name in _names(kind)})


def _names(kind: type[Row]) -> list[str]:
    return [each.name for each in fields(kind)]  # type: ignore[arg-type]  # every kind is a dataclass


def _value(name: str, value: Any) -> Any:
    return json.loads(value) if name in _JSON and value is not None else value


# Names and tables are ours, so this is no way for anything of somebody else's into the statements.
SELECTS = {
    kind: f"SELECT {', '.join(_names(kind))} FROM {table} ORDER BY {order}" for kind, (table, order) in _TABLES.items()
}
