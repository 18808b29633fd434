"""Calls that are cut, cancelled and late, fifty at a time: each gets its own answer or none."""

import asyncio
from datetime import timedelta
from random import Random

import pytest

from adapters.redis.opening import RedisStores
from adapters.redis.pool import CONNECTIONS_MAX
from tests.conformance.store_under_test import StoreUnderTest
from tests.support.builders import a_definition
from tests.support.crowd import Crowd
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


async def test_no_answer_is_ever_read_by_another_call(wire: WireProxy, remote: StoreUnderTest) -> None:
    assert isinstance(remote.stores, RedisStores)
    server = remote.stores.server
    tasks = [await remote.add(a_definition(f"task {number}")) for number in range(CALLERS)]
    server.answer_within = ANSWER_WITHIN

    async def ask_once(number: int, turn: int) -> None:
        # What nobody else asks for.
        words = f"{number}/{turn}"
        if number % 2:
            assert await remote.read(tasks[number]) == tasks[number]
        else:
            assert await server.command("ECHO", words) == words.encode()

    crowd = Crowd(ask_once, CALLS_EACH, PATIENCE_SECONDS)
    with wire.breaking(Weather(Random("weather"), 0.15)):
        async with asyncio.timeout(ALL_WITHIN_SECONDS), asyncio.TaskGroup() as group:
            for number in range(CALLERS):
                group.create_task(crowd.ask(number))

    assert min(crowd.answered, crowd.failed, crowd.cancelled) > CALLERS // 5
    assert connections_in_use(server) == 0
    # Every connection there may be is free for a call.
    async with asyncio.TaskGroup() as group:
        readings = [group.create_task(remote.read(task)) for task in tasks]
    assert [each.result() for each in readings] == tasks


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
