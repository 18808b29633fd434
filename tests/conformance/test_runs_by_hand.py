"""Redrive and backfill: what is created, how it is linked and found, and that asking twice creates nothing more."""

from dataclasses import replace

import pytest

from application.scheduling.ports.history import ExecutionFilter, Retention, TaskFilter, TaskOrder
from application.scheduling.ports.task_store import Applied, Moved, Replayed
from domain.scheduling.change import ChangeAction
from domain.scheduling.execution import Execution, ExecutionKind, ExecutionState
from domain.scheduling.identifiers import ExecutionId
from domain.scheduling.mutation import Mutation
from domain.scheduling.policy import ExecutionPolicy, Overlap
from domain.scheduling.runs import backfill, occurrences_to_backfill, redrive
from domain.scheduling.task import ScheduledTask
from tests.conformance.store_under_test import StoreUnderTest
from tests.support.builders import DAY, HOUR, HOURLY, SECOND, a_change, a_definition, a_failure
from tests.support.manual_clock import NOON

DEAD = ExecutionFilter(states=frozenset({ExecutionState.DEAD}))
LASTING = ExecutionPolicy(fail_after=None)


async def _died(store: StoreUnderTest, task: ScheduledTask) -> Execution:
    claim = await store.started(task)
    await store.settle(claim, a_failure())
    return (await store.record(claim.execution.id)).summary.execution


async def _redriven(store: StoreUnderTest, task: ScheduledTask, dead: Execution, key: str | None = None) -> Mutation:
    change = a_change(ChangeAction.REDRIVE, at=store.clock.now(), key=key)
    return redrive(await store.read(task), dead, change, allow_overlap=True)


async def _links(store: StoreUnderTest, which: ExecutionFilter) -> list[tuple[str, str | None]]:
    page = await store.history.executions(which, limit=10, cursor=None)
    return [(each.execution.id, each.redriven_by) for each in page.executions]


def _backfill(task: ScheduledTask, change_key: str | None, *, name: str = "b", hours: int = 2) -> Mutation:
    now = task.decided_until
    change = a_change(ChangeAction.BACKFILL, at=now, key=change_key)
    occurrences = occurrences_to_backfill(task, now - hours * HOUR, now, now)
    return backfill(task, occurrences, change, key=name, allow_overlap=True)


async def test_a_dead_execution_and_the_one_in_its_place_name_each_other(store: StoreUnderTest) -> None:
    task = await store.add(a_definition(policy=LASTING))
    dead, other = await _died(store, task), await _died(store, task)
    assert await _links(store, DEAD) == [(other.id, None), (dead.id, None)]

    answer = await store.mutate(await _redriven(store, task, dead))

    assert isinstance(answer, Applied)
    assert await _links(store, DEAD) == [(other.id, None), (dead.id, answer.execution_id)]
    assert await _links(store, replace(DEAD, task_id=task.id)) == await _links(store, DEAD)
    assert (await store.record(dead.id)).summary.redriven_by == answer.execution_id
    assert (await store.record(answer.execution_id or dead.id)).summary.execution.redrive_of == dead.id


async def test_a_dead_execution_is_redriven_once(store: StoreUnderTest) -> None:
    task = await store.add(a_definition(policy=LASTING))
    dead = await _died(store, task)
    first = await store.mutate(await _redriven(store, task, dead, "first click"))
    assert isinstance(first, Applied)

    second = await store.mutate(await _redriven(store, task, dead, "second click"))

    assert second == Replayed(task.id, 1, first.execution_id)
    assert (await store.read(task)).run_count == 2


async def test_what_was_redriven_and_died_again_is_redriven_by_itself(store: StoreUnderTest) -> None:
    task = await store.add(a_definition(policy=LASTING))
    dead = await _died(store, task)
    await store.mutate(await _redriven(store, task, dead))
    again = await store.claim()
    await store.settle(again, a_failure())
    second = (await store.record(again.execution.id)).summary.execution

    answer = await store.mutate(await _redriven(store, task, second))

    assert isinstance(answer, Applied)
    assert dict(await _links(store, DEAD)) == {dead.id: second.id, second.id: answer.execution_id}


async def test_dead_letters_are_those_of_a_task_or_of_all_and_come_in_pages(store: StoreUnderTest) -> None:
    tasks = [await store.add(a_definition(name, policy=LASTING)) for name in ("one", "other")]
    died = [await _died(store, task) for task in tasks]
    await store.settle(await store.started(tasks[0]))

    page = await store.history.executions(DEAD, limit=1, cursor=None)
    rest = await store.history.executions(DEAD, limit=1, cursor=page.next_cursor)

    assert [each.execution.id for each in (*page.executions, *rest.executions)] == [died[1].id, died[0].id]
    assert rest.next_cursor is None
    assert await _links(store, replace(DEAD, task_id=tasks[0].id)) == [(died[0].id, None)]


async def test_a_backfill_is_one_step_and_one_change(store: StoreUnderTest) -> None:
    task = await store.add(a_definition(schedule=HOURLY))

    answer = await store.mutate(_backfill(task, "key"))

    assert isinstance(answer, Applied)
    page = await store.history.executions(ExecutionFilter(task.id, backfill="b"), limit=10, cursor=None)
    made = [each.execution for each in reversed(page.executions)]
    assert [each.nominal_at for each in made] == [NOON - 2 * HOUR, NOON - HOUR, NOON]
    assert {(each.kind, each.state) for each in made} == {(ExecutionKind.BACKFILL, ExecutionState.PENDING)}
    assert answer.execution_id == made[0].id
    assert (answer.task.run_count, len(answer.task.open), answer.task.decided_until) == (3, 3, task.decided_until)
    newest, _creation = await store.history.changes(task.id, limit=10)
    assert (newest.change.action, newest.version, newest.execution_id) == (ChangeAction.BACKFILL, 1, made[0].id)


async def test_backfilled_executions_are_claimed_in_the_order_of_their_occurrences(store: StoreUnderTest) -> None:
    task = await store.add(a_definition(schedule=HOURLY))
    await store.mutate(_backfill(task, "key", hours=20))

    claims = [await store.claim() for _ in range(21)]

    assert [each.execution.nominal_at for each in claims] == [NOON - hours * HOUR for hours in range(20, -1, -1)]


@pytest.mark.parametrize("change_key", ["key", "another key", None])
async def test_a_backfill_asked_for_twice_is_one(store: StoreUnderTest, change_key: str | None) -> None:
    task = await store.add(a_definition(schedule=HOURLY))
    first = await store.mutate(_backfill(task, "key"))
    assert isinstance(first, Applied)

    second = await store.mutate(_backfill(await store.read(task), change_key))

    assert second == Replayed(task.id, 1, first.execution_id)
    assert (await store.read(task)).run_count == 3


async def test_a_backfill_under_another_name_runs_the_occurrences_again(store: StoreUnderTest) -> None:
    task = await store.add(a_definition(schedule=HOURLY))
    await store.mutate(_backfill(task, None, name="b"))

    assert isinstance(await store.mutate(_backfill(await store.read(task), None, name="b:1")), Applied)
    names: dict[str, list[ExecutionId]] = {}
    for name in ("b", "b:1", "b:", "1", ""):
        page = await store.history.executions(ExecutionFilter(backfill=name), limit=10, cursor=None)
        names[name] = [each.execution.id for each in page.executions]
    assert [len(ids) for ids in names.values()] == [3, 3, 0, 0, 0]
    assert not set(names["b"]) & set(names["b:1"])


async def test_a_backfill_decided_beside_work_that_began_since_is_decided_again(store: StoreUnderTest) -> None:
    task = await store.add(a_definition(schedule=HOURLY))
    late = _backfill(task, "key")
    await store.run_now(task, key="by hand")

    assert await store.mutate(late) == Moved()
    page = await store.history.executions(ExecutionFilter(backfill="b"), limit=10, cursor=None)
    assert page.executions == ()


async def test_a_backfill_counts_as_open_for_what_fires_meanwhile(store: StoreUnderTest) -> None:
    task = await store.add(a_definition(schedule=HOURLY, policy=ExecutionPolicy(overlap=Overlap.SKIP)))
    await store.mutate(_backfill(task, "key"))

    assert await store.fired(task) == ()
    assert len(await store.history.skips(task.id, limit=10)) == 1


@pytest.mark.parametrize("order", TaskOrder)
async def test_deleted_tasks_are_listed_apart_from_the_living(store: StoreUnderTest, order: TaskOrder) -> None:
    living = await store.add(a_definition("living"))
    paused = await store.paused(await store.add(a_definition("paused")))
    gone = [await store.deleted(await store.add(a_definition(name))) for name in ("gone", "away")]
    gone.append(await store.deleted(paused))

    page = await store.history.tasks(TaskFilter(deleted=True), order=order, descending=False, limit=2, cursor=None)
    rest = await store.history.tasks(
        TaskFilter(deleted=True), order=order, descending=False, limit=2, cursor=page.next_cursor
    )

    assert {each.id for each in (*page.tasks, *rest.tasks)} == {each.id for each in gone}
    assert all(each.deleted_at == NOON for each in page.tasks)
    assert (page.total, sum(page.by_status.values()), rest.next_cursor) == (3, 3, None)
    others = await store.history.tasks(TaskFilter(), order=order, descending=False, limit=10, cursor=None)
    assert [each.id for each in others.tasks] == [living.id]


async def test_a_deleted_task_is_listed_until_it_is_forgotten(store: StoreUnderTest) -> None:
    await store.deleted(await store.add())
    store.clock.advance(30 * DAY)
    await store.history.prune(Retention(), limit=10)
    which = TaskFilter(text="REP", deleted=True)
    page = await store.history.tasks(which, order=TaskOrder.NAME, descending=True, limit=10, cursor=None)
    assert [each.definition.name for each in page.tasks] == ["report"]

    store.clock.advance(SECOND)
    await store.history.prune(Retention(), limit=10)

    page = await store.history.tasks(which, order=TaskOrder.NAME, descending=True, limit=10, cursor=None)
    assert (page.tasks, page.total) == ((), 0)
