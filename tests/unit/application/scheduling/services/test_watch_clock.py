"""A calendar that leaps ahead is waited out; one that goes on, pauses with the machine or steps back is followed."""

from datetime import timedelta

import pytest

from application.scheduling.services.watch_clock import HOLD, LEAP_MIN, WatchClock
from domain.scheduling.events import ClockLeapt
from domain.scheduling.execution import ExecutionState
from domain.scheduling.sharing import EVERYTHING
from tests.support.builders import HOUR, SECOND
from tests.support.house import House
from tests.support.manual_clock import ManualClock
from tests.support.recorders import RecordingObserver


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def observer() -> RecordingObserver:
    return RecordingObserver()


@pytest.fixture
def watch(clock: ManualClock, observer: RecordingObserver) -> WatchClock:
    watch = WatchClock(clock, observer)
    assert watch.now() == clock.now()
    return watch


def test_time_that_passes_is_followed_however_long_nobody_looked(
    watch: WatchClock, clock: ManualClock, observer: RecordingObserver
) -> None:
    clock.advance(100 * HOUR)

    assert watch.now() == clock.now()
    assert observer.events == []


@pytest.mark.parametrize("step", [LEAP_MIN, -LEAP_MIN, -HOUR], ids=str)
def test_a_small_step_and_one_back_are_followed_at_once(watch: WatchClock, clock: ManualClock, step: timedelta) -> None:
    clock.step(step)

    assert watch.now() == clock.now()


def test_a_leap_is_told_and_followed_after_a_while(
    watch: WatchClock, clock: ManualClock, observer: RecordingObserver
) -> None:
    clock.step(HOUR)

    assert watch.now() is None
    assert observer.events == [ClockLeapt(HOUR, HOLD)]
    clock.advance(HOLD - SECOND)
    assert watch.now() is None
    clock.advance(SECOND)
    assert watch.now() == clock.now()
    assert len(observer.events) == 1


def test_a_leap_that_is_set_right_is_over_at_once(watch: WatchClock, clock: ManualClock) -> None:
    clock.step(HOUR)
    assert watch.now() is None

    clock.advance(20 * SECOND)
    clock.step(-HOUR)

    assert watch.now() == clock.now()


def test_a_second_leap_is_waited_out_anew(watch: WatchClock, clock: ManualClock) -> None:
    clock.step(HOUR)
    assert watch.now() is None
    clock.advance(HOLD - SECOND)
    clock.step(HOUR)
    assert watch.now() is None
    clock.advance(HOLD - SECOND)

    assert watch.now() is None


async def test_nothing_is_fired_released_or_resumed_by_a_leap_until_it_is_followed(house: House) -> None:
    await house.create()
    dispatch = house.dispatch
    await dispatch.run_once(EVERYTHING)

    house.clock.step(2 * HOUR)
    assert await dispatch.run_once(EVERYTHING) is None
    assert house.states() == []
    house.clock.advance(HOLD)
    await dispatch.run_once(EVERYTHING)
    assert house.states() == [ExecutionState.PENDING]
