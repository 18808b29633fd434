"""One pass of the scheduler: what it commits, what it tells, and what comes next."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from application.scheduling.ports.errors import StoreUnavailableError
from application.scheduling.ports.execution_store import Released
from application.scheduling.ports.task_store import CommitAnswer, Moved
from application.scheduling.services.dispatch_due import COMMIT_MAX, DispatchDue
from domain.scheduling.change import ChangeAction
from domain.scheduling.durations import Spread
from domain.scheduling.events import Dispatched, TaskChanged
from domain.scheduling.execution import ExecutionState
from domain.scheduling.sharing import EVERYTHING, Share
from domain.scheduling.task import SkipReason
from tests.support.builders import HOUR, MINUTE, SECOND, a_creation, a_definition
from tests.support.contested import Answering
from tests.support.house import ANA, House, a_body
from tests.support.manual_clock import NOON

MILLISECOND = timedelta(milliseconds=1)


class FullOfRetries:
    """An execution store with more retries to release than one pass may."""

    async def release_due(self, limit: int) -> Released:
        return Released(limit, None)


def answering(house: House, *answers: CommitAnswer) -> tuple[DispatchDue, Answering]:
    store = Answering(house.stores.tasks, list(answers))
    return replace(house.dispatch, tasks=store), store


async def test_a_pass_over_nothing_waits_for_nothing(house: House) -> None:
    assert await house.dispatch.run_once(EVERYTHING) is None


async def test_a_pass_commits_what_is_due_and_answers_what_comes_next(house: House) -> None:
    task = await house.create()
    house.clock.advance(HOUR)
    house.wakeup.changed_ids.clear()

    next_at = await house.dispatch.run_once(EVERYTHING)

    assert next_at == NOON + 2 * HOUR
    assert house.states() == [ExecutionState.PENDING]
    assert (house.wakeup.worker_hints, house.wakeup.changed_ids) == (1, [task.id])
    assert house.observer.seen(Dispatched) == [Dispatched(1, 1, 0, timedelta(0), waits=Spread.of([timedelta(0)]))]


async def test_what_only_passes_over_wakes_no_worker(house: House) -> None:
    task = await house.create()
    await house.run_now(task)
    hints = house.wakeup.worker_hints
    house.clock.advance(HOUR)

    await house.fire()

    assert house.wakeup.worker_hints == hints
    (skip,) = await house.stores.history.skips(task.id, limit=5)
    assert (skip.reason, skip.count) == (SkipReason.OVERLAP, 1)


async def test_the_lateness_told_is_that_of_the_oldest_run(house: House) -> None:
    await house.create(policy={"misfire": "all", "overlap": "allow"})
    house.clock.advance(3 * HOUR + SECOND)

    await house.fire()

    late = [2 * HOUR + SECOND, HOUR + SECOND, SECOND]
    assert house.observer.seen(Dispatched) == [Dispatched(1, 3, 0, late[0], waits=Spread.of(late))]


async def test_what_was_passed_over_is_told_by_reason_and_once(house: House) -> None:
    await house.create(policy={"misfire": "latest"})
    house.clock.advance(3 * HOUR)
    await house.fire()
    for _ in range(2):
        house.clock.advance(HOUR)
        await house.fire()

    # The first runs and stays open; the second Skip by overlap grows out of the one before it.
    told = [event.passed_over for event in house.observer.seen(Dispatched) if event.committed]
    assert told == [((SkipReason.MISFIRE, 2),), ((SkipReason.OVERLAP, 1),), ((SkipReason.OVERLAP, 1),)]


async def test_the_end_of_a_pause_is_told(house: House) -> None:
    task = await house.create()
    await house.manage.pause(task.id, ANA, until=house.clock.now() + MINUTE)
    house.clock.advance(MINUTE)
    await house.fire()

    told = [(event.action, event.actor) for event in house.observer.seen(TaskChanged)]
    assert told[-1] == (ChangeAction.PAUSE_ENDED, "scheduler")


async def test_what_somebody_else_committed_first_is_no_failure(house: House) -> None:
    await house.create()
    dispatch, _ = answering(house, Moved())
    house.clock.advance(HOUR)

    next_at = await dispatch.run_once(EVERYTHING)

    assert next_at == NOON + HOUR, "it is looked at again, at once"
    assert house.observer.seen(Dispatched) == [Dispatched(0, 0, 1, timedelta(0))]
    assert await dispatch.run_once(EVERYTHING) == NOON + 2 * HOUR
    assert house.states() == [ExecutionState.PENDING]


async def test_more_than_a_batch_is_committed_in_batches(house: House) -> None:
    count = COMMIT_MAX + 200
    definitions = (a_definition(f"task-{number}") for number in range(count))
    await house.stores.tasks.mutate([a_creation(each) for each in definitions])
    dispatch, store = answering(house)
    house.clock.advance(MINUTE)

    await dispatch.run_once(EVERYTHING)

    assert store.commits == [COMMIT_MAX, 200]
    assert house.states() == [ExecutionState.PENDING] * count
    assert [event.committed for event in house.observer.seen(Dispatched)] == [COMMIT_MAX, 200]


async def test_a_share_is_fired_at_once_and_the_rest_when_it_is_late(house: House) -> None:
    task = await house.create()
    others = Share(EVERYTHING.buckets - {task.bucket})
    house.clock.advance(HOUR + timedelta(milliseconds=499))

    assert await house.dispatch.run_once(others) is None
    assert house.states() == []
    house.clock.advance(MILLISECOND)
    await house.dispatch.run_once(others)

    assert house.states() == [ExecutionState.PENDING]


async def test_retries_whose_wait_is_over_are_released_and_the_next_one_is_known(house: House) -> None:
    @house.processors.task("mail")
    async def fail(payload: dict[str, Any], run: object) -> None:
        raise RuntimeError("no")

    await house.run_now(
        await house.create(schedule="0 0 1 1 *", policy={"backoff": {"kind": "fixed", "initial": "10s"}})
    )
    await house.work(house.perform())
    (execution,) = map(house.execution, house.stores.state.executions)

    next_at = await house.dispatch.run_once(EVERYTHING)
    hints = house.wakeup.worker_hints
    house.clock.advance_to(execution.available_at)
    await house.dispatch.run_once(EVERYTHING)

    assert next_at == execution.available_at
    assert house.states() == [ExecutionState.PENDING]
    assert house.wakeup.worker_hints == hints + 1


async def test_a_pass_that_filled_its_batch_of_releases_is_followed_by_another_at_once(house: House) -> None:
    executions: Any = FullOfRetries()
    dispatch = replace(house.dispatch, executions=executions)

    assert await dispatch.run_once(EVERYTHING) == house.clock.now()


async def test_a_silent_store_is_told_to_the_caller(house: House) -> None:
    await house.manage.create(a_body(), ANA)
    house.stores.state.available = False

    with pytest.raises(StoreUnavailableError):
        await house.fire()
