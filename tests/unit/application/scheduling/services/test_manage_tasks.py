"""Creating, running and ending tasks: what each use case does, refuses, and does only once."""

import asyncio
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from application.scheduling.ports.membership import HandlerSpec
from application.scheduling.ports.task_store import TaskStore, Unreadable
from application.scheduling.services.change_task import TRIES_MAX
from application.scheduling.services.edits import ANNOUNCED_KEPT
from application.scheduling.services.errors import (
    ExecutionNotFoundError,
    KeyReusedError,
    NameTakenError,
    StaleVersionError,
    TaskChangedError,
    TaskNotFoundError,
    TaskUnreadableError,
)
from domain.errors import InvalidInputError, InvalidScheduleError, InvalidTaskError, TaskStateError
from domain.scheduling.execution import ExecutionState
from domain.scheduling.identifiers import ExecutionId, TaskId
from domain.scheduling.policy import Misfire
from domain.scheduling.task import Pause, PauseMode, SkipReason, TaskStatus
from tests.support.builders import HOUR, MINUTE
from tests.support.contested import contested
from tests.support.house import ANA, House, a_body, an_author
from tests.support.manual_clock import NOON

NOBODY = TaskId("00000000-0000-4000-8000-000000000000")
STRICT = HandlerSpec(
    "mail",
    "report",
    payload_schema={"type": "object", "properties": {"days": {"type": "integer"}}, "required": ["days"]},
    defaults={"max_retries": 7, "timeout_seconds": 60},
)


async def test_a_created_task_is_active_and_scheduled_and_the_scheduler_hears_of_it(house: House) -> None:
    done = await house.manage.create(a_body(), ANA)

    assert done.task.status is TaskStatus.ACTIVE
    assert done.task.next_occurrence is not None
    assert done.task.next_occurrence.nominal_at == NOON + HOUR
    assert await house.task(done.task.id) == done.task
    assert house.wakeup.scheduler_hints == 1
    assert house.wakeup.changed_ids == [done.task.id]


async def test_a_task_can_be_created_paused(house: House) -> None:
    task = await house.create(enabled=False)

    assert (task.status, task.version) == (TaskStatus.PAUSED, 1)


async def test_a_name_is_borne_by_one_task_and_free_again_after_its_deletion(house: House) -> None:
    first = await house.create()

    with pytest.raises(NameTakenError) as refused:
        await house.create()
    await house.manage.delete(first.id, ANA)
    second = await house.create()

    assert refused.value.by == first.id
    assert second.id != first.id


async def test_creating_twice_with_one_key_creates_once(house: House) -> None:
    first = await house.manage.create(a_body(), an_author("k"))
    again = await house.manage.create(a_body(), an_author("k"))

    assert (first.replayed, again.replayed) == (False, True)
    assert again.task == first.task


async def test_a_repeated_creation_is_answered_though_it_would_be_refused_by_now(house: House) -> None:
    body = a_body(schedule_type="one_time", schedule="2024-01-15T13:00:00Z")
    await house.manage.create(body, an_author("k"))
    house.clock.advance(2 * HOUR)

    again = await house.manage.create(body, an_author("k"))

    assert again.replayed


async def test_a_key_is_refused_for_another_request(house: House) -> None:
    await house.manage.create(a_body(), an_author("k", body_hash="one"))

    with pytest.raises(KeyReusedError):
        await house.manage.create(a_body("other"), an_author("k", body_hash="two"))


async def test_a_dry_run_stores_nothing_and_tells_what_would_be_refused(house: House) -> None:
    tried = await house.manage.create(a_body("tried"), ANA, dry_run=True)
    taken = await house.create()

    with pytest.raises(NameTakenError):
        await house.manage.create(a_body(), ANA, dry_run=True)
    with pytest.raises(InvalidScheduleError):
        await house.manage.create(a_body("late", schedule_type="one_time", schedule="2020-01-01"), ANA, dry_run=True)

    assert tried.task.definition.name == "tried"
    assert await house.stores.tasks.scan(after=None, limit=10) == [taken]


async def test_a_one_time_task_in_the_past_runs_if_the_caller_asks_for_it(house: House) -> None:
    await house.create(schedule_type="one_time", schedule="2024-01-15T11:00:00Z", if_past="run_now")

    await house.fire()

    assert house.states() == [ExecutionState.PENDING]


async def test_the_handlers_defaults_go_before_the_settings_and_the_body_before_both(house: House) -> None:
    await house.announce(STRICT)

    announced = await house.create(payload={"days": 1})
    said = await house.create("said", handler="report", payload={"days": 1}, max_retries=0)
    unknown = await house.create("unknown", task_type="other")

    assert [each.definition.policy.retry.max_retries for each in (announced, said, unknown)] == [7, 0, 3]
    assert [each.definition.policy.timeout for each in (announced, unknown)] == [MINUTE, 15 * MINUTE]


async def test_what_workers_announce_is_known_to_creations_within_a_second(house: House) -> None:
    manage = house.manage
    await manage.create(a_body("before"), ANA)
    await house.announce(STRICT)

    at_once = await manage.create(a_body("at once", handler="report", payload={"days": 1}), ANA)
    house.clock.advance(ANNOUNCED_KEPT)
    later = await manage.create(a_body("later", handler="report", payload={"days": 1}), ANA)

    assert [each.task.definition.policy.retry.max_retries for each in (at_once, later)] == [3, 7]


async def test_a_payload_must_fit_the_schema_its_handler_announced(house: House) -> None:
    await house.announce(STRICT)

    with pytest.raises(InvalidInputError) as refused:
        await house.create(payload={"days": "thirty"})

    (fault,) = refused.value.faults
    assert (fault.reason, fault.pointer) == ("invalid_payload", "/payload/days")


async def test_external_delivery_is_refused_without_redis(house: House) -> None:
    with pytest.raises(InvalidTaskError) as refused:
        await house.create(delivery="external")

    assert (refused.value.reason, refused.value.pointer) == ("needs_redis", "/delivery")


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
