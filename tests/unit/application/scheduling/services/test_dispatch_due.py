"""One pass of the scheduler: what it commits and when, what stops it and what does not."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from application.scheduling.ports.errors import StoreUnavailableError
from application.scheduling.ports.execution_store import Released
from application.scheduling.ports.task_store import CommitAnswer, Decision, Moved, TaskStore, TooEarly
from application.scheduling.services import commit_in_time
from application.scheduling.services.deciding import AHEAD, QUARANTINE_FOR
from application.scheduling.services.dispatch_due import COMMIT_MAX, DispatchDue
from domain.errors import DomainError
from domain.scheduling.change import ChangeAction
from domain.scheduling.durations import Spread
from domain.scheduling.events import Dispatched, TaskChanged, TaskQuarantined
from domain.scheduling.execution import ExecutionState
from domain.scheduling.sharing import EVERYTHING, Share
from domain.scheduling.task import Quarantine, SkipReason, TaskStatus
from tests.support.broken import break_
from tests.support.builders import HOUR, MINUTE, SECOND, a_creation, a_definition
from tests.support.contested import Behind
from tests.support.house import ANA, House, a_body
from tests.support.manual_clock import NOON
from tests.support.waiting import turns

MILLISECOND = timedelta(milliseconds=1)


@dataclass(slots=True)
class Answering:
    """A task store that answers the first commits as told, in place of carrying them out."""

    tasks: TaskStore
    answers: list[CommitAnswer]
    commits: list[int] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.tasks, name)

    async def commit_firings(self, decisions: Sequence[Decision]) -> Sequence[CommitAnswer]:
        self.commits.append(len(decisions))
        if self.answers:
            return [self.answers.pop(0) for _ in decisions]
        return await self.tasks.commit_firings(decisions)


@dataclass(slots=True)
class Reads:
    """A task store that notes how many tasks each look at what is due has found."""

    tasks: TaskStore
    found: list[int] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.tasks, name)

    async def due(self, *about: Any, **more: Any) -> Any:
        found = await self.tasks.due(*about, **more)
        self.found.append(len(found))
        return found


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


async def test_what_is_due_in_a_moment_is_decided_early_and_committed_at_its_instant(house: House) -> None:
    await house.create("early", schedule_type="one_time", schedule="2024-01-15T12:00:00.040Z")
    await house.create("later", schedule_type="one_time", schedule="2024-01-15T12:00:00.050Z")

    async with asyncio.TaskGroup() as group:
        group.create_task(house.fire())
        await turns()
        assert house.clock.wakes_at == NOON + 40 * MILLISECOND
        house.clock.advance(39 * MILLISECOND)
        await turns()
        assert house.states() == []
        house.clock.advance(MILLISECOND)
        await turns()
        assert len(house.states()) == 1
        house.clock.advance(10 * MILLISECOND)

    assert len(house.states()) == 2
    assert [each.created_at for each in map(house.execution, house.stores.state.executions)] == [
        NOON + 40 * MILLISECOND,
        NOON + 50 * MILLISECOND,
    ]


async def test_what_is_due_later_than_in_a_moment_is_left_alone(house: House) -> None:
    await house.create(schedule_type="one_time", schedule="2024-01-15T12:00:00.051Z")

    assert await house.dispatch.run_once(EVERYTHING) == NOON + AHEAD + MILLISECOND
    assert house.states() == []


async def _created(house: House, count: int) -> None:
    await house.stores.tasks.mutate([a_creation(a_definition(f"task-{number}")) for number in range(count)])


async def test_what_is_due_at_a_near_instant_is_decided_before_it_and_read_no_second_time(house: House) -> None:
    count = 2 * COMMIT_MAX + 1
    await _created(house, count)
    reads = Reads(house.stores.tasks)
    dispatch = replace(house.dispatch, tasks=reads)
    house.clock.advance(MINUTE - SECOND)

    passes = [await dispatch.run_once(EVERYTHING) for _ in range(3)]
    house.clock.advance(SECOND)
    in_advance = sum(reads.found)
    await dispatch.run_once(EVERYTHING)

    assert passes == [NOON + MINUTE - SECOND, NOON + MINUTE - SECOND, NOON + MINUTE]
    assert (in_advance, sum(reads.found)) == (count, count)
    assert house.states() == [ExecutionState.PENDING] * count


async def test_what_was_changed_after_it_was_decided_is_decided_again(house: House) -> None:
    dispatch, task = house.dispatch, await house.create()
    house.clock.advance_to(NOON + HOUR - SECOND)
    await dispatch.run_once(EVERYTHING)

    await house.manage.patch(task.id, {"description": "changed"}, ANA)
    house.clock.advance(SECOND)
    await dispatch.run_once(EVERYTHING)

    assert house.states() == [ExecutionState.PENDING]
    assert [(event.committed, event.moved) for event in house.observer.seen(Dispatched)] == [(0, 1), (1, 0)]


async def test_what_comes_before_what_is_decided_already_is_fired_first(house: House) -> None:
    dispatch = house.dispatch
    await house.create("later", schedule_type="one_time", schedule="2024-01-15T12:00:01Z")
    await dispatch.run_once(EVERYTHING)

    await house.create("sooner", schedule_type="one_time", schedule="2024-01-15T12:00:00.500Z")
    house.clock.advance(SECOND / 2)
    next_at = await dispatch.run_once(EVERYTHING)
    house.clock.advance(SECOND / 2)
    await dispatch.run_once(EVERYTHING)

    assert next_at == NOON + SECOND
    assert [each.scheduled_at for each in map(house.execution, house.stores.state.executions)] == [
        NOON + SECOND / 2,
        NOON + SECOND,
    ]


async def test_what_is_due_by_a_clock_that_was_set_back_waits_for_its_instant(house: House) -> None:
    dispatch = house.dispatch
    await house.create("later", schedule_type="one_time", schedule="2024-01-15T12:00:01Z")
    await dispatch.run_once(EVERYTHING)

    house.clock.step(-HOUR)
    assert await dispatch.run_once(EVERYTHING) is not None
    assert house.states() == []
    house.clock.advance(HOUR + SECOND)
    await dispatch.run_once(EVERYTHING)

    assert house.states() == [ExecutionState.PENDING]


async def test_a_store_whose_clock_is_behind_is_asked_again_when_it_has_caught_up(house: House) -> None:
    await house.create()
    behind = SECOND / 2
    dispatch, store = answering(house, TooEarly(behind))
    house.clock.advance(HOUR)

    async with asyncio.TaskGroup() as group:
        group.create_task(dispatch.run_once(EVERYTHING))
        await turns()
        assert house.clock.wakes_at == NOON + HOUR + behind
        house.clock.advance(behind)

    assert store.commits == [1, 1]
    assert house.states() == [ExecutionState.PENDING]


async def test_a_store_whose_clock_is_far_behind_does_not_keep_the_pass_waiting(house: House) -> None:
    await house.create()
    dispatch, store = answering(house, TooEarly(HOUR))
    house.clock.advance(HOUR)

    assert await dispatch.run_once(EVERYTHING) == NOON + HOUR
    assert store.commits == [1]


async def test_a_clock_set_back_in_mid_pass_keeps_nobody_waiting_until_it_is_there_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commit_in_time, "WAIT_MAX", AHEAD)
    await house.create()
    house.clock.advance(HOUR - AHEAD / 2)

    async with asyncio.TaskGroup() as group:
        next_at = group.create_task(house.dispatch.run_once(EVERYTHING))
        await turns()
        house.clock.step(-HOUR)

    assert next_at.result() == NOON + HOUR
    assert house.states() == []


async def test_a_watermark_ahead_of_the_clock_is_waited_for_without_looking_all_the_time(house: House) -> None:
    task = await house.create()
    ahead = replace(task, decided_until=NOON + 2 * HOUR, quarantine=Quarantine("bad JSON", NOON))
    house.stores.state.tasks[task.id].task = ahead

    assert await house.dispatch.run_once(EVERYTHING) == NOON + QUARANTINE_FOR
    assert (await house.task(task.id)).decided_until == NOON + 2 * HOUR


async def test_a_watermark_that_lies_near_is_waited_for_no_longer_than_it_takes(house: House) -> None:
    task = await house.create()
    ahead = replace(task, decided_until=NOON + MINUTE, quarantine=Quarantine("bad JSON", NOON))
    house.stores.state.tasks[task.id].task = ahead

    assert await house.dispatch.run_once(EVERYTHING) == NOON + MINUTE


async def test_what_somebody_else_committed_first_is_no_failure(house: House) -> None:
    await house.create()
    dispatch, _ = answering(house, Moved())
    house.clock.advance(HOUR)

    next_at = await dispatch.run_once(EVERYTHING)

    assert next_at == NOON + HOUR, "it is looked at again, at once"
    assert house.observer.seen(Dispatched) == [Dispatched(0, 0, 1, timedelta(0))]
    assert await dispatch.run_once(EVERYTHING) == NOON + 2 * HOUR
    assert house.states() == [ExecutionState.PENDING]


@pytest.mark.parametrize("error", [DomainError("gone"), OverflowError("year 10000"), ValueError("odd")], ids=repr)
async def test_a_task_that_cannot_be_decided_is_put_aside_while_the_others_run(house: House, error: Exception) -> None:
    broken, sound = await house.create("broken"), await house.create("sound")
    break_(house, broken, error)
    house.clock.advance(HOUR)

    next_at = await house.dispatch.run_once(EVERYTHING)

    assert [each.state for each in (await house.task(sound.id)).open] == [ExecutionState.PENDING]
    (told,) = house.observer.seen(TaskQuarantined)
    assert (told.task_id, told.look_at) == (broken.id, NOON + HOUR + QUARANTINE_FOR)
    assert str(error) in told.error
    assert next_at == told.look_at


async def test_an_unreadable_row_is_put_aside_and_runs_once_it_can_be_read(house: House) -> None:
    task = await house.create()
    kept = house.stores.state.tasks[task.id]
    kept.error = "bad JSON"
    house.clock.advance(HOUR)

    assert await house.dispatch.run_once(EVERYTHING) == NOON + HOUR + QUARANTINE_FOR
    kept.error = None
    assert await house.dispatch.run_once(EVERYTHING) == NOON + HOUR + QUARANTINE_FOR
    house.clock.advance(QUARANTINE_FOR)
    assert await house.dispatch.run_once(EVERYTHING) == NOON + 2 * HOUR

    assert house.states() == [ExecutionState.PENDING]
    assert (await house.task(task.id)).quarantine is None


async def test_a_pause_ends_at_its_instant_and_what_lies_behind_it_runs(house: House) -> None:
    task = await house.create()
    await house.manage.pause(task.id, ANA, until=NOON + 90 * MINUTE)
    house.clock.advance(90 * MINUTE)

    assert await house.dispatch.run_once(EVERYTHING) == NOON + 2 * HOUR
    resumed = await house.task(task.id)
    house.clock.advance(30 * MINUTE)
    await house.fire()

    assert (resumed.status, resumed.pause) == (TaskStatus.ACTIVE, None)
    (change, *_) = await house.stores.history.changes(task.id, limit=1)
    assert (change.change.action, change.change.via) == ("pause_ended", "system")
    assert house.states() == [ExecutionState.PENDING]


async def test_a_pause_is_not_ended_early(house: House) -> None:
    task = await house.create()
    paused = (await house.manage.pause(task.id, ANA, until=NOON + MINUTE)).task
    house.clock.advance(MINUTE - AHEAD / 2)

    assert await house.dispatch.run_once(EVERYTHING) == NOON + MINUTE
    assert await house.task(task.id) == paused


async def test_a_pause_whose_end_cannot_be_decided_stops_nobody(house: House) -> None:
    broken, sound = await house.create("broken"), await house.create("sound")
    await house.manage.pause(broken.id, ANA, until=NOON + MINUTE)
    break_(house, broken)
    house.clock.advance(HOUR)

    assert await house.dispatch.run_once(EVERYTHING) == NOON + HOUR + QUARANTINE_FOR
    assert len((await house.task(sound.id)).open) == 1


@pytest.mark.parametrize("until", [None, NOON + HOUR], ids=["for good", "until later"])
async def test_a_paused_row_that_can_be_read_again_stays_paused_and_is_not_looked_at_for_ever(
    house: House, until: datetime | None
) -> None:
    task = (await house.manage.pause((await house.create()).id, ANA, until=until)).task
    house.stores.state.tasks[task.id].task = replace(task, quarantine=Quarantine("bad JSON", NOON))

    next_at = await house.dispatch.run_once(EVERYTHING)

    after = await house.task(task.id)
    assert (after.status, after.quarantine, next_at) == (TaskStatus.PAUSED, None, until)


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


class Leaping:
    """A task store while which is read the clock leaps."""

    def __init__(self, house: House) -> None:
        self.house = house

    def __getattr__(self, name: str) -> Any:
        return getattr(self.house.stores.tasks, name)

    async def due(self, *about: Any, **more: Any) -> Any:
        found = await self.house.stores.tasks.due(*about, **more)
        self.house.clock.step(5 * HOUR)
        return found


async def test_a_leap_within_a_pass_decides_nothing(house: House) -> None:
    task = await house.create()
    house.clock.advance(HOUR)

    assert await replace(house.dispatch, tasks=Leaping(house)).run_once(EVERYTHING) is None

    assert house.states() == []
    assert await house.task(task.id) == task


async def test_a_pause_whose_end_the_stores_clock_has_not_reached_is_ended_when_it_has(house: House) -> None:
    task = await house.create()
    await house.manage.pause(task.id, ANA, until=house.clock.now() + MINUTE)
    house.clock.advance(MINUTE)
    behind = Behind(house.stores.tasks, times=1)

    async with asyncio.TaskGroup() as group:
        group.create_task(replace(house.dispatch, tasks=behind).run_once(EVERYTHING))
        await turns()
        house.clock.advance(SECOND)

    assert (await house.task(task.id)).status is TaskStatus.ACTIVE
