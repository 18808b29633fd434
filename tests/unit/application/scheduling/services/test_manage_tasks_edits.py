"""Editing: replacing and patching a definition, and the switch `enabled` that pauses and resumes."""

from typing import Any

import pytest

from application.scheduling.documents import task_document
from application.scheduling.drafts import body_from
from application.scheduling.services.edits import merge_patch
from application.scheduling.services.errors import NameTakenError
from domain.errors import InvalidInputError, InvalidScheduleError, InvalidTaskError
from domain.scheduling.execution import ExecutionState
from domain.scheduling.schedule import CronSchedule
from domain.scheduling.task import SkipReason, TaskStatus
from tests.support.builders import HOUR
from tests.support.contested import contested
from tests.support.house import ANA, House, a_body, a_document
from tests.support.manual_clock import NOON


async def test_replacing_moves_the_version_and_keeps_identity_history_and_counters(house: House) -> None:
    task = await house.create(tags=["a"])
    await house.run_now(task)

    done = await house.manage.replace(task.id, a_body("renamed", schedule="30 * * * *"), ANA)

    assert (done.task.id, done.task.version, done.task.run_count) == (task.id, 2, 1)
    assert (done.task.definition.name, done.task.definition.handler, done.task.definition.tags) == (
        "renamed",
        "report",
        ("a",),
    )
    assert done.task.next_occurrence is not None
    assert done.task.next_occurrence.nominal_at == NOON + HOUR / 2


async def test_a_document_put_back_as_it_was_read_changes_nothing_but_the_version(house: House) -> None:
    task = await house.create(
        payload={"a": [1, {"b": None}]},
        tags=["x"],
        policy={"grace": "90s", "jitter": "PT0.25S", "start_at": "2024-01-01T00:00:00+01:00", "timeout": "1d"},
    )

    done = await house.manage.replace(task.id, body_from(task_document(task)), ANA)

    assert done.task.definition == task.definition
    assert (done.task.status, done.task.next_occurrence) == (task.status, task.next_occurrence)


async def test_a_dry_run_of_an_edit_stores_nothing(house: House) -> None:
    other, task = await house.create("other"), await house.create()

    done = await house.manage.replace(task.id, a_body(schedule="5 * * * *"), ANA, dry_run=True)
    with pytest.raises(NameTakenError) as refused:
        await house.manage.replace(task.id, a_body("other"), ANA, dry_run=True)

    assert done.task.definition.schedule == CronSchedule("5 * * * *")
    assert refused.value.by == other.id
    assert await house.task(task.id) == task


async def test_an_edit_may_not_take_a_name(house: House) -> None:
    await house.create("other")
    task = await house.create()

    with pytest.raises(NameTakenError):
        await house.manage.replace(task.id, a_body("other"), ANA)


async def test_an_edit_to_an_instant_in_the_past_is_refused(house: House) -> None:
    task = await house.create()

    with pytest.raises(InvalidScheduleError) as refused:
        await house.manage.replace(task.id, a_body(schedule_type="one_time", schedule="2024-01-15T11:00:00Z"), ANA)

    assert refused.value.reason == "in_the_past"


async def test_an_edit_of_the_schedule_puts_on_record_what_the_old_one_owed(house: House) -> None:
    task = await house.create()
    house.clock.advance(2 * HOUR)

    await house.manage.replace(task.id, a_body(schedule="30 * * * *"), ANA)

    (skip,) = await house.stores.history.skips(task.id, limit=5)
    assert (skip.reason, skip.count) == (SkipReason.EDITED, 2)


@pytest.mark.parametrize(
    ("before", "enabled", "after"),
    [
        (True, True, TaskStatus.ACTIVE),
        (True, False, TaskStatus.PAUSED),
        (True, None, TaskStatus.ACTIVE),
        (False, True, TaskStatus.ACTIVE),
        (False, False, TaskStatus.PAUSED),
        (False, None, TaskStatus.PAUSED),
    ],
)
async def test_writing_enabled_pauses_and_resumes(
    house: House, before: bool, enabled: bool | None, after: TaskStatus
) -> None:
    task = await house.create(enabled=before)

    body = a_body() if enabled is None else a_body(enabled=enabled)
    done = await house.manage.replace(task.id, body, ANA)

    assert done.task.status is after
    assert done.task.version == (1 if done.task.status is task.status else 2)


async def test_a_status_in_a_body_is_ignored(house: House) -> None:
    task = await house.create()

    done = await house.manage.replace(task.id, body_from(a_document(status="paused", enabled=True)), ANA)

    assert done.task.status is TaskStatus.ACTIVE


async def test_a_failed_task_is_enabled_again_by_an_edit(house: House) -> None:
    task = await house.create(schedule_type="one_time", schedule="2024-01-15T13:00:00Z", policy={"misfire": "skip"})
    house.clock.advance(3 * HOUR)
    await house.fire()
    assert (await house.task(task.id)).status is TaskStatus.FAILED

    done = await house.manage.replace(task.id, a_body(enabled=True), ANA)

    assert done.task.status is TaskStatus.ACTIVE


async def test_a_completed_task_cannot_be_disabled(house: House) -> None:
    task = await house.create(policy={"max_runs": 1})
    house.clock.advance(HOUR)
    await house.fire()
    (claim,) = await house.claim()
    await house.manage.cancel(claim.execution.id, ANA)
    await house.stores.executions.rescue(await house.stores.executions.held())
    assert (await house.task(task.id)).status is TaskStatus.COMPLETED

    with pytest.raises(InvalidTaskError) as refused:
        await house.manage.patch(task.id, {"enabled": False}, ANA)

    assert (refused.value.reason, refused.value.pointer) == ("contradiction", "/enabled")
    assert house.states() == [ExecutionState.CANCELLED]


@pytest.mark.parametrize(
    ("target", "patch", "merged"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
    ids=lambda part: str(part)[:30],
)
def test_merge_patch_does_what_the_appendix_of_rfc_7396_shows(target: Any, patch: Any, merged: Any) -> None:
    assert merge_patch(target, patch) == merged


async def test_a_patch_changes_what_it_names_and_nothing_else(house: House) -> None:
    task = await house.create(payload={"a": 1, "b": 2}, policy={"grace": "1h", "overlap": "allow"}, tags=["x"])

    done = await house.manage.patch(task.id, {"payload": {"b": None, "c": 3}, "policy": {"grace": None}}, ANA)

    before, after = task.definition, done.task.definition
    assert after.payload_json == '{"a":1,"c":3}'
    assert (after.policy.grace, after.policy.overlap) == (None, before.policy.overlap)
    assert (after.name, after.schedule, after.tags) == (before.name, before.schedule, before.tags)


async def test_a_patch_of_a_paused_task_leaves_it_paused(house: House) -> None:
    task = await house.create(enabled=False)

    done = await house.manage.patch(task.id, {"description": "x"}, ANA)

    assert done.task.status is TaskStatus.PAUSED


async def test_a_null_takes_away_what_a_body_would_only_keep(house: House) -> None:
    task = await house.create(description="x", tags=["a"], handler="other", policy={"overlap": "allow"})

    done = await house.manage.patch(
        task.id, {"description": None, "tags": None, "handler": None, "policy": None, "payload": None}, ANA
    )

    after = done.task.definition
    assert (after.description, after.tags, after.handler_name, after.policy.overlap) == ("", (), "report", "skip")


@pytest.mark.parametrize(
    ("patch", "fault"),
    [
        ({"colour": "red"}, ("/colour", "unknown_field")),
        ({"name": None}, ("/name", "required")),
        ({"schedule": "x"}, ("/schedule", "field_count")),
        ([1], ("", "wrong_type")),
    ],
    ids=repr,
)
async def test_a_patch_is_judged_like_a_body(house: House, patch: Any, fault: tuple[str, str]) -> None:
    task = await house.create()

    with pytest.raises(InvalidInputError) as refused:
        await house.manage.patch(task.id, patch, ANA)

    (found,) = refused.value.faults
    assert (found.pointer, found.reason) == fault


async def test_a_patch_that_named_no_version_is_merged_again_with_what_others_wrote(house: House) -> None:
    task = await house.create()
    manage, store = contested(house, times=1)

    done = await manage.patch(task.id, {"description": "x"}, ANA)

    assert (done.task.definition.description, store.mutations) == ("x", 2)
