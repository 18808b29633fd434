"""A store in a real server of each kind, and the server's own view of it."""

from collections.abc import AsyncIterator, Iterator

import pytest
from redis import Redis

from adapters.redis.opening import RedisStores, address_of, open_redis_store
from tests.conformance.store_under_test import StoreUnderTest
from tests.support.lost_replies import a_reference, from_outside
from tests.support.manual_clock import ManualClock
from tests.support.recorders import CountingEntropy
from tests.support.redis_servers import WRITTEN_BEFORE_ANSWERED, Kind, RedisServer, a_redis
from tests.support.wire_proxy import WireProxy, a_wire_to


@pytest.fixture(scope="module", params=Kind)
def server(request: pytest.FixtureRequest) -> Iterator[RedisServer]:
    with a_redis(request.param, appendfsync=WRITTEN_BEFORE_ANSWERED) as started:
        yield started


@pytest.fixture
def admin(server: RedisServer) -> Iterator[Redis]:
    with server.client() as client:
        client.flushall()
        yield client


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def stores(server: RedisServer, admin: Redis, clock: ManualClock) -> AsyncIterator[RedisStores]:
    async with open_redis_store(address_of(server.url), CountingEntropy(), clock=clock) as opened:
        yield opened


@pytest.fixture
async def other(server: RedisServer, stores: RedisStores, clock: ManualClock) -> AsyncIterator[RedisStores]:
    """Another process on the same store."""
    async with open_redis_store(address_of(server.url), None, clock=clock) as opened:
        yield opened


@pytest.fixture
def store(stores: RedisStores, clock: ManualClock) -> StoreUnderTest:
    """The same with the steps of the conformance tests; what breaks a store is done by the server here."""
    return StoreUnderTest(clock, stores, from_outside, from_outside, from_outside)


@pytest.fixture
async def wire(server: RedisServer) -> AsyncIterator[WireProxy]:
    async with a_wire_to(server.port) as wire:
        yield wire


@pytest.fixture
async def remote(wire: WireProxy, admin: Redis, clock: ManualClock) -> AsyncIterator[StoreUnderTest]:
    """A store at the other end of the wire."""
    async with open_redis_store(address_of(wire.url), CountingEntropy(), clock=clock) as stores:
        yield StoreUnderTest(clock, stores, from_outside, from_outside, from_outside)


@pytest.fixture
async def reference() -> AsyncIterator[StoreUnderTest]:
    async with a_reference() as store:
        yield store
