"""`explain` where nothing ran and nothing was passed over: not due, not decided yet, or no longer on record."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from application.scheduling.explanations import Code, Remark, explanation_document
from application.scheduling.ports.history import Retention
from application.scheduling.ports.membership import HandlerSpec, Member
from application.scheduling.ports.task_store import Decision
from application.scheduling.services.errors import TaskNotFoundError
from domain.scheduling.change import ChangeAction
from domain.scheduling.identifiers import NodeId
from domain.scheduling.mutation import edit
from domain.scheduling.policy import ExecutionPolicy, Misfire, Overlap
from domain.scheduling.schedule import CronSchedule, OneTimeSchedule
from domain.scheduling.task import Delivery, Quarantine, ScheduledTask
from tests.conformance.store_under_test import StoreUnderTest
from tests.support.builders import (
    DAY,
    HOUR,
    HOURLY,
    MINUTE,
    a_change,
    a_creation,
    a_definition,
    a_failure,
    a_pause,
    a_task,
)
from tests.support.explaining import explained, found, says
from tests.support.manual_clock import NOON

ONE = NOON + HOUR


async def _hourly(store: StoreUnderTest, **policy: object) -> ScheduledTask:
    return await store.add(a_definition(schedule=HOURLY, policy=ExecutionPolicy(**policy)))  # type: ignore[arg-type]


async def _ran(store: StoreUnderTest, task: ScheduledTask) -> None:
    await store.settle(await store.started(task))


async def test_nothing_was_due_and_the_neighbours_are_named(store: StoreUnderTest) -> None:
    task = await _hourly(store)
    await _ran(store, task)
    await _ran(store, task)

    told = await explained(store, task, "2024-01-15T13:30")

    assert told.summary == (
        "Nothing was due then: the schedule '0 * * * *' (UTC, version 1) has no occurrence at that time."
    )
    assert (told.code, told.before and told.before.at, told.after and told.after.at) == (
        Code.NOT_DUE,
        ONE,
        ONE + HOUR,
    )


async def test_the_version_in_force_then_decides_what_was_due(store: StoreUnderTest) -> None:
    task = await _hourly(store)
    await _ran(store, task)
    read = await store.read(task)
    schedule = CronSchedule("30 * * * *")
    definition = replace(read.definition, schedule=schedule, schedule_text=schedule.expression)
    edited = await store.applied(edit(read, definition, a_change(at=store.clock.now())))
    await _ran(store, edited)
    store.clock.advance(HOUR)

    before, after = await found(store, task, "2024-01-15T12:30"), await found(store, task, "2024-01-15T14:00")

    assert (before.code, after.code) == (Code.NOT_DUE, Code.NOT_DUE)
    assert says(before, "'0 * * * *' (UTC, version 1)")
    assert says(after, "'30 * * * *' (UTC, version 2)")


async def test_a_version_that_is_forgotten_is_not_guessed(store: StoreUnderTest) -> None:
    task = await _hourly(store)
    await _ran(store, task)
    await store.described(await store.read(task), "version 2")
    store.clock.advance(DAY)
    day = Retention(executions=timedelta(hours=1), changes=timedelta(hours=1))
    await store.history.prune(day, limit=100)

    assert (await found(store, task, ONE)).code is Code.NO_RECORD
    assert (await explained(store, task, ONE, retention=day)).code is Code.OLDER_THAN_RECORDS


async def test_a_schedule_that_was_not_in_force_yet_is_not_said_to_lack_the_occurrence(store: StoreUnderTest) -> None:
    task = await store.add(a_definition(schedule=CronSchedule("0 0 1 7 *")))
    schedule, now = CronSchedule("30 13 * * *"), store.clock.advance(3 * HOUR)
    definition = replace(task.definition, schedule=schedule, schedule_text=schedule.expression)
    await store.applied(edit(task, definition, a_change(at=now)))

    finding = await found(store, task, "2024-01-15")

    assert finding.code is Code.NOT_DUE
    assert says(
        finding, "Nothing was due then: when the", "had one, at Mon 2024-01-15 13:30 UTC, it was not in force yet"
    )


async def test_what_was_due_and_undecided_when_the_task_was_deleted(store: StoreUnderTest) -> None:
    task = await _hourly(store)
    store.clock.advance_to(ONE + MINUTE)
    await store.deleted(task)

    finding = await found(store, task, ONE)

    assert (finding.code, finding.at) == (Code.DELETED, ONE)
    assert says(finding, "has not been decided yet, and is not while the task is deleted")


async def test_before_the_task_was_created(store: StoreUnderTest) -> None:
    store.clock.advance(10 * MINUTE)
    task = await _hourly(store)

    finding = await found(store, task, "2024-01-15T12:00")

    assert finding.code is Code.BEFORE_CREATION
    assert says(finding, "it was created later, by ana (api) at Mon 2024-01-15 12:10 UTC.")


async def test_a_time_that_begins_before_the_creation_is_told_with_what_lay_before_it(store: StoreUnderTest) -> None:
    store.clock.advance(3 * HOUR)
    half_past = CronSchedule("30 13 * * *")
    idle = await store.add(a_definition("idle", schedule=half_past))
    hourly = await store.add(a_definition("hourly", schedule=HOURLY))
    once = await store.add(a_definition("once", schedule=OneTimeSchedule(ONE)), run_if_past=True)
    await store.fired(once)

    none, some, made_up = [await explained(store, task, "2024-01-15") for task in (idle, hourly, once)]

    assert (none.code, [each.at for each in none.findings]) == (Code.BEFORE_CREATION, [ONE + HOUR / 2])
    assert none.summary == (
        "The task did not exist yet at Mon 2024-01-15 13:30 UTC, when its schedule would have had a run: "
        "it was created later, by ana (api) at Mon 2024-01-15 15:00 UTC."
    )
    assert [each.code for each in some.findings] == [Code.BEFORE_CREATION, Code.UPCOMING]
    assert (some.code, [each.code for each in made_up.findings]) == (Code.UPCOMING, [Code.PENDING])


async def test_a_deleted_task_that_bore_the_name_then_is_named(store: StoreUnderTest) -> None:
    older = await _hourly(store)
    await _ran(store, older)
    store.clock.advance(MINUTE)
    await store.deleted(await store.read(older))
    definition = a_definition(schedule=HOURLY)
    store.clock.advance(HOUR)
    newer = await store.applied(a_creation(definition, at=store.clock.now(), task_id="newer"))

    then, later, early = [await explained(store, newer, at) for at in (ONE, ONE + 3 * MINUTE, NOON - HOUR)]

    assert then.remarks == {
        Remark.NAMESAKE: "Until Mon 2024-01-15 13:01 UTC another task bore this name, "
        f"which was deleted then: {older.id}."
    }
    assert (later.remarks, early.remarks) == ({}, {})


async def test_a_deleted_task_is_explained_while_it_is_on_record(store: StoreUnderTest) -> None:
    task = await _hourly(store)
    await _ran(store, task)
    await store.deleted(await store.read(task))
    store.clock.advance(DAY)

    assert (await found(store, task, ONE)).code is Code.SUCCEEDED
    assert says(await found(store, task, ONE + HOUR), "was deleted by ana (api) at Mon 2024-01-15 13:00 UTC")


async def test_a_task_that_never_was_is_not_found(store: StoreUnderTest) -> None:
    with pytest.raises(TaskNotFoundError):
        await explained(store, a_task(), ONE)


async def _here(store: StoreUnderTest, *handlers: HandlerSpec) -> None:
    roles = frozenset({"scheduler", "worker"})
    await store.membership.announce(Member(NodeId("s"), roles, "host", 1, store.clock.now(), handlers, 5))


async def test_what_will_run_says_who_is_missing_for_it(store: StoreUnderTest) -> None:
    task = await _hourly(store)
    external = await store.add(
        replace(a_definition("external"), delivery=Delivery.EXTERNAL, policy=ExecutionPolicy(overlap=Overlap.ALLOW))
    )

    nobody, foreign = await found(store, task, ONE), await found(store, external, NOON + MINUTE)
    await _here(store)
    no_worker, served = await found(store, task, ONE), await found(store, external, NOON + MINUTE)
    await _here(store, HandlerSpec("mail", "another"))
    no_handler = await found(store, task, ONE)

    assert [each.reason for each in (nobody, foreign, no_worker, served, no_handler)] == [
        *("no_scheduler", "no_scheduler", "no_worker", None, "no_handler")
    ]
    assert says(nobody, "No scheduler is running at present.", "No living worker serves the type 'mail'.")
    assert says(no_handler, "No living worker has a handler named 'report' for the type 'mail'.")
    assert not any("No living worker" in said for said in foreign.sentences)


async def test_what_lies_undecided_beside_the_time_is_not_to_come(store: StoreUnderTest) -> None:
    task = await _hourly(store)
    store.clock.advance_to(ONE + 30 * MINUTE)

    told = await explained(store, task, "2024-01-15T13:10")
    behind = await explained(store, task, "2024-01-15T12:50")

    assert told.before is not None
    assert behind.after is not None
    assert (told.before.code, told.before.sentence) == (
        Code.OVERDUE,
        "Mon 2024-01-15 13:00 UTC: overdue, not decided yet",
    )
    assert (behind.after.code, told.after and told.after.code) == (Code.OVERDUE, Code.UPCOMING)


async def test_what_fares_differently_in_one_time_is_told_apart(store: StoreUnderTest) -> None:
    late, limited, paused = [
        await store.add(a_definition(name, schedule=HOURLY, policy=ExecutionPolicy(max_runs=most)))
        for name, most in (("late", None), ("limited", 3), ("paused", None))
    ]
    await store.paused(paused, a_pause(until=NOON + 4 * HOUR))
    store.clock.advance_to(ONE + HOUR)

    told = [(await explained(store, task, "2024-01-15")).summary for task in (late, limited, paused)]

    assert told == [
        "2 overdue, 9 to come.",
        "2 overdue, 1 to come, 8 beyond the number of its runs.",
        "11 held back: the task is paused.",
    ]
    held = [each for each in (await explained(store, paused, "2024-01-15")).findings if each.code is Code.PAUSED]
    assert [(each.at, each.count) for each in held] == [(ONE, 3), (NOON + 4 * HOUR, 8)]


async def test_what_will_run_says_when_and_what_could_hinder_it(store: StoreUnderTest) -> None:
    await _here(store, HandlerSpec("mail", None))
    task = await _hourly(store)
    alone = await found(store, task, "2024-01-15T13:00")
    claim = await store.started(task)
    beside = await found(store, task, "2024-01-15T14:00")

    assert (alone.code, alone.sentences) == (Code.UPCOMING, ("It runs at Mon 2024-01-15 13:00 UTC, in 1 h.",))
    assert says(beside, f"({claim.execution.id}) has ended by then (overlap skip)")


async def test_what_is_due_and_lies_undecided(store: StoreUnderTest) -> None:
    task = await _hourly(store, jitter=timedelta(minutes=10))
    run_at = task.next_occurrence.run_at if task.next_occurrence else ONE
    store.clock.advance_to(run_at - timedelta(seconds=1))
    put_off = await found(store, task, ONE)
    store.clock.advance_to(run_at + 2 * MINUTE)
    nobody = await found(store, task, ONE)
    await store.membership.announce(Member(NodeId("s"), frozenset({"scheduler"}), "host", 1, store.clock.now()))
    somebody = await found(store, task, ONE)

    assert [(each.code, each.reason) for each in (put_off, nobody, somebody)] == [
        (Code.UPCOMING, "jitter"),
        (Code.OVERDUE, "no_scheduler"),
        (Code.OVERDUE, "scheduler_alive"),
    ]
    assert says(nobody, "it is 2 min late", "No scheduler is running.")


@pytest.mark.parametrize(
    ("until", "said"),
    [
        (None, "it runs if somebody resumes the task before it"),
        (ONE - MINUTE, "before it: unless that changes, it runs"),
        (ONE + MINUTE, "and passes it over then"),
    ],
)
async def test_what_a_pause_holds_back(store: StoreUnderTest, until: datetime | None, said: str) -> None:
    task = await _hourly(store)
    await store.paused(task, a_pause(until=until))

    finding = await found(store, task, ONE)

    assert finding.code is Code.PAUSED
    assert says(
        finding,
        "the task is paused by ana since Mon 2024-01-15 12:00 UTC: maintenance",
        *([said.capitalize()] if not until else [said]),
    )


async def test_a_task_at_its_end(store: StoreUnderTest) -> None:
    task = await _hourly(store, fail_after=1)
    await store.settle(await store.started(task), a_failure(text="disk full"))
    once = await store.add(a_definition("once", schedule=OneTimeSchedule(ONE + HOUR)))
    await _ran(store, once)
    store.clock.advance(HOUR)

    stopped, done = await found(store, task, ONE + HOUR), await found(store, once, store.clock.now())

    assert (stopped.code, done.code) == (Code.FAILED, Code.NOT_DUE)
    assert says(stopped, "1 execution in a row failed for good; the last error was RuntimeError: disk full.")
    assert says(done, "The task is completed by now.")


async def test_a_task_stays_stopped_though_a_run_by_hand_went_well(store: StoreUnderTest) -> None:
    task = await _hourly(store, fail_after=1)
    await store.settle(await store.started(task), a_failure())
    await store.run_now(task, key="k")
    await store.settle(await store.claim())
    store.clock.advance(HOUR)

    assert says(await found(store, task, ONE + HOUR), "since too many executions in a row failed for good")


async def test_a_quarantined_task_says_why_and_what_the_records_still_tell(store: StoreUnderTest) -> None:
    task = await _hourly(store)
    await _ran(store, task)
    read = await store.read(task)
    quarantine = Quarantine("no such zone", store.clock.now() + 5 * MINUTE)
    await store.tasks.commit_firings([Decision(read, quarantine)])
    store.clock.advance(HOUR)

    finding = await found(store, task, ONE + HOUR)

    assert (finding.code, (await found(store, task, ONE)).code) == (Code.QUARANTINED, Code.SUCCEEDED)
    assert says(finding, "cannot be decided at present: no such zone", "looked at again at Mon 2024-01-15 13:05 UTC")


async def test_of_an_unreadable_task_the_records_still_tell(store: StoreUnderTest) -> None:
    task = await _hourly(store)
    await _ran(store, task)
    await store.spoil(task.id)

    assert (await found(store, task, ONE)).code is Code.SUCCEEDED
    assert (await found(store, task, ONE + HOUR)).code is Code.UNREADABLE


async def test_before_the_oldest_record_nothing_is_derived_again(store: StoreUnderTest) -> None:
    task = await _hourly(store)
    await _ran(store, task)
    store.clock.advance(15 * DAY)

    kept = await explained(store, task, ONE)
    await store.history.prune(Retention(), limit=100)
    told = await explained(store, task, ONE)
    between = await explained(store, task, "2024-01-15T13:30")

    assert kept.code is Code.SUCCEEDED
    assert (told.code, between.code) == (Code.OLDER_THAN_RECORDS, Code.OLDER_THAN_RECORDS)
    assert told.summary == "This is older than the records kept (since Tue 2024-01-16 13:00 UTC)."
    assert explanation_document(told)["records_since"] == "2024-01-16T13:00:00Z"


async def test_more_than_can_be_told_is_said_to_be_cut(store: StoreUnderTest) -> None:
    task = await store.add(a_definition(policy=ExecutionPolicy(misfire=Misfire.ALL, overlap=Overlap.ALLOW)))
    for _ in range(3):
        store.clock.advance(100 * MINUTE)
        await store.commit(await store.read(task))
    for execution_id in [each.id for each in (await store.read(task)).open]:
        await store.executions.cancel(execution_id, a_change(ChangeAction.CANCEL, at=store.clock.now()))

    told = await explained(store, task, "2024-01-15")

    assert Remark.CUT in told.remarks
    assert {each.code for each in told.findings} == {Code.BEFORE_CREATION, Code.CANCELLED}
