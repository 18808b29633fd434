from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from adapters.sql.content import orphaned_content
from application.fediverse.ports.content import ContentPorts
from tests.support.content import DAY, HOUR, PassingClock, RecordedRun, perform
from tests.support.content_bases import ContentBase
from tests.support.manual_clock import NOON

# One loop for all, because the database that they share is open in it.
pytestmark = pytest.mark.asyncio(loop_scope="session")

TASK = "cleanup_orphaned_data"
GONE = {"deleted": True, "ap_deleted_at": NOON - 2 * DAY, "ap_id": "https://far.example/u/ann"}
LOCAL = {"deleted": True, "ap_deleted_at": NOON - 2 * DAY}

# An author (None: a row that does not exist), a report's status, a payload, and whether the content is deleted then.
AUTHORS: tuple[tuple[str, Mapping[str, Any] | None, int | None, Mapping[str, Any], bool], ...] = (
    ("alive", {}, None, {}, False),
    ("banned", {"banned": True}, None, {}, False),
    ("gone", GONE, None, {}, True),
    ("gone and banned", {**GONE, "banned": True}, None, {}, True),
    ("gone, noticed only now", {**GONE, "ap_deleted_at": None}, None, {}, False),
    ("gone, noticed only now, no grace", {**GONE, "ap_deleted_at": None}, None, {"grace_hours": 0}, True),
    ("gone for less than the grace", {**GONE, "ap_deleted_at": NOON - 23 * HOUR}, None, {}, False),
    ("gone for exactly the grace", {**GONE, "ap_deleted_at": NOON - 24 * HOUR}, None, {}, True),
    ("gone, longer grace asked", GONE, None, {"grace_hours": "72"}, False),
    ("gone, reported", GONE, 0, {}, False),
    ("gone, report settled", GONE, 3, {}, True),
    ("gone, reported, not spared", GONE, 0, {"skip_reported": False}, True),
    ("gone, local", LOCAL, None, {}, True),
    ("gone, local, left to the application", LOCAL, None, {"include_local": False}, False),
    ("gone, far, left to the application", GONE, None, {"include_local": False}, True),
    ("gone, only counted", GONE, None, {"action": "report"}, False),
    ("missing", None, None, {}, True),
    ("missing, not asked for", None, None, {"missing_authors": False}, False),
    ("missing, local ones left to the application", None, None, {"include_local": False}, True),
)


@pytest.mark.parametrize("entity", ["post", "post_reply"])
@pytest.mark.parametrize(("author", "report", "payload", "ends"), [r[1:] for r in AUTHORS], ids=[r[0] for r in AUTHORS])
async def test_whose_content_is_deleted(
    entity: str,
    author: Mapping[str, Any] | None,
    report: int | None,
    payload: Mapping[str, Any],
    ends: bool,
    content: ContentPorts,
    database: ContentBase,
    clock: PassingClock,
) -> None:
    user_id = 99 if author is None else database.add("user", **author)
    id_ = database.add(entity, user_id=user_id, body="b")
    if report is not None:
        database.add("report", **{f"suspect_{entity}_id": id_}, status=report)

    rehearsed = await perform(TASK, {**payload, "dry_run": True}, content, clock)
    done = await perform(TASK, payload, content, clock)
    again = await perform(TASK, payload, content, clock)

    assert bool(database.value(f"SELECT deleted FROM {entity}")) is ends
    assert rehearsed.facts["rows"] == done.facts["rows"]
    plural = "posts" if entity == "post" else "replies"
    assert done.facts["rows"].get(f"{plural}.soft_deleted", 0) == ends
    assert again.facts["rows"].get(f"{plural}.soft_deleted", 0) == 0


async def test_a_deletion_notes_who_and_when(content: ContentPorts, database: ContentBase, clock: PassingClock) -> None:
    database.add("post", user_id=database.add("user", **GONE), title="t", body="b")

    await perform(TASK, {"system_user_id": 7}, content, clock)

    [row] = database.rows("SELECT deleted_by, deleted_at, title, body FROM post")
    assert row == (7, "2024-01-15 12:00:00.000000", "t", "b")


async def test_overwriting_also_blanks_the_text(
    content: ContentPorts, database: ContentBase, clock: PassingClock
) -> None:
    gone = database.add("user", **GONE)
    database.add("post", user_id=gone, title="t", body="b", url="u")
    database.add("post_reply", user_id=gone, body="b")

    done = await perform(TASK, {"action": "overwrite"}, content, clock)

    assert (done.facts["rows"]["posts.overwritten"], done.facts["rows"]["replies.overwritten"]) == (1, 1)
    assert database.rows("SELECT title, body, url, deleted FROM post") == [("[deleted]", "", None, True)]
    assert database.rows("SELECT body, deleted FROM post_reply") == [("", True)]


async def test_why_content_stays_is_counted(content: ContentPorts, database: ContentBase, clock: PassingClock) -> None:
    far, near = database.add("user", **GONE), database.add("user", **LOCAL)
    late = database.add("user", **{**GONE, "ap_deleted_at": NOON})
    posts = [database.add("post", user_id=user) for user in (far, far, near, late)]
    database.add("report", suspect_post_id=posts[1])

    done = await perform(TASK, {"include_local": False}, content, clock)

    assert done.facts["rows"] == {
        "user.restored": 0,
        "user.observed": 0,
        "posts.soft_deleted": 1,
        "posts.missing_author": 0,
        "replies.soft_deleted": 0,
        "replies.missing_author": 0,
        "local_pending": 1,
        "skipped_grace": 1,
        "skipped_reported": 1,
    }
    assert done.facts["warnings"] == ["local_pending: 1 rows of local authors were left for the application to delete"]


async def test_an_author_without_a_date_gets_the_grace_from_when_we_first_saw_it(
    content: ContentPorts, database: ContentBase, clock: PassingClock
) -> None:
    database.add("post", user_id=database.add("user", deleted=True))

    first = await perform(TASK, {}, content, clock)
    clock.advance(timedelta(hours=24))
    second = await perform(TASK, {}, content, clock)

    assert (first.facts["rows"]["user.observed"], first.facts["rows"]["posts.soft_deleted"]) == (1, 0)
    assert second.facts["rows"]["posts.soft_deleted"] == 1


async def test_an_author_who_came_back_in_between_starts_afresh(
    content: ContentPorts, database: ContentBase, clock: PassingClock
) -> None:
    database.add("post", user_id=database.add("user", deleted=True))
    await perform(TASK, {}, content, clock)
    database.execute('UPDATE "user" SET deleted = false')
    clock.advance(DAY)
    back = await perform(TASK, {}, content, clock)
    database.execute('UPDATE "user" SET deleted = true')

    again = await perform(TASK, {}, content, clock)

    assert back.facts["rows"]["user.restored"] == 1
    assert (again.facts["rows"]["user.observed"], again.facts["rows"]["posts.soft_deleted"]) == (1, 0)


def a_thread(database: ContentBase, **counters: int) -> None:
    """Community 1, post 1; replies 1 > 2 > 3 > 4 and 1 > 5; of user 2, who has left: 2, 4 and 5."""
    database.add("user")
    database.add("user", **GONE)
    database.add("community", post_count=10, post_reply_count=10, **counters)
    database.add("post", user_id=1, community_id=1, reply_count=5)
    below = {1: 4, 2: 2, 3: 1, 4: 0, 5: 0}
    for id_, parent, user in ((1, None, 1), (2, 1, 2), (3, 2, 1), (4, 3, 2), (5, 1, 2)):
        database.add("post_reply", user_id=user, community_id=1, post_id=1, parent_id=parent, child_count=below[id_])


def children(database: ContentBase) -> list[int]:
    return [database.value("SELECT child_count FROM post_reply WHERE id = ?", id_) for id_ in range(1, 6)]


async def test_counters_go_down_by_what_was_deleted_up_to_the_root(
    content: ContentPorts, database: ContentBase, clock: PassingClock
) -> None:
    a_thread(database)
    database.add("post", user_id=2, community_id=1)

    await perform(TASK, {}, content, clock)

    assert children(database) == [1, 1, 0, 0, 0]
    assert database.value("SELECT reply_count FROM post WHERE id = 1") == 2
    assert database.value("SELECT post_reply_count FROM community") == 7
    assert database.value("SELECT post_count FROM community") == 9
    assert database.ids("post_reply", "NOT deleted") == [1, 3]


async def test_counters_go_down_the_same_in_small_batches(
    content: ContentPorts, database: ContentBase, clock: PassingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(orphaned_content, "WINDOW_IDS", 2)
    a_thread(database)

    done = await perform(TASK, {}, content, clock)

    assert children(database) == [1, 1, 0, 0, 0]
    assert database.value("SELECT reply_count FROM post WHERE id = 1") == 2
    assert done.facts["rows"]["replies.soft_deleted"] == 3


async def test_counters_stay_if_asked(content: ContentPorts, database: ContentBase, clock: PassingClock) -> None:
    a_thread(database)

    await perform(TASK, {"adjust_counters": False}, content, clock)

    assert children(database) == [4, 2, 1, 0, 0]
    assert database.value("SELECT post_reply_count FROM community") == 10


async def test_counters_never_go_below_nought(
    content: ContentPorts, database: ContentBase, clock: PassingClock
) -> None:
    a_thread(database)
    database.execute("UPDATE post_reply SET child_count = 1")
    database.execute("UPDATE post SET reply_count = 1")
    database.execute("UPDATE community SET post_reply_count = 0")

    await perform(TASK, {}, content, clock)

    assert children(database) == [0, 0, 0, 1, 1]
    assert database.value("SELECT reply_count FROM post") == 0
    assert database.value("SELECT post_reply_count FROM community") == 0


async def test_what_a_bot_answered_was_never_counted_at_the_post(
    content: ContentPorts, database: ContentBase, clock: PassingClock
) -> None:
    a_thread(database)
    database.execute('UPDATE "user" SET bot = true WHERE id = 2')

    await perform(TASK, {}, content, clock)

    assert database.value("SELECT reply_count FROM post") == 5
    assert database.value("SELECT post_reply_count FROM community") == 7


async def test_a_limit_on_rows_is_kept_and_the_next_run_goes_on(
    content: ContentPorts, database: ContentBase, clock: PassingClock
) -> None:
    gone = database.add("user", **GONE)
    database.add_all("post", [{"user_id": gone}] * 30)
    database.add_all("post_reply", [{"user_id": gone}] * 30)
    payload = {"max_rows": 35, "batch_size": 10}

    rehearsed = await perform(TASK, {**payload, "dry_run": True}, content, clock)
    first = await perform(TASK, payload, content, clock)
    second = await perform(TASK, payload, content, clock, RecordedRun(fence=2))

    assert rehearsed.facts["rows"] == first.facts["rows"]
    assert (first.facts["status"], first.facts["reason"]) == ("partial", "max_rows")
    assert (first.facts["rows"]["posts.soft_deleted"], first.facts["rows"]["replies.soft_deleted"]) == (30, 5)
    assert (second.facts["status"], second.facts["rows"]["replies.soft_deleted"]) == ("completed", 25)
