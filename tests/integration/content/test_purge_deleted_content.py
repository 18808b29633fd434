from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from adapters.sql.content import dependents
from application.fediverse.ports.content import ContentPorts
from application.scheduling.ports.errors import StoreUnavailableError
from application.scheduling.processors import PermanentError
from tests.support.content import DAY, PassingClock, RecordedRun, counted, perform
from tests.support.content_bases import ContentBase
from tests.support.manual_clock import NOON

# One loop for all, because the database that they share is open in it.
pytestmark = pytest.mark.asyncio(loop_scope="session")

TASK = "purge_deleted_content"
OLD = NOON - 100 * DAY
YOUNG = NOON - 10 * DAY
YEAR_AGO = NOON - 365 * DAY


def a_post(database: ContentBase, **values: Any) -> int:
    return database.add("post", **{"title": "t", "body": "b", "url": "u", "posted_at": YEAR_AGO, **values})


def a_reply(database: ContentBase, post_id: int, parent_id: int | None = None, **values: Any) -> int:
    return database.add("post_reply", post_id=post_id, parent_id=parent_id, posted_at=YEAR_AGO, **values)


def gone(at: Any = OLD) -> dict[str, Any]:
    return {"deleted": True, "deleted_at": at}


# A post, what hangs on it (table and values), and what becomes of it under which payload.
LIVE, DEAD, DYING = ({"post_id": 1, **state} for state in ({}, gone(), gone(YOUNG)))
ALL_GO = {"keep_with_live_replies": False}
POSTS: tuple[tuple[str, Mapping[str, Any], tuple[tuple[str, Mapping[str, Any]], ...], Mapping[str, Any], str], ...] = (
    ("live", {}, (), {}, "stays"),
    ("deleted long ago", gone(), (), {}, "goes"),
    ("deleted lately", gone(YOUNG), (), {}, "stays"),
    ("deleted lately, short retention", gone(YOUNG), (), {"days_to_retain": 9}, "goes"),
    ("deleted exactly at the cut-off", gone(NOON - 90 * DAY), (), {}, "stays"),
    ("deleted just before the cut-off", gone(NOON - 90 * DAY - timedelta(microseconds=1)), (), {}, "goes"),
    ("restored, its date left behind", {"deleted": False, "deleted_at": OLD}, (), {}, "stays"),
    ("deleted, nobody knows when", gone(None), (), {}, "stays"),
    ("deleted, nobody knows when, by age", gone(None), (), {"clock": "posted_at"}, "goes"),
    ("deleted, nobody knows when, own date only", gone(None), (), {"clock": "deleted_at"}, "stays"),
    ("bookmarked", gone(), (("post_bookmark", {"post_id": 1}),), {}, "stays"),
    ("bookmarked, not spared", gone(), (("post_bookmark", {"post_id": 1}),), {"keep_bookmarked": False}, "goes"),
    ("reported", gone(), (("report", {"suspect_post_id": 1, "status": 0}),), {}, "stays"),
    ("appealed", gone(), (("report", {"suspect_post_id": 1, "status": 2}),), {}, "stays"),
    ("report settled", gone(), (("report", {"suspect_post_id": 1, "status": 3}),), {}, "goes"),
    ("reported, not spared", gone(), (("report", {"suspect_post_id": 1}),), {"skip_reported": False}, "goes"),
    ("voted on", gone(), (("post_vote", {"post_id": 1}),), {}, "goes"),
    ("in the moderators' log", gone(), (("mod_log", {"post_id": 1}),), {}, "goes"),
    ("with a live reply", gone(), (("post_reply", LIVE),), {}, "overwritten"),
    ("with a live reply, text kept", gone(), (("post_reply", LIVE),), {"overwrite_kept": False}, "stays"),
    ("with a live reply, not spared", gone(), (("post_reply", LIVE),), ALL_GO, "goes"),
    ("with a reply deleted long ago", gone(), (("post_reply", DEAD),), {}, "goes"),
    ("with a reply deleted long ago, posts only", gone(), (("post_reply", DEAD),), {"entities": ["post"]}, "stays"),
    ("with a reply deleted lately", gone(), (("post_reply", DYING),), {}, "stays"),
    (
        "with a bookmarked reply, replies not spared",
        gone(),
        (("post_reply", LIVE), ("post_reply_bookmark", {"post_reply_id": 1})),
        ALL_GO,
        "stays",
    ),
)


@pytest.mark.parametrize(
    ("values", "hangs", "payload", "fate"), [row[1:] for row in POSTS], ids=[row[0] for row in POSTS]
)
async def test_what_becomes_of_a_post(
    values: Mapping[str, Any],
    hangs: tuple[tuple[str, Mapping[str, Any]], ...],
    payload: Mapping[str, Any],
    fate: str,
    content: ContentPorts,
    database: ContentBase,
    clock: PassingClock,
) -> None:
    a_post(database, **values)
    for table, row in hangs:
        database.add(table, **row)

    rehearsed = await perform(TASK, {**payload, "dry_run": True}, content, clock)
    done = await perform(TASK, payload, content, clock)

    assert database.ids("post") == ([] if fate == "goes" else [1])
    if fate != "goes":
        assert database.value("SELECT title FROM post") == ("[deleted]" if fate == "overwritten" else "t")
    assert counted(rehearsed.facts["rows"]) == counted(done.facts["rows"])


# A thread below one post: for each reply the one it answers, and its state; then the ids that are left.
THREADS: tuple[tuple[str, tuple[tuple[int | None, Mapping[str, Any]], ...], list[int]], ...] = (
    ("a whole branch goes", ((None, gone()), (1, gone()), (2, gone())), []),
    ("a live leaf holds its branch", ((None, gone()), (1, gone()), (2, {})), [1, 2, 3]),
    ("a young leaf holds its branch", ((None, gone()), (1, gone()), (2, gone(YOUNG))), [1, 2, 3]),
    ("only the branch that holds stays", ((None, gone()), (1, {}), (None, gone()), (3, gone())), [1, 2]),
    ("a leaf under a live reply goes", ((None, {}), (1, gone())), [1]),
    ("answers that are older than what they answer", ((2, gone()), (3, gone()), (None, gone())), []),
    ("a chain that bites its own tail", ((2, gone()), (1, gone())), []),
)


@pytest.mark.parametrize(("replies", "left"), [row[1:] for row in THREADS], ids=[row[0] for row in THREADS])
async def test_which_replies_are_left(
    replies: tuple[tuple[int | None, Mapping[str, Any]], ...],
    left: list[int],
    content: ContentPorts,
    database: ContentBase,
    clock: PassingClock,
) -> None:
    post = a_post(database)
    for parent, values in replies:
        a_reply(database, post, parent, **values)

    await perform(TASK, {}, content, clock)

    assert database.ids("post_reply") == left


async def test_what_depends_on_a_post_goes_with_it_and_the_moderators_log_forgets_it(
    content: ContentPorts, database: ContentBase, clock: PassingClock
) -> None:
    post, other = a_post(database, **gone()), a_post(database)
    for suspect in (post, other):
        database.add_all("post_vote", [{"post_id": suspect}] * 3)
        database.add("report", suspect_post_id=suspect, status=3)
        database.add("mod_log", post_id=suspect)

    done = await perform(TASK, {}, content, clock)

    assert done.facts["rows"]["dependents.post_vote"] == 3
    assert done.facts["rows"]["dependents.report"] == 1
    assert database.ids("post_vote") == [4, 5, 6]
    assert database.ids("report") == [2]
    assert [database.value("SELECT post_id FROM mod_log WHERE id = ?", id_) for id_ in (1, 2)] == [None, other]


async def test_files_nobody_uses_any_more_are_queued_for_removal(
    content: ContentPorts, database: ContentBase, clock: PassingClock
) -> None:
    own = database.add("file", file_path="a.webp", thumbnail_path="https://cdn.example/a.webp")
    shared = database.add("file", file_path="b.webp")
    worn = database.add("file", file_path="c.webp")
    a_post(database, image_id=shared)
    database.add("user", avatar_id=worn)
    for image in (own, shared, worn):
        a_post(database, **gone(), image_id=image)

    done = await perform(TASK, {}, content, clock)

    assert database.ids("file") == [shared, worn]
    assert done.facts["rows"]["media.enqueued"] == 2
    orders = database.rows("SELECT kind, locator, source_entity, source_id FROM scheduler_media_outbox ORDER BY id")
    assert orders == [("file", "a.webp", "post", 2), ("s3", "https://cdn.example/a.webp", "post", 2)]


async def test_files_are_left_alone_if_asked(content: ContentPorts, database: ContentBase, clock: PassingClock) -> None:
    a_post(database, **gone(), image_id=database.add("file", file_path="a.webp"))

    await perform(TASK, {"media": "skip"}, content, clock)

    assert (database.ids("post"), database.ids("file")) == ([], [1])
    assert database.ids("scheduler_media_outbox") == []


async def test_a_deletion_without_a_date_counts_from_when_it_was_first_seen(
    content: ContentPorts, database: ContentBase, clock: PassingClock
) -> None:
    a_post(database, **gone(None))

    seen = await perform(TASK, {}, content, clock)
    clock.advance(90 * DAY)
    waiting = await perform(TASK, {}, content, clock)
    clock.advance(timedelta(seconds=1))
    done = await perform(TASK, {}, content, clock)

    assert seen.facts["warnings"] == [
        "tombstone_warmup: 1 deleted rows were seen for the first time; they stay 90 more days"
    ]
    assert waiting.facts["rows"]["posts.purged"] == 0
    assert done.facts["rows"]["posts.purged"] == 1
    assert database.value("SELECT count(*) FROM scheduler_tombstone") == 0


async def test_what_is_restored_starts_afresh_when_it_is_deleted_again(
    content: ContentPorts, database: ContentBase, clock: PassingClock
) -> None:
    a_post(database, **gone(None))
    await perform(TASK, {}, content, clock)
    database.execute("UPDATE post SET deleted = false")
    restored = await perform(TASK, {}, content, clock)
    database.execute("UPDATE post SET deleted = true")
    clock.advance(80 * DAY)
    await perform(TASK, {}, content, clock)
    clock.advance(80 * DAY)

    done = await perform(TASK, {}, content, clock)

    assert restored.facts["rows"]["post.restored"] == 1
    assert done.facts["rows"]["posts.purged"] == 0
    assert database.ids("post") == [1]


async def test_a_tombstone_clock_sees_rows_with_a_date_of_their_own_too(
    content: ContentPorts, database: ContentBase, clock: PassingClock
) -> None:
    a_post(database, **gone())

    first = await perform(TASK, {"clock": "tombstone"}, content, clock)
    clock.advance(91 * DAY)
    second = await perform(TASK, {"clock": "tombstone"}, content, clock)

    assert (first.facts["rows"]["post.observed"], first.facts["rows"]["posts.purged"]) == (1, 0)
    assert second.facts["rows"]["posts.purged"] == 1


async def test_what_is_restored_while_the_run_is_on_is_kept(
    content: ContentPorts, database: ContentBase, clock: PassingClock
) -> None:
    posts = [a_post(database, **gone()) for _ in range(25)]

    class Restoring(PassingClock):
        async def sleep_until(self, instant: Any) -> None:
            database.execute("UPDATE post SET deleted = false WHERE id = ?", posts[15])

    await perform(TASK, {"batch_size": 10}, content, Restoring())

    assert database.ids("post") == [posts[15]]


@pytest.mark.parametrize("kind", ["REFERENCES post (id)", "REFERENCES post_reply (id)"])
async def test_a_table_nobody_told_us_about_stops_the_purge(
    kind: str, content: ContentPorts, database: ContentBase, clock: PassingClock
) -> None:
    a_post(database, **gone())
    database.execute(f"CREATE TABLE award (id INTEGER PRIMARY KEY, content_id INTEGER {kind})")

    with pytest.raises(PermanentError, match=r"award\.content_id") as refusal:
        await perform(TASK, {}, content, clock)

    assert refusal.value.code == "unknown_dependents"
    assert database.ids("post") == [1]


async def test_a_table_that_came_after_the_last_run_is_noticed(
    content: ContentPorts, database: ContentBase, clock: PassingClock
) -> None:
    a_post(database, **gone())
    await perform(TASK, {}, content, clock)
    a_post(database, **gone())
    database.execute("CREATE TABLE award (id INTEGER PRIMARY KEY, content_id INTEGER REFERENCES post (id))")

    with pytest.raises(PermanentError, match=r"award\.content_id"):
        await perform(TASK, {}, content, clock)


async def test_a_table_that_cascades_by_itself_does_not(
    content: ContentPorts, database: ContentBase, clock: PassingClock
) -> None:
    post = a_post(database, **gone())
    database.execute(
        "CREATE TABLE award (id INTEGER PRIMARY KEY, content_id INTEGER REFERENCES post (id) ON DELETE CASCADE)"
    )
    database.add("award", id=1, content_id=post)

    await perform(TASK, {}, content, clock)

    assert (database.ids("post"), database.ids("award")) == ([], [])


async def test_a_large_table_without_an_index_stops_the_purge_unless_allowed(
    content: ContentPorts, database: ContentBase, clock: PassingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dependents, "LARGE_ROWS", 2)
    post = a_post(database, **gone())
    database.execute("CREATE TABLE read_posts (user_id INTEGER, read_post_id INTEGER REFERENCES post (id))")
    database.add_all("read_posts", [{"user_id": user, "read_post_id": post} for user in range(3)])

    with pytest.raises(PermanentError, match=r"read_posts\.read_post_id") as refusal:
        await perform(TASK, {}, content, clock)
    spared = database.ids("post")
    done = await perform(TASK, {"allow_unindexed_fk": True}, content, clock, RecordedRun(fence=2))

    assert refusal.value.code == "unindexed_fk"
    assert spared == [post]
    assert done.facts["rows"]["dependents.read_posts"] == 3


async def test_an_interrupted_purge_ends_as_if_it_had_not_been(
    content: ContentPorts, database: ContentBase, clock: PassingClock
) -> None:
    for _ in range(12):
        post = a_post(database, **gone())
        a_reply(database, post, **gone())
    deleted = content.deleted_content

    class Failing:
        steps = 0

        async def purge_replies(self, *arguments: Any) -> Any:
            return await self.after(await deleted.purge_replies(*arguments))

        async def purge_posts(self, *arguments: Any) -> Any:
            return await self.after(await deleted.purge_posts(*arguments))

        async def after(self, batch: Any) -> Any:
            type(self).steps += 1
            raise StoreUnavailableError("the plug was pulled after the commit")

    broken = replace(content, deleted_content=Failing())
    done = None
    fence = 0
    while done is None and fence < 20:
        fence += 1
        with suppress(StoreUnavailableError):
            done = await perform(TASK, {"batch_size": 10}, broken, clock, RecordedRun(fence=fence))

    # Two steps for the replies, two for the posts, each the last of its attempt; the fifth attempt only says so.
    assert done is not None
    assert fence == 5
    assert done.facts["rows"]["posts.purged"] == done.facts["rows"]["replies.purged"] == 12
    assert (database.ids("post"), database.ids("post_reply")) == ([], [])
