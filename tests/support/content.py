"""A content database in a file, arranged and inspected behind the adapters' back, and runs of the tasks on it."""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from application.fediverse.ports.content import ContentPorts
from application.fediverse.tasks.registration import TASK_TYPE, register
from application.scheduling.processors import Continue, Processors, RunCancelledError, Summary
from domain.scheduling.identifiers import ExecutionId, TaskId
from tests.support.manual_clock import NOON, ManualClock

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


class PassingClock(ManualClock):
    """A manual clock on which sleeping passes the time at once."""

    async def sleep_until(self, instant: datetime) -> None:
        """Pass the time."""
        if instant > self.now():
            self.advance_to(instant)


@dataclass
class RecordedLog:
    """Keeps the lines."""

    lines: list[str] = field(default_factory=list)

    def debug(self, text: str, /, **values: object) -> None:
        """Keep it."""
        self.lines.append(text)

    def info(self, text: str, /, **values: object) -> None:
        """Keep it."""
        self.lines.append(text)

    def warning(self, text: str, /, **values: object) -> None:
        """Keep it."""
        self.lines.append(text)

    def error(self, text: str, /, **values: object) -> None:
        """Keep it."""
        self.lines.append(text)


TASK_ID = TaskId("task-1")
FIRST, SECOND = ExecutionId("execution-1"), ExecutionId("execution-2")


@dataclass
class RecordedRun:
    """One attempt as a test wants it: under which fence, until when, cancelled at which check."""

    fence: int = 1
    execution_id: ExecutionId = FIRST
    task_id: TaskId = TASK_ID
    task_name: str = "task"
    attempt: int = 1
    scheduled_at: datetime = NOON
    dispatched_at: datetime = NOON
    message_id: str = "1-0"
    deadline: float = 1e9
    cancelled_at_check: int | None = None
    checks: int = 0
    reports: list[tuple[int, int | None, str]] = field(default_factory=list)
    log: RecordedLog = field(default_factory=RecordedLog)

    @property
    def is_cancelled(self) -> bool:
        """See the port."""
        return self.cancelled_at_check is not None and self.checks >= self.cancelled_at_check

    def checkpoint(self) -> None:
        """See the port."""
        self.checks += 1
        if self.is_cancelled:
            raise RunCancelledError

    def progress(self, done: int, total: int | None = None, note: str = "") -> None:
        """Keep it."""
        self.reports.append((done, total, note))


async def perform(
    name: str,
    payload: Mapping[str, Any],
    content: ContentPorts,
    clock: ManualClock,
    run: RecordedRun | None = None,
) -> Summary | Continue:
    """Run a registered task with its payload as the engine would hand it over: as checked JSON."""
    processors = Processors()
    register(processors, content, clock)
    handler = processors.find(TASK_TYPE, name)
    assert handler is not None
    run = run or RecordedRun()
    run.task_name = name
    result = handler.function(handler.payload(json.dumps(payload)), run)
    assert not isinstance(result, Summary | Continue | Mapping)
    assert result is not None
    returned = await result
    assert isinstance(returned, Summary | Continue)
    return returned


def stored(instant: datetime | None) -> str | None:
    """An aware instant as the database keeps it: naive UTC text."""
    return None if instant is None else instant.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")


def _insert(connection: sqlite3.Connection, table: str, row: Mapping[str, Any]) -> int:
    plain = {name: stored(value) if isinstance(value, datetime) else value for name, value in row.items()}
    columns, marks = ", ".join(plain), ", ".join("?" for _ in plain)
    values = f"({columns}) VALUES ({marks})" if plain else "DEFAULT VALUES"
    cursor = connection.execute(f'INSERT INTO "{table}" {values}', list(plain.values()))
    assert cursor.lastrowid is not None
    return cursor.lastrowid


@dataclass(frozen=True)
class ContentFile:
    """The file itself. Foreign keys are not enforced here, so that broken restores can be arranged."""

    path: Path

    @contextmanager
    def opened(self) -> Iterator[sqlite3.Connection]:
        """A connection that commits at the end."""
        with closing(sqlite3.connect(self.path)) as connection, connection:
            # What a test arranges need not survive a power cut.
            connection.execute("PRAGMA synchronous = OFF")
            yield connection

    def add(self, table: str, **values: Any) -> int:
        """Insert one row; returns its id. Instants are aware."""
        return self.add_all(table, [values])[0]

    def add_all(self, table: str, rows: Iterable[Mapping[str, Any]]) -> list[int]:
        """Insert the rows in one transaction; returns their ids."""
        with self.opened() as connection:
            return [_insert(connection, table, row) for row in rows]

    def execute(self, statement: str, *parameters: Any) -> None:
        """Run a statement."""
        with self.opened() as connection:
            connection.execute(statement, parameters)

    def ids(self, table: str, where: str = "1") -> list[int]:
        """The ids of the rows that fit, ascending."""
        with self.opened() as connection:
            return [row[0] for row in connection.execute(f'SELECT id FROM "{table}" WHERE {where} ORDER BY id')]

    def value(self, query: str, *parameters: Any) -> Any:
        """The first value of the first row; None if there is none."""
        with self.opened() as connection:
            row = connection.execute(query, parameters).fetchone()
            return None if row is None else row[0]

    def dump(self, *, without: tuple[str, ...] = ()) -> str:
        """Everything in the file as SQL, apart from some tables: equal dumps are equal content."""
        with self.opened() as connection:
            lines = connection.iterdump()
            return "\n".join(line for line in lines if not any(f'INSERT INTO "{name}"' in line for name in without))
