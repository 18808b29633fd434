"""`explain` names as the cause only what the records prove: the change, the policy and the execution that decided."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from application.scheduling.explanations import Code, Finding
from domain.scheduling.change import ChangeAction
from domain.scheduling.mutation import edit, end_pause, resume, system_change, undelete
from domain.scheduling.policy import ExecutionPolicy, Misfire, Overlap
from domain.scheduling.schedule import CronSchedule
from domain.scheduling.task import ScheduledTask
from tests.conformance.store_under_test import StoreUnderTest
from tests.support.builders import HOUR, HOURLY, MINUTE, a_change, a_definition, a_pause
from tests.support.explaining import found, says
from tests.support.manual_clock import NOON

ONE = NOON + HOUR


async def _hourly(store: StoreUnderTest, **policy: object) -> ScheduledTask:
    return await store.add(a_definition(schedule=HOURLY, policy=ExecutionPolicy(**policy)))  # type: ignore[arg-type]


async def _edited(store: StoreUnderTest, task: ScheduledTask, actor: str, **fields: object) -> ScheduledTask:
    read = await store.read(task)
    definition = replace(read.definition, **fields)  # type: ignore[arg-type]
    return await store.applied(edit(read, definition, a_change(at=store.clock.now(), actor=actor)))


async def _with_policy(store: StoreUnderTest, task: ScheduledTask, **policy: object) -> ScheduledTask:
    read = await store.read(task)
    return await _edited(store, task, "ana", policy=replace(read.definition.policy, **policy))  # type: ignore[arg-type]


async def _at_minute(store: StoreUnderTest, task: ScheduledTask, minute: int) -> None:
    schedule = f"{minute} * * * *"
    await _edited(store, task, "eve", schedule=CronSchedule(schedule), schedule_text=schedule)


async def _decided_at(store: StoreUnderTest, task: ScheduledTask, at: datetime) -> None:
    store.clock.advance_to(at)
    await store.commit(await store.read(task))


def _actors(finding: Finding) -> list[str]:
    return [each.change.actor for each in finding.changes]


async def test_an_edit_that_changed_nothing_decided_nothing(store: StoreUnderTest) -> None:
    task = await _hourly(store)
    store.clock.advance(10 * MINUTE)
    await _at_minute(store, task, 30)
    store.clock.advance(25 * MINUTE)
    await _edited(store, task, "bob")
    store.clock.advance(5 * MINUTE)
    await _at_minute(store, task, 45)

    finding = await found(store, task, NOON + 30 * MINUTE)

    assert (finding.code, _actors(finding)) == (Code.SKIPPED_EDITED, ["eve"])


async def test_an_edit_that_changed_nothing_ended_no_pause(store: StoreUnderTest) -> None:
    task = await _hourly(store)
    await _at_minute(store, task, 30)
    await store.paused(await store.read(task))
    store.clock.advance(HOUR)
    await _edited(store, task, "bob")
    store.clock.advance(HOUR)
    await store.resumed(await store.read(task))

    finding = await found(store, task, NOON + 30 * MINUTE)

    assert finding.code is Code.SKIPPED_PAUSED
    assert says(finding, "The task was resumed by ana (api) at Mon 2024-01-15 14:00 UTC, which passed over what lay")


async def test_an_edit_that_also_set_the_task_going_is_named_if_nothing_else_did(store: StoreUnderTest) -> None:
    task = await store.paused(await _hourly(store))
    now = store.clock.advance(HOUR)
    change = a_change(at=now, actor="bob")
    definition = replace(task.definition, description="and enabled")
    edited = edit(task, definition, change)
    await store.applied(edited.then(resume(edited.after, change)))

    assert says(await found(store, task, ONE), "The task was set going again by bob (api) at Mon 2024-01-15 13:00 UTC")


async def test_of_several_edits_any_may_have_set_the_task_going(store: StoreUnderTest) -> None:
    task = await store.paused(await _hourly(store))
    store.clock.advance_to(ONE)
    for number in (1, 2):
        await store.described(await store.read(task), f"edit {number}")
    store.clock.advance(HOUR)
    await store.resumed(await store.read(task))

    finding = await found(store, task, ONE)

    assert says(finding, "resumed by ana (api) at Mon 2024-01-15 14:00 UTC", "unless an edit before it had done so")


async def test_a_pause_that_was_changed_meanwhile_is_named_as_it_was_at_the_instant(store: StoreUnderTest) -> None:
    task = await store.paused(await _hourly(store))
    store.clock.advance_to(ONE + MINUTE)
    await store.paused(await store.read(task))
    store.clock.advance(HOUR)
    await store.resumed(await store.read(task))

    finding = await found(store, task, ONE)

    assert finding.sentences[0].endswith("the task was paused, by ana (api) at Mon 2024-01-15 12:00 UTC.")
    assert "It had not been decided yet by then." not in finding.sentences


async def test_a_pause_that_ended_late_and_began_again_at_once_is_told_with_that_doubt(store: StoreUnderTest) -> None:
    task = await _hourly(store)
    await store.paused(task, a_pause(until=NOON + 30 * MINUTE))
    now = store.clock.advance_to(ONE + MINUTE)
    await store.applied(end_pause(await store.read(task), system_change(ChangeAction.PAUSE_ENDED, now, "over")))
    again = store.clock.advance(MINUTE)
    await store.paused(await store.read(task), a_pause(at=again))
    store.clock.advance(HOUR)
    await store.resumed(await store.read(task))

    finding = await found(store, task, ONE)

    assert finding.code is Code.SKIPPED_PAUSED
    assert says(finding, "another began, which may have held back what was due behind its end")


async def test_a_deletion_did_not_skip_what_fell_into_a_pause_before_it(store: StoreUnderTest) -> None:
    task = await store.paused(await _hourly(store))
    store.clock.advance_to(ONE + MINUTE)
    deleted = await store.deleted(task)
    back = store.clock.advance(2 * HOUR)
    await store.applied(undelete(deleted, a_change(ChangeAction.UNDELETE, at=back)))

    before, then = await found(store, task, ONE), await found(store, task, ONE + HOUR)

    assert says(before, "the task was deleted before it was decided, by ana (api) at Mon 2024-01-15 13:01 UTC.")
    assert says(before, "The task was paused then, by ana (api) at Mon 2024-01-15 12:00 UTC.")
    assert says(then, "the task was deleted then, by ana (api) at Mon 2024-01-15 13:01 UTC.")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ({}, {"misfire": Misfire.SKIP}, "no more than 1 min late (misfire skip)"),
        ({"grace": 2 * HOUR}, {"grace": MINUTE}, "later than its grace of 1 min allows"),
        ({"grace": 20 * MINUTE}, {"grace": 10 * MINUTE}, "later than its grace allows"),
    ],
)
async def test_the_policy_at_the_decision_is_named_and_not_that_at_the_instant(
    store: StoreUnderTest, old: dict[str, object], new: dict[str, object], said: str
) -> None:
    task = await _hourly(store, **old)
    store.clock.advance_to(ONE + 10 * MINUTE)
    await _with_policy(store, task, **new)
    await _decided_at(store, task, ONE + 25 * MINUTE)

    assert says(await found(store, task, ONE), said)


async def test_a_policy_that_was_changed_about_then_is_not_named(store: StoreUnderTest) -> None:
    task = await _hourly(store)
    store.clock.advance_to(ONE + HOUR + 10 * MINUTE)
    await _with_policy(store, task, misfire=Misfire.SKIP)
    await _decided_at(store, task, ONE + HOUR + 20 * MINUTE)
    store.clock.advance(HOUR)

    finding = await found(store, task, ONE)

    assert finding.code is Code.SKIPPED_MISFIRE
    assert says(finding, "the misfire policy did not pick it; which policy that was is not known, as it was changed")


async def test_an_overlap_names_what_was_open_at_the_decision_though_it_began_after_the_instant(
    store: StoreUnderTest,
) -> None:
    task = await _hourly(store, jitter=50 * MINUTE)
    read = await store.read(task)
    assert read.next_occurrence is not None
    assert read.next_occurrence.run_at > ONE + MINUTE
    store.clock.advance_to(ONE + MINUTE)
    by_hand = await store.run_now(task, key="k")
    await _decided_at(store, task, read.next_occurrence.run_at)

    assert says(await found(store, task, ONE), f"when it was decided (overlap skip): {by_hand}, since")


async def test_an_overlap_names_nobody_for_sure_if_it_may_have_been_another(store: StoreUnderTest) -> None:
    task = await _hourly(store)
    claim = await store.started(task)
    store.clock.advance_to(ONE + HOUR + 2 * MINUTE)
    await store.settle(claim)
    store.clock.advance(MINUTE)
    by_hand = await store.run_now(task, key="k")
    await _decided_at(store, task, ONE + HOUR + 8 * MINUTE)
    await store.settle(await store.claim())
    await store.fired(task)

    finding = await found(store, task, ONE + HOUR)

    assert [each.id for each in finding.executions] == [claim.execution.id, by_hand]
    assert says(finding, "between Mon 2024-01-15 14:00 UTC and Mon 2024-01-15 14:59:59 UTC; open then, at one time or")


async def test_the_earliest_is_not_named_where_it_did_not_run_itself(store: StoreUnderTest) -> None:
    task = await _hourly(store, misfire=Misfire.EARLIEST)
    await _decided_at(store, task, NOON + 3 * HOUR)
    first = (await store.read(task)).open[0]
    await _decided_at(store, task, NOON + 6 * HOUR)

    behind_it, behind_another = await found(store, task, NOON + 2 * HOUR), await found(store, task, NOON + 5 * HOUR)

    assert [each.id for each in behind_it.executions] == [first.id]
    assert behind_another.executions == ()
    assert says(behind_another, "only the earliest runs (misfire earliest).")


async def test_misfire_skip_does_not_call_late_what_was_not(store: StoreUnderTest) -> None:
    definition = a_definition(policy=ExecutionPolicy(misfire=Misfire.SKIP, overlap=Overlap.ALLOW))
    task = await store.add(definition)
    await _decided_at(store, task, NOON + 2 * MINUTE + timedelta(seconds=1))

    assert says(await found(store, task, NOON + MINUTE), "only the newest runs, if it is no more than 1 min late")
