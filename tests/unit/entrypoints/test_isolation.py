"""The second lane: there is a child in it while a suspect waits, and none otherwise."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast

import pytest
import structlog

from application.scheduling.ports.errors import StoreUnavailableError
from application.scheduling.ports.execution_store import ExecutionStore
from application.scheduling.services.watch_hold import WatchHold
from application.scheduling.services.withheld import WithheldExecutions
from domain.access.record import Doer
from domain.scheduling.change import Via
from domain.scheduling.events import StoreFailed
from domain.scheduling.execution import ISOLATED_AFTER
from entrypoints import isolation
from entrypoints.isolation import SuspectWatch
from entrypoints.process import EXIT_OK, EXIT_USAGE
from tests.support.children import Nursery, supervised
from tests.support.house import WORKER, House, open_house
from tests.support.recorders import RecordingObserver
from tests.support.waiting import eventually, turns

LONG = timedelta(minutes=5)


@dataclass(slots=True)
class Suspicion:
    """What a lane waits for: it is wanted as often as it was `asked`."""

    asked: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))

    def wanted(self) -> Coroutine[Any, Any, None]:
        return self._wanted()

    async def _wanted(self) -> None:
        await self.asked.acquire()


def a_lane(*behaviours: str) -> tuple[Nursery, Suspicion]:
    """A supervisor whose children are wanted now and then."""
    nursery, suspicion = Nursery(list(behaviours)), Suspicion()
    nursery.supervisor.wanted = suspicion.wanted
    return nursery, suspicion


async def test_there_is_no_child_until_one_is_wanted_and_the_stop_does_not_wait_for_that() -> None:
    nursery, _ = a_lane("obedient")

    code = await supervised(nursery, lambda: True)

    assert (code, nursery.started) == (EXIT_OK, [])


async def test_a_child_that_found_nothing_more_to_do_is_followed_when_one_is_wanted_again() -> None:
    nursery, suspicion = a_lane(str(EXIT_OK), "obedient")

    def ask() -> bool:
        suspicion.asked.release()
        return True

    def is_told() -> bool:
        return any("nothing left to do" in line["event"] for line in logged)

    with structlog.testing.capture_logs() as logged:
        await supervised(nursery, ask, lambda: nursery.dead, is_told, ask, lambda: nursery.said)

    assert nursery.started == ["child-0", "child-1"]
    assert "restart_in_seconds" not in logged[0], "nobody knows when it is wanted again"


async def test_a_child_that_refuses_its_settings_ends_not_the_service_but_is_tried_again() -> None:
    nursery, suspicion = a_lane(str(EXIT_USAGE), "obedient")
    suspicion.asked = asyncio.Semaphore(2)

    with structlog.testing.capture_logs() as logged:
        code = await supervised(nursery, lambda: nursery.said)

    assert (code, nursery.started) == (EXIT_OK, ["child-0", "child-1"])
    assert [line["event"] for line in logged] == ["The worker refused its settings"]


@pytest.fixture
async def house() -> AsyncIterator[House]:
    async with open_house() as opened:
        yield opened


async def a_suspect(house: House) -> None:
    """An execution whose workers died of it, or of another."""
    await house.run_now(await house.create())
    for _ in range(ISOLATED_AFTER):
        await house.claim()
        await house.stores.executions.rescue_worker(WORKER)


async def test_a_suspect_that_is_there_is_found_at_the_first_look(house: House) -> None:
    await a_suspect(house)

    async with asyncio.timeout(5):
        await SuspectWatch(house.stores.executions, house.observer).found()


async def test_no_lane_is_wanted_while_all_firing_is_held(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isolation, "LOOK_EVERY", timedelta(milliseconds=1))
    await a_suspect(house)
    hold = WatchHold(house.stores.holds, house.clock)
    watch = SuspectWatch(WithheldExecutions(house.stores.executions, hold), house.observer)
    await house.stores.holds.hold("new disks", by=Doer("ana", Via.CLI))

    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        looking = group.create_task(watch.found())
        await turns()
        was_found = looking.done()
        await house.stores.holds.release("", by=Doer("ana", Via.CLI))

    assert not was_found, "its child could claim nothing, would leave, and be started again"


async def test_what_is_rescued_later_is_found_as_soon_as_it_is_told(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(isolation, "LOOK_EVERY", LONG)
    watch = SuspectWatch(house.stores.executions, house.observer)
    await house.run_now(await house.create("rescued once"))
    await house.claim()
    await house.stores.executions.rescue_worker(WORKER)

    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        looking = group.create_task(watch.found())
        await turns()
        watch.look_now()
        await turns()
        was_found = looking.done()
        await a_suspect(house)
        watch.look_now()

    assert not was_found, "once may happen to anybody"


async def test_what_nobody_tells_of_is_found_by_looking(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isolation, "LOOK_EVERY", timedelta(milliseconds=1))

    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        looking = group.create_task(SuspectWatch(house.stores.executions, house.observer).found())
        await turns()
        assert not looking.done()
        await a_suspect(house)


@pytest.mark.parametrize("is_left", [False, True])
async def test_a_lane_that_helps_out_is_wanted_only_if_suspects_are_left_by_then(house: House, is_left: bool) -> None:
    watch = SuspectWatch(house.stores.executions, house.observer, patience=timedelta(milliseconds=50))
    await a_suspect(house)

    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        looking = group.create_task(watch.found())
        await turns()
        assert not looking.done()
        if is_left:
            await asyncio.wait({looking})
        else:
            await house.claim()
            await asyncio.wait({looking}, timeout=0.2)
            assert not looking.done()
            looking.cancel()


@dataclass(slots=True)
class Mute:
    """A store that answers the second question."""

    asked: int = 0

    async def is_suspect_pending(self) -> bool:
        self.asked += 1
        if self.asked == 1:
            raise StoreUnavailableError("no answer")
        return True


async def test_a_store_that_does_not_answer_is_asked_again() -> None:
    observer, store = RecordingObserver(), Mute()
    watch = SuspectWatch(cast(ExecutionStore, store), observer)

    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        group.create_task(watch.found())
        await eventually(lambda: store.asked)
        watch.look_now()

    assert [event.doing for event in observer.seen(StoreFailed)] == ["look for suspects"]
