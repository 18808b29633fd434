"""Giving dead executions another chance: once each, linked, with the payload they had."""

import asyncio

import pytest

from application.scheduling.ports.execution_store import Settlement
from application.scheduling.ports.membership import HandlerSpec
from application.scheduling.services.errors import ExecutionNotFoundError, KeyReusedError, TaskNotFoundError
from application.scheduling.services.redrive_execution import RedriveExecution
from domain.errors import InvalidInputError, TaskStateError
from domain.scheduling.change import ChangeAction
from domain.scheduling.execution import ExecutionKind, ExecutionState
from domain.scheduling.identifiers import ExecutionId
from domain.scheduling.task import ScheduledTask
from tests.support.builders import a_failure
from tests.support.house import ANA, House, an_author


def _redriving(house: House) -> RedriveExecution:
    return RedriveExecution(house.change_task, house.stores.history, house.stores.membership)


async def _died(house: House, task: ScheduledTask, **options: object) -> ExecutionId:
    execution_id = await house.run_now(task, **options)
    (claim,) = await house.claim()
    await house.stores.executions.settle([Settlement(claim.execution.id, claim.token, a_failure())])
    assert house.execution(execution_id).state is ExecutionState.DEAD
    return execution_id


async def test_a_dead_execution_runs_again_as_its_task_is_now(house: House) -> None:
    task = await house.create()
    dead = await _died(house, task, payload={"days": 2})
    await house.manage.patch(task.id, {"payload": {"days": 9}}, ANA)

    done = await _redriving(house).redrive(dead, an_author(reason="the disk has room again"))

    assert done.execution_id is not None
    run = house.execution(done.execution_id)
    assert (run.kind, run.version, run.payload_json) == (ExecutionKind.MANUAL, 2, '{"days":2}')
    assert (run.redrive_of, done.replayed) == (dead, False)
    assert house.wakeup.worker_hints > 0
    newest, *_ = await house.stores.history.changes(task.id, limit=1)
    assert (newest.change.action, newest.change.reason) == (ChangeAction.REDRIVE, "the disk has room again")
    assert newest.execution_id == run.id


async def test_what_ran_with_the_payload_of_the_task_runs_with_the_present_one(house: House) -> None:
    task = await house.create(payload={"days": 2})
    dead = await _died(house, task)
    await house.manage.patch(task.id, {"payload": {"days": 9}}, ANA)

    await _redriving(house).redrive(dead, ANA)

    (claim,) = await house.claim()
    assert (claim.execution.payload_json, claim.definition.payload_json) == (None, '{"days":9}')


@pytest.mark.parametrize("keys", [(None, None), ("a", "a"), ("a", "b"), ("a", None)])
async def test_a_second_redrive_answers_the_same_execution(house: House, keys: tuple[str | None, str | None]) -> None:
    dead = await _died(house, await house.create())
    first, second = [await _redriving(house).redrive(dead, an_author(key)) for key in keys]

    assert (first.execution_id, first.replayed, second.replayed) == (second.execution_id, False, True)
    assert second.task.run_count == 2


async def test_a_second_redrive_answers_also_when_the_first_has_ended_and_others_run(house: House) -> None:
    task = await house.create()
    dead = await _died(house, task)
    first = await _redriving(house).redrive(dead, ANA)
    (claim,) = await house.claim()
    await house.stores.executions.settle([Settlement(claim.execution.id, claim.token, a_failure())])
    await house.run_now(task)

    second = await _redriving(house).redrive(dead, ANA)

    assert (second.execution_id, second.replayed) == (first.execution_id, True)


async def test_a_hundred_redrives_at_once_make_one_execution(house: House) -> None:
    dead = await _died(house, await house.create())

    async with asyncio.TaskGroup() as group:
        asked = [group.create_task(_redriving(house).redrive(dead, ANA)) for _ in range(100)]

    assert len({each.result().execution_id for each in asked}) == 1
    assert sum(not each.result().replayed for each in asked) == 1


async def test_a_busy_task_is_redriven_only_beside_what_runs(house: House) -> None:
    task = await house.create()
    dead = await _died(house, task)
    await house.run_now(task)

    with pytest.raises(TaskStateError) as refused:
        await _redriving(house).redrive(dead, ANA)
    assert refused.value.reason == "already_running"

    assert not (await _redriving(house).redrive(dead, ANA, allow_overlap=True)).replayed


async def test_what_is_not_dead_is_not_redriven(house: House) -> None:
    execution = await house.run_now(await house.create())

    with pytest.raises(TaskStateError) as refused:
        await _redriving(house).redrive(execution, ANA, allow_overlap=True)

    assert refused.value.reason == "not_dead"


async def test_a_payload_that_the_handler_refuses_by_now_is_not_run_again(house: House) -> None:
    dead = await _died(house, await house.create(), payload={"mode": "old"})
    schema = {"type": "object", "properties": {"mode": {"enum": ["new"]}}}
    await house.announce(HandlerSpec("mail", "report", payload_schema=schema))

    with pytest.raises(InvalidInputError):
        await _redriving(house).redrive(dead, ANA)


async def test_what_is_not_there_is_not_redriven(house: House) -> None:
    task = await house.create()
    dead = await _died(house, task)
    await house.manage.delete(task.id, ANA)

    with pytest.raises(ExecutionNotFoundError):
        await _redriving(house).redrive(ExecutionId("nobody"), ANA)
    with pytest.raises(TaskNotFoundError):
        await _redriving(house).redrive(dead, ANA)


async def test_a_key_that_was_used_for_something_else_is_refused_first(house: House) -> None:
    task = await house.create()
    dead = await _died(house, task)
    await _redriving(house).redrive(dead, ANA)
    await house.manage.pause(task.id, an_author("k", body_hash="a pause"))

    with pytest.raises(KeyReusedError):
        await _redriving(house).redrive(dead, an_author("k", body_hash="a redrive"))
