"""The tasks a store starts with: created once in its life, whatever people do to them."""

import asyncio

from application.scheduling.services.prune_history import PruneHistory
from application.scheduling.services.seed_defaults import DEFAULT_TASKS, SeedDefaults
from domain.scheduling.task import ScheduledTask
from tests.support.builders import DAY, MINUTE
from tests.support.house import ANA, House


async def names(house: House) -> set[str]:
    tasks = await house.stores.tasks.scan(after=None, limit=100)
    return {task.definition.name for task in tasks if isinstance(task, ScheduledTask)}


async def test_a_new_store_starts_with_the_guides_tasks(house: House) -> None:
    assert await SeedDefaults(house.stores.tasks, house.manage).run_once() == 4

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
        starts = [group.create_task(SeedDefaults(house.stores.tasks, house.manage).run_once()) for _ in range(2)]

    assert sum(start.result() for start in starts) == 4
    assert len(await house.stores.tasks.scan(after=None, limit=100)) == 4


async def test_a_default_that_was_deleted_or_renamed_does_not_come_back(house: House) -> None:
    await SeedDefaults(house.stores.tasks, house.manage).run_once()
    deleted, renamed = [await house.stores.tasks.find(str(each["name"])) for each in DEFAULT_TASKS[:2]]
    assert isinstance(deleted, ScheduledTask)
    assert isinstance(renamed, ScheduledTask)
    await house.manage.delete(deleted.id, ANA)
    await house.manage.patch(renamed.id, {"name": "mine"}, ANA)
    house.clock.advance(400 * DAY)
    await PruneHistory(house.stores.history, house.observer, house.watch).run_once()

    assert await SeedDefaults(house.stores.tasks, house.manage).run_once() == 0
    assert await names(house) == {"mine", "cleanup_orphaned_data", "purge_deleted_content"}


async def test_a_default_whose_record_cannot_be_read_stops_no_start(house: House) -> None:
    seed = SeedDefaults(house.stores.tasks, house.manage)
    await seed.run_once()
    for kept in house.stores.state.tasks.values():
        kept.error = "bad JSON"

    assert await seed.run_once() == 0


async def test_a_name_somebody_took_first_is_left_to_them(house: House) -> None:
    own = await house.create("purge_deleted_content", schedule="5 5 5 5 *")

    assert await SeedDefaults(house.stores.tasks, house.manage).run_once() == 3
    assert await house.task(own.id) == own
