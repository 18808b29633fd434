"""The slower passes: reconciling, pruning, being known, and the tasks a store starts with."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from application.scheduling.ports.errors import StoreUnavailableError
from application.scheduling.ports.history import Retention
from application.scheduling.ports.membership import SILENT_AFTER, Member
from application.scheduling.services.keep_membership import ANNOUNCE_EVERY, KeepMembership
from application.scheduling.services.prune_history import BATCH_MAX, PruneHistory
from application.scheduling.services.reconcile import SLICE_MAX, Reconcile
from application.scheduling.services.seed_defaults import DEFAULT_TASKS, SeedDefaults
from domain.scheduling.change import Via
from domain.scheduling.events import RecordsPruned
from domain.scheduling.identifiers import NodeId
from domain.scheduling.task import ScheduledTask
from domain.scheduling.timeline import Occurrence
from tests.support.broken import break_
from tests.support.builders import DAY, HOUR, MINUTE, a_creation, a_definition
from tests.support.house import ANA, House
from tests.support.manual_clock import NOON

WRONG = Occurrence(NOON + 5 * HOUR, NOON + 5 * HOUR)


def reconciler(house: House) -> Reconcile:
    return Reconcile(house.stores.tasks, house.clock, house.wakeup)


def displace(house: House, task: ScheduledTask) -> None:
    """Let the task say another next occurrence than its schedule, as after new time zone data."""
    kept = house.stores.state.tasks[task.id]
    kept.task = replace(kept.task, next_occurrence=WRONG)


async def test_reconciling_repairs_what_says_something_else_than_its_schedule(house: House) -> None:
    right, wrong = await house.create("right"), await house.create("wrong")
    displace(house, wrong)

    assert await reconciler(house).run_once() == 1

    repaired = await house.task(wrong.id)
    assert (repaired.next_occurrence, repaired.version) == (wrong.next_occurrence, 2)
    assert await house.task(right.id) == right
    (change, *_) = await house.stores.history.changes(wrong.id, limit=1)
    assert (change.change.action, change.change.via) == ("rederive", Via.SYSTEM)
    assert await reconciler(house).run_once() == 0


async def test_a_broken_task_does_not_keep_the_others_from_their_repair(house: House) -> None:
    broken, wrong = await house.create("broken"), await house.create("wrong")
    unreadable = await house.create("unreadable")
    break_(house, broken)
    house.stores.state.tasks[unreadable.id].error = "bad JSON"
    displace(house, wrong)

    assert await reconciler(house).run_once() == 1


async def test_reconciling_goes_on_where_it_stopped_and_repeats_what_failed(house: House) -> None:
    definitions = [a_definition(f"task-{number:04}") for number in range(SLICE_MAX + 1)]
    await house.stores.tasks.mutate([a_creation(each) for each in definitions])
    *_, last = await house.stores.tasks.scan(after=None, limit=2 * SLICE_MAX)
    assert isinstance(last, ScheduledTask)
    displace(house, last)
    reconcile = reconciler(house)

    first = await reconcile.run_once()
    house.stores.state.available = False
    with pytest.raises(StoreUnavailableError):
        await reconcile.run_once()
    house.stores.state.available = True
    second = await reconcile.run_once()

    assert (first, second) == (0, 1)


async def test_pruning_forgets_in_steps_until_nothing_old_is_left(house: House) -> None:
    task = await house.create(policy={"overlap": "allow"})
    for _ in range(BATCH_MAX + 10):
        await house.manage.cancel(await house.run_now(task), ANA)
    open_ = await house.run_now(task)
    house.clock.advance(15 * DAY)

    pruned = await PruneHistory(house.stores.history, house.observer).run_once()

    assert pruned == BATCH_MAX + 10
    assert list(house.stores.state.executions) == [open_]
    assert house.observer.seen(RecordsPruned) == [RecordsPruned(BATCH_MAX + 10)]


async def test_pruning_nothing_is_not_worth_a_word(house: House) -> None:
    await house.run_now(await house.create())

    assert await PruneHistory(house.stores.history, house.observer, Retention(executions=timedelta(0))).run_once() == 0
    assert house.observer.events == []


async def test_a_member_is_known_while_it_announces_itself_and_gone_when_it_leaves(house: House) -> None:
    member = Member(NodeId("n"), frozenset({"worker"}), "host", 1, NOON)
    keep = KeepMembership(house.stores.membership, member)

    for _ in range(5):
        await keep.run_once()
        house.clock.advance(ANNOUNCE_EVERY)
    known = list(await house.stores.membership.members())
    await keep.leave()
    await keep.leave()

    assert known == [member]
    assert await house.stores.membership.members() == []
    assert 2 * ANNOUNCE_EVERY < SILENT_AFTER


async def names(house: House) -> set[str]:
    tasks = await house.stores.tasks.scan(after=None, limit=100)
    return {task.definition.name for task in tasks if isinstance(task, ScheduledTask)}


async def test_a_new_store_starts_with_the_guides_tasks(house: House) -> None:
    assert await SeedDefaults(house.manage).run_once() == 4

    by_name = {str(each["name"]): each for each in DEFAULT_TASKS}
    assert await names(house) == set(by_name)
    assert {name: each["schedule"] for name, each in by_name.items()} == {
        "cleanup_old_activities": "0 2 * * *",
        "update_instance_stats": "0 * * * *",
        "cleanup_orphaned_data": "0 3 * * 0",
        "purge_deleted_content": "0 4 * * *",
    }
    cleanup = await house.stores.tasks.find("cleanup_old_activities")
    assert isinstance(cleanup, ScheduledTask)
    assert (cleanup.definition.payload_json, cleanup.definition.policy.timeout) == ('{"days_to_keep":30}', 30 * MINUTE)


async def test_two_starts_at_once_create_every_default_once(house: House) -> None:
    async with asyncio.TaskGroup() as group:
        starts = [group.create_task(SeedDefaults(house.manage).run_once()) for _ in range(2)]

    assert sum(start.result() for start in starts) == 4
    assert len(await house.stores.tasks.scan(after=None, limit=100)) == 4


async def test_a_default_that_was_deleted_or_renamed_does_not_come_back(house: House) -> None:
    await SeedDefaults(house.manage).run_once()
    deleted, renamed = [await house.stores.tasks.find(str(each["name"])) for each in DEFAULT_TASKS[:2]]
    assert isinstance(deleted, ScheduledTask)
    assert isinstance(renamed, ScheduledTask)
    await house.manage.delete(deleted.id, ANA)
    await house.manage.patch(renamed.id, {"name": "mine"}, ANA)
    house.clock.advance(400 * DAY)
    await PruneHistory(house.stores.history, house.observer).run_once()

    assert await SeedDefaults(house.manage).run_once() == 0
    assert await names(house) == {"mine", "cleanup_orphaned_data", "purge_deleted_content"}


async def test_a_name_somebody_took_first_is_left_to_them(house: House) -> None:
    own = await house.create("purge_deleted_content", schedule="5 5 5 5 *")

    assert await SeedDefaults(house.manage).run_once() == 3
    assert await house.task(own.id) == own
