"""What a user of ours must be allowed to do, and what whoever looks after the server asks it: docs/postgres.md."""

import re
from pathlib import Path

import asyncpg
import pytest

from adapters.sql.content.postgres import open_postgres_content
from adapters.sql.postgres_address import address_of
from adapters.sql.store import open_postgres_store
from application.scheduling.ports.errors import StoreRefusedError
from application.scheduling.ports.history import Retention, TaskFilter, TaskOrder
from application.scheduling.ports.membership import Member
from domain.scheduling.identifiers import NodeId
from tests.conformance.store_under_test import WORKER, StoreUnderTest
from tests.integration.postgres.test_interleaved_steps import unbroken
from tests.support.accounts import TESTER, add_ana_and_bob
from tests.support.builders import DAY, a_definition
from tests.support.manual_clock import NOON, ManualClock
from tests.support.postgres_servers import PostgresServer
from tests.support.recorders import CountingEntropy
from tests.support.repository import ROOT

pytestmark = pytest.mark.postgres


def documented() -> tuple[str, str]:
    """What the document tells to run once, and now and then."""
    found = re.findall(r"```sql\n(.*?)```", (Path(ROOT) / "docs" / "postgres.md").read_text(), re.DOTALL)
    rights, watching = found
    return rights, watching


async def test_a_user_who_may_alter_nothing_serves_what_another_has_made(server: PostgresServer, url: str) -> None:
    name, (rights, watching) = url.rpartition("/")[2], documented()
    server.run(rights, name)
    place = f"127.0.0.1:{server.port}/{name}"
    owner, service = (f"postgresql://{who}@{place}" for who in ("scheduler_owner:one", "scheduler_service:another"))
    with pytest.raises(StoreRefusedError, match="permission denied"):
        async with open_postgres_store(address_of(service), CountingEntropy()):
            pass
    async with open_postgres_store(address_of(owner), CountingEntropy()):
        pass

    clock = ManualClock()
    async with open_postgres_store(address_of(service), CountingEntropy(), clock=clock) as stores:
        store = StoreUnderTest(clock, stores, *unbroken())
        task = await store.add(a_definition(payload_json='{"a":1}'))
        claim = await store.started(task)
        await store.beat(claim)
        await store.settle(claim)
        await stores.executions.release_due(10)
        await add_ana_and_bob(store.access)
        await stores.holds.hold("a reason", by=TESTER)
        await stores.holds.release("another", by=TESTER)
        await stores.membership.announce(Member(NodeId("node"), frozenset({"worker"}), "host", 1, NOON))
        await stores.tasks.keep_tzdata("2026a")
        await stores.terms.replace(await stores.terms.seen(), await stores.terms.seen())
        await stores.history.tasks(TaskFilter(), order=TaskOrder.NAME, descending=False, limit=10, cursor=None)
        server.run("UPDATE scheduler.server SET identity = '1/00000000'", name)
        await stores.look_again()
        await store.deleted(await store.read(task))
        clock.advance(400 * DAY)
        assert await stores.history.prune(Retention(), limit=10) > 0
        assert await stores.executions.claim(WORKER, [store.token()]) == []
    async with open_postgres_content(address_of(service)):
        pass
    server.run(watching, name)
    connection = await asyncpg.connect(service)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute("ALTER TABLE scheduler.tasks ADD COLUMN colour text")
    await connection.close()
