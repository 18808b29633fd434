"""Many decisions committed in one call: each is answered by itself, in order, as if they had come one by one."""

from application.scheduling.ports.task_store import CommitAnswer, Committed, Decision, Moved, TooEarly
from domain.scheduling.firing import fire
from domain.scheduling.schedule import OneTimeSchedule, Schedule
from domain.scheduling.task import ScheduledTask
from tests.conformance.store_under_test import WORKER, StoreUnderTest
from tests.support.builders import EVERY_MINUTE, MINUTE, a_definition
from tests.support.manual_clock import NOON


async def committed(store: StoreUnderTest, *decisions: Decision) -> list[type[CommitAnswer]]:
    return [type(answer) for answer in await store.tasks.commit_firings(decisions)]


def decided(store: StoreUnderTest, task: ScheduledTask) -> Decision:
    return Decision(task, fire(task, store.clock.now()))


async def test_of_two_decisions_on_one_task_the_second_sees_the_first(store: StoreUnderTest) -> None:
    task = await store.add()
    store.clock.advance(MINUTE)
    decision = decided(store, task)

    assert await committed(store, decision, decision) == [Committed, Moved]
    assert len((await store.read(task)).open) == 1


async def test_decisions_of_every_kind_are_answered_in_their_order(store: StoreUnderTest) -> None:
    """Recurring tasks, tasks that end with this firing, one that has moved, and one whose instant has not come."""
    schedules: tuple[Schedule, ...] = (EVERY_MINUTE, OneTimeSchedule(NOON + MINUTE)) * 6
    tasks = [
        await store.add(a_definition(f"task {number}", schedule=schedule)) for number, schedule in enumerate(schedules)
    ]
    late = await store.add(a_definition("late", schedule=OneTimeSchedule(NOON + 2 * MINUTE)))
    store.clock.advance(MINUTE)
    await store.described(tasks[5], "another version")
    decisions = [decided(store, task) for task in tasks]
    ahead = Decision(late, fire(late, NOON + 2 * MINUTE))

    answers = await committed(store, *decisions, ahead)

    assert answers == [*(Moved if index == 5 else Committed for index in range(12)), TooEarly]
    claimed = await store.executions.claim(WORKER, [store.token() for _ in range(20)])
    assert len({each.execution.task_id for each in claimed}) == 11
