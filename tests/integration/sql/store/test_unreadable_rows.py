"""What cannot be read harms nobody else, is told, and is put off until it is mended."""

import pytest
from sqlalchemy import text

from adapters.sql.store import SqlStore
from adapters.sql.store.claims import UNREADABLE_FOR
from application.scheduling.ports.execution_store import Lost, Settled, Settlement
from application.scheduling.ports.history import ExecutionFilter, TaskFilter, TaskOrder
from application.scheduling.ports.task_store import Committed, Decision, KeyReused, Replayed, Unreadable
from domain.scheduling.change import ChangeAction
from domain.scheduling.execution import ISOLATED_AFTER, AttemptOutcome, ExecutionState
from domain.scheduling.firing import fire
from domain.scheduling.identifiers import ClaimToken, NodeId, TaskId
from domain.scheduling.outcome import Succeeded
from domain.scheduling.policy import ExecutionPolicy, Overlap
from domain.scheduling.runs import run_now
from domain.scheduling.sharing import EVERYTHING
from domain.scheduling.task import (
    Quarantine,
    ScheduledTask,
)
from tests.support.builders import MINUTE, a_change, a_creation, a_definition
from tests.support.manual_clock import NOON, ManualClock


async def _commit_due(store: SqlStore, clock: ManualClock) -> None:
    clock.advance(MINUTE)
    found = await store.tasks.due(EVERYTHING, until=clock.now(), limit=100)
    sound = [task for task in found if isinstance(task, ScheduledTask)]
    await store.tasks.commit_firings([Decision(task, fire(task, clock.now())) for task in sound])


async def _broken(store: SqlStore, statement: str) -> None:
    async with store.database.writing("break") as connection:
        await connection.execute(text(statement))


BREAKS = [
    "UPDATE tasks SET status = 'asleep' WHERE name = 'b'",
    "UPDATE tasks SET decided_until = 9223372036854775807 WHERE name = 'b'",
    "UPDATE tasks SET trailing_skip = '[1,2]' WHERE name = 'b'",
    "UPDATE tasks SET pause = 'null' WHERE name = 'b'",
    "UPDATE definitions SET schedule = '[\"lunar\"]' WHERE name = 'b'",
    'UPDATE definitions SET schedule = \'["cron","0 0 31 2 *","UTC"]\' WHERE name = \'b\'',
    'UPDATE definitions SET schedule = \'["cron","0 0 * * *","Mars/Olympus"]\' WHERE name = \'b\'',
    "UPDATE definitions SET policy = '{}' WHERE name = 'b'",
    "UPDATE definitions SET policy = '[' WHERE name = 'b'",
    "UPDATE definitions SET tags = '3' WHERE name = 'b'",
    "UPDATE definitions SET delivery = 'pigeon' WHERE name = 'b'",
    "DELETE FROM definitions WHERE name = 'b'",
]


@pytest.mark.parametrize("statement", BREAKS)
async def test_one_broken_row_is_told_and_keeps_no_other_from_being_due(
    store: SqlStore, clock: ManualClock, statement: str
) -> None:
    await store.tasks.mutate([a_creation(a_definition(name)) for name in ("a", "b", "c")])
    await _broken(store, statement)
    clock.advance(MINUTE)

    found = await store.tasks.due(EVERYTHING, until=clock.now(), limit=10)

    assert [type(each) for each in found] == [ScheduledTask, Unreadable, ScheduledTask]
    assert await store.tasks.get(TaskId("id-b")) == found[1]
    assert len(await store.history.upcoming(10)) == 2


@pytest.mark.parametrize("statement", BREAKS)
async def test_a_broken_row_put_into_quarantine_is_not_looked_at_again_before_its_time(
    store: SqlStore, clock: ManualClock, statement: str
) -> None:
    await store.tasks.mutate([a_creation(a_definition("b"))])
    await _broken(store, statement)
    clock.advance(MINUTE)
    quarantine = Quarantine("it cannot be read", clock.now() + MINUTE)

    answers = await store.tasks.commit_firings([Decision(Unreadable(TaskId("id-b"), "broken"), quarantine)])

    assert answers == [Committed()]
    assert await store.tasks.due(EVERYTHING, until=clock.now(), limit=10) == []


@pytest.mark.parametrize(
    "broken", ["kind = 'odd'", "state = 'FOO'", "starts = -1", "number = -3", "scheduled_at = 9223372036854775807"]
)
async def test_a_broken_execution_makes_room_for_the_others(store: SqlStore, clock: ManualClock, broken: str) -> None:
    await store.tasks.mutate([a_creation(a_definition(name)) for name in ("a", "b")])
    await _commit_due(store, clock)
    await _broken(store, f"UPDATE executions SET {broken} WHERE task_id = 'id-a'")
    worker, tokens = NodeId("worker"), [ClaimToken("token")]

    taken = [await store.executions.claim(worker, tokens) for _ in range(2)]

    assert [claim.execution.task_id for claims in taken for claim in claims] == ["id-b"]
    page = await store.history.executions(ExecutionFilter(), limit=10, cursor=None)
    assert [summary.execution.task_id for summary in page.executions] == ["id-b"]


async def test_for_a_broken_suspect_no_process_is_started(store: SqlStore, clock: ManualClock) -> None:
    await store.tasks.mutate([a_creation(a_definition("a"))])
    await _commit_due(store, clock)
    await _broken(store, f"UPDATE executions SET rescues = {ISOLATED_AFTER}, kind = 'odd'")
    while_broken = await store.executions.is_suspect_pending()
    await _broken(store, "UPDATE executions SET kind = 'auto'")
    clock.advance(UNREADABLE_FOR)

    assert (while_broken, await store.executions.is_suspect_pending()) == (False, True)


async def test_a_broken_execution_that_runs_is_lost_and_rescued(store: SqlStore, clock: ManualClock) -> None:
    await store.tasks.mutate([a_creation(a_definition(name)) for name in ("a", "b")])
    await _commit_due(store, clock)
    claims = await store.executions.claim(NodeId("worker"), [ClaimToken("1"), ClaimToken("2")])
    await _broken(store, "UPDATE executions SET error = '[' WHERE task_id = 'id-a'")

    answers = await store.executions.settle(
        [Settlement(claim.execution.id, claim.token, Succeeded()) for claim in claims]
    )

    lost = {claim.execution.task_id: isinstance(answer, Lost) for claim, answer in zip(claims, answers, strict=True)}
    assert lost == {"id-a": True, "id-b": False}
    assert len(await store.executions.rescue(await store.executions.held())) == 1
    assert await store.executions.held() == []
    await _broken(store, "UPDATE executions SET error = NULL WHERE task_id = 'id-a'")
    (again,) = await store.executions.claim(NodeId("worker"), [ClaimToken("3")])
    assert (again.execution.task_id, again.execution.rescues) == ("id-a", 1)


async def test_a_waiting_execution_stays_behind_one_that_cannot_be_read(store: SqlStore, clock: ManualClock) -> None:
    policy = ExecutionPolicy(overlap=Overlap.QUEUE_ONE)
    await store.tasks.mutate([a_creation(a_definition("a", policy=policy))])
    await _commit_due(store, clock)
    (claim,) = await store.executions.claim(NodeId("worker"), [ClaimToken("1")])
    await _commit_due(store, clock)
    task = await store.tasks.get(TaskId("id-a"))
    assert isinstance(task, ScheduledTask)
    await store.tasks.mutate([run_now(task, a_change(ChangeAction.RUN, at=NOON), key="k", allow_overlap=True)])
    (manual,) = await store.executions.claim(NodeId("worker"), [ClaimToken("2")])
    await _broken(store, f"UPDATE executions SET error = '[' WHERE id = '{manual.execution.id}'")

    answers = await store.executions.settle([Settlement(claim.execution.id, claim.token, Succeeded())])

    assert answers == [Settled(ExecutionState.SUCCEEDED, AttemptOutcome.SUCCEEDED)]
    states = {each.state for each in task.open}
    assert states == {ExecutionState.RUNNING, ExecutionState.WAITING}
    after = await store.tasks.get(TaskId("id-a"))
    assert isinstance(after, ScheduledTask)
    assert {each.state for each in after.open} == states


async def test_the_end_of_an_attempt_that_cannot_be_read_keeps_no_other_from_being_settled(
    store: SqlStore, clock: ManualClock
) -> None:
    await store.tasks.mutate([a_creation(a_definition("a")), a_creation(a_definition("b"))])
    await _commit_due(store, clock)
    claims = await store.executions.claim(NodeId("worker"), [ClaimToken("1"), ClaimToken("2")])
    ended, running = [Settlement(claim.execution.id, claim.token, Succeeded()) for claim in claims]
    await store.executions.settle([ended])
    await _broken(store, f"UPDATE attempts SET error = '[' WHERE execution_id = '{ended.execution_id}'")

    answers = await store.executions.settle([ended, running])

    assert answers == [Lost(), Settled(ExecutionState.SUCCEEDED, AttemptOutcome.SUCCEEDED)]


async def test_a_task_beside_a_broken_execution_can_still_be_decided(store: SqlStore, clock: ManualClock) -> None:
    policy = ExecutionPolicy(overlap=Overlap.CANCEL_PREVIOUS)
    await store.tasks.mutate([a_creation(a_definition("a", policy=policy))])
    await _commit_due(store, clock)
    await _broken(store, "UPDATE executions SET error = '['")

    await _commit_due(store, clock)

    assert await store.tasks.due(EVERYTHING, until=clock.now(), limit=10) == []


async def test_a_broken_record_is_left_out_of_what_is_shown(store: SqlStore, clock: ManualClock) -> None:
    await store.tasks.mutate([a_creation(a_definition("a"))])
    await _commit_due(store, clock)
    await _commit_due(store, clock)
    (claim,) = await store.executions.claim(NodeId("worker"), [ClaimToken("1")])
    for statement in (
        "UPDATE skips SET reason = 'odd'",
        "UPDATE changes SET action = 'odd'",
        "UPDATE attempts SET outcome = 'odd'",
        "UPDATE tasks SET status = 'odd'",
    ):
        await _broken(store, statement)

    task_id = claim.execution.task_id
    assert await store.history.skips(task_id, limit=10) == []
    assert await store.history.changes(task_id, limit=10) == []
    record = await store.history.execution(claim.execution.id)
    assert record is not None
    assert record.attempts == ()
    page = await store.history.tasks(TaskFilter(), order=TaskOrder.NAME, descending=False, limit=10, cursor=None)
    assert (page.tasks, page.by_status, (await store.history.counts()).tasks_by_status) == ((), {}, {})


async def test_a_broken_change_still_answers_for_its_idempotency_key(store: SqlStore) -> None:
    creation = a_creation(key="k", body_hash="hash")
    await store.tasks.mutate([creation])
    await _broken(store, "UPDATE changes SET action = 'odd', via = 'odd', at = 9223372036854775807")

    (again,) = await store.tasks.mutate([creation])

    assert again == Replayed(creation.after.id, 1, None) == await store.tasks.replay("k", "hash")
    assert isinstance(await store.tasks.replay("k", "other"), KeyReused)
