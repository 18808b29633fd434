"""Lists of executions: their order, their pages, and what they can be asked for."""

from datetime import datetime

from application.scheduling.ports.history import ExecutionFilter
from domain.scheduling.execution import ExecutionState
from domain.scheduling.identifiers import ExecutionId, TaskId, instant_named_by
from domain.scheduling.policy import ExecutionPolicy, Overlap
from tests.conformance.store_under_test import StoreUnderTest
from tests.support.builders import MINUTE, a_definition, a_failure
from tests.support.manual_clock import NOON

ALLOW = ExecutionPolicy(overlap=Overlap.ALLOW)


async def test_executions_are_listed_newest_first_in_pages(store: StoreUnderTest) -> None:
    task = await store.add(a_definition(policy=ALLOW))
    created = [(await store.fired(task))[0] for _ in range(5)]
    for limit in (1, 2, 5, 6):
        found: list[ExecutionId] = []
        page = await store.history.executions(ExecutionFilter(task.id), limit=limit, cursor=None)
        found += [summary.execution.id for summary in page.executions]
        while page.next_cursor is not None:
            page = await store.history.executions(ExecutionFilter(task.id), limit=limit, cursor=page.next_cursor)
            found += [summary.execution.id for summary in page.executions]

        assert found == created[::-1]


async def test_executions_are_listed_by_task_and_state_with_the_name_of_now(store: StoreUnderTest) -> None:
    first, second = await store.add(a_definition("first")), await store.add(a_definition("second"))
    await store.settle(await store.started(first))
    await store.settle(await store.started(second), a_failure())
    (pending,) = await store.fired(first)

    async def listed(which: ExecutionFilter) -> list[tuple[str, ExecutionState]]:
        page = await store.history.executions(which, limit=10, cursor=None)
        return [(summary.task_name, summary.execution.state) for summary in page.executions]

    dead, done = ("second", ExecutionState.DEAD), ("first", ExecutionState.SUCCEEDED)
    assert await listed(ExecutionFilter(second.id)) == [dead]
    assert await listed(ExecutionFilter(states=frozenset({ExecutionState.DEAD}))) == [dead]
    ended = frozenset({ExecutionState.DEAD, ExecutionState.SUCCEEDED})
    assert sorted(await listed(ExecutionFilter(states=ended))) == sorted([dead, done])
    assert await listed(ExecutionFilter(first.id, ended)) == [done]
    assert await listed(ExecutionFilter(TaskId("nobody"))) == []
    named = frozenset({pending, ExecutionId("nobody")})
    assert await listed(ExecutionFilter(ids=named)) == [("first", ExecutionState.PENDING)]
    assert await listed(ExecutionFilter(second.id, ids=named)) == []
    assert await listed(ExecutionFilter(ids=frozenset())) == []
    summary = (await store.record(pending)).summary
    assert (summary.task_name, summary.task_type) == ("first", "mail")


async def test_executions_are_listed_between_two_instants(store: StoreUnderTest) -> None:
    task = await store.add(a_definition(policy=ALLOW))
    created = [(await store.fired(task))[0] for _ in range(5)]
    by_hand = await store.run_now(task, key="mine")

    async def listed(since: datetime | None, until: datetime | None, task_id: TaskId | None = None) -> list[str]:
        which = ExecutionFilter(task_id, since=since, until=until)
        return [each.execution.id for each in (await store.history.executions(which, limit=9, cursor=None)).executions]

    first, third, now = NOON + MINUTE, NOON + 3 * MINUTE, store.clock.now()
    assert await listed(None, third) == created[1::-1]
    assert await listed(third, NOON + 4 * MINUTE) == await listed(third, NOON + 4 * MINUTE, task.id) == [created[2]]
    assert await listed(now, None) == sorted([created[4], by_hand], reverse=True)
    assert await listed(None, first) == []
    assert instant_named_by(created[2]) == third
