"""`explain` of what was passed over: every reason, told from histories made through the ports."""

from dataclasses import replace
from datetime import datetime

import pytest

from application.scheduling.explanations import Code, Finding
from domain.scheduling.change import ChangeAction
from domain.scheduling.mutation import edit, end_pause, system_change, undelete
from domain.scheduling.policy import ExecutionPolicy, Misfire, Overlap
from domain.scheduling.schedule import CronSchedule
from domain.scheduling.task import ScheduledTask, SkipReason
from tests.conformance.store_under_test import StoreUnderTest
from tests.support.builders import DAY, HOUR, HOURLY, MINUTE, a_change, a_definition, a_failure, a_pause
from tests.support.explaining import explained, found, says
from tests.support.manual_clock import NOON

ONE = NOON + HOUR


def _hour(number: int) -> datetime:
    return NOON + number * HOUR


async def _hourly(store: StoreUnderTest, **policy: object) -> ScheduledTask:
    return await store.add(a_definition(schedule=HOURLY, policy=ExecutionPolicy(**policy)))  # type: ignore[arg-type]


async def _decided_at(store: StoreUnderTest, task: ScheduledTask, at: datetime) -> None:
    """Somebody decides the task only now."""
    store.clock.advance_to(at)
    await store.commit(await store.read(task))


def _count(finding: Finding) -> int:
    assert finding.skip is not None
    return finding.skip.count


async def test_found_later_than_its_grace(store: StoreUnderTest) -> None:
    task = await _hourly(store, grace=10 * MINUTE)
    await _decided_at(store, task, _hour(3) + 30 * MINUTE)

    finding = await found(store, task, _hour(2))

    assert (finding.code, finding.at, _count(finding)) == (Code.SKIPPED_GRACE, _hour(2), 3)
    assert says(
        finding,
        "The occurrence of Mon 2024-01-15 14:00 UTC did not run: it was found later than its grace of 10 min allows.",
        "It is one of 3 passed over for this reason, from Mon 2024-01-15 13:00 UTC to Mon 2024-01-15 15:00 UTC.",
    )


@pytest.mark.parametrize(
    ("misfire", "at", "said"),
    [
        (Misfire.LATEST, 2, "only the latest runs (misfire latest)"),
        (Misfire.EARLIEST, 2, "only the earliest runs (misfire earliest): that of Mon 2024-01-15 13:00 UTC"),
        (Misfire.SKIP, 3, "only the newest runs, if it is no more than 1 min late (misfire skip)"),
    ],
)
async def test_found_late_and_not_picked(store: StoreUnderTest, misfire: Misfire, at: int, said: str) -> None:
    task = await _hourly(store, misfire=misfire)
    await _decided_at(store, task, _hour(3) + 30 * MINUTE)

    finding = await found(store, task, _hour(at))

    assert finding.code is Code.SKIPPED_MISFIRE
    assert says(finding, "no scheduler decided it in time", said)


async def test_a_misfire_names_what_ran_in_its_place_and_when_that_was_decided(store: StoreUnderTest) -> None:
    task = await _hourly(store)
    await _decided_at(store, task, _hour(3) + 30 * MINUTE)
    (ran,) = (await store.read(task)).open

    finding = await found(store, task, _hour(1))

    assert [each.id for each in finding.executions] == [ran.id]
    assert says(
        finding, f"was that of Mon 2024-01-15 15:00 UTC (execution {ran.id}), decided at Mon 2024-01-15 15:30 UTC"
    )


async def test_an_overlap_names_the_execution_that_was_open_then(store: StoreUnderTest) -> None:
    task = await _hourly(store)
    claim = await store.started(task)
    await store.fired(task)
    store.clock.advance(10 * MINUTE)
    await store.settle(claim)

    finding = await found(store, task, _hour(2))

    assert (finding.code, [each.id for each in finding.executions]) == (Code.SKIPPED_OVERLAP, [claim.execution.id])
    assert says(
        finding, "another execution was open when it was decided (overlap skip)", "until Mon 2024-01-15 14:10 UTC"
    )


async def test_an_overlap_with_a_run_by_hand(store: StoreUnderTest) -> None:
    task = await _hourly(store)
    execution_id = await store.run_now(task, key="k")
    await store.fired(task)

    assert [each.id for each in (await found(store, task, ONE)).executions] == [execution_id]


async def test_an_overlap_behind_one_that_ran_and_one_that_waited(store: StoreUnderTest) -> None:
    task = await _hourly(store, overlap=Overlap.QUEUE_ONE)
    first, second = [(await store.fired(task))[0] for _ in range(2)]
    await store.fired(task)

    finding = await found(store, task, _hour(3))

    assert [each.id for each in finding.executions] == [first, second]
    assert says(finding, "one execution was open and another waited for its turn")


async def test_occurrences_found_together_of_which_only_the_newest_runs(store: StoreUnderTest) -> None:
    task = await _hourly(store, misfire=Misfire.ALL, overlap=Overlap.CANCEL_PREVIOUS)
    await _decided_at(store, task, _hour(3))

    assert says(await found(store, task, _hour(2)), "only the newest runs (overlap cancel_previous)")


async def test_a_schedule_that_was_changed_before_it_was_decided(store: StoreUnderTest) -> None:
    task = await _hourly(store)
    now = store.clock.advance(2 * HOUR)
    read = await store.read(task)
    schedule = CronSchedule("30 * * * *")
    definition = replace(read.definition, schedule=schedule, schedule_text=schedule.expression)
    await store.applied(edit(read, definition, a_change(at=now, reason="half past")))

    finding = await found(store, task, ONE)

    assert finding.code is Code.SKIPPED_EDITED
    assert [each.change.action for each in finding.changes] == [ChangeAction.EDIT]
    assert says(finding, 'by ana (api) at Mon 2024-01-15 14:00 UTC ("half past") (now version 2)')
    assert (await found(store, task, "2024-01-15T13:30")).code is Code.NOT_DUE


async def test_a_task_that_was_deleted_and_brought_back(store: StoreUnderTest) -> None:
    task = await _hourly(store)
    await store.deleted(task)
    now = store.clock.advance_to(_hour(2))
    kept = (await explained(store, task, ONE)).findings[0]
    evidence = await store.history.evidence(task.id, since=NOON, until=NOON)
    assert evidence is not None
    assert isinstance(evidence.task, ScheduledTask)
    await store.applied(undelete(evidence.task, a_change(ChangeAction.UNDELETE, at=now, actor="bob")))

    finding = await found(store, task, ONE)

    assert (kept.code, finding.code) == (Code.DELETED, Code.SKIPPED_DELETED)
    assert says(finding, "deleted then, by ana", "It was brought back by bob (api) at Mon 2024-01-15 14:00 UTC.")


async def test_a_pause_tells_who_why_since_when_and_until_when(store: StoreUnderTest) -> None:
    task = await _hourly(store)
    paused = await store.paused(task)
    store.clock.advance_to(_hour(2) + MINUTE)
    await store.described(paused, "an edit that decides nothing")
    store.clock.advance(MINUTE)
    await store.resumed(await store.read(task))

    finding = await found(store, task, ONE)

    assert (finding.code, _count(finding)) == (Code.SKIPPED_PAUSED, 2)
    assert [each.change.action for each in finding.changes] == [ChangeAction.PAUSE, ChangeAction.RESUME]
    assert says(
        finding,
        "did not run: the task was paused, by ana (api) at Mon 2024-01-15 12:00 UTC.",
        "The task was resumed by ana (api) at Mon 2024-01-15 14:02 UTC, which passed over what lay before.",
    )


async def test_a_pause_that_ended_by_itself(store: StoreUnderTest) -> None:
    task = await _hourly(store)
    until = ONE + 30 * MINUTE
    await store.paused(task, a_pause(until=until))
    store.clock.advance_to(until)
    await store.applied(end_pause(await store.read(task), system_change(ChangeAction.PAUSE_ENDED, until, "over")))

    assert says(await found(store, task, ONE), "The pause ended by itself at Mon 2024-01-15 13:30 UTC.")


async def test_a_task_that_had_been_stopped_after_failures(store: StoreUnderTest) -> None:
    task = await _hourly(store, fail_after=1)
    claim = await store.started(task)
    await store.settle(claim, a_failure())
    store.clock.advance_to(_hour(2) + MINUTE)
    await store.resumed(await store.read(task))

    finding = await found(store, task, _hour(2))

    assert (finding.code, [each.id for each in finding.executions]) == (Code.SKIPPED_FAILED, [claim.execution.id])
    assert says(finding, "stopped after too many failures", "The task was resumed by ana (api) at Mon 2024-01-15 14:01")


async def test_a_time_between_two_that_were_passed_over_had_nothing_due(store: StoreUnderTest) -> None:
    task = await _hourly(store)
    await _decided_at(store, task, _hour(4))

    told = await explained(store, task, "2024-01-15T13:30")

    assert told.code is Code.NOT_DUE
    assert told.before is not None
    assert told.after is not None
    assert (told.before.code, told.after.code) == (Code.SKIPPED_MISFIRE, Code.SKIPPED_MISFIRE)


@pytest.mark.parametrize("reason", SkipReason)
def test_every_reason_has_a_code(reason: SkipReason) -> None:
    assert Code(f"skipped_{reason}").value.endswith(reason)


async def test_a_day_is_told_by_what_was_decided_in_it(store: StoreUnderTest) -> None:
    task = await _hourly(store)
    claim = await store.started(task)
    await _decided_at(store, task, _hour(4))
    await store.settle(claim)
    await store.settle(await store.started(task))

    told = await explained(store, task, "2024-01-15")

    assert [(each.code, each.count, each.at_least) for each in told.findings] == [
        (Code.BEFORE_CREATION, 1, False),
        (Code.SUCCEEDED, 1, False),
        (Code.SKIPPED_MISFIRE, 2, False),
        (Code.SKIPPED_OVERLAP, 1, False),
        (Code.SUCCEEDED, 1, False),
        (Code.UPCOMING, 6, False),
    ]
    assert told.summary == "2 succeeded, 2 passed over: found late, 1 passed over: overlap, 6 to come."
    assert says(told.findings[-1], "The same goes for 5 further occurrences of this time.")


async def test_of_many_passed_over_those_of_the_time_are_counted(store: StoreUnderTest) -> None:
    task = await store.add(a_definition())
    await _decided_at(store, task, NOON + 4 * HOUR)
    whole = await explained(store, task, "2024-01-15T16:00")
    day = await explained(store, task, "2024-01-15")
    await _decided_at(store, task, NOON + 2 * DAY)

    minute, cut = await found(store, task, NOON + MINUTE), await found(store, task, "2024-01-16")

    assert (whole.code, day.summary) == (Code.PENDING, "239 passed over: found late, 1 waiting for a worker.")
    assert [(each.count, each.at_least) for each in (minute, cut)] == [(1, False), (200, True)]
