"""Running tasks by hand and cancelling what runs: what each does, refuses, and does only once."""

import asyncio
from dataclasses import dataclass, replace
from typing import Any

import pytest

from application.scheduling.ports.membership import HandlerSpec
from application.scheduling.ports.task_store import TaskStore
from application.scheduling.services.errors import (
    ExecutionNotFoundError,
    KeyReusedError,
)
from domain.errors import InvalidInputError, InvalidTaskError, TaskStateError
from domain.scheduling.execution import ExecutionState
from domain.scheduling.identifiers import ExecutionId, TaskId
from tests.support.house import ANA, House, an_author

STRICT = HandlerSpec(
    "mail",
    "report",
    payload_schema={"type": "object", "properties": {"days": {"type": "integer"}}, "required": ["days"]},
    defaults={"max_retries": 7, "timeout_seconds": 60},
)


async def test_running_now_touches_neither_the_schedule_nor_the_status(house: House) -> None:
    task = await house.create()
    paused = (await house.manage.pause(task.id, ANA)).task

    done = await house.manage.run_now(task.id, ANA)

    assert house.states() == [ExecutionState.PENDING]
    assert (done.task.status, done.task.next_occurrence, done.task.version) == (
        paused.status,
        paused.next_occurrence,
        paused.version,
    )
    assert house.wakeup.worker_hints == 1


async def test_a_hundred_parallel_runs_with_one_key_are_one_execution(house: House) -> None:
    task = await house.create()

    async with asyncio.TaskGroup() as group:
        runs = [group.create_task(house.manage.run_now(task.id, an_author("k"))) for _ in range(100)]

    done = [run.result() for run in runs]
    assert len({each.execution_id for each in done}) == 1
    assert sum(not each.replayed for each in done) == 1
    assert house.states() == [ExecutionState.PENDING]


@dataclass(slots=True)
class LateReader:
    """A task store that reads a task only after somebody else has run it with the key "k"."""

    tasks: TaskStore
    house: House
    has_run: bool = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self.tasks, name)

    async def get(self, task_id: TaskId) -> Any:
        if not self.has_run:
            self.has_run = True
            await self.house.manage.run_now(task_id, an_author("k"))
        return await self.tasks.get(task_id)


async def test_the_key_is_looked_up_before_the_task_is_found_busy(house: House) -> None:
    task = await house.create()
    late = replace(house.manage, change_task=replace(house.change_task, tasks=LateReader(house.stores.tasks, house)))

    done = await late.run_now(task.id, an_author("k"))

    assert done.replayed


async def test_a_busy_task_is_not_run_again_unless_overlap_is_asked_for(house: House) -> None:
    task = await house.create()
    await house.manage.run_now(task.id, ANA)

    with pytest.raises(TaskStateError) as refused:
        await house.manage.run_now(task.id, ANA)
    await house.manage.run_now(task.id, ANA, allow_overlap=True)

    assert refused.value.reason == "already_running"
    assert len(house.states()) == 2


async def test_a_run_may_have_a_payload_of_its_own(house: House) -> None:
    task = await house.create(payload={"days": 1})

    execution = await house.run_now(task, payload='{"days" : 2}')

    assert house.execution(execution).payload_json == '{"days":2}'
    assert (await house.task(task.id)).definition.payload_json == '{"days":1}'


@pytest.mark.parametrize(
    ("payload", "code"),
    [({"days": "x"}, "invalid_payload"), ("[1]", "wrong_type"), ({"days": 1, "more": "x" * 70_000}, "too_large")],
)
async def test_the_payload_of_a_run_is_judged_like_a_tasks(house: House, payload: Any, code: str) -> None:
    task = await house.create(payload={"days": 1})
    await house.announce(STRICT)

    with pytest.raises((InvalidInputError, InvalidTaskError)) as refused:
        await house.manage.run_now(task.id, ANA, payload=payload)

    error = refused.value
    (fault,) = error.faults if isinstance(error, InvalidInputError) else (error,)
    assert fault.reason == code
    assert house.states() == []


async def test_cancelling_ends_what_waits_and_asks_what_runs(house: House) -> None:
    task = await house.create()
    running, pending = await house.run_now(task), await house.run_now(task)
    (claim,) = await house.claim()
    if claim.execution.id == pending:
        running, pending = pending, running

    assert (await house.manage.cancel(pending, ANA)).state is ExecutionState.CANCELLED
    assert (await house.manage.cancel(running, ANA)).state is ExecutionState.RUNNING
    assert (await house.manage.cancel(pending, ANA)).state is ExecutionState.CANCELLED
    with pytest.raises(ExecutionNotFoundError):
        await house.manage.cancel(ExecutionId("no such"), ANA)


async def test_a_key_cancels_once_and_nothing_that_another_request_was_made_with(house: House) -> None:
    task = await house.create()
    execution, other = await house.run_now(task), await house.run_now(task)
    by = an_author("key", body_hash="cancel it")

    answers = [await house.manage.cancel(execution, by) for _ in range(2)]
    with pytest.raises(KeyReusedError):
        await house.manage.cancel(other, an_author("key", body_hash="cancel the other"))

    assert [each.state for each in answers] == [ExecutionState.CANCELLED] * 2
    assert house.execution(other).state is ExecutionState.PENDING
