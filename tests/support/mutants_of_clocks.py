"""Mutants of instants: whose clock a decision is judged by, and what new zone data move. See `mutants`."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import domain.scheduling.mutation as mutation_module
from adapters.memory.execution_store import MemoryExecutionStore
from adapters.memory.task_store import MemoryTaskStore
from application.scheduling.services.reconcile import Reconcile
from domain.scheduling.change import Change
from domain.scheduling.firing import Firing, catching_up
from domain.scheduling.identifiers import ClaimToken, NodeId
from domain.scheduling.mutation import Mutation
from domain.scheduling.policy import Misfire
from domain.scheduling.retry import RetryAt, RetryPolicy
from domain.scheduling.task import ScheduledTask

Patch = Callable[[Any, str, Any], None]


def commit_by_the_schedulers_clock(patch: Patch) -> None:
    """A commit that believes whoever decided."""
    original = MemoryTaskStore._fire

    def _fire(self: MemoryTaskStore, read: ScheduledTask, firing: Firing, now: datetime) -> Any:
        return original(self, read, replace(firing, good_until=None), max(now, firing.decided_at))

    patch(MemoryTaskStore, "_fire", _fire)


def change_by_the_askers_clock(patch: Patch) -> None:
    """A change that may lie ahead of the store's clock."""
    original = MemoryTaskStore._mutate

    def _mutate(self: MemoryTaskStore, mutation: Mutation, now: datetime) -> Any:
        return original(self, mutation, max(now, mutation.change.at))

    patch(MemoryTaskStore, "_mutate", _mutate)


def fence_without_generation(patch: Patch) -> None:
    """A fence that a store which took over counts anew."""
    original = MemoryExecutionStore._claim

    def _claim(self: MemoryExecutionStore, kept: Any, worker_id: NodeId, token: ClaimToken, now: datetime) -> Any:
        self.state.generation = 1
        return original(self, kept, worker_id, token, now)

    patch(MemoryExecutionStore, "_claim", _claim)


def zone_data_not_compared(patch: Patch) -> None:
    """A scheduler that begins by the zone data of yesterday."""

    async def catch_up(self: Reconcile) -> int:
        return 0

    patch(Reconcile, "catch_up", catch_up)


def resume_by_older_zone_data(patch: Patch) -> None:
    """A resume that runs what was missed by what came next when the task stopped."""
    original = mutation_module._caught_up

    def _caught_up(task: ScheduledTask, change: Change, missed: Misfire) -> Mutation:
        firing = catching_up(task, missed, mutation_module._IDLE_REASONS[task.status], change.at)
        return replace(original(task, change, missed), skips=firing.skips, firing=firing)

    patch(mutation_module, "_caught_up", _caught_up)


def retry_later_than_promised(patch: Patch) -> None:
    """A retry that waits a minute longer than its backoff."""
    original = RetryPolicy.decide

    def decide(self: RetryPolicy, *args: Any, **options: Any) -> Any:
        decided = original(self, *args, **options)
        return RetryAt(decided.at + timedelta(minutes=1)) if isinstance(decided, RetryAt) else decided

    patch(RetryPolicy, "decide", decide)
