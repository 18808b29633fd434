"""`Figures`: how the work went and what is coming."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from application.scheduling.ports.errors import StoreUnavailableError
from application.scheduling.ports.figures import Backlog, HourFigures
from application.scheduling.ports.history import Retention
from application.scheduling.ports.task_store import Decision
from domain.scheduling.change import ChangeAction
from domain.scheduling.durations import STEPS
from domain.scheduling.execution import ExecutionState
from domain.scheduling.identifiers import ExecutionId, TaskId
from domain.scheduling.outcome import Outcome, Stopped, Succeeded, UnknownHandler
from domain.scheduling.policy import ExecutionPolicy
from domain.scheduling.runs import redrive
from domain.scheduling.schedule import CronSchedule, IntervalSchedule
from domain.scheduling.task import Quarantine, ScheduledTask
from tests.conformance.store_under_test import StoreUnderTest
from tests.support.builders import DAY, HOUR, HOURLY, MINUTE, SECOND, a_change, a_definition, a_failure
from tests.support.manual_clock import NOON

EVER = {"since": NOON - 800 * DAY, "until": NOON + 800 * DAY}
SUCCEEDED, DEAD, CANCELLED = ExecutionState.SUCCEEDED, ExecutionState.DEAD, ExecutionState.CANCELLED


async def _hours(store: StoreUnderTest) -> Sequence[HourFigures]:
    """Every hour that is kept."""
    return await store.figures.hours(since=NOON - 800 * DAY, until=NOON + 800 * DAY)


async def _ran(store: StoreUnderTest, task: ScheduledTask, outcome: Outcome, *, took: timedelta) -> ExecutionId:
    """Run the task's next occurrence for so long, to this end."""
    claim = await store.started(task)
    store.clock.advance(took)
    await store.settle(claim, outcome)
    return claim.execution.id


async def test_an_execution_counts_in_the_hour_in_which_it_ended(store: StoreUnderTest) -> None:
    task = await store.add(a_definition(schedule=IntervalSchedule(10 * MINUTE)))
    await _ran(store, task, Succeeded(), took=SECOND)
    await _ran(store, task, a_failure(), took=SECOND)
    store.clock.advance_to(NOON + 55 * MINUTE)
    await _ran(store, task, Succeeded(), took=5 * MINUTE)

    assert await _hours(store) == [
        HourFigures(NOON, {SUCCEEDED: 1, DEAD: 1}),
        HourFigures(NOON + HOUR, {SUCCEEDED: 1}),
    ]


async def test_hours_are_of_a_span_and_of_a_type(store: StoreUnderTest) -> None:
    mail = await store.add(a_definition("mail"))
    other = await store.add(a_definition("other", task_type="billing"))
    await _ran(store, mail, Succeeded(), took=SECOND)
    store.clock.advance(HOUR)
    await _ran(store, other, Succeeded(), took=SECOND)

    async def hours(since: datetime = NOON, until: datetime = NOON + DAY, task_type: str | None = None) -> list[int]:
        found = await store.figures.hours(since=since, until=until, task_type=task_type)
        return [(each.at - NOON) // HOUR for each in found]

    assert await hours() == [0, 1]
    assert await hours(task_type="mail") == [0]
    assert await hours(task_type="no such type") == []
    assert await hours(since=NOON + SECOND) == [1]
    assert await hours(since=NOON + HOUR) == [1]
    assert await hours(until=NOON + HOUR) == [0]


async def test_a_type_has_the_durations_of_what_succeeded_or_died(store: StoreUnderTest) -> None:
    task = await store.add(a_definition(schedule=IntervalSchedule(10 * MINUTE)))
    for outcome, seconds in ((Succeeded(), 1), (Succeeded(), 1), (a_failure(), 30), (Stopped(), 200)):
        await _ran(store, task, outcome, took=seconds * SECOND)

    (figures,) = await store.figures.types(**EVER)

    assert figures.task_type == "mail"
    assert figures.by_state == {SUCCEEDED: 2, DEAD: 1, CANCELLED: 1}
    assert figures.durations.by_step == {STEPS.index(SECOND): 2, STEPS.index(50 * SECOND): 1}


async def test_types_are_of_a_span_and_in_order(store: StoreUnderTest) -> None:
    for name in ("mail", "billing", "archive"):
        await _ran(store, await store.add(a_definition(name, task_type=name)), Succeeded(), took=SECOND)
        store.clock.advance(HOUR)

    assert [each.task_type for each in await store.figures.types(**EVER)] == ["archive", "billing", "mail"]
    assert [each.task_type for each in await store.figures.types(since=NOON + HOUR, until=NOON + 2 * HOUR)] == [
        "billing"
    ]


async def test_a_settlement_that_is_repeated_or_lost_counts_once(store: StoreUnderTest) -> None:
    task = await store.add()
    claim = await store.started(task)
    for _ in range(3):
        await store.settle(claim)

    assert [each.by_state for each in await _hours(store)] == [{SUCCEEDED: 1}]


async def test_a_retry_that_waits_has_not_ended(store: StoreUnderTest) -> None:
    task = await store.add()
    claim = await store.started(task)
    await store.settle(claim, a_failure(retry_at=store.clock.now() + MINUTE))

    assert await _hours(store) == []


async def test_what_is_cancelled_without_having_run_counts_too(store: StoreUnderTest) -> None:
    task = await store.add()
    (execution_id,) = await store.fired(task)
    await store.executions.cancel(execution_id, a_change(ChangeAction.CANCEL, at=store.clock.now(), key="k"))

    (figures,) = await store.figures.types(**EVER)
    assert figures.by_state == {CANCELLED: 1}
    assert figures.durations.count == 0


async def test_the_executions_of_a_task_that_cannot_be_read_count(store: StoreUnderTest) -> None:
    task = await store.add()
    claim = await store.started(task)
    await store.spoil(task.id)
    await store.settle(claim)

    assert [each.by_state for each in await store.figures.types(**EVER)] == [{SUCCEEDED: 1}]


async def test_hours_are_kept_for_a_year(store: StoreUnderTest) -> None:
    task = await store.add(a_definition(schedule=HOURLY))
    await _ran(store, task, Succeeded(), took=SECOND)
    hour = NOON + HOUR
    store.clock.advance_to(hour + 365 * DAY)
    await store.history.prune(Retention(), limit=100)
    kept = await _hours(store)
    store.clock.advance(SECOND)
    await store.history.prune(Retention(), limit=100)

    assert [each.at for each in kept] == [hour]
    assert await _hours(store) == []


async def test_the_past_runs_of_several_tasks_are_their_last_ones_oldest_first(store: StoreUnderTest) -> None:
    one, other, idle = [await store.add(a_definition(name)) for name in ("one", "other", "idle")]
    ran = [await _ran(store, one, Succeeded(), took=SECOND) for _ in range(4)]
    failed = await _ran(store, other, a_failure(), took=2 * SECOND)
    await store.fired(other)

    found = await store.figures.past_runs([other.id, idle.id, one.id, TaskId("none")], limit=3)

    assert {id_: [run.execution_id for run in runs] for id_, runs in found.items()} == {
        one.id: ran[1:],
        other.id: [failed],
        idle.id: [],
        TaskId("none"): [],
    }
    (run,) = found[other.id]
    assert (run.state, run.took) == (DEAD, 2 * SECOND)
    assert run.started_at == run.finished_at - 2 * SECOND


async def test_no_task_has_no_past_runs(store: StoreUnderTest) -> None:
    assert await store.figures.past_runs([], limit=30) == {}


async def test_a_cancelled_execution_took_no_time(store: StoreUnderTest) -> None:
    task = await store.add()
    (execution_id,) = await store.fired(task)
    await store.executions.cancel(execution_id, a_change(ChangeAction.CANCEL, at=store.clock.now(), key="k"))

    ((run,),) = (await store.figures.past_runs([task.id], limit=30)).values()
    assert (run.state, run.started_at, run.took) == (CANCELLED, None, None)
    assert run.finished_at == store.clock.now()


async def test_what_is_coming_is_active_sound_and_soon(store: StoreUnderTest) -> None:
    policy = ExecutionPolicy(max_runs=3, end_at=NOON + HOUR)
    later = await store.add(a_definition("later", schedule=CronSchedule("5 12 * * *"), policy=policy))
    soon = await store.add(a_definition("soon", schedule=CronSchedule("4 12 * * *")))
    await store.add(a_definition("too late", schedule=CronSchedule("6 12 * * *")))
    await store.paused(await store.add(a_definition("paused", schedule=CronSchedule("4 12 * * *"))))
    await store.deleted(await store.add(a_definition("deleted", schedule=CronSchedule("4 12 * * *"))))
    broken = await store.add(a_definition("broken", schedule=CronSchedule("4 12 * * *")))
    await store.spoil(broken.id)

    found = await store.figures.coming(until=NOON + 6 * MINUTE, limit=10)

    assert [each.id for each in found] == [soon.id, later.id]
    assert [each.next_occurrence for each in found] == [soon.next_occurrence, later.next_occurrence]
    assert [(each.timeline, each.runs_left) for each in found] == [(soon.timeline, None), (later.timeline, 3)]
    assert (found[1].name, found[1].task_type, found[1].timezone) == (
        "later",
        later.definition.task_type,
        later.definition.timezone,
    )


async def test_what_is_coming_is_at_most_as_much_as_asked_for(store: StoreUnderTest) -> None:
    tasks = [await store.add(a_definition(name)) for name in ("a", "b", "c")]

    found = await store.figures.coming(until=NOON + HOUR, limit=2)

    assert [task.id for task in found] == sorted(task.id for task in tasks)[:2]


async def test_next_runs_are_counted_by_the_minute(store: StoreUnderTest) -> None:
    for name, schedule in (("a", "4 12 * * *"), ("b", "4 12 * * *"), ("c", "6 12 * * *"), ("d", "7 12 * * *")):
        await store.add(a_definition(name, schedule=CronSchedule(schedule)))
    await store.paused(await store.add(a_definition("paused", schedule=CronSchedule("4 12 * * *"))))
    store.clock.advance(30 * SECOND)
    await store.add(a_definition("within", schedule=IntervalSchedule(6 * MINUTE)))

    found = await store.figures.next_runs(since=NOON + 4 * MINUTE, until=NOON + 7 * MINUTE)

    assert found == {NOON + 4 * MINUTE: 2, NOON + 6 * MINUTE: 2}


async def test_the_backlog_tells_dead_letters_and_since_when_something_is_pending(store: StoreUnderTest) -> None:
    task = await store.add()
    empty = await store.figures.backlog()
    await _ran(store, task, a_failure(), took=SECOND)
    await store.fired(task)
    pending_since = store.clock.now()
    store.clock.advance(MINUTE)
    await store.fired(await store.add(a_definition("another")))

    assert empty == Backlog(dead_letters=0, oldest_pending_at=None)
    assert await store.figures.backlog() == Backlog(dead_letters=1, oldest_pending_at=pending_since)


async def test_putting_back_again_and_again_makes_nothing_wait_for_less(store: StoreUnderTest) -> None:
    await store.fired(await store.add(a_definition("first")))
    first_put_back = store.clock.advance(SECOND)
    for _ in range(3):
        await store.settle(await store.claim(), UnknownHandler())
        store.clock.advance(MINUTE)
    again = await store.figures.backlog()
    await store.claim()
    claimed = await store.figures.backlog()

    assert again.oldest_pending_at == first_put_back
    assert claimed.oldest_pending_at is None


async def test_the_load_is_what_waits_by_type_and_what_is_set_aside(store: StoreUnderTest) -> None:
    mail = await store.add(a_definition(schedule=HOURLY))
    billing = await store.add(a_definition("bill", task_type="billing", schedule=HOURLY))
    idle = await store.figures.load()
    await store.fired(mail)
    await store.fired(billing)
    await store.run_now(await store.read(mail), key="beside")
    await store.settle(await store.claim(), UnknownHandler())
    waiting = await store.figures.load()
    quarantine = Quarantine("no such zone", store.clock.now() + 5 * MINUTE)
    await store.tasks.commit_firings([Decision(await store.read(mail), quarantine)])
    set_aside = await store.figures.load()
    for _ in range(2):
        await store.claim()

    assert (idle.pending, idle.quarantined) == ({}, 0)
    assert (waiting.pending, waiting.quarantined) == ({"mail": 2, "billing": 1}, 0)
    assert (set_aside.pending, set_aside.quarantined) == ({"mail": 2, "billing": 1}, 1)
    assert sum((await store.figures.load()).pending.values()) == 1


async def test_what_was_put_back_for_its_handler_is_counted_until_it_starts(store: StoreUnderTest) -> None:
    task = await store.add(a_definition(schedule=HOURLY))
    claim = await store.started(task)
    before = await store.figures.unhandled()
    await store.settle(claim, UnknownHandler())
    await store.fired(await store.add(a_definition("another")))
    put_back = await store.figures.unhandled()
    store.clock.advance(MINUTE)
    while claim.execution.id != (await store.claim()).execution.id:
        pass

    assert (before, put_back, await store.figures.unhandled()) == (0, 1, 0)


async def test_a_dead_letter_that_was_redriven_waits_for_nobody(store: StoreUnderTest) -> None:
    task = await store.add(a_definition(schedule=HOURLY))
    redriven, _ = [await _ran(store, task, a_failure(), took=SECOND) for _ in range(2)]
    dead = (await store.record(redriven)).summary.execution
    change = a_change(ChangeAction.REDRIVE, at=store.clock.now(), key="again")
    await store.applied(redrive(await store.read(task), dead, change))

    assert (await store.figures.backlog()).dead_letters == 1


@pytest.mark.parametrize("limit", [1, 200])
async def test_figures_of_a_store_that_is_away_are_an_error(store: StoreUnderTest, limit: int) -> None:
    await store.cut_off()

    with pytest.raises(StoreUnavailableError):
        await store.figures.past_runs([TaskId("a")], limit=limit)
    with pytest.raises(StoreUnavailableError):
        await _hours(store)
    with pytest.raises(StoreUnavailableError):
        await store.figures.backlog()
