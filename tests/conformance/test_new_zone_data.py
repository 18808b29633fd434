"""New time zone data: what lies behind the watermark stays decided, what lies ahead is derived afresh, and once."""

from dataclasses import replace

from application.scheduling.services.reconcile import Reconcile
from domain.scheduling.change import ChangeAction, Via
from domain.scheduling.cron.zone import tzdata_version
from domain.scheduling.schedule import CronSchedule
from domain.scheduling.task import ScheduledTask
from domain.scheduling.timeline import Occurrence
from tests.conformance.store_under_test import StoreUnderTest
from tests.support.builders import HOUR, a_creation, a_definition
from tests.support.recorders import RecordingWakeup

NINE_IN_CAIRO = CronSchedule("0 9 * * *", "Africa/Cairo")


async def _by_older_rules(store: StoreUnderTest) -> tuple[ScheduledTask, ScheduledTask]:
    """A task as older zone data left it, an hour off, and as it should be."""
    creation = a_creation(a_definition(schedule=NINE_IN_CAIRO), at=store.clock.now())
    right = creation.after.next_occurrence
    assert right is not None
    older = Occurrence(right.nominal_at - HOUR, right.run_at - HOUR)
    task = await store.applied(replace(creation, after=replace(creation.after, next_occurrence=older)))
    await store.tasks.keep_tzdata("2020a")
    return task, creation.after


async def test_new_zone_data_derive_what_lies_ahead_afresh_before_anything_fires_by_the_old(
    store: StoreUnderTest,
) -> None:
    task, right = await _by_older_rules(store)
    reconcile = Reconcile(store.tasks, store.clock, RecordingWakeup())

    assert await reconcile.catch_up() == 1

    repaired = await store.read(task)
    assert (repaired.next_occurrence, repaired.look_at) == (right.next_occurrence, right.look_at)
    assert (repaired.decided_until, repaired.version) == (task.decided_until, task.version + 1)
    (record, *_) = await store.history.changes(task.id, limit=5)
    assert (record.change.action, record.change.via) == (ChangeAction.REDERIVE, Via.SYSTEM)
    assert await store.tasks.tzdata() == tzdata_version()
    assert await reconcile.catch_up() == 0


async def test_a_firing_by_the_older_rules_is_moved_once_the_new_ones_are_known(store: StoreUnderTest) -> None:
    task, right = await _by_older_rules(store)
    assert task.next_occurrence is not None
    assert right.next_occurrence is not None
    await Reconcile(store.tasks, store.clock, RecordingWakeup()).catch_up()

    store.clock.advance_to(right.next_occurrence.run_at)

    assert type(await store.commit(task)).__name__ == "Moved"
    assert len(await store.fired(task)) == 1
