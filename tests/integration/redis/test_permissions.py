"""What a user of ours must be allowed to do, as docs/redis.md says it."""

from pathlib import Path

import pytest

from adapters.redis.opening import address_of, open_redis_store
from application.scheduling.ports.execution_store import Settlement
from application.scheduling.ports.history import Retention, TaskFilter, TaskOrder
from domain.scheduling.outcome import Succeeded
from tests.conformance.store_under_test import WORKER, StoreUnderTest
from tests.support.builders import a_definition
from tests.support.manual_clock import ManualClock
from tests.support.recorders import CountingEntropy
from tests.support.redis_servers import Kind, a_redis
from tests.support.repository import ROOT

pytestmark = pytest.mark.redis


def documented() -> str:
    """The permissions that docs/redis.md asks for."""
    (line,) = [
        line for line in (Path(ROOT) / "docs" / "redis.md").read_text().splitlines() if line.startswith("| access")
    ]
    return line.split("`")[1]


@pytest.mark.parametrize("kind", Kind)
async def test_the_permissions_of_the_documentation_suffice(kind: Kind) -> None:
    with a_redis(kind) as server, server.client() as admin:
        admin.execute_command("ACL", "SETUSER", "tasks", "on", ">secret", *documented().split())
        url = f"redis://tasks:secret@127.0.0.1:{server.port}/0"

        async with open_redis_store(address_of(url), CountingEntropy(), clock=(clock := ManualClock())) as stores:

            async def unused(*_: object) -> None:
                raise AssertionError

            store = StoreUnderTest(clock, stores, unused, unused, unused)
            task = await store.add(a_definition(payload_json='{"a":1}'))
            claim = await store.started(task)
            await store.beat(claim)
            await stores.executions.settle([Settlement(claim.execution.id, claim.token, Succeeded())])
            await stores.executions.release_due(10)
            page = await stores.history.tasks(
                TaskFilter(text="rep"), order=TaskOrder.NAME, descending=False, limit=10, cursor=None
            )
            await stores.history.prune(Retention(), limit=10)
            assert await stores.executions.claim(WORKER, [store.token()]) == []
            assert [each.id for each in page.tasks] == [task.id]
