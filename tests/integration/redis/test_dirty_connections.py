"""Calls that are cut, cancelled and late, fifty at a time: each gets its own answer or none."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from random import Random

import pytest

from adapters.redis.opening import RedisStores
from adapters.redis.pool import CONNECTIONS_MAX
from application.scheduling.ports.errors import StoreUnavailableError
from domain.scheduling.task import ScheduledTask
from tests.conformance.store_under_test import StoreUnderTest
from tests.support.builders import a_definition
from tests.support.lost_replies import connections_in_use
from tests.support.wire_proxy import Weather, WireProxy

pytestmark = pytest.mark.redis

CALLERS = 50
CALLS_EACH = 12
# Longer than one of these nobody waits; the shortest waits end before a command is sent.
PATIENCE_SECONDS = (0.01, 0.1, 0.5)
# A cancellation that got lost would let its call wait for as long as a call may take.
ANSWER_WITHIN = timedelta(minutes=1)
ALL_WITHIN_SECONDS = 20


@dataclass(slots=True)
class Crowd:
    """Callers who each ask for what nobody else asks for, and count what becomes of it."""

    store: StoreUnderTest
    tasks: list[ScheduledTask]
    answered: int = 0
    failed: int = 0
    cancelled: int = 0

    async def ask(self, number: int, dice: Random) -> None:
        for turn in range(CALLS_EACH):
            try:
                async with asyncio.timeout(dice.uniform(0, dice.choice(PATIENCE_SECONDS))):
                    await self._ask_once(number, f"{number}/{turn}")
                self.answered += 1
            except StoreUnavailableError:
                self.failed += 1
            except TimeoutError:
                self.cancelled += 1

    async def _ask_once(self, number: int, words: str) -> None:
        assert isinstance(self.store.stores, RedisStores)
        if number % 2:
            assert await self.store.read(self.tasks[number]) == self.tasks[number]
        else:
            assert await self.store.stores.server.command("ECHO", words) == words.encode()


async def test_no_answer_is_ever_read_by_another_call(wire: WireProxy, remote: StoreUnderTest) -> None:
    assert isinstance(remote.stores, RedisStores)
    crowd = Crowd(remote, [await remote.add(a_definition(f"task {number}")) for number in range(CALLERS)])
    remote.stores.server.answer_within = ANSWER_WITHIN
    with wire.breaking(Weather(Random("weather"), 0.15)):
        async with asyncio.timeout(ALL_WITHIN_SECONDS), asyncio.TaskGroup() as group:
            for number in range(CALLERS):
                group.create_task(crowd.ask(number, Random(f"caller {number}")))

    assert min(crowd.answered, crowd.failed, crowd.cancelled) > CALLERS // 5
    assert connections_in_use(remote.stores.server) == 0
    # Every connection there may be is free for a call.
    async with asyncio.TaskGroup() as group:
        readings = [group.create_task(remote.read(task)) for task in crowd.tasks]
    assert [each.result() for each in readings] == crowd.tasks


@pytest.mark.parametrize("turns", [1, 2, 3, 5, 8, 13, 21])
async def test_a_cancelled_call_leaves_no_connection_checked_out(remote: StoreUnderTest, turns: int) -> None:
    assert isinstance(remote.stores, RedisStores)
    task = await remote.add()
    async with asyncio.TaskGroup() as group:
        calls = [group.create_task(remote.read(task)) for _ in range(2 * CONNECTIONS_MAX)]
        for _ in range(turns):
            await asyncio.sleep(0)
        for call in calls:
            call.cancel()

    assert connections_in_use(remote.stores.server) == 0
    assert await remote.read(task) == task
