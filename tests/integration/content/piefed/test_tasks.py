"""What the maintenance tasks do beside an application."""

import pytest

from adapters.sql.content.postgres import open_postgres_content
from application.fediverse.ports.content import ContentPorts
from tests.support.content import DAY, PassingClock, perform
from tests.support.content_bases import ContentOnServer
from tests.support.piefed import LOG, ORPHANS, PURGE, seen_for_long

pytestmark = pytest.mark.postgres


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


async def test_nothing_is_left_that_leads_to_what_is_gone_by_a_number_alone(
    content: ContentPorts, database: ContentOnServer, clock: PassingClock
) -> None:
    lists = dict(database.rows("SELECT id, cross_posts FROM post"))
    others = "SELECT array_agg(entity_id ORDER BY 1) FROM notification_subscription WHERE type NOT IN (3, 4)"
    kept = database.value(others)
    await seen_for_long(content, clock)

    done = await perform(PURGE, {}, content, clock)

    left = set(database.ids("post"))
    expected = {
        id_: named and [other for other in named if other in left] for id_, named in lists.items() if id_ in left
    }
    assert dict(database.rows("SELECT id, cross_posts FROM post")) == expected
    assert expected != {id_: lists[id_] for id_ in left}
    for kind, table in ((3, "post"), (4, "post_reply")):
        assert (
            database.ids("notification_subscription", f"type = {kind} AND entity_id NOT IN (SELECT id FROM {table})")
            == []
        )
    assert done.facts["rows"]["dependents.notification_subscription"] > 0
    assert database.value(others) == kept
