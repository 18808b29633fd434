import asyncio
import re
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from adapters.sql.content.host import Host
from adapters.sql.content.purge_rules import post_verdict, reply_verdict
from adapters.sql.content.sqlite import open_sqlite_content
from adapters.sql.content.tables import UtcDateTime, post, post_reply, tombstone, user
from adapters.sql.engine import Database
from application.fediverse.ports.checkpoints import Checkpoint
from application.fediverse.ports.content import ContentPorts
from application.fediverse.ports.deleted_content import Purge
from application.fediverse.tasks.registration import TASK_TYPE, register
from application.scheduling.ports.errors import StoreUnavailableError
from application.scheduling.processors import Processors
from tests.support.content import DAY, PassingClock, perform
from tests.support.content_bases import ContentFile
from tests.support.manual_clock import NOON

# One loop for all, because the database that they share is open in it.
pytestmark = pytest.mark.asyncio(loop_scope="session")

NAMES = ["cleanup_old_activities", "cleanup_orphaned_data", "purge_deleted_content", "update_instance_stats"]
PURGE = Purge(before=NOON)


@pytest.fixture
def engine() -> str:
    """Only this one."""
    return "sqlite"


def database_of(content: ContentPorts) -> Database:
    database = content.activity_log.database  # type: ignore[attr-defined]
    assert isinstance(database, Database)
    return database


@pytest.mark.parametrize(
    "query",
    [
        sa.select(post.c.id).where(post.c.id > 5, post.c.deleted == sa.true()).order_by(post.c.id),
        sa.select(post.c.id, post_verdict(Host(), PURGE, rehearsal=True)).where(post.c.deleted == sa.true()),
        sa.select(post_reply.c.id, reply_verdict(Host(), PURGE)).where(post_reply.c.deleted == sa.true()),
        sa.select(user.c.id).where(user.c.id > 5, user.c.deleted == sa.true()).order_by(user.c.id),
        sa.select(post.c.instance_id, sa.func.count()).where(post.c.deleted == sa.false()).group_by(post.c.instance_id),
    ],
    ids=["deleted posts", "post verdict", "reply verdict", "deleted users", "live posts"],
)
async def test_no_query_searches_a_whole_table(query: sa.SelectBase, content: ContentPorts) -> None:
    async with database_of(content).reading("explain") as connection:
        text = query.compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True})
        plan = (await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}")).mappings().all()

    # A scan is fine along a partial index, and over the rows of the walk below a reply; nowhere else.
    scans = [row["detail"] for row in plan if row["detail"].startswith("SCAN")]
    assert [scan for scan in scans if not re.search(r"USING (COVERING )?INDEX|SCAN below|CONSTANT", scan)] == []


async def test_a_cancelled_step_leaves_no_connection_checked_out(
    content: ContentPorts, database: ContentFile, clock: PassingClock
) -> None:
    database.add_all("activity_pub_log", [{"created_at": NOON.replace(year=2020)}] * 2000)
    engines = database_of(content).writer, database_of(content).reader

    for turns in range(12):
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(perform("cleanup_old_activities", {"batch_size": 100}, content, clock))
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
    done = await perform("cleanup_old_activities", {}, content, clock)

    assert done.facts["status"] == "completed"
    assert database.ids("activity_pub_log") == []
    assert [engine.sync_engine.pool.checkedout() for engine in engines] == [0, 0]  # type: ignore[attr-defined]


async def test_instants_are_kept_as_naive_utc_and_come_back_aware(content: ContentPorts, database: ContentFile) -> None:
    wall = datetime.fromisoformat("2024-07-01T12:00:00+02:00")
    async with database_of(content).writing("try") as connection:
        row = {"entity": "post", "entity_id": 1, "seen_deleted_at": wall}
        await connection.execute(sa.insert(tombstone).values(row))
        back = await connection.scalar(sa.select(tombstone.c.seen_deleted_at))

    assert database.value("SELECT seen_deleted_at FROM scheduler_tombstone") == "2024-07-01 10:00:00.000000"
    assert back == wall
    assert back.tzinfo is UTC


async def test_an_instant_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        UtcDateTime().process_bind_param(datetime(2024, 1, 1), sa.create_mock_engine("sqlite://", print).dialect)  # noqa: DTZ001 - the fault itself


async def test_every_maintenance_task_is_registered_with_its_form_and_half_an_hour(content: ContentPorts) -> None:
    processors = Processors()

    register(processors, content, PassingClock())

    specs = {spec.name: spec for spec in processors.specs}
    assert sorted(name for name in specs if name) == NAMES
    for spec in specs.values():
        assert (spec.task_type, spec.defaults) == (TASK_TYPE, {"timeout_seconds": 1800})
        assert spec.description
        assert spec.payload_schema is not None
        assert spec.payload_schema["additionalProperties"] is False


async def test_two_processes_may_open_one_file_at_once(path: Path) -> None:
    async def opened() -> None:
        async with open_sqlite_content(path) as content:
            fresh = Checkpoint("task", "scope", "run", 1, NOON, NOON)
            assert (await content.checkpoints.take(fresh, resume=True)).started_at == NOON

    async with asyncio.TaskGroup() as processes:
        for _ in range(3):
            processes.create_task(opened())


async def test_a_locked_database_is_a_passing_trouble_and_changes_nothing(
    content: ContentPorts, database: ContentFile, clock: PassingClock
) -> None:
    database.add_all("activity_pub_log", [{"created_at": NOON - 40 * DAY}] * 10)
    async with content.activity_log.database.writing("set a short patience") as connection:  # type: ignore[attr-defined]
        await connection.exec_driver_sql("PRAGMA busy_timeout = 10")
    other = sqlite3.connect(database.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(StoreUnavailableError):
        await perform(NAMES[0], {}, content, clock)
    other.execute("ROLLBACK")
    other.close()

    assert len(database.ids("activity_pub_log")) == 10
