"""`explain` of what is open and does not run: what it waits for, told from histories made through the ports."""

from application.scheduling.explanations import Code
from application.scheduling.ports.execution_store import Claim
from application.scheduling.ports.membership import HandlerSpec, Member
from domain.scheduling.identifiers import NodeId
from domain.scheduling.outcome import UnknownHandler
from domain.scheduling.policy import ExecutionPolicy, Overlap
from domain.scheduling.task import ScheduledTask
from tests.conformance.store_under_test import WORKER, StoreUnderTest
from tests.support.builders import HOUR, HOURLY, MINUTE, a_definition, a_failure
from tests.support.explaining import explained, found, says
from tests.support.manual_clock import NOON

ONE = NOON + HOUR
QUEUE_ONE = ExecutionPolicy(overlap=Overlap.QUEUE_ONE)


async def _hourly(store: StoreUnderTest, policy: ExecutionPolicy | None = None) -> ScheduledTask:
    return await store.add(a_definition(schedule=HOURLY, policy=policy or ExecutionPolicy()))


async def _worker(store: StoreUnderTest, *handlers: HandlerSpec) -> None:
    member = Member(NodeId("w"), frozenset({"worker"}), "host", 1, store.clock.now(), handlers, 5)
    await store.membership.announce(member)


async def _died_again(store: StoreUnderTest, claim: Claim) -> None:
    assert await store.executions.rescue_worker(claim.execution.worker_id or WORKER)


async def test_a_run_that_may_kill_workers_says_that_it_waits_for_or_has_a_process_to_itself(
    store: StoreUnderTest,
) -> None:
    task = await _hourly(store)
    await _died_again(store, await store.started(task))
    await _worker(store, HandlerSpec("mail", None))
    once = await found(store, task, ONE)
    await _died_again(store, await store.claim())
    pending = await found(store, task, ONE)
    await store.claim()
    running = await found(store, task, ONE)

    assert [each.reason for each in (once, pending, running)] == ["queued", "isolated", None]
    assert says(pending, "Its worker died twice while running it, so it is given a process to itself")
    assert says(running, "It runs alone, as it may be what its workers died of.")


async def test_a_pending_run_says_that_nobody_serves_its_type(store: StoreUnderTest) -> None:
    task = await _hourly(store)
    await store.fired(task)

    finding = await found(store, task, ONE)
    await _worker(store, HandlerSpec("mail", "something else"))
    without_handler = await found(store, task, ONE)
    await _worker(store, HandlerSpec("mail", None))
    queued = await found(store, task, ONE)

    assert {each.code for each in (finding, without_handler, queued)} == {Code.PENDING}
    assert [each.reason for each in (finding, without_handler, queued)] == ["no_worker", "no_handler", "queued"]
    assert says(finding, "No living worker serves the type 'mail'.")


async def test_what_was_put_back_says_since_when_and_when_it_is_given_up(store: StoreUnderTest) -> None:
    task = await _hourly(store)
    await store.settle(await store.started(task), UnknownHandler())

    finding = await found(store, task, ONE)

    assert (finding.code, finding.reason) == (Code.PENDING, "put_back")
    assert says(
        finding, "no handler named 'report'", "since Mon 2024-01-15 13:00 UTC", "up at Mon 2024-01-15 14:00 UTC"
    )


async def test_what_a_worker_without_its_handler_took_has_not_begun(store: StoreUnderTest) -> None:
    task = await _hourly(store)
    await store.settle(await store.started(task), UnknownHandler())
    put_back = await found(store, task, ONE)
    store.clock.advance(MINUTE)
    await store.settle(await store.claim())
    ran = await found(store, task, ONE)

    assert not any("began" in said for said in put_back.sentences)
    assert says(ran, "13:01 UTC, 1 min late: the workers that took it before had no handler for it.")


async def test_what_began_and_waits_again_is_not_said_never_to_have_run(store: StoreUnderTest) -> None:
    task = await _hourly(store)
    await store.settle(await store.started(task), a_failure(retry_at=ONE + MINUTE, text="no route"))
    store.clock.advance(MINUTE)
    await store.executions.release_due(10)

    finding = await found(store, task, ONE)

    assert finding.code is Code.PENDING
    assert says(finding, "has not ended yet: it waits for a worker since", "Attempt 1 failed", "It began at")


async def test_what_was_decided_before_the_clock_was_set_back_waits_for_no_clock(store: StoreUnderTest) -> None:
    task = await _hourly(store)
    await store.fired(task)
    store.clock.step(-HOUR)

    finding = await found(store, task, ONE)

    assert finding.reason == "no_worker"
    assert says(finding, "has not run yet: it waits for a worker.")


async def test_a_waiting_run_names_the_one_it_waits_for(store: StoreUnderTest) -> None:
    task = await _hourly(store, QUEUE_ONE)
    ahead = await store.started(task)
    (waiting,) = await store.fired(task)

    told = await explained(store, task, ONE + HOUR)

    assert (told.code, [each.id for each in told.findings[0].executions]) == (
        Code.WAITING,
        [waiting, ahead.execution.id],
    )
    assert [each.executions[0].id for each in told.also] == [ahead.execution.id]


async def test_a_retry_says_what_failed_and_when_it_is_tried_again(store: StoreUnderTest) -> None:
    task = await _hourly(store)
    await store.settle(await store.started(task), a_failure(retry_at=ONE + 3 * MINUTE, text="no route"))

    finding = await found(store, task, ONE)

    assert finding.code is Code.RETRY_WAIT
    assert says(finding, "attempt 1 failed with RuntimeError: no route; it is tried again at Mon 2024-01-15 13:03 UTC.")
