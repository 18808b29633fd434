"""Going back to an earlier version: what it gives back, what it leaves alone, and when it is refused."""

import pytest

from application.scheduling.ports.membership import HandlerSpec
from application.scheduling.services.errors import (
    NameTakenError,
    StaleVersionError,
    TaskNotFoundError,
    VersionNotFoundError,
)
from application.scheduling.services.restore_version import RestoreVersion
from domain.errors import InvalidInputError, InvalidScheduleError
from domain.scheduling.change import ChangeAction
from domain.scheduling.identifiers import TaskId
from domain.scheduling.task import SkipReason, TaskStatus
from tests.support.builders import DAY, HOUR
from tests.support.house import ANA, House, an_author
from tests.support.manual_clock import NOON


def _restoring(house: House) -> RestoreVersion:
    return RestoreVersion(house.change_task, house.stores.history, house.stores.membership)


async def test_the_definition_of_a_version_is_that_of_the_task_again(house: House) -> None:
    task = await house.create(payload={"days": 1}, description="first")
    edited = (await house.manage.patch(task.id, {"name": "other", "schedule": "5 * * * *", "payload": {}}, ANA)).task

    done = await _restoring(house).restore(task.id, 1, an_author(reason="it was better"))

    assert done.task.definition == task.definition
    assert (done.task.version, done.task.next_occurrence) == (edited.version + 1, task.next_occurrence)
    newest, *_ = await house.stores.history.changes(task.id, limit=1)
    assert (newest.change.action, newest.change.reason) == (ChangeAction.RESTORE, "version 1: it was better")


@pytest.mark.parametrize("dry_run", [True, False])
async def test_a_restore_says_whether_there_was_anything_to_restore(house: House, dry_run: bool) -> None:
    task = await house.create()
    await house.manage.patch(task.id, {"description": "second"}, ANA)

    same = await _restoring(house).restore(task.id, 2, ANA, dry_run=dry_run)
    other = await _restoring(house).restore(task.id, 1, ANA, dry_run=dry_run)

    assert (same.unchanged, other.unchanged) == (True, False)


async def test_pause_id_and_counters_survive(house: House) -> None:
    task = await house.create()
    await house.run_now(task)
    await house.manage.patch(task.id, {"schedule": "5 * * * *"}, ANA)
    paused = (await house.manage.pause(task.id, an_author(reason="holidays"))).task

    restored = (await _restoring(house).restore(task.id, 1, ANA)).task

    assert (restored.id, restored.status, restored.pause) == (task.id, TaskStatus.PAUSED, paused.pause)
    assert (restored.run_count, restored.created_at) == (1, task.created_at)


async def test_what_the_replaced_schedule_owed_is_passed_over(house: House) -> None:
    task = await house.create()
    await house.manage.patch(task.id, {"schedule": "30 * * * *"}, ANA)
    house.clock.advance(2 * HOUR)

    restored = (await _restoring(house).restore(task.id, 1, ANA)).task

    (skip,) = await house.stores.history.skips(task.id, limit=5)
    assert (skip.reason, skip.count) == (SkipReason.EDITED, 2)
    assert restored.decided_until == NOON + 2 * HOUR


async def test_a_dry_run_tells_the_task_with_its_next_run_and_stores_nothing(house: House) -> None:
    task = await house.create()
    edited = (await house.manage.patch(task.id, {"schedule": "30 5 * * *"}, ANA)).task

    tried = await _restoring(house).restore(task.id, 1, ANA, dry_run=True)

    assert (tried.task.definition, tried.task.next_occurrence) == (task.definition, task.next_occurrence)
    assert await house.task(task.id) == edited


async def test_a_restore_asked_for_twice_with_one_key_is_one(house: House) -> None:
    task = await house.create()
    await house.manage.patch(task.id, {"description": "changed"}, ANA)
    await _restoring(house).restore(task.id, 1, an_author("k"))
    await house.manage.patch(task.id, {"description": "changed again"}, ANA)

    again = await _restoring(house).restore(task.id, 1, an_author("k"))

    assert (again.replayed, again.task.definition.description) == (True, "changed again")


async def test_the_definition_it_has_already_makes_no_version(house: House) -> None:
    task = await house.create()

    assert (await _restoring(house).restore(task.id, 1, ANA)).task == task


async def test_a_one_time_instant_that_has_passed_does_not_come_back(house: House) -> None:
    task = await house.create(schedule_type="one_time", schedule="2024-01-15T13:00:00Z")
    await house.manage.patch(task.id, {"schedule_type": "cron", "schedule": "0 * * * *"}, ANA)
    house.clock.advance(DAY)

    with pytest.raises(InvalidScheduleError) as refused:
        await _restoring(house).restore(task.id, 1, ANA)

    assert refused.value.reason == "in_the_past"


async def test_a_name_that_is_taken_meanwhile_is_refused_also_in_a_dry_run(house: House) -> None:
    task = await house.create("report")
    await house.manage.patch(task.id, {"name": "other"}, ANA)
    heir = await house.create("report")

    for dry_run in (True, False):
        with pytest.raises(NameTakenError) as refused:
            await _restoring(house).restore(task.id, 1, ANA, dry_run=dry_run)
        assert refused.value.by == heir.id


async def test_a_payload_that_no_handler_takes_by_now_is_refused(house: House) -> None:
    task = await house.create(payload={"mode": "old"})
    await house.manage.patch(task.id, {"payload": None}, ANA)
    schema = {"type": "object", "properties": {"mode": {"enum": ["new"]}}}
    await house.announce(HandlerSpec("mail", "report", payload_schema=schema))

    with pytest.raises(InvalidInputError) as refused:
        await _restoring(house).restore(task.id, 1, ANA)

    assert refused.value.faults[0].pointer == "/payload/mode"


async def test_what_is_not_there_is_not_restored(house: House) -> None:
    task = await house.create()
    restoring = _restoring(house)

    with pytest.raises(VersionNotFoundError):
        await restoring.restore(task.id, 2, ANA)
    with pytest.raises(TaskNotFoundError):
        await restoring.restore(TaskId("nobody"), 1, ANA)
    with pytest.raises(StaleVersionError):
        await restoring.restore(task.id, 1, ANA, if_version=task.version + 1)
