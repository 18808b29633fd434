"""Creating tasks: what it fills in, refuses, and does only once."""

import pytest

from application.scheduling.ports.membership import HandlerSpec
from application.scheduling.services.edits import ANNOUNCED_KEPT
from application.scheduling.services.errors import (
    KeyReusedError,
    NameTakenError,
)
from domain.errors import InvalidInputError, InvalidScheduleError, InvalidTaskError
from domain.scheduling.execution import ExecutionState
from domain.scheduling.task import TaskStatus
from tests.support.builders import HOUR, MINUTE
from tests.support.house import ANA, House, a_body, an_author
from tests.support.manual_clock import NOON

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
