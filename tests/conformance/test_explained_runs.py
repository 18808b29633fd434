"""`explain` of what ran, or is to: every state of an execution, told from histories made through the ports."""

from dataclasses import replace
from datetime import timedelta

import pytest

from application.scheduling.explanations import Code
from application.scheduling.ports.execution_store import Beat, Claim, Progress
from application.scheduling.ports.task_store import Applied
from domain.scheduling.change import ChangeAction
from domain.scheduling.execution import ErrorReport, ExecutionKind
from domain.scheduling.outcome import Failed, HandedBack
from domain.scheduling.policy import ExecutionPolicy, Misfire, Overlap
from domain.scheduling.retry import RetryAt
from domain.scheduling.runs import backfill, occurrences_to_backfill, redrive
from domain.scheduling.task import Delivery, ScheduledTask
from tests.conformance.store_under_test import WORKER, StoreUnderTest
from tests.support.builders import HOUR, HOURLY, MINUTE, SECOND, a_change, a_definition, a_failure
from tests.support.explaining import explained, found, says
from tests.support.manual_clock import NOON

ONE = NOON + HOUR


async def _hourly(store: StoreUnderTest, policy: ExecutionPolicy | None = None, **fields: object) -> ScheduledTask:
    definition = replace(a_definition(schedule=HOURLY, policy=policy or ExecutionPolicy()), **fields)  # type: ignore[arg-type]
    return await store.add(definition)


async def _died_again(store: StoreUnderTest, claim: Claim) -> None:
    assert await store.executions.rescue_worker(claim.execution.worker_id or WORKER)


async def test_a_success_on_time(store: StoreUnderTest) -> None:
    task = await _hourly(store)
    claim = await store.started(task)
    store.clock.advance(5 * SECOND)
    await store.settle(claim)

    told = await explained(store, task, "2024-01-15T13:00")

    assert (told.code, told.findings[0].at, told.findings[0].executions[0].id) == (
        Code.SUCCEEDED,
        ONE,
        claim.execution.id,
    )
    assert told.summary == "The run due at Mon 2024-01-15 13:00 UTC ran and succeeded at Mon 2024-01-15 13:00:05 UTC."
    assert says(told.findings[0], "It began at Mon 2024-01-15 13:00 UTC, on time.")
    assert told.records_since == NOON


@pytest.mark.parametrize(
    ("decided_after", "claimed_after", "said"),
    [
        (5 * MINUTE, 5 * MINUTE, "5 min late: it was decided 5 min after its instant."),
        (
            MINUTE,
            7 * MINUTE,
            "7 min late: it was decided 1 min after its instant, and it waited 6 min for a worker.",
        ),
        (timedelta(milliseconds=600), timedelta(milliseconds=1200), "13:00:01 UTC, 1.2 s late."),
        (timedelta(0), 7 * MINUTE, "7 min late: it waited 7 min for a worker"),
    ],
)
async def test_a_late_success_says_by_how_much_and_why(
    store: StoreUnderTest, decided_after: timedelta, claimed_after: timedelta, said: str
) -> None:
    task = await _hourly(store)
    store.clock.advance_to(ONE + decided_after)
    await store.commit(await store.read(task))
    store.clock.advance_to(ONE + claimed_after)
    await store.settle(await store.claim())

    assert says(await found(store, task, ONE), said)


async def test_a_late_success_that_waited_for_its_turn_says_behind_what(store: StoreUnderTest) -> None:
    task = await _hourly(store, ExecutionPolicy(overlap=Overlap.QUEUE_ONE))
    ahead = await store.started(task)
    (waiting,) = await store.fired(task)
    by_hand = await store.run_now(task, key="k")
    beside = await store.claim()
    store.clock.advance(10 * MINUTE)
    await store.settle(ahead)
    store.clock.advance(10 * MINUTE)
    await store.settle(beside)
    store.clock.advance(2 * MINUTE)
    await store.settle(await store.claim(), HandedBack())
    store.clock.advance(2 * MINUTE)
    await store.settle(await store.claim())

    finding = next(each for each in (await explained(store, task, ONE + HOUR)).findings if each.at == ONE + HOUR)

    assert [each.id for each in finding.executions] == [waiting, ahead.execution.id, by_hand]
    assert says(
        finding,
        f"22 min late: it waited 20 min for its turn, until execution {ahead.execution.id} and execution {by_hand} had"
        " ended, and it waited 2 min for a worker.",
    )


async def test_what_a_resumption_caught_up_on_names_it(store: StoreUnderTest) -> None:
    task = await _hourly(store)
    await store.paused(task)
    store.clock.advance_to(ONE + 5 * SECOND)
    await store.resumed(await store.read(task), missed=Misfire.LATEST)
    pending = await found(store, task, ONE)
    await store.settle(await store.claim())
    ran = await found(store, task, ONE)

    said = "The task was resumed by ana (api) at Mon 2024-01-15 13:00:05 UTC, which caught up on it."
    assert says(pending, said)
    assert says(ran, said, "5 s late: it was decided 5 s after its instant.")
    assert [each.change.action for each in ran.changes] == [ChangeAction.RESUME]


async def test_a_success_after_failures_names_them(store: StoreUnderTest) -> None:
    task = await _hourly(store)
    await store.settle(await store.started(task), a_failure(retry_at=ONE + MINUTE, text="disk full"))
    store.clock.advance(MINUTE)
    await store.executions.release_due(10)
    await store.settle(await store.claim())

    finding = await found(store, task, ONE)

    assert finding.code is Code.SUCCEEDED
    assert says(finding, "in attempt 2", "Attempt 1 failed at Mon 2024-01-15 13:00 UTC with RuntimeError: disk full.")


async def test_that_time_ran_out_is_said_once(store: StoreUnderTest) -> None:
    task, report = await _hourly(store), ErrorReport("timeout", "it ran longer than 5s")
    await store.settle(await store.started(task), Failed(report, RetryAt(ONE + MINUTE), timed_out=True))
    waiting = await found(store, task, ONE)
    store.clock.advance(MINUTE)
    await store.executions.release_due(10)
    await store.settle(await store.claim())

    assert says(waiting, "attempt 1 ran out of time: it ran longer than 5s; it is tried again")
    assert says(
        await found(store, task, ONE),
        "Attempt 1 ran out of time at Mon 2024-01-15 13:00 UTC: it ran longer than 5s.",
    )


async def test_a_rescued_success_says_how_often_its_worker_died(store: StoreUnderTest) -> None:
    task = await _hourly(store)
    await _died_again(store, await store.started(task))
    await _died_again(store, await store.claim())
    await store.settle(await store.claim(), HandedBack())
    await store.settle(await store.claim())

    finding = await found(store, task, ONE)

    assert (finding.code, finding.executions[0].rescues) == (Code.SUCCEEDED, 2)
    assert says(
        finding,
        "It was taken over from a dead worker twice and handed back by a worker that shut down once, which used up no"
        " attempt.",
    )


async def test_a_running_one_tells_worker_attempt_and_progress(store: StoreUnderTest) -> None:
    task = await _hourly(store)
    claim = await store.started(task)
    progress = Progress(120, 500, "invoices")
    await store.executions.heartbeat(WORKER, [Beat(claim.execution.id, claim.token, progress)])
    store.clock.advance(2 * MINUTE)

    finding = await found(store, task, ONE)

    assert finding.code is Code.RUNNING
    assert says(finding, "attempt 1 on worker worker-a, for 2 min so far", "It has done 120 of 500 (invoices).")


async def test_what_a_foreign_program_reads_is_delivered(store: StoreUnderTest) -> None:
    task = await _hourly(store, ExecutionPolicy(overlap=Overlap.ALLOW), delivery=Delivery.EXTERNAL)
    await store.fired(task)

    assert (await found(store, task, ONE)).code is Code.DELIVERED


async def test_a_run_by_hand_is_told_with_who_asked_though_nothing_was_due(store: StoreUnderTest) -> None:
    task = await _hourly(store)
    store.clock.advance(10 * MINUTE)
    execution_id = await store.run_now(task, key="k")
    await store.settle(await store.claim())

    told = await explained(store, task, "2024-01-15T12:10")

    assert [each.code for each in told.findings] == [Code.SUCCEEDED, Code.NOT_DUE]
    assert (told.code, told.findings[0].executions[0].kind) == (Code.SUCCEEDED, ExecutionKind.MANUAL)
    assert told.findings[0].executions[0].id == execution_id
    assert says(told.findings[0], "The run asked for by ana (api) at Mon 2024-01-15 12:10 UTC ran and succeeded")


async def test_what_ran_at_a_time_that_had_nothing_of_its_own_is_told_beside_it(store: StoreUnderTest) -> None:
    task = await _hourly(store)
    claim = await store.started(task)
    store.clock.advance(40 * MINUTE)

    told = await explained(store, task, "2024-01-15T13:30")

    assert told.code is Code.NOT_DUE
    assert [each.executions[0].id for each in told.also] == [claim.execution.id]


async def test_a_repetition_is_told_with_the_dead_one_it_took_the_place_of(store: StoreUnderTest) -> None:
    task = await _hourly(store)
    dead = await store.started(task)
    await store.settle(dead, a_failure())
    now, execution = store.clock.advance(5 * HOUR), (await store.record(dead.execution.id)).summary.execution
    change = a_change(ChangeAction.REDRIVE, at=now)
    answer = await store.mutate(redrive(await store.read(task), execution, change))
    assert isinstance(answer, Applied)
    await store.settle(await store.claim())

    finding, repetition = await found(store, task, ONE), (await explained(store, task, now)).findings[0]

    assert says(finding, f"It was run again as execution {answer.execution_id}, which is succeeded.")
    assert says(repetition, f"The repetition of execution {dead.execution.id}, asked for by ana (api)")


async def test_a_backfill_is_found_by_the_instant_it_made_up_for_and_by_that_of_its_asking(
    store: StoreUnderTest,
) -> None:
    task = await _hourly(store, ExecutionPolicy(overlap=Overlap.ALLOW))
    store.clock.advance_to(ONE + 2 * HOUR)
    await store.commit(await store.read(task))
    await store.settle(await store.claim())
    now, read = store.clock.advance(10 * MINUTE), await store.read(task)
    change = a_change(ChangeAction.BACKFILL, at=now, reason="they need it")
    await store.applied(backfill(read, occurrences_to_backfill(read, ONE, ONE, now), change, key="b"))
    await store.settle(await store.claim())

    made_up, asked = await explained(store, task, ONE), await explained(store, task, now)

    assert [each.code for each in made_up.findings] == [Code.SUCCEEDED, Code.SKIPPED_MISFIRE]
    assert [each.code for each in asked.findings] == [Code.SUCCEEDED, Code.NOT_DUE]
    assert says(
        asked.findings[0],
        'The backfill of Mon 2024-01-15 13:00 UTC, asked for by ana (api) at Mon 2024-01-15 15:10 UTC ("they need it")',
    )


async def test_jitter_is_told_and_a_run_is_found_by_either_of_its_instants(store: StoreUnderTest) -> None:
    task = await _hourly(store, ExecutionPolicy(jitter=30 * MINUTE))
    await store.settle(await store.started(task))
    run_at = store.clock.now()
    assert run_at > ONE + MINUTE

    by_nominal, by_run = await found(store, task, ONE), await found(store, task, run_at)

    assert by_nominal == by_run
    assert by_nominal.code is Code.SUCCEEDED
    assert says(by_nominal, "Its jitter put it off by")
