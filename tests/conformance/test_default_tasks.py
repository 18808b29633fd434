"""What a store starts with stays what people made of it, over every retention."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from application.scheduling.ports.history import Retention
from application.scheduling.services.change_task import Author, ChangeTask
from application.scheduling.services.manage_tasks import ManageTasks
from application.scheduling.services.prune_history import PruneHistory
from application.scheduling.services.seed_defaults import DEFAULT_TASKS, SeedDefaults
from application.scheduling.services.watch_clock import WatchClock
from domain.scheduling.change import Via
from domain.scheduling.task import ScheduledTask
from tests.conformance.store_under_test import StoreUnderTest
from tests.support.recorders import CountingEntropy, RecordingObserver, RecordingWakeup

ANA = Author("ana", Via.API)
DELETED, RENAMED, *UNTOUCHED = [str(each["name"]) for each in DEFAULT_TASKS]


def _manage(store: StoreUnderTest) -> ManageTasks:
    change_task = ChangeTask(store.tasks, store.clock, RecordingWakeup(), RecordingObserver())
    return ManageTasks(change_task, store.executions, store.membership, CountingEntropy(7))


async def _names(store: StoreUnderTest) -> Sequence[str]:
    tasks = await store.tasks.scan(after=None, limit=100)
    return sorted(task.definition.name for task in tasks if isinstance(task, ScheduledTask))


async def _found(store: StoreUnderTest, name: str) -> ScheduledTask:
    task = await store.tasks.find(name)
    assert isinstance(task, ScheduledTask)
    return task


@pytest.mark.parametrize("days", [0, 29, 31, 366, 800])
async def test_a_default_that_was_deleted_or_renamed_does_not_come_back(store: StoreUnderTest, days: int) -> None:
    manage = _manage(store)
    seed = SeedDefaults(store.tasks, manage)
    assert await seed.run_once() == len(DEFAULT_TASKS)
    gone = await _found(store, DELETED)
    await manage.delete(gone.id, ANA)
    await manage.patch((await _found(store, RENAMED)).id, {"name": "mine"}, ANA)
    store.clock.advance(timedelta(days=days))
    observer = RecordingObserver()
    await PruneHistory(store.history, observer, WatchClock(store.clock, observer)).run_once()

    assert await seed.run_once() == 0

    assert await _names(store) == sorted(["mine", *UNTOUCHED])
    is_kept = timedelta(days=days) <= Retention().deleted_tasks
    assert (await store.tasks.deleted(gone.id) is not None) is is_kept
