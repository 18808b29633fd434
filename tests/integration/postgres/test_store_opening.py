"""Opening a store in a database, by several at once, on a server that took over, and where it must be refused."""

import asyncio

import pytest

from adapters.sql.postgres_address import address_of
from adapters.sql.store import open_postgres_store
from adapters.sql.store.arrival import fault_of, weakness_of
from adapters.system.store_clock import StoreClock
from application.scheduling.ports.errors import StoreRefusedError, StoreUnavailableError
from application.scheduling.ports.term import Term
from domain.scheduling.identifiers import NodeId
from domain.scheduling.task import ScheduledTask
from tests.conformance.store_under_test import StoreUnderTest
from tests.integration.postgres.test_interleaved_steps import unbroken
from tests.support.builders import a_creation, a_definition
from tests.support.manual_clock import ManualClock
from tests.support.postgres_servers import ADMIN, PostgresServer
from tests.support.recorders import CountingEntropy

NEWER = """
CREATE SCHEMA scheduler;
CREATE TABLE scheduler.alembic_version (version_num text);
INSERT INTO scheduler.alembic_version VALUES ('9999');
GRANT ALL ON SCHEMA scheduler TO public;
GRANT ALL ON ALL TABLES IN SCHEMA scheduler TO public;
"""
OURS, THEIRS = Term(NodeId("a/b c-1"), 1), Term(NodeId("d"), 1)


async def test_processes_that_open_an_empty_database_at_once_make_one_store(url: str) -> None:
    at_once = asyncio.Barrier(3)

    async def opened() -> str | None:
        await at_once.wait()
        async with open_postgres_store(address_of(url), CountingEntropy(), clock=ManualClock()) as stores:
            return stores.arrival.store_id

    async with asyncio.TaskGroup() as group:
        names = [group.create_task(opened()) for _ in range(3)]

    assert len({each.result() for each in names}) == 1


async def test_a_database_without_a_store_is_refused_by_who_may_not_begin_one(server: PostgresServer, url: str) -> None:
    with pytest.raises(StoreRefusedError, match="holds no store: start the service first"):
        async with open_postgres_store(address_of(url), None):
            pass

    database = url.rpartition("/")[2]
    assert server.run("SELECT nspname FROM pg_namespace WHERE nspname = 'scheduler'", database) == []


@pytest.mark.parametrize(
    ("prepared", "told"),
    [
        ("CREATE SCHEMA scheduler; CREATE TABLE scheduler.jobs (id int)", r"somebody else's tables .*\(jobs\)"),
        (NEWER, "has schema 9999, newer than this program's"),
        ("CREATE SCHEMA scheduler", "permission denied"),
    ],
    ids=["foreign", "newer", "not ours"],
)
async def test_a_schema_that_is_not_ours_is_refused(server: PostgresServer, url: str, prepared: str, told: str) -> None:
    server.run(prepared, url.rpartition("/")[2])

    with pytest.raises(StoreRefusedError, match=told):
        async with open_postgres_store(address_of(url), CountingEntropy()):
            pass


async def test_who_may_not_make_the_schema_is_told_what_its_owner_can_run(server: PostgresServer, url: str) -> None:
    database = url.rpartition("/")[2]
    server.run(f'ALTER DATABASE "{database}" OWNER TO {ADMIN}')

    with pytest.raises(StoreRefusedError, match=f"may not create the schema .* in the database {database}") as refused:
        async with open_postgres_store(address_of(url), CountingEntropy()):
            pass
    server.run(str(refused.value).partition("let its owner run: ")[2], database)
    async with open_postgres_store(address_of(url), CountingEntropy()) as stores:
        assert stores.arrival.store_id is not None


async def test_a_server_that_is_not_there_may_come(server: PostgresServer) -> None:
    address = address_of(server.url_of("nowhere"))
    with pytest.raises(StoreRefusedError, match="does not exist"):
        async with open_postgres_store(address, CountingEntropy()):
            pass
    with pytest.raises(StoreUnavailableError):
        async with open_postgres_store(address_of("postgresql://a:b@127.0.0.1:9/c"), CountingEntropy()):
            pass


@pytest.mark.parametrize("looks", [False, True], ids=["at the next claim", "at the next look"])
@pytest.mark.parametrize("kept_to_itself", ["", "pg_control_system()", "pg_current_wal_lsn()"])
async def test_on_a_server_that_took_over_fences_go_on_above_all_others_and_the_journal_begins_anew(
    server: PostgresServer, url: str, looks: bool, kept_to_itself: str
) -> None:
    if kept_to_itself:
        server.run(f"REVOKE EXECUTE ON FUNCTION {kept_to_itself} FROM public", url.rpartition("/")[2])
    lost = "UPDATE scheduler.server SET identity = '1/00000000'; ALTER SEQUENCE scheduler.fence RESTART"
    async with open_postgres_store(address_of(url), CountingEntropy(), clock=(clock := ManualClock())) as stores:
        store = StoreUnderTest(clock, stores, *unbroken())
        first = await store.started(await store.add())
        mark = (await stores.news.since(None, limit=9)).mark

        server.run(lost, url.rpartition("/")[2])
        if looks:
            await stores.look_again()
        second = await store.started(await store.add(a_definition("second")))
        third = await store.started(await store.add(a_definition("third")))

        assert second.execution.fence >> 32 == (first.execution.fence >> 32) + 1
        assert third.execution.fence == second.execution.fence + 1
        assert not (await stores.news.since(mark, limit=9)).is_complete


async def test_the_office_is_replaced_only_by_who_knows_what_stands_there(url: str) -> None:
    async with open_postgres_store(address_of(url), CountingEntropy()) as stores:
        vacant = await stores.terms.seen()
        taken = [await stores.terms.replace(vacant, each) for each in (OURS, THEIRS)]
        assert (vacant, taken, await stores.terms.seen()) == (Term(), [True, False], OURS)

        assert await stores.terms.replace(OURS, Term(None, 1))
        assert await stores.terms.seen() == Term(None, 1)


async def test_whoever_listens_learns_the_time_of_the_server(url: str) -> None:
    clock = StoreClock()
    async with open_postgres_store(address_of(url), CountingEntropy(), listener=clock) as stores:
        before = clock.now()
        await stores.tasks.mutate([a_creation(at=before)])
        found = await stores.tasks.get(a_creation().after.id)

    assert isinstance(found, ScheduledTask)
    assert clock.now() >= before


@pytest.mark.parametrize(
    ("synchronous_commit", "fsync", "full_page_writes", "told"),
    [
        ("on", "on", "on", ""),
        ("local", "on", "on", ""),
        ("off", "on", "on", "synchronous_commit is off"),
        ("on", "off", "on", "fsync or full_page_writes is off"),
        ("on", "on", "off", "fsync or full_page_writes is off"),
    ],
)
def test_a_server_that_may_lose_or_spoil_what_it_was_told_is_called_weak(
    synchronous_commit: str, fsync: str, full_page_writes: str, told: str
) -> None:
    weakness = weakness_of(synchronous_commit, fsync, full_page_writes)

    assert told in (weakness or "")
    assert (weakness is None) == (told == "")


@pytest.mark.parametrize(
    ("version", "is_standby", "encoding", "told"),
    [
        (140_000, False, "UTF8", None),
        (139_999, False, "UTF8", "is PostgreSQL 13: at least 14 is needed"),
        (180_001, True, "UTF8", "is a standby: the tasks can be changed on its primary only"),
        (180_001, False, "LATIN1", "keeps its texts as LATIN1: a database with the encoding UTF8 is needed"),
    ],
)
def test_a_server_that_cannot_hold_a_store_is_told_why(
    version: int, is_standby: bool, encoding: str, told: str | None
) -> None:
    assert fault_of(version, is_standby, encoding) == told
