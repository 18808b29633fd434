"""The fence round the number of tasks: what it refuses, whole or not at all, and how seldom it counts."""

import pytest

from adapters.memory.history import MemoryHistory
from application.scheduling.declarations import yaml_file
from application.scheduling.ports.history import TaskFilter
from application.scheduling.services import task_quota
from application.scheduling.services.apply_file import ApplyFile
from application.scheduling.services.batch_change import BatchChange, Outcome
from application.scheduling.services.batch_orders import BatchAction, Order
from application.scheduling.services.errors import TooManyTasksError
from application.scheduling.services.seed_defaults import SeedDefaults
from application.scheduling.services.task_quota import COUNT_KEPT, TaskQuota
from tests.support.house import ANA, House, a_body, an_author

FILE = b"""\
apiVersion: scheduler/v1
tasks:
  report: {schedule: {every: 15m}, task_type: mail}
  one: {schedule: {every: 15m}, task_type: mail}
  two: {schedule: {every: 15m}, task_type: mail}
"""


async def _names(house: House) -> list[str]:
    page = await house.stores.history.tasks_by_name(after=None, limit=10)
    return [task.definition.name for task in page.tasks]


def _allow(house: House, tasks_max: int) -> TaskQuota:
    house.quota = TaskQuota(house.stores.history, house.clock, tasks_max)
    return house.quota


@pytest.mark.parametrize("dry_run", [False, True])
async def test_no_task_is_created_beyond_the_bound_and_what_was_done_is_answered_again(
    house: House, dry_run: bool
) -> None:
    _allow(house, 2)
    await house.create("one")
    last = await house.manage.create(a_body("two"), an_author("key"))

    with pytest.raises(TooManyTasksError) as refused:
        await house.manage.create(a_body("three"), ANA, dry_run=dry_run)

    again = await house.manage.create(a_body("two"), an_author("key"))
    assert (refused.value.reason, refused.value.pointer) == ("too_many_tasks", "")
    assert refused.value.detail == "there is no room for one more: there are 2 of at most 2 tasks"
    assert "SCHEDULER_TASKS_MAX" in str(refused.value.hint)
    assert (again.replayed, again.task.id) == (True, last.task.id)
    assert await _names(house) == ["one", "two"]


async def test_a_deleted_task_makes_room_and_comes_back_only_where_there_is_some(house: House) -> None:
    _allow(house, 1)
    one = await house.create("one")
    await house.manage.delete(one.id, ANA)
    two = await house.create("two")

    with pytest.raises(TooManyTasksError):
        await house.manage.undelete(one.id, ANA)

    await house.manage.delete(two.id, ANA)
    assert (await house.manage.undelete(one.id, an_author("back"))).task.deleted_at is None
    # What was done under its key is no second task.
    assert (await house.manage.undelete(one.id, an_author("back"))).replayed


@pytest.mark.parametrize("by_ids", [False, True])
async def test_of_many_deleted_tasks_all_come_back_or_none(house: House, by_ids: bool) -> None:
    service = BatchChange(house.change_task, house.stores.history, house.entropy)
    ids = [(await house.create(name)).id for name in ("one", "two")]
    await service.run(Order(BatchAction.DELETE), ids, ANA)
    _allow(house, 1)
    bounded = BatchChange(house.change_task, house.stores.history, house.entropy)
    chosen = ids if by_ids else TaskFilter()

    for dry_run in (True, False):
        with pytest.raises(TooManyTasksError, match="no room for 2 more"):
            await bounded.run(Order(BatchAction.UNDELETE), chosen, ANA, dry_run=dry_run)

    assert await _names(house) == []
    _allow(house, 2)
    roomy = BatchChange(house.change_task, house.stores.history, house.entropy)
    done = await roomy.run(Order(BatchAction.UNDELETE), chosen, an_author("back"))
    again = await roomy.run(Order(BatchAction.UNDELETE), ids, an_author("back"))
    assert [result.counts[outcome] for result, outcome in ((done, Outcome.DONE), (again, Outcome.REPEATED))] == [2, 2]


async def test_a_file_with_more_new_tasks_than_there_is_room_for_changes_nothing(house: House) -> None:
    before = await house.create("report")
    _allow(house, 2)

    with pytest.raises(TooManyTasksError, match="no room for 2 more"):
        await ApplyFile(house.manage, house.stores.history).plan(yaml_file(FILE), ANA)

    _allow(house, 3)
    applying = ApplyFile(house.manage, house.stores.history)
    assert (await house.task(before.id)).version == before.version
    await applying.carry_out(await applying.plan(yaml_file(FILE), ANA), ANA)
    # What is there already needs no room, however full it is.
    assert (await applying.plan(yaml_file(FILE), ANA)).changes == 0
    assert await _names(house) == ["one", "report", "two"]


async def test_a_full_store_starts_and_gets_its_default_tasks_when_there_is_room(house: House) -> None:
    _allow(house, 1)
    assert await SeedDefaults(house.stores.tasks, house.manage).run_once() == 1

    _allow(house, 4)
    assert await SeedDefaults(house.stores.tasks, house.manage).run_once() == 3


async def test_far_from_the_bound_tasks_are_counted_once_in_ten_seconds(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = []
    count = MemoryHistory.task_count

    async def counting(self: MemoryHistory) -> int:
        counted.append(await count(self))
        return counted[-1]

    monkeypatch.setattr(MemoryHistory, "task_count", counting)
    monkeypatch.setattr(task_quota, "NEAR", 2)
    quota = _allow(house, 7)

    for place in range(5):
        await house.create(f"early {place}")
    assert counted == [0]
    house.clock.advance(COUNT_KEPT)
    await house.create("later")
    await house.create("near")
    assert counted == [0, 5, 6]
    with pytest.raises(TooManyTasksError):
        await quota.check(1)
    await quota.check(0)
    assert counted == [0, 5, 6, 7]
