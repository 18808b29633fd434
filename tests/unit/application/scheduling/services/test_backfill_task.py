"""Running a task for occurrences of the past."""

from functools import partial

import pytest

from application.scheduling.services.backfill_task import BackfillTask
from application.scheduling.services.errors import KeyReusedError, TaskNotFoundError
from domain.errors import InvalidTaskError, TaskStateError
from domain.scheduling.execution import ExecutionKind, ExecutionState
from domain.scheduling.identifiers import TaskId
from tests.support.builders import DAY, HOUR
from tests.support.house import ANA, House, an_author
from tests.support.manual_clock import NOON


def _backfilling(house: House) -> BackfillTask:
    return BackfillTask(house.change_task, house.stores.history, house.entropy)


async def test_each_occurrence_of_the_span_runs_once_more(house: House) -> None:
    task = await house.create()

    found = await _backfilling(house).backfill(
        task.id, an_author("k"), begin=NOON - 2 * HOUR, until=NOON, allow_overlap=True
    )

    assert (found.backfill, found.done.replayed) == ("k", False)
    assert [each.nominal_at for each in found.executions] == [NOON - 2 * HOUR, NOON - HOUR, NOON]
    assert {(each.kind, each.state) for each in found.executions} == {(ExecutionKind.BACKFILL, ExecutionState.PENDING)}
    assert found.done.task.next_occurrence == task.next_occurrence
    assert house.wakeup.worker_hints > 0


async def test_asked_again_with_its_key_it_answers_with_the_same_executions(house: House) -> None:
    task = await house.create()
    since = NOON - 2 * HOUR
    asked = partial(_backfilling(house).backfill, task.id, begin=since, until=NOON, allow_overlap=True)
    first = await asked(an_author("k"))
    await house.manage.patch(task.id, {"schedule": "30 * * * *"}, ANA)
    house.clock.advance(HOUR)

    again = await asked(an_author("k"))

    assert again.done.replayed
    assert again.executions == first.executions
    with pytest.raises(KeyReusedError):
        await asked(an_author("k", body_hash="other"))


async def test_a_dry_run_tells_the_occurrences_and_creates_nothing(house: House) -> None:
    task = await house.create()

    found = await _backfilling(house).backfill(
        task.id, an_author("k"), begin=NOON - HOUR, until=NOON, allow_overlap=True, dry_run=True
    )

    assert [each.nominal_at for each in found.executions] == [NOON - HOUR, NOON]
    assert await house.task(task.id) == task
    assert house.states() == []


async def test_a_dry_run_lists_what_a_real_one_would_refuse_and_says_so(house: House) -> None:
    task = await house.create()
    tried = partial(_backfilling(house).backfill, task.id, ANA, begin=NOON - HOUR, until=NOON, dry_run=True)

    several, allowed = await tried(), await tried(allow_overlap=True)
    await house.run_now(task)
    busy = await _backfilling(house).backfill(task.id, ANA, begin=NOON, until=NOON, dry_run=True)

    assert [len(each.executions) for each in (several, allowed, busy)] == [2, 2, 1]
    assert [each.refusal and each.refusal.reason for each in (several, allowed, busy)] == [
        "runs_overlap",
        None,
        "already_running",
    ]


async def test_it_is_refused_whole_and_nothing_is_stored(house: House) -> None:
    task = await house.create()
    refusals = {
        "in_the_future": (NOON, NOON + HOUR),
        "no_occurrence": (NOON - HOUR / 2, NOON - HOUR / 4),
        "too_many": (NOON - 5 * DAY, NOON),
    }
    for reason, (begin, until) in refusals.items():
        with pytest.raises(InvalidTaskError) as refused:
            await _backfilling(house).backfill(task.id, ANA, begin=begin, until=until, allow_overlap=True)
        assert refused.value.reason == reason
    with pytest.raises(TaskStateError) as conflict:
        await _backfilling(house).backfill(task.id, ANA, begin=NOON - HOUR, until=NOON)
    assert conflict.value.reason == "runs_overlap"
    with pytest.raises(TaskNotFoundError):
        await _backfilling(house).backfill(TaskId("nobody"), ANA, begin=NOON, until=NOON)

    assert await house.task(task.id) == task
    assert house.states() == []
