"""Repeating a pass: woken early, stopped at once, backing off from a silent store, ended by any other error."""

import asyncio
from datetime import timedelta

import pytest

from application.scheduling.ports.errors import StoreRefusedError, StoreUnavailableError
from domain.scheduling.events import StoreFailed, StoreRecovered
from entrypoints.loop import BACKOFF_MAX, BACKOFF_MIN, every, once_ready, repeat, unless_stopped
from tests.support.builders import SECOND
from tests.support.manual_clock import ManualClock
from tests.support.recorders import RecordingObserver
from tests.support.waiting import turns

LONG = timedelta(hours=1)
AT_ONCE = timedelta(0)


class Passes:
    """Counts its passes, sets `stop` after the last of `waits`, and raises what it is told to."""

    def __init__(self, *waits: timedelta | Exception) -> None:
        self.stop = asyncio.Event()
        self.done = 0
        self._waits = list(waits)

    async def step(self) -> timedelta:
        self.done += 1
        wait = self._waits.pop(0) if self._waits else LONG
        if isinstance(wait, Exception):
            raise wait
        return wait


async def test_a_pass_that_wants_no_wait_is_followed_by_the_next_while_others_get_their_turn() -> None:
    passes, observer = Passes(AT_ONCE, AT_ONCE, AT_ONCE), RecordingObserver()

    async with asyncio.TaskGroup() as group:
        group.create_task(repeat(passes.step, name="p", stop=passes.stop, observer=observer))
        await turns()
        passes.stop.set()

    assert passes.done == 4


async def test_a_wake_up_ends_the_wait_and_is_used_up_by_it() -> None:
    passes, wake = Passes(), asyncio.Event()

    async with asyncio.TaskGroup() as group:
        group.create_task(repeat(passes.step, name="p", stop=passes.stop, observer=RecordingObserver(), wake=wake))
        await turns()
        before = passes.done
        wake.set()
        await turns()
        after = passes.done
        passes.stop.set()

    assert (before, after, wake.is_set()) == (1, 2, False)


async def test_a_wake_up_during_a_pass_is_not_lost() -> None:
    stop, wake = asyncio.Event(), asyncio.Event()
    done = []

    async def step() -> timedelta:
        done.append(True)
        (wake if len(done) == 1 else stop).set()
        return LONG

    await repeat(step, name="p", stop=stop, observer=RecordingObserver(), wake=wake)

    assert len(done) == 2


async def test_a_stop_ends_the_wait_and_no_pass_follows() -> None:
    passes = Passes()

    async with asyncio.TaskGroup() as group:
        group.create_task(repeat(passes.step, name="p", stop=passes.stop, observer=RecordingObserver()))
        await turns()
        passes.stop.set()
    await repeat(passes.step, name="p", stop=passes.stop, observer=RecordingObserver())

    assert passes.done == 1


async def test_a_wait_ends_by_itself() -> None:
    passes = Passes(timedelta(milliseconds=1), timedelta(milliseconds=1))

    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        group.create_task(repeat(passes.step, name="p", stop=passes.stop, observer=RecordingObserver()))
        while passes.done < 3:
            await turns(1)
        passes.stop.set()


async def test_a_silent_store_is_waited_for_longer_and_longer_until_it_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[timedelta] = []

    async def note(_stop: object, _wake: object, wait: timedelta) -> None:
        waits.append(wait)
        if len(waits) == 10:
            passes.stop.set()

    monkeypatch.setattr("entrypoints.loop._first_of", note)
    silent = [StoreUnavailableError("no answer") for _ in range(8)]
    passes, observer = Passes(*silent, LONG, StoreUnavailableError("again")), RecordingObserver()

    await repeat(passes.step, name="dispatch", stop=passes.stop, observer=observer)

    doubled = [min(BACKOFF_MIN * 2**number, BACKOFF_MAX) for number in range(8)]
    assert waits == [*doubled, LONG, BACKOFF_MIN]
    assert observer.seen(StoreFailed)[0] == StoreFailed("dispatch", "no answer")
    assert len(observer.seen(StoreFailed)) == 9
    assert observer.seen(StoreRecovered) == [StoreRecovered("dispatch")]


@pytest.mark.parametrize("error", [StoreRefusedError("newer schema"), RuntimeError("a bug")], ids=repr)
async def test_any_other_error_ends_it(error: Exception) -> None:
    passes = Passes(error)

    with pytest.raises(type(error)):
        await repeat(passes.step, name="p", stop=passes.stop, observer=RecordingObserver())


async def test_a_step_that_does_some_work_always_waits_as_long() -> None:
    done = []

    async def work() -> int:
        done.append(True)
        return 3

    assert await every(work, LONG)() == LONG
    assert done == [True]


async def test_work_is_done_unless_a_stop_comes_first() -> None:
    stop, begun = asyncio.Event(), []

    async def work(waits: bool) -> int:
        begun.append(waits)
        if waits:
            stop.set()
            await asyncio.Event().wait()
        return 3

    async with asyncio.timeout(5):
        answers = [await unless_stopped(work(waits), stop) for waits in (False, True, False)]

    assert answers == [3, None, None]
    assert begun == [False, True], "after a stop nothing is begun"


async def test_an_error_of_the_work_is_told() -> None:
    async def work() -> None:
        raise StoreRefusedError("newer schema")

    with pytest.raises(ExceptionGroup) as told:
        await unless_stopped(work(), asyncio.Event())

    assert isinstance(told.value.exceptions[0], StoreRefusedError)


async def test_passes_that_wait_for_something_begin_when_it_is_there() -> None:
    passes, clock, ready = Passes(), ManualClock(), asyncio.Event()
    step = once_ready(passes.step, ready.is_set, clock, at_most=10 * SECOND)

    waits = [await step()]
    clock.advance(3 * SECOND)
    waits.append(await step())
    before = passes.done
    ready.set()
    waits.append(await step())

    assert waits == [10 * SECOND, 7 * SECOND, LONG]
    assert (before, passes.done) == (0, 1)


async def test_passes_that_wait_for_something_begin_without_it_in_the_end() -> None:
    passes, clock = Passes(), ManualClock()
    step = once_ready(passes.step, lambda: False, clock, at_most=10 * SECOND)

    clock.advance(10 * SECOND)

    assert (await step(), passes.done) == (LONG, 1)
