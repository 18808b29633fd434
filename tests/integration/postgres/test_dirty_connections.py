"""Calls that are cut, cancelled and late, one by one and fifty at a time: each gets its own answer or none."""

import asyncio
import os
from dataclasses import replace
from datetime import timedelta
from random import Random
from signal import SIGCONT, SIGKILL, SIGSTOP

import pytest
from sqlalchemy import QueuePool, text

from adapters.sql.engine import Database
from adapters.sql.store import PostgresStores
from application.scheduling.ports.errors import StoreUnavailableError
from application.scheduling.ports.task_store import Applied
from domain.scheduling.mutation import edit
from domain.scheduling.task import ScheduledTask
from tests.conformance.store_under_test import StoreUnderTest
from tests.support.builders import a_change, a_definition
from tests.support.crowd import Crowd
from tests.support.postgres_servers import PostgresServer
from tests.support.service import eventually
from tests.support.wire_proxy import Befalls, Fault, Late, Once, Reset, Weather, WireProxy, Words

pytestmark = pytest.mark.postgres

ANSWER_WITHIN = timedelta(milliseconds=200)
# A connection whose server is silent is given up after some more.
ENDED_WITHIN_SECONDS = 5.0
FAULTS: dict[str, Befalls] = {
    "cut before it is sent on": Fault.CUT_BEFORE,
    "reply lost": Fault.REPLY_LOST,
    "no reply on a connection that stays": Fault.SILENCE,
    "nothing read from a connection that stays": Fault.HALF_OPEN,
    "reset before the reply": Reset(after_bytes=0),
    "reset within the reply": Reset(after_bytes=9),
    "reply too late": Late(seconds=1),
}
CALLERS = 50
CALLS_EACH = 5
# Longer than one of these nobody waits; the shortest waits end before a connection is there.
PATIENCE_SECONDS = (0.02, 0.5, 5.0)
ENDINGS = 4
ALL_WITHIN_SECONDS = 40


def _database(store: StoreUnderTest) -> Database:
    assert isinstance(store.stores, PostgresStores)
    return store.stores.database


def _pools(database: Database) -> list[QueuePool]:
    pools = [each.sync_engine.pool for each in (database.writer, database.reader, database.browser)]
    assert all(isinstance(each, QueuePool) for each in pools)
    return pools  # type: ignore[return-value]  # as was seen


def connections_in_use(database: Database) -> int:
    """How many connections are out of their pools at this moment."""
    return sum(each.checkedout() for each in _pools(database))


def _asks(words: Words) -> bool:
    """True of a command that has a statement executed."""
    return any(each.startswith(b"E") for each in words)


async def _edited(store: StoreUnderTest, task: ScheduledTask, words: str) -> object:
    change = edit(task, replace(task.definition, description=words), a_change(key=f"{task.id}/{words}"))
    (answer,) = await store.tasks.mutate([change])
    return answer


@pytest.mark.parametrize("name", FAULTS)
async def test_a_call_ends_in_time_and_its_connection_is_not_used_again(
    name: str, wire: WireProxy, remote: StoreUnderTest
) -> None:
    tasks = [await remote.add(a_definition(name)) for name in ("one", "two")]
    database, patience = _database(remote), _database(remote).timeout
    database.timeout = ANSWER_WITHIN
    with wire.breaking(Once(FAULTS[name], _asks)), pytest.raises(StoreUnavailableError):
        async with asyncio.timeout(ENDED_WITHIN_SECONDS):
            await remote.read(tasks[0])
    database.timeout = patience

    assert await remote.read(tasks[1]) == tasks[1]
    assert connections_in_use(database) == 0


async def test_a_call_whose_backend_hangs_ends_in_time_and_the_next_one_has_another(
    server: PostgresServer, remote: StoreUnderTest
) -> None:
    task = await remote.add()
    database, patience = _database(remote), _database(remote).timeout
    hanging = server.backends()
    for pid in hanging:
        os.kill(pid, SIGSTOP)
    try:
        database.timeout = ANSWER_WITHIN
        with pytest.raises(StoreUnavailableError, match="in time"):
            async with asyncio.timeout(ENDED_WITHIN_SECONDS):
                await _edited(remote, task, "unheard")
        database.timeout = patience
        answer = await _edited(remote, task, "heard")
    finally:
        for pid in hanging:
            os.kill(pid, SIGCONT)

    assert isinstance(answer, Applied)
    assert connections_in_use(database) == 0
    await eventually(lambda: not set(hanging) & set(server.backends()))
    assert (await remote.read(task)).definition.description == "heard"


async def _end_backends(server: PostgresServer, database: str, dice: Random) -> None:
    """Now and then all of them are ended in mid-transaction, at last by the death of one, which recovery follows."""
    for _ in range(ENDINGS):
        await asyncio.sleep(dice.uniform(0.1, 0.3))
        ending = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'"
        await asyncio.to_thread(server.run, ending, "postgres")
    for pid in (await asyncio.to_thread(server.backends, database))[:1]:
        os.kill(pid, SIGKILL)


async def _is_served(store: StoreUnderTest) -> bool:
    try:
        await store.tasks.tzdata()
    except StoreUnavailableError:
        return False
    return True


async def test_fifty_callers_that_are_cut_and_cancelled_leave_nothing_behind(
    server: PostgresServer, wire: WireProxy, remote: StoreUnderTest
) -> None:
    tasks = [await remote.add(a_definition(f"task {number}")) for number in range(CALLERS)]

    async def ask_once(number: int, turn: int) -> None:
        # Of or to a task of one's own.
        task = await remote.read(tasks[number])
        if number % 2:
            assert task.id == tasks[number].id
            await _edited(remote, task, f"turn {turn}")
        else:
            assert task == tasks[number]

    crowd = Crowd(ask_once, CALLS_EACH, PATIENCE_SECONDS)
    async with _database(remote).reading("look where it leads") as connection:
        name = await connection.scalar(text("SELECT current_database()"))
    with wire.breaking(Weather(Random("weather"), 0.02)):
        async with asyncio.timeout(ALL_WITHIN_SECONDS), asyncio.TaskGroup() as group:
            group.create_task(_end_backends(server, name, Random("endings")))
            for number in range(CALLERS):
                group.create_task(crowd.ask(number))

    assert min(crowd.answered, crowd.failed, crowd.cancelled) > CALLERS // 5
    assert connections_in_use(_database(remote)) == 0
    await eventually(lambda: _is_served(remote))
    for task in tasks:
        now, changes = await remote.read(task), await remote.history.changes(task.id, limit=CALLS_EACH + 1)
        assert sorted(each.version for each in changes) == list(range(1, now.version + 1))
        assert len(await remote.history.versions(task.id, limit=CALLS_EACH + 1)) == now.version
    # Every connection there may be is free for a call.
    async with asyncio.TaskGroup() as group:
        readings = [group.create_task(remote.read(task)) for task in tasks]
    assert [each.result().id for each in readings] == [task.id for task in tasks]
