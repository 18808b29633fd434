from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from adapters.sql.content.sqlite import open_sqlite_content
from application.fediverse.ports.content import ContentPorts
from application.fediverse.ports.instance_stats import Counting, Source
from application.scheduling.ports.errors import StoreUnavailableError
from application.scheduling.processors import PermanentError
from tests.support.content import DAY, PassingClock, RecordedRun, perform
from tests.support.content_bases import ContentBase, ContentFile
from tests.support.manual_clock import NOON

# One loop for all, because the database that they share is open in it.
pytestmark = pytest.mark.asyncio(loop_scope="session")

TASK = "update_instance_stats"
FIGURES = (
    "user_count, active_users_month, active_users_half_year, post_count, comment_count, community_count, last_post_at"
)


def figures(database: ContentBase, instance_id: int = 1) -> Any:
    query = f"SELECT {FIGURES} FROM scheduler_instance_stats WHERE instance_id = ?"
    return next(iter(database.rows(query, instance_id)), None)


def an_instance(database: ContentBase) -> None:
    database.add("instance", domain="one.example")
    people: tuple[Mapping[str, Any], ...] = (
        {"last_seen": NOON - 30 * DAY},
        {"last_seen": NOON - 31 * DAY, "bot": True},
        {"last_seen": NOON - 182 * DAY, "banned": True},
        {"last_seen": NOON - 183 * DAY},
        {"last_seen": None},
        {"last_seen": NOON, "deleted": True},
    )
    database.add_all("user", [{"instance_id": 1, **person} for person in people])
    database.add_all("community", [{"instance_id": 1}] * 2)
    posts: tuple[Mapping[str, Any], ...] = (
        {"posted_at": NOON - 2 * DAY},
        {"posted_at": NOON - 1 * DAY},
        {"posted_at": NOON, "deleted": True},
        {"posted_at": NOON, "status": -1},
        {"posted_at": NOON, "status": 0},
    )
    database.add_all("post", [{"instance_id": 1, **post} for post in posts])
    database.add_all("post_reply", [{"instance_id": 1}] * 3 + [{"instance_id": 1, "deleted": True}])


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ({}, (5, 1, 3, 2, 3, 2)),
        ({"exclude_bots": True}, (4, 1, 2, 2, 3, 2)),
        ({"exclude_banned": "true"}, (4, 1, 2, 2, 3, 2)),
        ({"include_comments": False}, (5, 1, 3, 2, 0, 2)),
        ({"include_activity": False}, (5, 0, 0, 2, 3, 2)),
    ],
    ids=str,
)
async def test_what_is_counted(
    payload: Mapping[str, Any],
    expected: tuple[int, ...],
    content: ContentPorts,
    database: ContentBase,
    clock: PassingClock,
) -> None:
    an_instance(database)

    rehearsed = await perform(TASK, {**payload, "dry_run": True}, content, clock)
    untouched = figures(database)
    done = await perform(TASK, payload, content, clock)

    assert untouched is None
    assert figures(database) == (*expected, "2024-01-14 12:00:00.000000")
    assert rehearsed.facts["rows"] == done.facts["rows"]
    assert done.facts["rows"] == {"instances.total": 1, "instances.changed": 1, "instances.zeroed": 0}


async def test_what_has_not_moved_is_not_written(
    content: ContentPorts, database: ContentBase, clock: PassingClock
) -> None:
    an_instance(database)
    database.add("instance", domain="two.example")
    await perform(TASK, {}, content, clock)
    clock.advance(DAY)

    again = await perform(TASK, {"include_activity": False}, content, clock, RecordedRun(fence=2))

    assert again.facts["rows"]["instances.changed"] == 0
    assert database.value("SELECT max(generation) FROM scheduler_instance_stats") == 1


async def test_an_instance_that_has_emptied_is_zeroed(
    content: ContentPorts, database: ContentBase, clock: PassingClock
) -> None:
    an_instance(database)
    await perform(TASK, {}, content, clock)
    for table in ("user", "community", "post", "post_reply"):
        database.execute(f'DELETE FROM "{table}"')

    done = await perform(TASK, {}, content, clock)

    assert done.facts["rows"] == {"instances.total": 1, "instances.changed": 1, "instances.zeroed": 1}
    assert figures(database) == (0, 0, 0, 0, 0, 0, None)


async def test_only_the_instances_asked_for_are_written(
    content: ContentPorts, database: ContentBase, clock: PassingClock
) -> None:
    database.add_all("instance", [{"domain": f"{n}.example"} for n in range(5)])

    done = await perform(TASK, {"instance_ids": [2, "4", 77]}, content, clock)

    assert done.facts["rows"]["instances.total"] == 2
    assert database.rows("SELECT instance_id FROM scheduler_instance_stats ORDER BY 1") == [(2,), (4,)]


async def test_a_later_generation_is_not_written_over(
    content: ContentPorts, database: ContentBase, clock: PassingClock
) -> None:
    an_instance(database)
    await perform(TASK, {}, content, clock, RecordedRun(fence=7))
    database.execute("UPDATE scheduler_instance_stats SET user_count = 77")

    await perform(TASK, {}, content, clock, RecordedRun(fence=6))

    assert figures(database)[0] == 77


async def test_the_number_of_statements_does_not_grow_with_the_instances(
    content: ContentPorts, database: ContentBase, clock: PassingClock
) -> None:
    statements: list[str] = []
    pool = content.instance_stats.database  # type: ignore[attr-defined]
    for engine in (pool.reader, pool.writer):
        sa.event.listen(engine.sync_engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    database.add_all("instance", [{"domain": f"{n}.example"} for n in range(400)])
    database.add_all("user", [{"instance_id": n % 400 + 1} for n in range(1000)])

    await perform(TASK, {}, content, clock)

    assert database.value("SELECT sum(user_count) FROM scheduler_instance_stats") == 1000
    assert len(statements) < 25


async def test_a_source_that_cannot_be_counted_leaves_its_figures_and_the_others_are_written(
    content: ContentPorts, database: ContentBase, clock: PassingClock
) -> None:
    an_instance(database)
    await perform(TASK, {}, content, clock)
    database.execute("DELETE FROM post")
    database.execute("DELETE FROM community")
    stats = content.instance_stats

    class Failing:
        record = staticmethod(stats.record)

        async def count(self, source: Source, counting: Counting) -> Any:
            if source == "posts":
                raise StoreUnavailableError("disk I/O error")
            return await stats.count(source, counting)

    done = await perform(TASK, {}, replace(content, instance_stats=Failing()), clock)

    assert done.facts["status"] == "partial"
    assert done.facts["errors"] == ["db_unavailable: disk I/O error"]
    assert figures(database) == (5, 1, 3, 2, 3, 0, "2024-01-14 12:00:00.000000")


async def test_columns_of_the_host_are_filled_where_they_exist(path: Path, clock: PassingClock) -> None:
    async with open_sqlite_content(path):
        pass
    database = ContentFile(path)
    for column in ("user_count", "post_count"):
        database.execute(f"ALTER TABLE instance ADD COLUMN {column} INTEGER")
    an_instance(database)

    async with open_sqlite_content(path) as content:
        await perform(TASK, {"write_back": "require"}, content, clock)

    assert database.rows("SELECT user_count, post_count FROM instance") == [(5, 2)]


async def test_columns_that_are_required_and_missing_are_named(
    content: ContentPorts, database: ContentBase, clock: PassingClock
) -> None:
    an_instance(database)

    with pytest.raises(PermanentError, match="post_count, user_count") as refusal:
        await perform(TASK, {"write_back": "require"}, content, clock)

    assert refusal.value.code == "schema_mismatch"
