"""Pausing and resuming tasks: what it says of why, and what it makes of what was missed and what is open."""

from dataclasses import replace

import pytest

from domain.errors import InvalidTaskError, TaskStateError
from domain.scheduling.execution import ExecutionState
from domain.scheduling.policy import Misfire
from domain.scheduling.task import Pause, PauseMode, SkipReason, TaskStatus
from tests.support.builders import HOUR, MINUTE
from tests.support.house import ANA, House, a_body, an_author
from tests.support.manual_clock import NOON


async def test_a_pause_says_why_and_by_whom_and_a_second_one_replaces_it(house: House) -> None:
    task = await house.create()

    await house.manage.pause(task.id, an_author(reason="database work"))
    again = await house.manage.pause(task.id, an_author(reason="still at it"), until=NOON + HOUR)

    assert again.task.status is TaskStatus.PAUSED
    assert again.task.pause is not None
    assert (again.task.pause.reason, again.task.pause.actor, again.task.pause.until) == (
        "still at it",
        "ana",
        NOON + HOUR,
    )


async def test_a_second_pause_changes_only_what_it_gives(house: House) -> None:
    task = await house.create()
    until = NOON + HOUR
    await house.manage.pause(task.id, an_author(reason="database work"), until=until)
    house.clock.advance(MINUTE)

    bare = (await house.manage.pause(task.id, ANA)).task.pause
    other = (await house.manage.pause(task.id, replace(ANA, actor="bob", reason="still at it"))).task.pause
    open_ended = (await house.manage.pause(task.id, ANA, until=None)).task.pause

    assert bare == Pause("database work", "ana", NOON, until)
    assert other == Pause("still at it", "bob", NOON, until)
    assert open_ended == Pause("still at it", "bob", NOON, None)


async def test_a_pause_that_is_changed_ends_no_more_work_unless_it_says_so(house: House) -> None:
    task = await house.create()
    await house.manage.pause(task.id, ANA, mode=PauseMode.NOW)
    run = await house.run_now(task)

    kept = await house.manage.pause(task.id, ANA, until=NOON + HOUR)
    assert (kept.task.pause and kept.task.pause.mode, house.execution(run).is_open) == (PauseMode.NOW, True)

    await house.manage.pause(task.id, ANA, mode=PauseMode.NOW)
    assert house.execution(run).state is ExecutionState.CANCELLED


async def test_the_reason_in_a_body_goes_on_record_unless_its_author_gives_another(house: House) -> None:
    task = (await house.manage.create(a_body(reason="a new customer"), ANA)).task
    await house.manage.patch(task.id, {"schedule": "5 * * * *", "reason": "less load"}, ANA)
    await house.manage.replace(task.id, a_body(reason="as the file says"), an_author(reason="back again"))

    changes = await house.stores.history.changes(task.id, limit=5)
    assert [each.change.reason for each in changes] == ["back again", "less load", "a new customer"]


async def test_a_pause_cannot_end_in_the_past(house: House) -> None:
    task = await house.create()

    with pytest.raises(InvalidTaskError) as refused:
        await house.manage.pause(task.id, ANA, until=NOON)

    assert refused.value.pointer == "/until"


async def test_a_pause_at_once_ends_what_is_open_and_wakes_the_workers(house: House) -> None:
    task = await house.create()
    pending = await house.run_now(task)
    running = await house.run_now(task)
    (claim,) = await house.claim()
    hints = house.wakeup.worker_hints

    await house.manage.pause(task.id, ANA, mode=PauseMode.NOW)

    other = pending if claim.execution.id == running else running
    assert house.execution(other).state is ExecutionState.CANCELLED
    assert house.execution(claim.execution.id).cancel is not None
    assert house.wakeup.worker_hints > hints


@pytest.mark.parametrize(
    ("missed", "runs", "skipped"), [(Misfire.SKIP, 0, 3), (Misfire.LATEST, 1, 2), (Misfire.EARLIEST, 1, 2)]
)
async def test_resuming_runs_of_what_was_missed_what_is_asked_for(
    house: House, missed: Misfire, runs: int, skipped: int
) -> None:
    task = await house.create()
    await house.manage.pause(task.id, ANA)
    house.clock.advance(3 * HOUR)

    done = await house.manage.resume(task.id, ANA, missed=missed)

    assert done.task.status is TaskStatus.ACTIVE
    assert len(house.states()) == runs
    (skip,) = await house.stores.history.skips(task.id, limit=5)
    assert (skip.reason, skip.count) == (SkipReason.PAUSED, skipped)


async def test_resuming_an_active_task_changes_nothing(house: House) -> None:
    task = await house.create()

    done = await house.manage.resume(task.id, ANA)

    assert (done.task, done.unchanged) == (task, True)


async def test_a_task_with_nothing_left_cannot_be_resumed(house: House) -> None:
    task = await house.create(schedule_type="one_time", schedule="2024-01-15T13:00:00Z")
    await house.manage.pause(task.id, ANA)
    house.clock.advance(2 * HOUR)

    with pytest.raises(TaskStateError) as refused:
        await house.manage.resume(task.id, ANA)

    assert refused.value.reason == "exhausted"
