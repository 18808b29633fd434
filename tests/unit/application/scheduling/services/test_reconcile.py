"""The slow second look: what is repaired, what is left alone, and where it goes on."""

from dataclasses import replace

import pytest

from application.scheduling.ports.errors import StoreUnavailableError
from application.scheduling.ports.execution_store import Settlement
from application.scheduling.services.reconcile import SLICE_MAX, Reconcile
from domain.scheduling.change import Via
from domain.scheduling.cron.zone import tzdata_version
from domain.scheduling.execution import ExecutionState
from domain.scheduling.outcome import UnknownHandler
from domain.scheduling.task import ScheduledTask
from domain.scheduling.timeline import Occurrence
from domain.scheduling.work import UNKNOWN_HANDLER_PATIENCE
from tests.support.broken import break_
from tests.support.builders import HOUR, a_creation, a_definition
from tests.support.house import House
from tests.support.manual_clock import NOON

WRONG = Occurrence(NOON + 5 * HOUR, NOON + 5 * HOUR)


def reconciler(house: House) -> Reconcile:
    return Reconcile(house.stores.tasks, house.stores.executions, house.clock, house.wakeup)


def displace(house: House, task: ScheduledTask) -> None:
    """Let the task say another next occurrence than its schedule, as after new time zone data."""
    kept = house.stores.state.tasks[task.id]
    kept.task = replace(kept.task, next_occurrence=WRONG)


async def test_reconciling_repairs_what_says_something_else_than_its_schedule(house: House) -> None:
    right, wrong = await house.create("right"), await house.create("wrong")
    displace(house, wrong)

    assert await reconciler(house).run_once() == 1

    repaired = await house.task(wrong.id)
    assert (repaired.next_occurrence, repaired.version) == (wrong.next_occurrence, 2)
    assert await house.task(right.id) == right
    (change, *_) = await house.stores.history.changes(wrong.id, limit=1)
    assert (change.change.action, change.change.via) == ("rederive", Via.SYSTEM)
    assert await reconciler(house).run_once() == 0


async def test_a_broken_task_does_not_keep_the_others_from_their_repair(house: House) -> None:
    broken, wrong = await house.create("broken"), await house.create("wrong")
    unreadable = await house.create("unreadable")
    break_(house, broken)
    house.stores.state.tasks[unreadable.id].error = "bad JSON"
    displace(house, wrong)

    assert await reconciler(house).run_once() == 1


async def test_reconciling_goes_on_where_it_stopped_and_repeats_what_failed(house: House) -> None:
    definitions = [a_definition(f"task-{number:04}") for number in range(SLICE_MAX + 1)]
    await house.stores.tasks.mutate([a_creation(each) for each in definitions])
    *_, last = await house.stores.tasks.scan(after=None, limit=2 * SLICE_MAX)
    assert isinstance(last, ScheduledTask)
    displace(house, last)
    reconcile = reconciler(house)

    first = await reconcile.run_once()
    house.stores.state.available = False
    with pytest.raises(StoreUnavailableError):
        await reconcile.run_once()
    house.stores.state.available = True
    second = await reconcile.run_once()

    assert (first, second) == (0, 1)


async def test_new_zone_data_are_followed_by_a_pass_over_every_task_and_the_same_by_none(house: House) -> None:
    definitions = [a_definition(f"task-{number:04}") for number in range(SLICE_MAX + 1)]
    await house.stores.tasks.mutate([a_creation(each) for each in definitions])
    first, *_, last = await house.stores.tasks.scan(after=None, limit=2 * SLICE_MAX)
    assert isinstance(first, ScheduledTask)
    assert isinstance(last, ScheduledTask)
    displace(house, first)
    displace(house, last)

    assert await reconciler(house).catch_up() == 2
    assert await house.stores.tasks.tzdata() == tzdata_version()
    displace(house, first)
    assert await reconciler(house).catch_up() == 0
    await house.stores.tasks.keep_tzdata("1970a")
    assert await reconciler(house).catch_up() == 1


async def test_reconciling_gives_up_what_waits_for_a_handler_nobody_has(house: House) -> None:
    execution_id = await house.run_now(await house.create())
    (claim,) = await house.claim()
    await house.stores.executions.settle([Settlement(execution_id, claim.token, UnknownHandler())])
    house.clock.advance(UNKNOWN_HANDLER_PATIENCE)

    await reconciler(house).run_once()

    assert house.execution(execution_id).state is ExecutionState.DEAD
