"""What lies in a community that must keep what it has is neither removed nor overwritten."""

from dataclasses import replace
from typing import Any

import pytest

from adapters.sql.content.deleted_content import SqlDeletedContent
from adapters.sql.content.host import Host
from adapters.sql.content.orphaned_content import SqlOrphanedContent
from application.fediverse.ports.content import ContentPorts
from tests.support.content import DAY, PassingClock, counted, perform
from tests.support.content_bases import ContentBase
from tests.support.manual_clock import NOON

# One loop for all, because the database that they share is open in it.
pytestmark = pytest.mark.asyncio(loop_scope="session")

HELD, FREE = 7, 8
GONE = {"deleted": True, "deleted_at": NOON - 100 * DAY}


@pytest.fixture
def holding(content: ContentPorts) -> ContentPorts:
    """The content with community 7 on hold."""
    known: Any = content.deleted_content
    host = Host(legal_hold=frozenset({HELD}))
    return replace(
        content,
        deleted_content=SqlDeletedContent(known.database, host),
        orphaned_content=SqlOrphanedContent(known.database, host),
    )


async def test_the_purge_spares_posts_and_replies_on_hold_and_what_they_hang_on(
    holding: ContentPorts, database: ContentBase, clock: PassingClock
) -> None:
    for community in (HELD, FREE):
        post = database.add("post", title="t", community_id=community, **GONE)
        database.add("post_reply", post_id=post, community_id=community, **GONE)
    database.add("post", title="live answers", community_id=HELD, **GONE)
    database.add("post_reply", post_id=3, community_id=HELD)

    predicted = await perform("purge_deleted_content", {"dry_run": True}, holding, clock)
    done = await perform("purge_deleted_content", {}, holding, clock)

    assert database.rows("SELECT id, title FROM post ORDER BY id") == [(1, "t"), (3, "live answers")]
    assert database.ids("post_reply") == [1, 3]
    assert counted(predicted.facts["rows"]) == counted(done.facts["rows"])
    assert done.facts["rows"]["kept_legal_hold"] == 3
    assert done.facts["rows"]["posts.overwritten"] == 0


async def test_a_reply_on_hold_keeps_its_post_even_where_replies_are_not_spared(
    holding: ContentPorts, database: ContentBase, clock: PassingClock
) -> None:
    database.add("post", title="t", community_id=FREE, **GONE)
    database.add("post_reply", post_id=1, community_id=HELD)

    await perform("purge_deleted_content", {"keep_with_live_replies": False}, holding, clock)

    assert (database.ids("post"), database.ids("post_reply")) == ([1], [1])


@pytest.mark.parametrize(("action", "left"), [("overwrite", "b"), ("soft_delete", "b")])
async def test_text_on_hold_is_not_overwritten_but_may_be_deleted_softly(
    action: str, left: str, holding: ContentPorts, database: ContentBase, clock: PassingClock
) -> None:
    database.add("user", deleted=True, ap_deleted_at=NOON - 2 * DAY)
    for community in (HELD, FREE):
        database.add("community", id=community)
        database.add("post", user_id=1, title="t", body="b", community_id=community)

    done = await perform("cleanup_orphaned_data", {"action": action}, holding, clock)

    assert database.value("SELECT body FROM post WHERE id = 1") == left
    assert database.ids("post", "deleted") == ([2] if action == "overwrite" else [1, 2])
    assert done.facts["rows"].get("skipped_legal_hold", 0) == (1 if action == "overwrite" else 0)
