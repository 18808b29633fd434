"""Two stores on one clock that are told the same, and must answer and look the same after every step."""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from application.scheduling.ports.history import ExecutionFilter
from application.scheduling.ports.records import ChangeRecord, ExecutionRecord, ExecutionSummary, VersionRecord
from domain.scheduling.change import Change
from domain.scheduling.execution import Execution, ExecutionState
from domain.scheduling.identifiers import ExecutionId, TaskId
from domain.scheduling.mutation import Mutation
from domain.scheduling.runs import backfill, occurrences_to_backfill, run_now
from domain.scheduling.sharing import EVERYTHING
from domain.scheduling.task import ScheduledTask, Skip
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
    _summaries: dict[ExecutionId, ExecutionSummary] = field(default_factory=dict)

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

    def compare(self) -> list[ScheduledTask]:
        """Compare what can be seen at one look, and the records of what has changed since the last; the tasks."""
        tasks, page, *_ = self.both(_seen_at_a_look)
        for summary in page:
            if self._summaries.get(summary.execution.id) != summary:
                self._summaries[summary.execution.id] = summary
                self.both(partial(_record, summary.execution.id))
        return [task for task in tasks if isinstance(task, ScheduledTask)]

    def dead_of(self, task: ScheduledTask) -> list[Execution]:
        """The executions of a task that are known to have died, forgotten or not."""
        known = (each.execution for each in self._summaries.values())
        return [each for each in known if each.task_id == task.id and each.state is ExecutionState.DEAD]

    def compare_records(self, task_ids: list[TaskId]) -> None:
        """Compare everything on record, that of deleted tasks included."""
        for execution_id in self._summaries:
            self.both(partial(_record, execution_id))
        for task_id in task_ids:
            self.both(partial(_trail, task_id))


async def _seen_at_a_look(store: StoreUnderTest) -> tuple[Any, ...]:
    far = store.clock.now() + 10_000 * DAY
    counts = await store.history.counts()
    return (
        list(await store.tasks.scan(after=None, limit=1_000)),
        (await store.history.executions(ExecutionFilter(), limit=1_000, cursor=None)).executions,
        list(await store.tasks.due(EVERYTHING, until=far, limit=1_000)),
        await store.tasks.next_look_at(EVERYTHING),
        [{key: count for key, count in each.items() if count} for each in (counts.open_by_state, counts.finished_24h)],
    )


async def _record(execution_id: ExecutionId, store: StoreUnderTest) -> ExecutionRecord | None:
    return await store.history.execution(execution_id)


async def _trail(
    task_id: TaskId, store: StoreUnderTest
) -> tuple[list[Skip], list[ChangeRecord], list[VersionRecord], object]:
    skips = await store.history.skips(task_id, limit=1_000)
    changes = await store.history.changes(task_id, limit=1_000)
    versions = await store.history.versions(task_id, limit=1_000)
    return list(skips), list(changes), list(versions), await store.tasks.deleted(task_id)


def run_by_hand(task: ScheduledTask, change: Change, *, key: str, beside: bool, past: timedelta | None) -> Mutation:
    """A run now, or a backfill that reaches so far into the past."""
    if past is None:
        return run_now(task, change, key=key, allow_overlap=beside)
    occurrences = occurrences_to_backfill(task, change.at - past, change.at, change.at)
    return backfill(task, occurrences, change, key=key, allow_overlap=beside)
