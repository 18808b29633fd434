"""Calls that are carried out although their callers never hear of it, and are then made again."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from redis import Redis

from adapters.memory import open_memory_store
from adapters.redis.script import script
from adapters.redis.server import Server
from application.scheduling.ports.access_trail import AccessFilter
from application.scheduling.ports.errors import StoreUnavailableError
from application.scheduling.ports.history import ExecutionFilter
from domain.scheduling.task import ScheduledTask
from tests.conformance.store_under_test import StoreUnderTest
from tests.support.manual_clock import ManualClock
from tests.support.recorders import CountingEntropy
from tests.support.wire_proxy import Fault, Once, WireProxy, calls

MANY = 100

Call = Callable[[], Awaitable[object]]


async def from_outside(*_: object) -> None:
    """Stands where a store would break itself: in these tests its wire or its server does that."""
    raise NotImplementedError


@asynccontextmanager
async def a_reference() -> AsyncIterator[StoreUnderTest]:
    """A memory store with a clock of its own."""
    clock = ManualClock()
    async with open_memory_store(clock, CountingEntropy()) as stores:
        yield StoreUnderTest(clock, stores, from_outside, from_outside, from_outside)


@dataclass(frozen=True, slots=True)
class Repeated:
    """A call made twice, and what the second one is to answer, the first one's reply being lost.

    `prepare` brings a store to where the call can be made, and returns it; `loses` is the script of that reply, where
    steps are scripts.
    """

    loses: str
    prepare: Callable[[StoreUnderTest], Awaitable[Call]]
    answer: object

    async def by_reference(self, reference: StoreUnderTest) -> tuple[Any, ...]:
        """What the reference has on record after both calls; its second answer has to be the expected one, too."""
        call = await self.prepare(reference)
        await call()
        assert await call() == self.answer
        return await on_record(reference)

    async def over(self, wire: WireProxy, store: StoreUnderTest, lost: Once) -> tuple[Any, ...]:
        """What the store has on record after both calls."""
        call = await self.prepare(store)
        with wire.breaking(lost), pytest.raises(StoreUnavailableError):
            await call()
        assert lost.seen == lost.nth
        assert await call() == self.answer
        return await on_record(store)


def at_once(call: Callable[[StoreUnderTest], Awaitable[object]]) -> Callable[[StoreUnderTest], Awaitable[Call]]:
    """How to get ready for a call that needs nothing."""

    async def prepare(store: StoreUnderTest) -> Call:
        return lambda: call(store)

    return prepare


def lost_reply(admin: Redis, name: str) -> Once:
    """The loss of a script's next reply."""
    make_known(admin, name)
    return Once(Fault.REPLY_LOST, calls(name))


def make_known(admin: Redis, name: str) -> None:
    """Let the server know a script, so that its first call is one that carries it out."""
    for variant in (script(name), script(name, in_full_memory=True), script(name, only_reads=True)):
        admin.script_load(variant.text)


async def on_record(store: StoreUnderTest) -> tuple[Any, ...]:
    """All that two stores with the same past have in common."""
    tasks = list(await store.tasks.scan(after=None, limit=MANY))
    page = await store.history.executions(ExecutionFilter(), limit=MANY, cursor=None)
    known = [each.id if isinstance(each, ScheduledTask) else each.task_id for each in tasks]
    return (
        tasks,
        [await store.history.execution(each.execution.id) for each in page.executions],
        [list(await store.history.changes(each, limit=MANY)) for each in known],
        [list(await store.history.skips(each, limit=MANY)) for each in known],
        await store.tasks.tzdata(),
        await store.membership.members(),
        list(await store.access.users()),
        list(await store.access.sessions()),
        list(await store.access.tokens()),
        (await store.trail.page(AccessFilter(), limit=MANY)).records,
    )


def connections_in_use(server: Server) -> int:
    """How many connections are out of the pool at this moment and do not rest."""
    _, (count, _) = server.pool.get_connection_count()
    return count - len(server.resting)
