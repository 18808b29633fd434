"""`ExecutionStore`: claims, heartbeats, and retries whose wait is over."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from application.scheduling.ports.execution_store import Beat, Claim, HeartbeatAnswer, Held, LogLine, Progress, Released
from application.scheduling.ports.task_store import Decision
from domain.scheduling.change import ChangeAction
from domain.scheduling.execution import ExecutionState
from domain.scheduling.firing import fire
from domain.scheduling.identifiers import ExecutionId
from domain.scheduling.mutation import edit
from domain.scheduling.outcome import UnknownHandler
from domain.scheduling.policy import ExecutionPolicy, Overlap
from tests.conformance.store_under_test import OTHER_WORKER, WORKER, StoreUnderTest
from tests.support.builders import HOUR, MINUTE, SECOND, a_change, a_definition, a_failure
from tests.support.manual_clock import NOON


async def _pending(store: StoreUnderTest, count: int, *, task_type: str = "mail") -> list[ExecutionId]:
    """So many claimable executions, each of another task, a second apart, oldest first."""
    created = []
    for number in range(count):
        task = await store.add(a_definition(f"{task_type} {number}", task_type=task_type))
        created.append(await store.run_now(task, key=f"{task_type} {number}"))
        store.clock.advance(SECOND)
    return created


async def _claimed(store: StoreUnderTest, most: int, task_types: list[str] | None = None) -> list[ExecutionId]:
    claims = await store.executions.claim(WORKER, [store.token() for _ in range(most)], task_types=task_types)
    return [claim.execution.id for claim in claims]


async def test_a_claim_starts_the_execution_in_the_workers_name(store: StoreUnderTest) -> None:
    (execution_id,) = await _pending(store, 1)
    token = store.token()

    (claim,) = await store.executions.claim(WORKER, [token])

    assert claim.token == claim.execution.token == token
    record = await store.record(execution_id)
    assert record.summary.execution == claim.execution
    assert (claim.execution.state, claim.execution.worker_id) == (ExecutionState.RUNNING, WORKER)
    assert (claim.execution.starts, claim.execution.started_at) == (1, store.clock.now())
    (attempt,) = record.attempts
    assert (attempt.start, attempt.worker_id, attempt.started_at) == (1, WORKER, store.clock.now())
    assert (attempt.finished_at, attempt.outcome, attempt.error) == (None, None, None)


async def test_executions_are_claimed_oldest_first_one_for_each_token(store: StoreUnderTest) -> None:
    created = await _pending(store, 5)

    assert await _claimed(store, 2) == created[:2]
    assert await _claimed(store, 9) == created[2:]
    assert await _claimed(store, 1) == []


async def test_no_token_claims_nothing(store: StoreUnderTest) -> None:
    await _pending(store, 1)

    assert await _claimed(store, 0) == []


async def test_workers_at_once_never_claim_the_same_execution(store: StoreUnderTest) -> None:
    created = await _pending(store, 10)

    async with asyncio.TaskGroup() as workers:
        racing = [workers.create_task(_claimed(store, 3)) for _ in range(5)]

    claimed = [execution_id for each in racing for execution_id in each.result()]
    assert sorted(claimed) == sorted(created)


async def test_a_claim_takes_only_the_types_asked_for(store: StoreUnderTest) -> None:
    mails, reports = await _pending(store, 2, task_type="mail"), await _pending(store, 2, task_type="report")

    assert await _claimed(store, 9, ["report", "nobody's"]) == reports
    assert await _claimed(store, 9, []) == []
    assert await _claimed(store, 1, None) == mails[:1]


async def test_an_execution_runs_the_version_it_was_fired_from(store: StoreUnderTest) -> None:
    task = await store.add(a_definition(payload_json='{"v":1}'))
    await store.run_now(task, key="by hand", payload_json='{"mine":1}')
    change = a_change(ChangeAction.EDIT, at=store.clock.now())
    await store.applied(edit(await store.read(task), a_definition(payload_json='{"v":2}', task_type="report"), change))

    (claim,) = await store.executions.claim(WORKER, [store.token()], task_types=["mail"])

    assert claim.definition == task.definition
    assert (claim.execution.version, claim.execution.payload_json) == (1, '{"mine":1}')


async def test_the_fence_rises_with_every_claim(store: StoreUnderTest) -> None:
    await _pending(store, 3)

    fences = []
    for _ in range(3):
        claim = await store.claim()
        fences.append(claim.execution.fence)
        await store.settle(claim)

    assert fences == sorted(set(fences))
    assert fences[0] > 0


async def test_an_execution_put_back_is_not_claimed_before_its_instant(store: StoreUnderTest) -> None:
    await _pending(store, 1)
    claim = await store.claim()
    await store.settle(claim, UnknownHandler())
    store.clock.advance(5 * SECOND - timedelta(microseconds=1))

    assert await _claimed(store, 1) == []
    store.clock.advance(timedelta(microseconds=1))
    assert await _claimed(store, 1) == [claim.execution.id]


async def test_only_pending_executions_are_claimed(store: StoreUnderTest) -> None:
    task = await store.add(a_definition(policy=ExecutionPolicy(overlap=Overlap.QUEUE_ONE)))
    retried = await store.started(task)
    await store.settle(retried, a_failure(retry_at=store.clock.now() + SECOND))
    await store.fired(task)
    store.clock.advance(HOUR)

    states = {each.state for each in (await store.read(task)).open}
    assert states == {ExecutionState.RETRY_WAIT, ExecutionState.WAITING}
    assert await _claimed(store, 9) == []


async def test_work_of_paused_and_deleted_tasks_is_claimed_as_far_as_it_is_left(store: StoreUnderTest) -> None:
    drained, deleted = [await store.add(a_definition(name)) for name in ("drained", "deleted")]
    left = await store.run_now(drained, key="drained")
    await store.run_now(deleted, key="deleted")

    await store.paused(await store.read(drained))
    await store.deleted(await store.read(deleted))

    assert await _claimed(store, 9) == [left]


async def test_a_claim_whose_answer_was_lost_hides_nothing_but_its_own(store: StoreUnderTest) -> None:
    created = await _pending(store, 3)

    await store.executions.claim(WORKER, [store.token()])

    assert await _claimed(store, 9) == created[1:]
    (lost,) = [each for each in await store.executions.held() if each.execution_id == created[0]]
    assert len(await store.executions.rescue([lost])) == 1
    assert await _claimed(store, 9) == created[:1]


async def test_a_heartbeat_moves_the_beat_and_keeps_what_it_tells(store: StoreUnderTest) -> None:
    await _pending(store, 1)
    claim = await store.claim()
    (before,) = await store.executions.held()
    line = LogLine(NOON, "info", "half way 🍑")

    beat = Beat(claim.execution.id, claim.token, Progress(5, 10, "half"), (line,))
    answer = await store.executions.heartbeat(WORKER, [beat])
    later = LogLine(NOON + SECOND, "warning", "still\nhalf way")
    await store.executions.heartbeat(WORKER, [replace(beat, progress=None, log=(later,))])

    assert answer == HeartbeatAnswer(frozenset(), frozenset())
    (after,) = await store.executions.held()
    assert before == Held(claim.execution.id, claim.token, WORKER, before.beat)
    assert after.beat > before.beat
    record = await store.record(claim.execution.id)
    assert (record.summary.progress, record.log) == (Progress(5, 10, "half"), (line, later))


async def test_a_heartbeat_names_what_is_lost_and_what_is_to_stop(store: StoreUnderTest) -> None:
    claims = [await store.claim() for _ in await _pending(store, 4)]
    settled, rescued, cancelled, kept = claims
    await store.settle(settled)
    held = {each.execution_id: each for each in await store.executions.held()}
    await store.executions.rescue([held[rescued.execution.id]])
    await store.executions.cancel(cancelled.execution.id, a_change(ChangeAction.CANCEL))
    strangers = [Beat(kept.execution.id, store.token()), Beat(ExecutionId("nobody"), store.token())]

    beats = [*strangers, *(Beat(claim.execution.id, claim.token) for claim in claims)]
    answer = await store.executions.heartbeat(WORKER, beats)

    assert answer.lost == {settled.token, rescued.token, *(beat.token for beat in strangers)}
    assert answer.cancelled == {cancelled.token}


async def test_a_lost_holder_tells_nothing(store: StoreUnderTest) -> None:
    await _pending(store, 1)
    claim = await store.claim()
    await store.settle(claim)

    late = Beat(claim.execution.id, claim.token, Progress(9), (LogLine(NOON, "info", "late"),))
    await store.executions.heartbeat(WORKER, [late])

    record = await store.record(claim.execution.id)
    assert (record.summary.progress, record.log) == (None, ())


async def test_the_progress_of_an_attempt_ends_with_it(store: StoreUnderTest) -> None:
    await _pending(store, 1)
    claim = await store.claim()
    await store.executions.heartbeat(WORKER, [Beat(claim.execution.id, claim.token, Progress(9, 10))])
    await store.executions.rescue_worker(WORKER)

    again = await store.claim()

    assert (await store.record(again.execution.id)).summary.progress is None


async def _waiting_retries(store: StoreUnderTest, *waits: timedelta) -> list[Claim]:
    claims = [await store.claim() for _ in await _pending(store, len(waits))]
    for claim, wait in zip(claims, waits, strict=True):
        await store.settle(claim, a_failure(retry_at=store.clock.now() + wait))
    return claims


async def test_retries_are_released_when_their_wait_is_over_longest_waiting_first(store: StoreUnderTest) -> None:
    last, first, second = await _waiting_retries(store, 3 * MINUTE, MINUTE, 2 * MINUTE)
    start = store.clock.now()

    assert await store.executions.release_due(10) == Released(0, start + MINUTE)
    store.clock.advance(2 * MINUTE)
    assert await store.executions.release_due(1) == Released(1, start + 2 * MINUTE)
    assert await _claimed(store, 9) == [first.execution.id]
    assert await store.executions.release_due(10) == Released(1, start + 3 * MINUTE)
    assert await _claimed(store, 9) == [second.execution.id]
    store.clock.advance(MINUTE)
    assert await store.executions.release_due(10) == Released(1, None)
    assert await _claimed(store, 9) == [last.execution.id]


async def test_a_released_retry_is_open_as_before(store: StoreUnderTest) -> None:
    task = await store.add()
    claim = await store.started(task)
    await store.settle(claim, a_failure(retry_at=store.clock.now() + SECOND))
    waiting = await store.read(task)
    store.clock.advance(SECOND)

    await store.executions.release_due(10)

    released = await store.read(task)
    assert released.open_seq == waiting.open_seq
    assert [each.state for each in released.open] == [ExecutionState.PENDING]


async def test_a_second_start_is_counted_and_recorded_beside_the_first(store: StoreUnderTest) -> None:
    (retried,) = await _waiting_retries(store, SECOND)
    store.clock.advance(SECOND)
    await store.executions.release_due(10)

    (claim,) = await store.executions.claim(OTHER_WORKER, [store.token()])

    assert (claim.execution.starts, claim.execution.attempts_used) == (2, 1)
    attempts = (await store.record(retried.execution.id)).attempts
    assert [(attempt.start, attempt.worker_id) for attempt in attempts] == [(1, WORKER), (2, OTHER_WORKER)]


@pytest.mark.parametrize("beats", [0, 60])
async def test_a_batch_of_any_size_is_answered(store: StoreUnderTest, beats: int) -> None:
    task = await store.add(a_definition(policy=ExecutionPolicy(overlap=Overlap.ALLOW)))
    for number in range(beats):
        await store.run_now(task, key=str(number))
    claims = await store.executions.claim(WORKER, [store.token() for _ in range(beats)])
    assert len(claims) == beats

    answer = await store.executions.heartbeat(WORKER, [Beat(each.execution.id, each.token) for each in claims])

    assert answer == HeartbeatAnswer(frozenset(), frozenset())
    assert len(await store.executions.held()) == beats


async def test_a_claim_between_read_and_commit_moves_no_decision(store: StoreUnderTest) -> None:
    task = await store.add(a_definition(policy=ExecutionPolicy(overlap=Overlap.QUEUE_ONE)))
    await store.fired(task)
    read = await store.read(task)
    store.clock.advance(MINUTE)
    decision = Decision(read, fire(read, store.clock.now()))
    await store.claim()

    await store.tasks.commit_firings([decision])

    states = sorted(each.state for each in (await store.read(task)).open)
    assert states == [ExecutionState.RUNNING, ExecutionState.WAITING]
