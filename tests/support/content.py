"""Runs of the maintenance tasks on a content database, under a clock on which no pause takes time."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
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


def counted(rows: Mapping[str, int]) -> Mapping[str, int]:
    """What a rehearsal can know: it removes nothing, so it meets no dependents."""
    return {name: count for name, count in rows.items() if not name.startswith(("dependents.", "media.")) and count}
