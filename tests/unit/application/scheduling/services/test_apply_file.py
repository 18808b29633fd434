"""Applying a file: what is created, changed, kept and pruned, what is told of it, and what is refused as a whole."""

import asyncio
from typing import Any

import pytest

from application.scheduling.declarations import yaml_file
from application.scheduling.declarations.reading import DeclaredFile
from application.scheduling.services.apply_file import ApplyFile
from application.scheduling.services.apply_plan import ApplyItem, ApplyOutcome, ApplyPlan
from domain.errors import InvalidInputError, InvalidTaskError
from domain.scheduling.change import ChangeAction
from domain.scheduling.task import ScheduledTask, SkipReason, TaskStatus
from tests.support.builders import HOUR
from tests.support.house import ANA, House, an_author

BILLING = """\
apiVersion: scheduler/v1
manager: billing-repo
defaults: {timezone: Europe/Berlin, max_retries: 5}
tasks:
  nightly-billing:
    schedule: {cron: "30 2 * * 1-5"}
    task_type: billing
    payload: {mode: full}
    policy: {overlap: queue_one, timeout: 5m}
  pulse:
    schedule: {every: 15m}
    task_type: billing
"""


def _applying(house: House) -> ApplyFile:
    return ApplyFile(house.manage, house.stores.history)


def _file(text: str = BILLING, **replaced: str) -> DeclaredFile:
    for old, new in replaced.items():
        text = text.replace(old, new)
    return yaml_file(text.encode())


async def _apply(house: House, text: str = BILLING, **options: Any) -> ApplyPlan:
    applying = _applying(house)
    return await applying.carry_out(await applying.plan(_file(text), ANA, **options), an_author(reason="release 7"))


async def _named(house: House, name: str) -> ScheduledTask:
    task = await house.stores.tasks.find(name)
    assert isinstance(task, ScheduledTask)
    return task


def _outcomes(plan: ApplyPlan) -> dict[str, str]:
    return {item.name: item.outcome.value for item in plan.items}


def _item(plan: ApplyPlan, name: str) -> ApplyItem:
    return next(item for item in plan.items if item.name == name)


async def test_what_is_not_there_is_created_as_the_file_says(house: House) -> None:
    done = await _apply(house)

    task = await _named(house, "nightly-billing")
    assert _outcomes(done) == {"nightly-billing": "created", "pulse": "created"}
    assert (task.definition.timezone, task.definition.policy.retry.max_retries) == ("Europe/Berlin", 5)
    assert (task.definition.payload_json, task.definition.policy.overlap) == ('{"mode":"full"}', "queue_one")
    assert task.definition.tags == ("manager.billing-repo",)
    assert (_item(done, "pulse").task_id, _item(done, "pulse").version) == ((await _named(house, "pulse")).id, 1)


async def test_the_audit_tells_who_applied_which_file_and_why(house: House) -> None:
    await _apply(house)

    (record,) = await house.stores.history.changes((await _named(house, "pulse")).id, limit=5)
    assert (record.change.action, record.change.actor) == (ChangeAction.CREATE, "ana")
    assert record.change.reason == "the file of billing-repo: release 7"


async def test_a_plan_stores_nothing(house: House) -> None:
    plan = await _applying(house).plan(_file(), ANA)

    assert _outcomes(plan) == {"nightly-billing": "created", "pulse": "created"}
    assert await house.stores.tasks.find("pulse") is None


async def test_the_same_file_again_changes_nothing(house: House) -> None:
    await _apply(house)
    before = repr(house.stores.state.changes_by_key), await _named(house, "pulse")
    house.clock.advance(HOUR)

    again = await _apply(house)

    assert set(_outcomes(again).values()) == {"unchanged"}
    assert (repr(house.stores.state.changes_by_key), await _named(house, "pulse")) == before


async def test_what_the_file_says_otherwise_is_changed_in_a_version_of_its_own(house: House) -> None:
    await _apply(house)

    done = await _apply(house, BILLING.replace("30 2", "45 3"))

    item = _item(done, "nightly-billing")
    assert (item.outcome, item.version) == (ApplyOutcome.CHANGED, 2)
    assert [each.pointer for each in item.differences] == ["/schedule"]
    assert _item(done, "pulse").outcome is ApplyOutcome.UNCHANGED


async def test_what_somebody_else_said_and_the_file_does_not_mention_stays_and_is_drift(house: House) -> None:
    await _apply(house)
    task = await _named(house, "nightly-billing")
    await house.manage.patch(task.id, {"description": "by ben", "policy": {"misfire": "all"}}, ANA)
    await house.manage.pause(task.id, an_author(reason="holidays"))

    done = await _apply(house, BILLING.replace("30 2", "45 3"))

    item, now = _item(done, "nightly-billing"), await _named(house, "nightly-billing")
    assert [each.pointer for each in item.differences] == ["/schedule"]
    assert {each.pointer: each.told_after for each in item.drift} == {
        "/description": "by ben",
        "/policy/misfire": "all",
        "/enabled": "paused by ana: holidays",
    }
    assert (now.definition.description, now.definition.policy.misfire, now.status) == ("by ben", "all", "paused")


async def test_what_the_file_mentions_holds_against_what_somebody_else_said(house: House) -> None:
    await _apply(house)
    task = await _named(house, "nightly-billing")
    await house.manage.patch(task.id, {"payload": {"mode": "delta", "extra": 1}, "timezone": "UTC"}, ANA)

    done = await _apply(house)

    assert {each.pointer for each in _item(done, "nightly-billing").differences} == {
        "/timezone",
        "/payload/mode",
        "/payload/extra",
    }
    assert (await _named(house, "nightly-billing")).definition == task.definition


async def test_what_the_file_takes_back_goes_back_unless_somebody_has_changed_it_since(house: House) -> None:
    shorter = BILLING.replace("policy: {overlap: queue_one, timeout: 5m}", "policy: {}")
    await _apply(house)
    task = await _named(house, "nightly-billing")
    await house.manage.patch(task.id, {"policy": {"overlap": "allow"}}, ANA)

    done = await _apply(house, shorter)

    item = _item(done, "nightly-billing")
    assert [each.pointer for each in item.differences] == ["/policy/timeout"]
    assert [each.pointer for each in item.drift] == ["/policy/overlap"]
    assert set(_outcomes(await _apply(house, shorter)).values()) == {"unchanged"}


async def test_what_was_there_before_the_file_is_drift_at_its_first_application(house: House) -> None:
    await house.create("pulse", task_type="billing", schedule_type="interval", schedule="15m", description="by hand")

    done = await _apply(house)

    item, now = _item(done, "pulse"), await _named(house, "pulse")
    assert (item.outcome, [each.pointer for each in item.drift]) == (ApplyOutcome.CHANGED, ["/description"])
    assert (now.definition.description, now.definition.tags) == ("by hand", ())


async def test_enabled_pauses_and_resumes_and_what_is_so_already_stays(house: House) -> None:
    off = BILLING.replace(
        "    task_type: billing\n    payload", "    enabled: false\n    task_type: billing\n    payload"
    )
    await _apply(house, off)
    paused = await _named(house, "nightly-billing")
    again = await _apply(house, off)
    on = await _apply(house, off.replace("enabled: false", "enabled: true"))

    assert paused.status is TaskStatus.PAUSED
    assert set(_outcomes(again).values()) == {"unchanged"}
    assert [each.sentence for each in _item(on, "nightly-billing").differences] == ["status: paused → active"]
    assert (await _named(house, "nightly-billing")).status is TaskStatus.ACTIVE


async def test_pruning_deletes_softly_what_the_manager_created_and_nothing_else(house: House) -> None:
    await house.create("by hand")
    await _apply(house)
    pulse = await _named(house, "pulse")
    without = BILLING[: BILLING.index("  pulse:")]

    kept = await _apply(house, without)
    plan = await _applying(house).plan(_file(without), ANA, prune=True)
    with pytest.raises(InvalidTaskError) as refused:
        await _applying(house).carry_out(plan, ANA)
    done = await _apply(house, without, prune=True, limit=50)

    assert _outcomes(kept) == {"nightly-billing": "unchanged"}
    assert _outcomes(plan) == _outcomes(done) == {"nightly-billing": "unchanged", "pulse": "pruned"}
    assert (refused.value.reason, "allow 50 per cent" in str(refused.value.hint)) == ("prunes_too_many", True)
    assert isinstance(await house.stores.tasks.deleted(pulse.id), ScheduledTask)
    assert isinstance(await house.stores.tasks.find("by hand"), ScheduledTask)


async def test_more_than_the_limit_stops_the_rest_of_the_file_too(house: House) -> None:
    await _apply(house)
    text = BILLING[: BILLING.index("  pulse:")].replace("30 2", "45 3")

    with pytest.raises(InvalidTaskError):
        await _apply(house, text, prune=True)

    assert (await _named(house, "nightly-billing")).version == 1


async def test_pruning_needs_to_know_whose_tasks_and_the_manager_asked_for_goes_first(house: House) -> None:
    anonymous = BILLING.replace("manager: billing-repo\n", "")
    with pytest.raises(InvalidTaskError) as refused:
        await _apply(house, anonymous, prune=True)
    await _apply(house, manager="other")

    assert refused.value.pointer == "/manager"
    assert (await _named(house, "pulse")).definition.tags == ("manager.other",)


async def test_one_bad_entry_stops_the_whole_file_and_every_fault_has_its_place(house: House) -> None:
    text = BILLING.replace("30 2 * * 1-5", "61 2 * * *").replace("every: 15m", "every: 15m, at: noon") + (
        "  third: {schedule: {cron: '0 0 * * *'}, colour: red}\n"
        "  late: {schedule: {at: 2020-01-01T00:00}, task_type: x, payload: {token: '***'}}\n"
    )

    with pytest.raises(InvalidInputError) as refused:
        await _apply(house, text)

    told = [(fault.pointer, fault.reason, fault.detail.partition(":")[0]) for fault in refused.value.faults]
    assert told == [
        ("/tasks/nightly-billing/schedule/cron", "out_of_range", "line 6"),
        ("/tasks/pulse/schedule", "required", "line 11"),
        ("/tasks/third/colour", "unknown_field", "line 13"),
        ("/tasks/third/task_type", "required", "line 13"),
        ("/tasks/late/payload/token", "no_secret", "line 14"),
    ]
    assert await house.stores.tasks.find("nightly-billing") is None


async def test_a_secret_that_files_leave_out_is_kept(house: House) -> None:
    text = BILLING.replace("{mode: full}", "{mode: full, api_key: abc, deep: [{password: x}]}")
    await _apply(house, text)

    done = await _apply(house, text.replace("abc", "'***'").replace("password: x", "password: '***'"))
    changed = await _apply(house, text.replace("abc", "'***'").replace("full", "delta"))

    assert _outcomes(done)["nightly-billing"] == "unchanged"
    assert _outcomes(changed)["nightly-billing"] == "changed"
    payload = (await _named(house, "nightly-billing")).definition.payload_json
    assert payload == '{"mode":"delta","api_key":"abc","deep":[{"password":"x"}]}'


async def test_a_task_of_another_file_is_refused(house: House) -> None:
    await _apply(house)

    with pytest.raises(InvalidInputError) as refused:
        await _apply(house, BILLING.replace("billing-repo", "other"))

    assert {fault.reason for fault in refused.value.faults} == {"other_manager"}


async def test_tags_of_the_file_leave_the_mark_of_the_manager(house: House) -> None:
    text = BILLING.replace("    payload", "    tags: [money, manager.somebody]\n    payload")
    await _apply(house)

    await _apply(house, text)

    assert (await _named(house, "nightly-billing")).definition.tags == ("money", "manager.billing-repo")
    assert set(_outcomes(await _apply(house, text)).values()) == {"unchanged"}


async def test_what_somebody_changes_between_plan_and_deed_is_left_to_the_next_application(house: House) -> None:
    await _apply(house)
    applying = _applying(house)
    plan = await applying.plan(_file(BILLING.replace("30 2", "45 3").replace("15m", "20m")), ANA)
    await house.manage.patch((await _named(house, "pulse")).id, {"description": "meanwhile"}, ANA)

    done = await applying.carry_out(plan, ANA)

    assert _outcomes(done) == {"nightly-billing": "changed", "pulse": "refused"}
    assert (_item(done, "pulse").code, done.changes) == ("stale_version", 1)
    assert (await _named(house, "pulse")).definition.schedule_text == "15m"


async def test_two_who_apply_one_file_at_once_make_each_task_once(house: House) -> None:
    applying = _applying(house)
    plan = await applying.plan(_file(), ANA)

    async with asyncio.TaskGroup() as both:
        done = [both.create_task(applying.carry_out(plan, ANA)) for _ in range(2)]

    outcomes = sorted(_outcomes(each.result())["pulse"] for each in done)
    assert outcomes == ["created", "refused"]
    assert len(house.stores.state.tasks) == 2
    assert set(_outcomes(await _apply(house)).values()) == {"unchanged"}


async def test_two_plans_for_one_state_have_one_digest_and_for_another_another(house: House) -> None:
    await _apply(house)
    changed = BILLING.replace("every: 15m", "every: 20m").replace("30 2", "45 3")
    first = await _applying(house).plan(_file(changed), ANA)
    house.clock.advance(HOUR)
    second = await _applying(house).plan(_file(changed), ANA)
    await house.manage.patch((await _named(house, "pulse")).id, {"description": "meanwhile"}, ANA)
    third = await _applying(house).plan(_file(changed), ANA)

    assert first.digest == second.digest != third.digest


async def test_what_the_old_schedule_owed_is_on_record(house: House) -> None:
    await _apply(house, BILLING.replace('cron: "30 2 * * 1-5"', "every: 30m"))
    house.clock.advance(2 * HOUR)

    await _apply(house, BILLING)

    (skip,) = await house.stores.history.skips((await _named(house, "nightly-billing")).id, limit=5)
    assert (skip.reason, skip.count) == (SkipReason.EDITED, 4)
