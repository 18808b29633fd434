"""Forgetting old records, a bounded number of each kind at a time."""

from datetime import datetime

from adapters.memory.state import State
from application.scheduling.ports.history import Retention
from domain.scheduling.change import Via


def prune(state: State, retention: Retention, now: datetime, limit: int) -> int:
    """Forget at most `limit` executions, Skips, changes, access records and deleted tasks each; return how many."""
    forgotten = (
        _prune_executions(state, now - retention.executions, limit)
        + _prune_skips(state, now - retention.executions, limit)
        + _prune_changes(state, now - retention.changes, limit)
        + state.chain.forget(now - retention.changes, limit)
        + _prune_tasks(state, now - retention.deleted_tasks, limit)
    )
    _prune_hours(state, now - retention.hours, limit)
    _prune_versions(state, now - retention.changes, limit)
    return forgotten


def _prune_executions(state: State, before: datetime, limit: int) -> int:
    ended = [
        (kept.execution.finished_at, kept.execution.id)
        for kept in state.executions.values()
        if kept.execution.finished_at is not None and kept.execution.finished_at < before
    ]
    old = sorted(ended)[:limit]
    for _, execution_id in old:
        del state.executions[execution_id]
    return len(old)


def _prune_skips(state: State, before: datetime, limit: int) -> int:
    skips = (
        (skip.last_at, kept.task.id, skip.first_at)
        for kept in state.tasks.values()
        for skip in kept.skips.values()
        if skip.last_at < before
    )
    old = sorted(skips)[:limit]
    for _, task_id, first_at in old:
        del state.tasks[task_id].skips[first_at]
    return len(old)


def _prune_changes(state: State, before: datetime, limit: int) -> int:
    """Forget old changes, but never one of the system's own by key: a default task must not be created twice."""
    aged = (record for record in state.changes if record.change.at < before)
    old = [each for each in aged if not (each.change.via is Via.SYSTEM and each.change.idempotency_key)][:limit]
    for record in old:
        state.changes.remove(record)
        key = record.change.idempotency_key
        if key is not None and state.changes_by_key.get(key) is record:
            del state.changes_by_key[key]
    return len(old)


def _prune_tasks(state: State, before: datetime, limit: int) -> int:
    """Forget deleted tasks without open executions; what is on record of them has a retention of its own."""
    deleted = [
        (kept.task.deleted_at, kept.task.id)
        for kept in state.tasks.values()
        if kept.task.deleted_at is not None and kept.task.deleted_at < before and not kept.task.open
    ]
    old = sorted(deleted)[:limit]
    for _, task_id in old:
        del state.tasks[task_id]
        state.supersede(task_id)
    return len(old)


def _prune_hours(state: State, before: datetime, limit: int) -> None:
    """Forget what was counted in hours long ago."""
    old = sorted((finish for finish in state.finished if finish.hour < before), key=lambda finish: finish.hour)
    for finish in old[:limit]:
        del state.finished[finish]


def _prune_versions(state: State, before: datetime, limit: int) -> None:
    """Forget definitions in whose place others are for long, if no execution refers to them."""
    referred = {(kept.execution.task_id, kept.execution.version) for kept in state.executions.values()}
    superseded = [
        (kept.superseded_at, task_id, version)
        for task_id, versions in state.versions.items()
        for version, kept in versions.items()
        if kept.superseded_at is not None and kept.superseded_at < before and (task_id, version) not in referred
    ]
    for _, task_id, version in sorted(superseded)[:limit]:
        del state.versions[task_id][version]
