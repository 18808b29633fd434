"""Somebody who always comes first, for a while."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from application.scheduling.ports.task_store import CommitAnswer, Decision, Moved, MutateAnswer, TaskStore, TooEarly
from application.scheduling.services.manage_tasks import ManageTasks
from domain.scheduling.identifiers import MICROSECOND
from domain.scheduling.mutation import Mutation
from tests.support.house import House


@dataclass(slots=True)
class Contested:
    """A task store in which somebody else changes the task just before each of the first `times` mutations."""

    tasks: TaskStore
    times: int
    mutations: int = 0

    def __getattr__(self, name: str) -> Any:
        """Everything else is the store's own."""
        return getattr(self.tasks, name)

    async def mutate(self, mutations: Sequence[Mutation]) -> Sequence[MutateAnswer]:
        """See the port."""
        self.mutations += 1
        return [Moved()] if self.mutations <= self.times else await self.tasks.mutate(mutations)


@dataclass(slots=True)
class Behind:
    """A task store whose clock is a moment behind at its first `times` mutations."""

    tasks: TaskStore
    times: int
    refused: int = 0

    def __getattr__(self, name: str) -> Any:
        """Everything else is the store's own."""
        return getattr(self.tasks, name)

    async def mutate(self, mutations: Sequence[Mutation]) -> Sequence[MutateAnswer]:
        """See the port."""
        if self.refused == self.times:
            return await self.tasks.mutate(mutations)
        self.refused += 1
        return [TooEarly(MICROSECOND)] * len(mutations)


def contested(house: House, times: int) -> tuple[ManageTasks, Contested]:
    """The use cases over such a store, and the store."""
    store = Contested(house.stores.tasks, times)
    return replace(house.manage, change_task=replace(house.change_task, tasks=store)), store


@dataclass(slots=True)
class Answering:
    """A task store that answers the first commits as told, in place of carrying them out."""

    tasks: TaskStore
    answers: list[CommitAnswer]
    commits: list[int] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        """Everything else is the store's own."""
        return getattr(self.tasks, name)

    async def commit_firings(self, decisions: Sequence[Decision]) -> Sequence[CommitAnswer]:
        """See the port."""
        self.commits.append(len(decisions))
        if self.answers:
            return [self.answers.pop(0) for _ in decisions]
        return await self.tasks.commit_firings(decisions)
