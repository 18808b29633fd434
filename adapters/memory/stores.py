"""The memory store as a whole: its ports over one state."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Self

from adapters.memory.access import MemoryAccess
from adapters.memory.execution_store import MemoryExecutionStore
from adapters.memory.figures import MemoryFigures
from adapters.memory.history import MemoryHistory
from adapters.memory.hold import MemoryHolds
from adapters.memory.membership import MemoryMembership
from adapters.memory.news import MemoryNews
from adapters.memory.state import State
from adapters.memory.task_store import MemoryTaskStore
from adapters.memory.trail import MemoryTrail
from application.scheduling.ports.clock import Clock, Entropy


@dataclass(frozen=True, slots=True)
class MemoryStores:
    """The ports; `state` is open to tests and to the simulation, which look into it and break it on purpose."""

    state: State
    tasks: MemoryTaskStore
    executions: MemoryExecutionStore
    history: MemoryHistory
    membership: MemoryMembership
    access: MemoryAccess
    figures: MemoryFigures
    news: MemoryNews
    trail: MemoryTrail
    holds: MemoryHolds
    terms: None = None

    def fault(self) -> None:
        """See entrypoints/stores."""

    def weakness(self) -> None:
        """See entrypoints/stores."""

    def watch(self) -> None:
        """See entrypoints/stores."""

    def outbox(self) -> None:
        """See entrypoints/stores."""

    @classmethod
    def over(cls, state: State) -> Self:
        """All ports over this state."""
        return cls(
            state,
            MemoryTaskStore(state),
            MemoryExecutionStore(state),
            MemoryHistory(state),
            MemoryMembership(state),
            MemoryAccess(state),
            MemoryFigures(state),
            MemoryNews(state),
            MemoryTrail(state),
            MemoryHolds(state),
        )


@asynccontextmanager
async def open_memory_store(clock: Clock, entropy: Entropy) -> AsyncIterator[MemoryStores]:  # noqa: ARG001
    """An empty store for as long as the context lasts; afterwards every call raises StoreUnavailableError.

    Every store is opened alike; this one has no use for `entropy`.
    """
    state = State(clock)
    try:
        yield MemoryStores.over(state)
    finally:
        state.available = False
