"""Coming back from deletion."""

from datetime import timedelta

import pytest

from application.scheduling.services.errors import DeletedTaskNotFoundError, NameTakenError
from domain.scheduling.identifiers import TaskId
from domain.scheduling.task import TaskStatus
from tests.support.house import ANA, House, an_author

NOBODY = TaskId("00000000-0000-4000-8000-000000000000")


async def test_a_deleted_task_comes_back_as_it_was_and_has_passed_over_what_it_owed(house: House) -> None:
    task = await house.create(tags=["a"])
    await house.manage.delete(task.id, ANA)
    house.clock.advance(timedelta(hours=3))

    back = (await house.manage.undelete(task.id, an_author(reason="too early"))).task

    assert (back.definition, back.version, back.deleted_at) == (task.definition, 3, None)
    (skip,) = await house.stores.history.skips(task.id, limit=5)
    assert (skip.reason, skip.count) == ("deleted", 3)
    newest, *_ = await house.stores.history.changes(task.id, limit=1)
    assert (newest.change.action, newest.change.reason) == ("undelete", "too early")


async def test_a_paused_task_comes_back_paused(house: House) -> None:
    task = await house.create()
    paused = (await house.manage.pause(task.id, an_author(reason="holidays"))).task
    await house.manage.delete(task.id, ANA)

    back = (await house.manage.undelete(task.id, ANA)).task

    assert (back.status, back.pause) == (TaskStatus.PAUSED, paused.pause)


async def test_only_what_is_deleted_is_undeleted_and_with_a_key_once(house: House) -> None:
    task = await house.create()
    with pytest.raises(DeletedTaskNotFoundError):
        await house.manage.undelete(task.id, ANA)
    with pytest.raises(DeletedTaskNotFoundError):
        await house.manage.undelete(NOBODY, ANA)
    await house.manage.delete(task.id, ANA)

    first = await house.manage.undelete(task.id, an_author("k"))
    again = await house.manage.undelete(task.id, an_author("k"))

    assert (first.replayed, again.replayed, again.task) == (False, True, first.task)
    with pytest.raises(DeletedTaskNotFoundError):
        await house.manage.undelete(task.id, ANA)


async def test_a_task_whose_name_was_given_away_does_not_come_back(house: House) -> None:
    task = await house.create("report")
    await house.manage.delete(task.id, ANA)
    heir = await house.create("report")

    with pytest.raises(NameTakenError) as refused:
        await house.manage.undelete(task.id, ANA)

    assert refused.value.by == heir.id
