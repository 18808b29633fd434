"""`TaskStore.mutate`: pausing, resuming, deleting and running by hand."""

import pytest

from application.scheduling.ports.execution_store import Settled
from application.scheduling.ports.history import ExecutionFilter
from application.scheduling.ports.task_store import Applied, Moved, NameTaken, Replayed
from domain.scheduling.change import ChangeAction, Via
from domain.scheduling.execution import ExecutionKind, ExecutionState
from domain.scheduling.identifiers import ExecutionId
from domain.scheduling.mutation import Mutation, delete, end_pause, resume, system_change, undelete
from domain.scheduling.outcome import Stopped
from domain.scheduling.policy import ExecutionPolicy, Misfire, Overlap
from domain.scheduling.runs import run_now
from domain.scheduling.schedule import OneTimeSchedule
from domain.scheduling.task import PauseMode, ScheduledTask, Skip, SkipReason, TaskStatus
from tests.conformance.store_under_test import StoreUnderTest
from tests.support.builders import (
    HOUR,
    MINUTE,
    SECOND,
    a_change,
    a_creation,
    a_definition,
    a_failure,
    a_pause,
)
from tests.support.manual_clock import NOON

QUEUE_ONE = ExecutionPolicy(overlap=Overlap.QUEUE_ONE)


def _run(task: ScheduledTask, key: str, *, at_minute: int = 0) -> Mutation:
    change = a_change(ChangeAction.RUN, at=NOON + at_minute * MINUTE, key=key)
    return run_now(task, change, key=key, allow_overlap=True)


async def test_a_draining_pause_leaves_open_work_alone(store: StoreUnderTest) -> None:
    task = await store.add()
    claim = await store.started(task)

    paused = await store.paused(await store.read(task))

    assert (paused.status, paused.look_at) == (TaskStatus.PAUSED, None)
    assert await store.beat(claim) == (False, False)
    await store.settle(claim, a_failure(retry_at=NOON + HOUR))
    assert await store.state(claim.execution.id) is ExecutionState.RETRY_WAIT


async def _with_work_in_every_state(store: StoreUnderTest) -> tuple[ScheduledTask, dict[ExecutionState, ExecutionId]]:
    """A task with four open executions: one running, one in retry_wait, one pending, one waiting."""
    task = await store.add(a_definition(policy=QUEUE_ONE))
    running = await store.started(task)
    (waiting,) = await store.fired(task)
    await store.run_now(task, key="retried")
    await store.settle(await store.claim(), a_failure(retry_at=NOON + HOUR))
    pending = await store.run_now(task, key="pending")
    states = {each.state: each.id for each in (await store.read(task)).open}
    assert states[ExecutionState.RUNNING] == running.execution.id
    assert (states[ExecutionState.WAITING], states[ExecutionState.PENDING]) == (waiting, pending)
    return await store.read(task), states


@pytest.mark.parametrize("ending", ["pause now", "delete"])
async def test_pausing_now_and_deleting_end_all_open_work_in_the_same_step(store: StoreUnderTest, ending: str) -> None:
    task, ids = await _with_work_in_every_state(store)

    if ending == "delete":
        await store.deleted(task)
    else:
        await store.paused(task, a_pause(at=store.clock.now(), mode=PauseMode.NOW))

    page = await store.history.executions(ExecutionFilter(task.id), limit=10, cursor=None)
    states = {each.execution.id: each.execution.state for each in page.executions}
    running = ids.pop(ExecutionState.RUNNING)
    assert states.pop(running) is ExecutionState.RUNNING
    assert set(states.values()) == {ExecutionState.CANCELLED}
    assert (await store.record(running)).summary.execution.cancel is not None


async def test_resuming_passes_over_what_was_missed(store: StoreUnderTest) -> None:
    task = await store.paused(await store.add())
    store.clock.advance(3 * MINUTE)

    resumed = await store.resumed(task)

    assert (resumed.status, resumed.pause, resumed.look_at) == (TaskStatus.ACTIVE, None, NOON + 4 * MINUTE)
    assert await store.history.skips(task.id, limit=10) == [
        Skip(SkipReason.PAUSED, NOON + MINUTE, NOON + 3 * MINUTE, count=3)
    ]


async def test_resuming_can_run_the_latest_that_was_missed(store: StoreUnderTest) -> None:
    task = await store.paused(await store.add())
    store.clock.advance(3 * MINUTE)

    resumed = await store.resumed(task, missed=Misfire.LATEST)

    claim = await store.claim()
    assert (claim.execution.nominal_at, claim.execution.version) == (NOON + 3 * MINUTE, resumed.version)
    assert resumed.decided_until == NOON + 3 * MINUTE
    assert await store.history.skips(task.id, limit=10) == [
        Skip(SkipReason.PAUSED, NOON + MINUTE, NOON + 2 * MINUTE, count=2)
    ]


async def test_resuming_with_a_run_compares_what_is_open(store: StoreUnderTest) -> None:
    task = await store.paused(await store.add())
    store.clock.advance(MINUTE)
    resuming = resume(task, a_change(ChangeAction.RESUME, at=store.clock.now()), missed=Misfire.LATEST)
    await store.applied(_run(task, "meanwhile", at_minute=1))

    assert await store.mutate(resuming) == Moved()


async def test_the_end_of_a_pause_is_a_change_by_the_system(store: StoreUnderTest) -> None:
    task = await store.paused(await store.add(), a_pause(until=NOON + HOUR))
    store.clock.advance(HOUR)
    change = system_change(ChangeAction.PAUSE_ENDED, store.clock.now(), "the pause had an end")

    ended = await store.applied(end_pause(task, change))

    assert (ended.status, ended.version) == (TaskStatus.ACTIVE, 3)
    assert await store.mutate(end_pause(task, change)) == Moved()
    newest = (await store.history.changes(task.id, limit=1))[0]
    assert (newest.change.via, newest.version) == (Via.SYSTEM, 3)


async def test_a_run_by_hand_can_be_claimed_at_once_and_moves_no_schedule(store: StoreUnderTest) -> None:
    task = await store.add()

    execution_id = await store.run_now(task, key="by hand", payload_json='{"n":1}')

    claim = await store.claim()
    assert (claim.execution.id, claim.execution.kind) == (execution_id, ExecutionKind.MANUAL)
    assert claim.execution.payload_json == '{"n":1}'
    after = await store.read(task)
    assert (after.look_at, after.decided_until, after.version) == (task.look_at, task.decided_until, task.version)
    assert (after.run_count, after.auto_runs) == (1, 0)
    newest = (await store.history.changes(task.id, limit=1))[0]
    assert (newest.execution_id, newest.version) == (execution_id, 1)


async def test_a_run_by_hand_sent_twice_runs_once(store: StoreUnderTest) -> None:
    task = await store.add()
    execution_id = await store.run_now(task, key="by hand")
    current = await store.read(task)

    assert await store.mutate(_run(current, "by hand")) == Replayed(task.id, 1, execution_id)
    assert await store.read(task) == current


async def test_the_key_of_an_execution_answers_even_under_another_idempotency_key(store: StoreUnderTest) -> None:
    task = await store.add()
    change = a_change(ChangeAction.RUN, key="first click")
    answer = await store.mutate(run_now(task, change, key="redrive:1", allow_overlap=True))
    assert isinstance(answer, Applied)

    change = a_change(ChangeAction.RUN, key="second click")
    again = await store.mutate(run_now(await store.read(task), change, key="redrive:1", allow_overlap=True))

    assert again == Replayed(task.id, 1, answer.execution_id)


async def test_a_stopped_or_paused_task_can_be_run_by_hand(store: StoreUnderTest) -> None:
    paused = await store.paused(await store.add(a_definition("paused")))
    done = await store.add(a_definition("done", schedule=OneTimeSchedule(NOON + SECOND)))
    await store.settle(await store.started(done))

    for task in (paused, done):
        await store.run_now(task, key=task.id)
        status = (await store.read(task)).status
        await store.settle(await store.claim(), a_failure())
        assert (await store.read(task)).status is status


async def test_a_deletion_sent_twice_changes_nothing_more(store: StoreUnderTest) -> None:
    task = await store.add()
    deletion = delete(task, a_change(ChangeAction.DELETE))

    await store.applied(deletion)

    assert await store.mutate(deletion) == Moved()
    assert len(await store.history.changes(task.id, limit=10)) == 2


def _undeletion(store: StoreUnderTest, gone: ScheduledTask) -> Mutation:
    return undelete(gone, a_change(ChangeAction.UNDELETE, at=store.clock.now()))


async def test_an_undeleted_task_is_back_and_has_passed_over_what_it_owed(store: StoreUnderTest) -> None:
    task = await store.add()
    gone = await store.deleted(task)
    store.clock.advance(3 * MINUTE)

    back = await store.applied(_undeletion(store, gone))

    assert back == await store.read(task) == await store.tasks.find("report")
    assert (back.status, back.version, back.look_at) == (TaskStatus.ACTIVE, 3, NOON + 4 * MINUTE)
    assert await store.history.skips(task.id, limit=10) == [
        Skip(SkipReason.DELETED, NOON + MINUTE, NOON + 3 * MINUTE, count=3)
    ]
    assert await store.mutate(_undeletion(store, gone)) == Moved()


async def test_a_deleted_task_cannot_come_back_under_a_name_that_is_taken(store: StoreUnderTest) -> None:
    gone = await store.deleted(await store.add())
    heir = await store.applied(a_creation(task_id="heir"))

    assert await store.mutate(_undeletion(store, gone)) == NameTaken(heir.id)
    assert await store.tasks.get(gone.id) is None


async def test_work_that_was_asked_to_stop_by_a_deletion_stops_though_the_task_is_back(store: StoreUnderTest) -> None:
    task = await store.add()
    claim = await store.started(task)
    gone = await store.deleted(await store.read(task))
    await store.applied(_undeletion(store, gone))

    assert await store.beat(claim) == (False, True)
    settled = await store.settle(claim, Stopped())
    assert isinstance(settled, Settled)
    assert settled.state is ExecutionState.CANCELLED
    assert (await store.read(task)).open == ()


async def test_the_version_of_the_zone_data_is_kept(store: StoreUnderTest) -> None:
    versions = [await store.tasks.tzdata()]
    for version in ("2025a", "2025b"):
        await store.tasks.keep_tzdata(version)
        versions.append(await store.tasks.tzdata())

    assert versions == [None, "2025a", "2025b"]
