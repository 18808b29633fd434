"""The slow second look: what is repaired, what is left alone, and where it goes on."""

from dataclasses import replace

import pytest

from application.scheduling.ports.errors import StoreUnavailableError
from application.scheduling.services.reconcile import REFUSALS_MAX, SLICE_MAX, Reconcile
from domain.scheduling.change import Via
from domain.scheduling.cron.zone import tzdata_version
from domain.scheduling.task import ScheduledTask
from domain.scheduling.timeline import Occurrence
from tests.support.broken import break_
from tests.support.builders import HOUR, a_creation, a_definition
from tests.support.contested import Behind, Contested
from tests.support.house import House
from tests.support.manual_clock import NOON

WRONG = Occurrence(NOON + 5 * HOUR, NOON + 5 * HOUR)


def reconciler(house: House) -> Reconcile:
    return Reconcile(house.stores.tasks, house.clock, house.wakeup)


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


async def test_new_zone_data_are_not_caught_up_with_while_somebody_always_comes_first(house: House) -> None:
    wrong = await house.create()
    displace(house, wrong)
    store = Contested(house.stores.tasks, times=REFUSALS_MAX)
    reconcile = Reconcile(store, house.clock, house.wakeup)

    assert await reconcile.catch_up() == 0
    assert await house.stores.tasks.tzdata() is None

    # The next start checks every task again.
    assert await reconcile.catch_up() == 1
    assert await house.stores.tasks.tzdata() == tzdata_version()


async def test_a_repair_ahead_of_the_stores_clock_is_repeated_when_that_is_there(house: House) -> None:
    wrong = await house.create()
    displace(house, wrong)
    store = Behind(house.stores.tasks, times=1)

    assert await Reconcile(store, house.clock, house.wakeup).catch_up() == 1
    assert store.refused == 1
