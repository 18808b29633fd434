"""What a store promises while its server is killed, emptied, forgetful, slow, paused or full."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from redis import Redis

from adapters.redis.keys import key
from adapters.redis.opening import RedisStores
from adapters.redis.script import script
from application.scheduling.ports.errors import StoreUnavailableError
from application.scheduling.ports.execution_store import Settled
from application.scheduling.ports.task_store import Applied, Committed, Decision, Moved, Replayed
from domain.scheduling.change import ChangeAction
from domain.scheduling.firing import fire
from domain.scheduling.mutation import edit, pause
from domain.scheduling.schedule import OneTimeSchedule, Schedule
from domain.scheduling.sharing import EVERYTHING
from domain.scheduling.task import ScheduledTask
from tests.conformance.store_under_test import StoreUnderTest
from tests.conformance.test_faults import CALLS
from tests.support.builders import EVERY_MINUTE, MINUTE, a_change, a_creation, a_definition, a_failure, a_pause
from tests.support.lost_replies import make_known, on_record
from tests.support.manual_clock import NOON
from tests.support.redis_servers import WRITTEN_BEFORE_ANSWERED, RedisServer
from tests.support.service import eventually
from tests.support.wire_proxy import WireProxy, Words, calls

pytestmark = pytest.mark.redis

SOON = timedelta(milliseconds=100)
FENCES_OF_A_GENERATION = 2**32


async def killed_and_back(server: RedisServer, store: StoreUnderTest) -> None:
    """End the server as a crash does, and come back when the same process is answered again."""
    server.kill()
    with pytest.raises(StoreUnavailableError):
        await store.executions.held()
    server.spawn()
    await asyncio.to_thread(server.wait_until_ready)

    async def answers() -> bool:
        try:
            await store.executions.held()
        except StoreUnavailableError:
            return False
        return True

    await eventually(answers)


@contextmanager
def given_up_soon(stores: RedisStores) -> Iterator[None]:
    """Do not wait for long for an answer that will not come."""
    usual, stores.server.answer_within = stores.server.answer_within, SOON
    try:
        yield
    finally:
        stores.server.answer_within = usual


@contextmanager
def full(admin: Redis) -> Iterator[None]:
    """Let the server have no memory left."""
    admin.config_set("maxmemory", 1)
    try:
        yield
    finally:
        admin.config_set("maxmemory", 0)


@pytest.mark.parametrize("written", [WRITTEN_BEFORE_ANSWERED, "always"])
async def test_what_was_acknowledged_outlives_a_killed_server(
    server: RedisServer, stores: RedisStores, store: StoreUnderTest, admin: Redis, written: str
) -> None:
    admin.config_set("appendfsync", written)
    task = await store.add()
    await store.settle(await store.started(task), a_failure(retry_at=store.clock.now() + MINUTE))
    held = await store.claim() if await store.run_now(task, key="run") else None
    assert held is not None
    before = await on_record(store)

    await killed_and_back(server, store)

    assert await on_record(store) == before
    assert stores.server.generation == 2
    # Whoever holds a claim goes on with it; what is claimed from now on has a higher fence, whatever was lost.
    assert await store.beat(held) == (False, False)
    assert isinstance(await store.settle(held), Settled)
    store.clock.advance(MINUTE)
    await store.executions.release_due(1)
    assert (await store.claim()).execution.fence > 2 * FENCES_OF_A_GENERATION > held.execution.fence


@pytest.mark.parametrize("schedule", [EVERY_MINUTE, OneTimeSchedule(NOON + MINUTE)])
async def test_what_was_read_before_the_server_was_killed_is_decided_anew(
    server: RedisServer, store: StoreUnderTest, schedule: Schedule
) -> None:
    task = await store.add(a_definition(schedule=schedule))
    store.clock.advance(MINUTE)
    (read,) = await store.tasks.due(EVERYTHING, until=store.clock.now(), limit=1)
    assert isinstance(read, ScheduledTask)

    await killed_and_back(server, store)
    # Somebody else in this process has read the store since, for another purpose.
    assert await store.tasks.scan(after=None, limit=1) == [task]

    assert await store.commit(read) == Moved()
    assert await store.due() == ["report"]
    assert isinstance(await store.commit(read), Committed)


async def test_what_was_decided_before_a_fail_over_has_moved_whatever_was_read_as_due_since(
    store: StoreUnderTest, admin: Redis
) -> None:
    await store.add(a_definition("early", schedule=OneTimeSchedule(NOON + MINUTE)))
    await store.add(a_definition("late", schedule=OneTimeSchedule(NOON + 2 * MINUTE)))
    store.clock.advance(2 * MINUTE)
    early, late = await store.tasks.due(EVERYTHING, until=store.clock.now(), limit=2)
    assert isinstance(early, ScheduledTask)
    assert isinstance(late, ScheduledTask)

    admin.hincrby(key("meta"), "generation", 1)
    assert await store.due(limit=1) == ["early"]

    assert await store.commit(late) == Moved()
    assert isinstance(await store.commit(early), Committed)


async def test_a_change_that_meets_another_generation_is_decided_on_what_is_there_then(
    wire: WireProxy, remote: StoreUnderTest, admin: Redis
) -> None:
    task = await remote.add()
    is_write, writes = calls("write"), 0

    def another_takes_over(words: Words) -> None:
        nonlocal writes
        writes += is_write(words)
        if writes == 1:
            admin.hincrby(key("meta"), "generation", 1)

    with wire.breaking(another_takes_over):
        answer = await remote.mutate(pause(task, a_pause(), a_change(ChangeAction.PAUSE)))

    assert isinstance(answer, Applied)
    assert writes == 2


async def test_a_change_of_a_version_that_a_fail_over_has_lost_is_not_made_to_the_one_in_its_place(
    store: StoreUnderTest, admin: Redis
) -> None:
    task = await store.add()
    backup = {name: admin.dump(name) or b"" for name in admin.scan_iter()}
    lost = await store.described(task, "one")
    for name, dumped in backup.items():
        admin.restore(name, 0, dumped, replace=True)
    there = await store.described(task, "another")
    assert lost.version == there.version

    change = a_change(ChangeAction.PAUSE)
    assert await store.mutate(pause(lost, a_pause(), change)) == Moved()
    assert isinstance(await store.mutate(pause(there, a_pause(), change)), Applied)


async def test_an_emptied_server_is_refused_by_every_call_until_it_is_restored(
    store: StoreUnderTest, admin: Redis
) -> None:
    task = await store.add()
    backup = {name: admin.dump(name) or b"" for name in admin.scan_iter()}

    admin.flushall()
    for call in CALLS.values():
        with pytest.raises(StoreUnavailableError):
            await call(store)
    assert admin.dbsize() == 0

    for name, dumped in backup.items():
        admin.restore(name, 0, dumped)
    assert await store.read(task) == task
    assert isinstance(await store.mutate(a_creation(a_definition("another"))), Applied)


async def test_scripts_that_the_server_forgot_are_told_again(store: StoreUnderTest, admin: Redis) -> None:
    task = await store.add()
    admin.script_flush()

    assert await store.read(task) == task
    assert admin.script_exists(script("find", only_reads=True).sha) == [True]


async def test_what_a_frozen_server_was_told_it_may_do_when_it_goes_on(
    stores: RedisStores, store: StoreUnderTest, server: RedisServer, admin: Redis
) -> None:
    task = await store.add()
    store.clock.advance(MINUTE)
    decision = Decision(task, fire(task, store.clock.now()))
    make_known(admin, "fire")
    os.kill(server.pid, signal.SIGSTOP)
    try:
        with given_up_soon(stores), pytest.raises(StoreUnavailableError, match="in time"):
            await store.tasks.commit_firings([decision])
    finally:
        os.kill(server.pid, signal.SIGCONT)
    # It answers this only after what it had been told before.
    await asyncio.to_thread(admin.ping)

    assert await store.tasks.commit_firings([decision]) == [Moved()]
    assert (await store.read(task)).run_count == 1


async def test_a_server_on_which_writing_is_paused_is_read_all_the_same(
    stores: RedisStores, store: StoreUnderTest, admin: Redis
) -> None:
    task, creation = await store.add(), a_creation(a_definition("another"), key="key")
    # A script that the server does not know yet counts as one that writes.
    assert (await store.read(task), await store.membership.members()) == (task, [])
    admin.client_pause(60_000, all=False)
    try:
        assert (await store.read(task), await store.membership.members()) == (task, [])
        with given_up_soon(stores), pytest.raises(StoreUnavailableError, match="in time"):
            await store.mutate(creation)
    finally:
        admin.client_unpause()

    assert isinstance(await store.mutate(creation), Applied | Replayed)
    assert len(await store.tasks.scan(after=None, limit=10)) == 2


async def test_a_full_server_creates_no_work_and_goes_on_with_what_there_is(
    store: StoreUnderTest, admin: Redis
) -> None:
    task = await store.add()
    retried = await store.started(task)
    await store.settle(retried, a_failure(retry_at=store.clock.now()))
    runs = [await store.run_now(task, key=name) for name in ("ends", "falls silent", "is cancelled")]
    ends, silent = await store.claim(), await store.claim()
    task = await store.read(task)

    with full(admin):
        assert (await store.executions.release_due(1)).moved == 1
        assert (await store.claim()).execution.id in {retried.execution.id, runs[2]}
        assert await store.beat(ends) == (False, False)
        assert isinstance(await store.settle(ends), Settled)
        held = [each for each in await store.executions.held() if each.token == silent.token]
        assert len(await store.executions.rescue(held)) == 1
        assert await store.executions.cancel(runs[2], a_change(ChangeAction.CANCEL)) is not None
        await store.paused(await store.read(task))
        await store.deleted(await store.read(task))


async def test_a_full_server_says_that_it_is(store: StoreUnderTest, admin: Redis) -> None:
    task = await store.add()
    store.clock.advance(MINUTE)
    now = store.clock.now()
    better = replace(task.definition, description="better")
    refused: dict[str, Callable[[], Awaitable[object]]] = {
        "a firing": lambda: store.commit(task),
        "a creation": lambda: store.add(a_definition("another")),
        "an edit": lambda: store.applied(edit(task, better, a_change(at=now))),
        "a run": lambda: store.run_now(task, key="run"),
    }

    with full(admin):
        for call in refused.values():
            with pytest.raises(StoreUnavailableError, match="memory"):
                await call()
        assert await store.read(task) == task

    assert isinstance(await store.commit(task), Committed)
