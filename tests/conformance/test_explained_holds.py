"""`explain` names the hold of all firing as the cause: while it stands, and of what it made late."""

from application.scheduling.explanations import Code
from domain.access.record import Doer
from domain.scheduling.change import Via
from domain.scheduling.policy import ExecutionPolicy
from domain.scheduling.task import ScheduledTask
from tests.conformance.store_under_test import StoreUnderTest
from tests.support.builders import HOUR, HOURLY, MINUTE, a_definition, a_failure
from tests.support.explaining import explained, found, says
from tests.support.manual_clock import NOON

ONE = NOON + HOUR
ANA, BEN = Doer("ana", Via.PAGE), Doer("ben", Via.CLI)
HELD = "all firing is held since Mon 2024-01-15 12:00 UTC by ana (new disks)"
WAS_HELD = "All firing was held from Mon 2024-01-15 12:00 UTC to Mon 2024-01-15 15:10 UTC by ana (new disks)"


async def _hourly(store: StoreUnderTest) -> ScheduledTask:
    return await store.add(a_definition(schedule=HOURLY, policy=ExecutionPolicy()))


async def test_what_is_due_and_what_comes_say_since_when_by_whom_and_why_it_is_held(store: StoreUnderTest) -> None:
    task = await _hourly(store)
    await store.holds.hold("new disks", by=ANA)
    to_come = await found(store, task, ONE)
    store.clock.advance(HOUR + MINUTE)
    overdue = await found(store, task, ONE)

    assert [(each.code, each.reason) for each in (to_come, overdue)] == [
        (Code.UPCOMING, "held"),
        (Code.OVERDUE, "held"),
    ]
    assert says(to_come, HELD)
    assert HELD in overdue.sentences[0]
    assert says(overdue, "It is 1 min late.", "`peachpie-scheduler release`")
    assert [(each.actor, each.reason, each.until) for each in overdue.holds] == [("ana", "new disks", None)]


async def test_what_waits_for_a_worker_or_a_retry_says_that_it_is_held(store: StoreUnderTest) -> None:
    waiting, failed = (
        await _hourly(store),
        await store.add(a_definition(name="other", schedule=HOURLY)),
    )
    await store.settle(await store.started(failed), a_failure(retry_at=ONE + 3 * MINUTE))
    await store.commit(await store.read(waiting))
    await store.holds.hold("new disks", by=ANA)

    pending, retried = await found(store, waiting, ONE), await found(store, failed, ONE)

    assert [(each.code, each.reason) for each in (pending, retried)] == [
        (Code.PENDING, "held"),
        (Code.RETRY_WAIT, "held"),
    ]
    assert says(pending, "has not run yet: all firing is held since", "`peachpie-scheduler release`")
    assert says(retried, "all firing is held since")


async def test_what_ran_late_or_was_passed_over_names_the_hold_that_is_over(store: StoreUnderTest) -> None:
    task = await _hourly(store)
    await store.holds.hold("new disks", by=ANA)
    store.clock.advance(3 * HOUR + 10 * MINUTE)
    await store.holds.release("they work", by=BEN)
    await store.commit(await store.read(task))
    await store.settle(await store.claim())
    store.clock.advance(HOUR)
    await store.commit(await store.read(task))
    await store.settle(await store.claim())

    late, passed, on_time = [await found(store, task, ONE + hours * HOUR) for hours in (2, 0, 3)]

    assert [each.code for each in (late, passed, on_time)] == [Code.SUCCEEDED, Code.SKIPPED_MISFIRE, Code.SUCCEEDED]
    assert says(late, "10 min late: it was decided", f"{WAS_HELD}, and released by ben.")
    assert says(passed, f"{WAS_HELD}, and released by ben.")
    assert [each.released_by for each in passed.holds] == ["ben"]
    assert on_time.holds == ()


async def test_holds_that_did_not_delay_it_are_not_named(store: StoreUnderTest) -> None:
    task = await _hourly(store)
    await store.holds.hold("too early", by=ANA)
    store.clock.advance(MINUTE)
    await store.holds.release("", by=ANA)
    await store.settle(await store.started(task))
    store.clock.advance(MINUTE)
    await store.holds.hold("too late", by=ANA)

    told = await explained(store, task, ONE)

    assert [each.holds for each in told.findings] == [()]
