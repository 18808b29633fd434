"""Whatever changes a task: decided again when somebody came first, refused where it does not fit, and on record."""

from datetime import timedelta

import pytest

from application.scheduling.ports.task_store import Unreadable
from application.scheduling.services.change_task import TRIES_MAX
from application.scheduling.services.errors import (
    KeyReusedError,
    StaleVersionError,
    TaskChangedError,
    TaskNotFoundError,
    TaskUnreadableError,
)
from domain.scheduling.execution import ExecutionState
from domain.scheduling.identifiers import TaskId
from domain.scheduling.task import TaskStatus
from tests.support.contested import contested
from tests.support.house import ANA, House, a_body, an_author
from tests.support.manual_clock import NOON

NOBODY = TaskId("00000000-0000-4000-8000-000000000000")


async def test_a_deleted_task_is_gone_with_its_open_work(house: House) -> None:
    task = await house.create()
    execution = await house.run_now(task)

    await house.manage.delete(task.id, ANA)

    assert await house.stores.tasks.get(task.id) is None
    assert house.execution(execution).state is ExecutionState.CANCELLED
    with pytest.raises(TaskNotFoundError):
        await house.manage.delete(task.id, ANA)


async def test_a_deletion_repeated_with_its_key_is_done_already(house: House) -> None:
    task = await house.create()

    await house.manage.delete(task.id, an_author("k"))
    await house.manage.delete(task.id, an_author("k"))

    with pytest.raises(KeyReusedError):
        await house.manage.delete(task.id, an_author("k", body_hash="another request"))


async def test_what_somebody_else_changed_meanwhile_is_read_and_decided_again(house: House) -> None:
    task = await house.create()
    manage, store = contested(house, times=TRIES_MAX - 1)

    done = await manage.pause(task.id, ANA)

    assert done.task.status is TaskStatus.PAUSED
    assert store.mutations == TRIES_MAX


async def test_a_task_that_never_stands_still_is_given_up_unchanged(house: House) -> None:
    task = await house.create()
    manage, _ = contested(house, times=TRIES_MAX)

    with pytest.raises(TaskChangedError) as refused:
        await manage.pause(task.id, ANA)

    assert not isinstance(refused.value, StaleVersionError)
    assert refused.value.version == 1
    assert await house.task(task.id) == task


async def test_who_names_another_version_than_the_present_one_is_refused(house: House) -> None:
    task = await house.create()
    await house.manage.pause(task.id, ANA)

    for change in (
        house.manage.delete(task.id, ANA, if_version=1),
        house.manage.patch(task.id, {"description": "x"}, ANA, if_version=1),
        house.manage.patch(task.id, {"description": "x", "version": 1}, ANA),
        house.manage.replace(task.id, a_body(), ANA, if_version=1),
        house.manage.replace(task.id, a_body(version=1), ANA),
    ):
        with pytest.raises(StaleVersionError) as refused:
            await change
        assert refused.value.version == 2


async def test_what_is_not_there_or_cannot_be_read_is_said_so(house: House) -> None:
    task = await house.create()
    house.stores.state.tasks[task.id].error = "bad JSON"

    with pytest.raises(TaskNotFoundError):
        await house.manage.run_now(NOBODY, ANA)
    with pytest.raises(TaskUnreadableError):
        await house.manage.pause(task.id, ANA)
    assert isinstance(await house.stores.tasks.get(task.id), Unreadable)


async def test_every_change_is_on_record_with_who_and_why(house: House) -> None:
    task = await house.create()
    house.clock.advance(timedelta(seconds=5))
    await house.manage.pause(task.id, an_author("k", reason="database work"))

    newest, oldest = await house.stores.history.changes(task.id, limit=5)

    assert (oldest.change.action, oldest.version) == ("create", 1)
    assert (newest.change.action, newest.change.actor, newest.change.reason, newest.change.idempotency_key) == (
        "pause",
        "ana",
        "database work",
        "k",
    )
    assert newest.change.at == NOON + timedelta(seconds=5)
