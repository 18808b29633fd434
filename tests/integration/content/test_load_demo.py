from dataclasses import asdict

import pytest

from application.fediverse.ports.content import ContentPorts
from application.fediverse.services.captured import captured
from application.fediverse.services.load_demo import DemoCounts, load_demo
from tests.support.content import DAY, PassingClock, RecordedRun, perform
from tests.support.content_bases import ContentFile
from tests.support.manual_clock import NOON
from tests.support.repository import shared_data

# One loop for all, because the database that they share is open in it.
pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture
def engine() -> str:
    """Only this one."""
    return "sqlite"


NOTHING = DemoCounts(0, 0, 0, 0, 0, 0, 0, 0, 0)
TASKS = ("cleanup_orphaned_data", "purge_deleted_content", "cleanup_old_activities", "update_instance_stats")


async def test_a_demonstration_is_loaded_once(content: ContentPorts, database: ContentFile) -> None:
    first = await load_demo(content, None, 700, NOON)
    dump = database.dump()

    second = await load_demo(content, None, 700, NOON + DAY)

    assert second == NOTHING
    assert database.dump() == dump
    assert first.activities == len(database.ids("activity_pub_log")) == 700
    assert first.posts == len(database.ids("post")) == 70
    assert first.replies == len(database.ids("post_reply")) > 100
    assert all(asdict(first).values())


async def test_more_rows_add_the_difference(content: ContentPorts, database: ContentFile) -> None:
    await load_demo(content, None, 100, NOON)

    more = await load_demo(content, None, 900, NOON)

    assert (more.activities, more.posts, more.instances) == (800, 20, 0)


async def test_counters_say_what_is_there(content: ContentPorts, database: ContentFile) -> None:
    await load_demo(content, None, 2000, NOON)

    live = "SELECT count(*) FROM post_reply r WHERE r.post_id = p.id AND NOT r.deleted"
    assert database.ids("post", f"EXISTS (SELECT 1 FROM post p WHERE p.id = post.id AND reply_count <> ({live}))") == []
    posts = "SELECT count(*) FROM post p WHERE p.community_id = community.id AND NOT p.deleted"
    assert database.ids("community", f"post_count <> ({posts})") == []
    below = """
        WITH RECURSIVE b(id) AS (SELECT id FROM post_reply WHERE parent_id = r.id
                                 UNION SELECT c.id FROM post_reply c JOIN b ON c.parent_id = b.id)
        SELECT count(*) FROM b JOIN post_reply d ON d.id = b.id WHERE NOT d.deleted"""
    query = f"SELECT count(*) FROM post_reply r WHERE child_count <> ({below})"
    assert database.value(query) == 0


async def test_every_task_finds_work_in_it_as_foretold_and_none_afterwards(
    content: ContentPorts, database: ContentFile, clock: PassingClock
) -> None:
    await load_demo(content, None, 2000, NOON)

    for fence, task in enumerate(TASKS, start=1):
        rehearsed = await perform(task, {"dry_run": True}, content, clock)
        done = await perform(task, {}, content, clock, RecordedRun(fence=fence))
        dump = database.dump(without=("scheduler_tombstone",))
        await perform(task, {}, content, clock, RecordedRun(fence=fence))

        foretold = {name: n for name, n in done.facts["rows"].items() if not name.startswith(("dependents", "media"))}
        assert {name: n for name, n in rehearsed.facts["rows"].items() if n} == {k: n for k, n in foretold.items() if n}
        assert database.dump(without=("scheduler_tombstone",)) == dump, task
        assert all(done.facts["rows"].get(name) for name in EXPECTED[task]), done.facts["rows"]


EXPECTED = {
    "cleanup_orphaned_data": (
        "user.observed",
        "posts.soft_deleted",
        "posts.missing_author",
        "replies.soft_deleted",
        "skipped_grace",
        "skipped_reported",
    ),
    "purge_deleted_content": (
        "post.observed",
        "posts.purged",
        "replies.purged",
        "posts.overwritten",
        "kept_bookmarked",
        "kept_reported",
        "kept_live_replies",
        "dependents.post_vote",
        "dependents.report",
        "media.enqueued",
    ),
    "cleanup_old_activities": ("activity_pub_log.deleted", "null_timestamps"),
    "update_instance_stats": ("instances.total", "instances.changed"),
}


async def test_captured_data_becomes_a_demonstration(content: ContentPorts, database: ContentFile) -> None:
    folder = shared_data()
    source = captured(folder)

    counts = await load_demo(content, folder, 300, NOON)

    assert counts.instances == len(source.instances) + 1
    assert len(source.instances) > 400
    assert {each.platform for each in source.activities} >= {"friendica", "gnusocial", "lemmy", "mastodon", "pleroma"}
    assert database.value("SELECT count(DISTINCT activity_type) FROM activity_pub_log") > 10
    assert database.value("SELECT domain FROM instance WHERE id = 2") == "lemmy.world"
