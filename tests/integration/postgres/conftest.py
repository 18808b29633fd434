"""One real server for the tests of this folder, each of which has a database of its own in it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from itertools import count

import pytest

from adapters.sql.postgres_address import address_of
from adapters.sql.store import open_postgres_store
from tests.conformance.store_under_test import StoreUnderTest
from tests.support.lost_replies import a_reference, from_outside
from tests.support.manual_clock import ManualClock
from tests.support.postgres_servers import PostgresServer, a_postgres
from tests.support.postgres_wire import postgres
from tests.support.recorders import CountingEntropy
from tests.support.wire_proxy import WireProxy, a_wire_to

NUMBERS = count(1)


@pytest.fixture(scope="package")
def server() -> Iterator[PostgresServer]:
    with a_postgres() as started:
        yield started


@pytest.fixture
def url(server: PostgresServer) -> str:
    """The address of an empty database."""
    return server.database(f"test_{next(NUMBERS)}")


@pytest.fixture(scope="package")
def template(server: PostgresServer) -> str:
    """A database that holds a new store, copied for each test: the migrations take longer than most of them."""
    url = server.database("store_template")

    async def begin() -> None:
        async with open_postgres_store(address_of(url), CountingEntropy(), clock=ManualClock()):
            pass

    asyncio.run(begin())
    return "store_template"


@pytest.fixture
async def wire(server: PostgresServer) -> AsyncIterator[WireProxy]:
    async with a_wire_to(server.port, postgres) as wire:
        yield wire


@pytest.fixture
async def remote(server: PostgresServer, template: str, wire: WireProxy) -> AsyncIterator[StoreUnderTest]:
    """A store at the other end of the wire."""
    url = server.database(f"remote_{next(NUMBERS)}", template=template)
    clock = ManualClock()
    address = address_of(url.replace(f":{server.port}/", f":{wire.port}/"))
    async with open_postgres_store(address, CountingEntropy(), clock=clock) as stores:
        yield StoreUnderTest(clock, stores, from_outside, from_outside, from_outside)


@pytest.fixture
async def reference() -> AsyncIterator[StoreUnderTest]:
    async with a_reference() as store:
        yield store
