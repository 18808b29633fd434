"""Two stores on one clock that are told the same, and must answer and look the same after every step."""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from application.scheduling.ports.history import ExecutionFilter
from domain.scheduling.execution import ExecutionState
from domain.scheduling.identifiers import TaskId
from domain.scheduling.sharing import EVERYTHING
from domain.scheduling.task import ScheduledTask
from tests.conformance.backends import BACKENDS
from tests.conformance.store_under_test import StoreUnderTest
from tests.support.builders import DAY
from tests.support.manual_clock import ManualClock

Answer = TypeVar("Answer")
BUSY = frozenset({ExecutionState.PENDING, ExecutionState.RUNNING, ExecutionState.RETRY_WAIT})


@dataclass(slots=True)
class Pair:
    """The reference and the store compared with it."""

    backend: str
    clock: ManualClock = field(default_factory=ManualClock)
    _runner: asyncio.Runner = field(default_factory=asyncio.Runner)
    _exits: AsyncExitStack = field(default_factory=AsyncExitStack)
    _stores: list[StoreUnderTest] = field(default_factory=list)

    def open(self) -> None:
        """Open both, empty."""
        folder = tempfile.TemporaryDirectory()
        self._exits.callback(folder.cleanup)
        for name in ("memory", self.backend):
            opening = BACKENDS[name](self.clock, Path(folder.name))
            self._stores.append(self._runner.run(self._exits.enter_async_context(opening)))

    def close(self) -> None:
        """Close both, whatever state they are in."""
        self._runner.run(self._exits.aclose())
        self._runner.close()

    def each(self, call: Callable[[StoreUnderTest], Awaitable[Answer]]) -> list[Answer]:
        """Make the same call of both; the reference's answer comes first."""

        async def calls() -> list[Answer]:
            return [await call(store) for store in self._stores]

        return self._runner.run(calls())

    def both(self, call: Callable[[StoreUnderTest], Awaitable[Answer]]) -> Answer:
        """Make the same call of both; the answer they agree on."""
        reference, compared = self.each(call)
        assert compared == reference
        return reference

    def compare(self, task_ids: list[TaskId]) -> list[ScheduledTask]:
        """Compare all that can be seen of both, deleted tasks' records included; the tasks there are."""
        seen = self.both(lambda store: _seen(store, task_ids))
        return [task for task in seen["tasks"] if isinstance(task, ScheduledTask)]


async def _seen(store: StoreUnderTest, task_ids: list[TaskId]) -> dict[str, Any]:
    far = store.clock.now() + 10_000 * DAY
    page = await store.history.executions(ExecutionFilter(), limit=1_000, cursor=None)
    counts = await store.history.counts()
    return {
        "tasks": list(await store.tasks.scan(after=None, limit=1_000)),
        "executions": [await store.record(summary.execution.id) for summary in page.executions],
        "due": list(await store.tasks.due(EVERYTHING, until=far, limit=1_000)),
        "next": await store.tasks.next_look_at(EVERYTHING),
        "skips": [list(await store.history.skips(each, limit=1_000)) for each in task_ids],
        "changes": [list(await store.history.changes(each, limit=1_000)) for each in task_ids],
        "open": {key: count for key, count in counts.open_by_state.items() if count},
        "finished": {key: count for key, count in counts.finished_24h.items() if count},
        "upcoming": [task.id for task in await store.history.upcoming(1_000)],
    }
