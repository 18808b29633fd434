"""Committing while other tasks are decided: several batches at once, also when the store is silent."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from application.scheduling.ports.errors import StoreUnavailableError
from application.scheduling.ports.task_store import CommitAnswer, Decision, TaskStore
from application.scheduling.services.dispatch_due import COMMIT_MAX, LANES
from domain.scheduling.execution import ExecutionState
from domain.scheduling.sharing import EVERYTHING
from tests.support.builders import HOUR, a_creation, a_definition
from tests.support.house import House


@dataclass(slots=True)
class Slow:
    """A task store that takes up a commit only when as many are under way as may be; the first may fail."""

    tasks: TaskStore
    is_broken: bool = False
    commits: int = 0
    is_full: asyncio.Event = field(default_factory=asyncio.Event)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.tasks, name)

    async def commit_firings(self, decisions: Sequence[Decision]) -> Sequence[CommitAnswer]:
        self.commits += 1
        is_first = self.commits == 1
        if self.commits == LANES:
            self.is_full.set()
        await self.is_full.wait()
        if is_first and self.is_broken:
            raise StoreUnavailableError("commit_firings: no answer")
        return await self.tasks.commit_firings(decisions)


async def _due(house: House) -> int:
    """So many batches as may be under way at once are due; how many tasks that are."""
    count = LANES * COMMIT_MAX
    await house.stores.tasks.mutate([a_creation(a_definition(f"task-{number}")) for number in range(count)])
    house.clock.advance(HOUR)
    return count


async def test_a_batch_is_decided_while_another_is_committed(house: House) -> None:
    count = await _due(house)

    async with asyncio.timeout(10):
        await replace(house.dispatch, tasks=Slow(house.stores.tasks)).run_once(EVERYTHING)

    assert house.states() == [ExecutionState.PENDING] * count


async def test_a_store_that_takes_some_batches_and_not_another_is_told_as_silent(house: House) -> None:
    count = await _due(house)

    async with asyncio.timeout(10):
        with pytest.raises(StoreUnavailableError):
            await replace(house.dispatch, tasks=Slow(house.stores.tasks, is_broken=True)).run_once(EVERYTHING)

    assert house.states() == [ExecutionState.PENDING] * (count - COMMIT_MAX)
