"""A Redis beside the PostgreSQL carries wake-ups and nothing else: while it is gone, everything goes on."""

import time
from pathlib import Path

import pytest

from tests.support.chores import entries
from tests.support.redis_servers import a_redis
from tests.support.service import running

pytestmark = pytest.mark.postgres

TOKEN = "for-tests-" * 4
UNTOLD_WITHIN_SECONDS = 5.0


async def test_who_hears_no_hints_goes_on_within_seconds(url: str, tmp_path: Path) -> None:
    ledger, home = tmp_path / "ledger", tmp_path / "worker"
    home.mkdir()
    with a_redis() as redis:
        where = {"DATABASE_URL": url, "REDIS_URL": redis.url, "SCHEDULER_STORE": "postgres"}
        settings = {**where, "SCHEDULER_ADMIN_TOKEN": TOKEN}
        async with (
            running(tmp_path, **settings, SCHEDULER_ROLES="scheduler,admin") as scheduler,
            running(home, **settings, SCHEDULER_ROLES="worker") as worker,
        ):
            assert scheduler.session is not None
            scheduler.session.headers["Authorization"] = f"Bearer {TOKEN}"
            task_id = await scheduler.create("by hand", handler="wait", payload={"ledger": str(ledger)})
            redis.kill()
            asked_at = time.monotonic()
            ended = await scheduler.finished(await scheduler.run_now(task_id))
            took = time.monotonic() - asked_at
            redis.start()
            again = await scheduler.finished(await scheduler.run_now(task_id))
            codes = [await each.stop() for each in (worker, scheduler)]

    assert [each["state"] for each in (ended, again)] == ["succeeded", "succeeded"]
    assert took < UNTOLD_WITHIN_SECONDS
    assert len(entries(ledger, "end")) == 2
    assert codes == [0, 0]
