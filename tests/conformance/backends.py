"""The stores that must behave alike: adding one is adding an entry to `BACKENDS`."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from adapters.memory import open_memory_store
from domain.scheduling.identifiers import TaskId
from tests.conformance.store_under_test import StoreUnderTest
from tests.support.manual_clock import ManualClock
from tests.support.recorders import CountingEntropy

Opening = Callable[[ManualClock, Path], AbstractAsyncContextManager[StoreUnderTest]]


@asynccontextmanager
async def _memory(clock: ManualClock, folder: Path) -> AsyncIterator[StoreUnderTest]:
    async with open_memory_store(clock, CountingEntropy()) as stores:

        async def cut_off() -> None:
            stores.state.available = False

        async def spoil(task_id: TaskId) -> None:
            stores.state.tasks[task_id].error = "spoilt by a test"

        yield StoreUnderTest(clock, stores, cut_off, spoil)


BACKENDS: dict[str, Opening] = {"memory": _memory}
