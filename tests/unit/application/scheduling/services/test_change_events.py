"""What the log hears of the deeds of people: who did what to which task, and why, once each."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from application.scheduling.services.change_task import Author
from domain.scheduling.change import ChangeAction, Via
from domain.scheduling.events import TaskChanged
from domain.scheduling.task import PauseMode, ScheduledTask
from tests.support.house import ANA, House, a_body, an_author

Deed = Callable[[House, ScheduledTask], Awaitable[object]]
WHY = an_author(reason="because")
DEEDS: dict[ChangeAction, Deed] = {
    ChangeAction.EDIT: lambda house, task: house.manage.replace(task.id, a_body(schedule="5 * * * *"), WHY),
    ChangeAction.PAUSE: lambda house, task: house.manage.pause(task.id, WHY),
    ChangeAction.DELETE: lambda house, task: house.manage.delete(task.id, WHY),
    ChangeAction.RUN: lambda house, task: house.manage.run_now(task.id, WHY),
}


def told(house: House) -> list[TaskChanged]:
    return house.observer.seen(TaskChanged)


async def test_a_creation_is_told(house: House) -> None:
    task = await house.create()

    assert told(house) == [TaskChanged(task.id, "report", 1, ChangeAction.CREATE, "ana", Via.API)]


@pytest.mark.parametrize("action", DEEDS)
async def test_a_change_is_told_with_who_and_why(house: House, action: ChangeAction) -> None:
    task = await house.create()

    await DEEDS[action](house, task)

    changed = told(house)[-1]
    assert (changed.task_id, changed.action, changed.actor, changed.reason) == (task.id, action, "ana", "because")
    assert changed.version == (1 if action is ChangeAction.RUN else 2)
    assert (changed.execution_id is not None) is (action is ChangeAction.RUN)


async def test_what_changes_nothing_is_not_told(house: House) -> None:
    task = await house.create()
    await house.manage.resume(task.id, ANA)
    await house.manage.resume(task.id, an_author("key"))
    await house.manage.replace(task.id, a_body(), an_author("another key"))
    await house.manage.create(a_body("other"), ANA, dry_run=True)

    assert [each.action for each in told(house)] == [ChangeAction.CREATE]


async def test_a_pause_asked_for_again_is_told_if_it_ends_what_is_open(house: House) -> None:
    task = await house.create()
    for _ in range(2):
        await house.run_now(task)
        await house.manage.pause(task.id, ANA, mode=PauseMode.NOW)

    assert [each.action for each in told(house)].count(ChangeAction.PAUSE) == 2


async def test_what_the_service_sets_up_for_itself_is_not_told(house: House) -> None:
    await house.manage.create(a_body(), Author("scheduler", Via.SYSTEM))

    assert told(house) == []


async def test_what_is_asked_twice_under_one_key_is_told_once(house: House) -> None:
    task = await house.create()
    for _ in range(2):
        await house.manage.pause(task.id, an_author("key"))

    assert [each.action for each in told(house)] == [ChangeAction.CREATE, ChangeAction.PAUSE]


async def test_a_cancellation_is_told_once_with_its_execution(house: House) -> None:
    task = await house.create()
    execution = await house.run_now(task)
    house.clock.advance(timedelta(seconds=1))
    for _ in range(2):
        await house.manage.cancel(execution, WHY)

    asked = [each for each in told(house) if each.action is ChangeAction.CANCEL]
    assert asked == [TaskChanged(task.id, "report", None, ChangeAction.CANCEL, "ana", Via.API, "because", execution)]
