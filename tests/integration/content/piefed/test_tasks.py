"""What the maintenance tasks do beside an application."""

import pytest

from adapters.sql.content.postgres import open_postgres_content
from application.fediverse.ports.content import ContentPorts
from tests.support.content import DAY, PassingClock, counted, perform
from tests.support.content_bases import ContentOnServer
from tests.support.piefed import LOG, ORPHANS, PURGE, STATS, seen_for_long

pytestmark = pytest.mark.postgres
SHAPE = """
    SELECT table_name::text, column_name::text, data_type::text, is_nullable::text, column_default::text
    FROM information_schema.columns WHERE table_schema = 'public'
    UNION ALL SELECT conrelid::regclass::text, conname::text, pg_get_constraintdef(oid), '', '' FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace
    UNION ALL SELECT tablename::text, indexdef, '', '', '' FROM pg_indexes WHERE schemaname = 'public'
    ORDER BY 1, 2, 3"""
BROKEN_KEYS = """
    SELECT count(*) FROM post_reply r WHERE NOT EXISTS (SELECT 1 FROM post p WHERE p.id = r.post_id)
    OR r.parent_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM post_reply p WHERE p.id = r.parent_id)"""


async def test_each_task_does_what_its_dry_run_foretold_and_then_finds_nothing_to_do(
    content: ContentPorts, database: ContentOnServer, clock: PassingClock
) -> None:
    shape = database.rows(SHAPE)
    await seen_for_long(content, clock)
    expected = {
        LOG: ("activity_pub_log.deleted", "null_timestamps"),
        STATS: ("instances.changed",),
        ORPHANS: ("posts.soft_deleted", "replies.soft_deleted"),
        PURGE: ("posts.purged", "replies.purged", "posts.overwritten", "kept_bookmarked", "kept_reported"),
    }

    for task, found in expected.items():
        payload = {} if task != ORPHANS else {"grace_hours": 0}
        before = database.dump()
        rehearsed = await perform(task, {**payload, "dry_run": True}, content, clock)
        assert database.dump() == before
        done = await perform(task, payload, content, clock)
        after = database.dump()
        again = await perform(task, payload, content, clock)

        assert counted(rehearsed.facts["rows"]) == counted(done.facts["rows"])
        assert all(done.facts["rows"][name] for name in found), done.facts["rows"]
        assert database.dump() == after, task
        assert not any(
            again.facts["rows"].get(name) for name in found if name.endswith(("ed", "changed")) and "kept" not in name
        )
    assert database.rows(SHAPE) == shape
    assert database.value(BROKEN_KEYS) == 0


async def test_what_is_not_dated_waits_from_when_it_was_first_seen_and_goes_with_all_that_hangs_on_it(
    content: ContentPorts, database: ContentOnServer, clock: PassingClock
) -> None:
    first = await perform(PURGE, {}, content, clock)
    clock.advance(91 * DAY)
    done = await perform(PURGE, {}, content, clock)

    assert (first.facts["rows"]["posts.purged"], first.facts["rows"]["post.observed"]) == (0, 60)
    assert "tombstone_warmup" in first.facts["warnings"][0]
    purged = done.facts["rows"]["posts.purged"]
    assert purged == 60 - len(database.ids("post", "deleted")) > 0
    for table in ("post_tag", "read_posts", "post_vote"):
        assert done.facts["rows"][f"dependents.{table}"] == purged
    for table in ("poll", "poll_choice", "poll_choice_vote", "event", "event_user", "report", "reminder"):
        assert done.facts["rows"][f"dependents.{table}"] > 0
    # Pictures of the posts and of their galleries, those that nobody else shows.
    assert done.facts["rows"]["media.enqueued"] > 0
    assert (
        database.value("SELECT count(*) FROM post_file f WHERE NOT EXISTS (SELECT 1 FROM file WHERE id = f.file_id)")
        == 0
    )
    assert database.value("SELECT count(*) FROM mod_log WHERE post_id IS NULL") > 0


async def test_text_that_is_taken_away_is_taken_away_as_it_was_shown_too(
    content: ContentPorts, database: ContentOnServer, clock: PassingClock
) -> None:
    await seen_for_long(content, clock)

    done = await perform(PURGE, {}, content, clock)

    kept = database.rows("SELECT title, body, body_html, url FROM post WHERE title = '[deleted]'")
    assert len(kept) == done.facts["rows"]["posts.overwritten"] > 0
    assert set(kept) == {("[deleted]", "", "", None)}


async def test_content_of_local_people_is_left_to_the_application_unless_asked_for(
    content: ContentPorts, database: ContentOnServer, clock: PassingClock
) -> None:
    by_default = await perform(ORPHANS, {"grace_hours": 0, "dry_run": True}, content, clock)
    asked = await perform(ORPHANS, {"grace_hours": 0, "include_local": True, "dry_run": True}, content, clock)

    assert by_default.facts["rows"]["local_pending"] > 0
    assert "local_pending" in by_default.facts["warnings"][0]
    assert "local_pending" not in asked.facts["rows"]


async def test_what_became_orphaned_waits_its_own_days_before_it_is_purged(
    content: ContentPorts, database: ContentOnServer, clock: PassingClock
) -> None:
    await perform(ORPHANS, {"grace_hours": 0}, content, clock)
    retired = database.value("SELECT count(*) FROM post WHERE deleted_by = 1")
    seen = "SELECT count(*) FROM scheduler_tombstone WHERE entity = 'post' AND seen_deleted_at = '2024-01-15 12:00'"

    assert retired == database.value(seen) > 0


async def test_instants_with_a_zone_compare_as_what_they_are(
    content: ContentPorts, database: ContentOnServer, clock: PassingClock
) -> None:
    database.script("SET timezone = 'UTC'; ALTER TABLE activity_pub_log ALTER created_at TYPE timestamptz")
    database.script(f"ALTER DATABASE {database.address.database} SET timezone = 'Pacific/Auckland'")

    async with open_postgres_content(database.address) as anew:
        done = await perform(LOG, {}, anew, clock)

    assert done.facts["rows"]["activity_pub_log.deleted"] == 999


async def test_a_log_in_partitions_loses_what_is_old_in_each_and_nothing_else(
    content: ContentPorts, database: ContentOnServer, clock: PassingClock
) -> None:
    database.script("""
        ALTER TABLE activity_pub_log RENAME TO whole;
        CREATE TABLE activity_pub_log (LIKE whole) PARTITION BY RANGE (created_at);
        CREATE TABLE log_1 PARTITION OF activity_pub_log FOR VALUES FROM (MINVALUE) TO ('2023-12-01');
        CREATE TABLE log_2 PARTITION OF activity_pub_log FOR VALUES FROM ('2023-12-01') TO (MAXVALUE);
        INSERT INTO activity_pub_log SELECT * FROM whole WHERE created_at IS NOT NULL""")

    done = await perform(LOG, {"batch_size": 100}, content, clock)

    assert done.facts["rows"] == {"activity_pub_log.deleted": 999}
    assert database.ids("activity_pub_log") == list(range(1000, 2001))
