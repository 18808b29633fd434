"""Creations on a server with a clock of its own: one statement each, which that clock judges as well."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from adapters.sql.postgres_address import address_of
from adapters.sql.store import PostgresStores, open_postgres_store
from adapters.system.clock import SystemClock
from application.scheduling.ports.task_store import Applied, TooEarly
from domain.scheduling.mutation import Mutation
from domain.scheduling.schedule import IntervalSchedule
from tests.conformance.store_under_test import StoreUnderTest
from tests.support.builders import DAY, HOUR, MINUTE, a_creation, a_definition
from tests.support.postgres_wire import is_executing
from tests.support.recorders import CountingEntropy
from tests.support.wire_proxy import Fault, Once, WireProxy, Words


@pytest.fixture
async def store(url: str) -> AsyncIterator[PostgresStores]:
    async with open_postgres_store(address_of(url), CountingEntropy()) as stores:
        yield stores


def _creation(name: str, *, ahead: timedelta = timedelta(0)) -> Mutation:
    at = SystemClock().now() + ahead
    return a_creation(a_definition(name, schedule=IntervalSchedule(DAY, at + DAY)), at=at)


async def test_a_creation_is_one_command(remote: StoreUnderTest, wire: WireProxy) -> None:
    await remote.add(a_definition("which connects and prepares"))
    commands: list[Words] = []

    def note(words: Words) -> bool:
        commands.append(words)
        return False

    with wire.breaking(Once(Fault.REPLY_LOST, note, 1)):
        await remote.add(a_definition("report"))

    assert [is_executing(each) for each in commands] == [True]


async def test_after_a_creation_its_connection_has_transactions_again(store: PostgresStores) -> None:
    await store.tasks.mutate([_creation("report")])

    async with store.database.writer.connect() as connection:
        await connection.exec_driver_sql("UPDATE scheduler.tasks SET name = 'another'")
        await connection.rollback()
    assert await store.tasks.find("report") is not None


async def test_of_creations_decided_ahead_of_the_server_s_clock_none_is_written(store: PostgresStores) -> None:
    first, second = await store.tasks.mutate([_creation("ahead", ahead=HOUR), _creation("late", ahead=2 * HOUR)])

    assert isinstance(first, TooEarly)
    assert isinstance(second, TooEarly)
    assert HOUR - MINUTE < first.by <= HOUR
    assert await store.tasks.scan(after=None, limit=10) == []


async def test_one_creation_decided_ahead_keeps_no_other_from_being_written(store: PostgresStores) -> None:
    answers = await store.tasks.mutate([_creation("now"), _creation("ahead", ahead=HOUR)])

    assert [type(each) for each in answers] == [Applied, TooEarly]
    assert await store.tasks.find("now") is not None
    assert await store.tasks.find("ahead") is None
