"""The maintenance tasks beside an application: PieFed's tables on a real PostgreSQL, their keys enforced."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from itertools import count
from typing import Any

import pytest
from sqlalchemy import text

from adapters.sql.content.catalog import references
from adapters.sql.content.dependents import plan_of
from adapters.sql.content.host import NULLIFIED, REMOVED, Host
from adapters.sql.content.postgres import OWNED_SCHEMA, open_postgres_content, open_postgres_sessions
from adapters.sql.engine import Database
from adapters.sql.postgres_address import parse_address
from application.fediverse.ports.content import ContentPorts
from application.fediverse.ports.demo_content import DemoContent
from application.scheduling.ports.errors import StoreRefusedError, StoreUnavailableError
from application.scheduling.processors import PermanentError
from tests.support.content import DAY, PassingClock, RecordedRun, perform
from tests.support.content_bases import ContentOnServer
from tests.support.piefed import DDL, filling
from tests.support.postgres_servers import PostgresServer

pytestmark = pytest.mark.postgres

LOG, STATS, ORPHANS, PURGE = (
    "cleanup_old_activities",
    "update_instance_stats",
    "cleanup_orphaned_data",
    "purge_deleted_content",
)
PATH = f"public, {OWNED_SCHEMA}"
NUMBERS = count(1)
# Everything an application's own migrations could see changed: columns, keys, indexes.
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


@pytest.fixture(scope="module")
def filled(server: PostgresServer) -> str:
    """The name of a database with content, to be copied."""
    base = ContentOnServer(server, server.database("piefed"), "public")
    base.script(DDL + filling(posts=300, entries=2000))
    base.close()
    return "piefed"


@contextmanager
def a_copy(server: PostgresServer, of: str) -> Iterator[ContentOnServer]:
    name = f"piefed_{next(NUMBERS)}"
    base = ContentOnServer(server, server.database(name, template=of), PATH)
    try:
        yield base
    finally:
        base.close()


@pytest.fixture
def database(server: PostgresServer, filled: str) -> Iterator[ContentOnServer]:
    with a_copy(server, filled) as base:
        yield base


@pytest.fixture
async def content(database: ContentOnServer) -> AsyncIterator[ContentPorts]:
    async with open_postgres_content(database.address) as ports:
        yield ports


def counted(rows: Mapping[str, int]) -> Mapping[str, int]:
    """What a rehearsal can know: it removes nothing, so it meets no dependents."""
    return {name: number for name, number in rows.items() if not name.startswith(("dependents.", "media.")) and number}


async def seen_for_long(content: ContentPorts, clock: PassingClock) -> None:
    """Let the purge see what is deleted, and its 90 days pass."""
    await perform(PURGE, {}, content, clock)
    clock.advance(91 * DAY)


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


async def test_a_purge_that_is_cut_off_after_every_step_ends_as_if_it_had_not_been(
    server: PostgresServer, filled: str
) -> None:
    ends = []
    for is_cut in (False, True):
        clock = PassingClock()
        with a_copy(server, filled) as base:
            async with open_postgres_content(base.address) as content:
                await perform(ORPHANS, {"grace_hours": 0}, content, clock)
                await seen_for_long(content, clock)
                done = await (
                    _cut_after_every_step(content, clock) if is_cut else perform(PURGE, SMALL, content, clock)
                )
            ends.append((base.dump().splitlines(), counted(done.facts["rows"])))

    assert ends[0] == ends[1]


SMALL = {"batch_size": 10, "target_batch_ms": 10_000, "pause_ms": 0}


async def _cut_after_every_step(content: ContentPorts, clock: PassingClock) -> Any:
    """Run the purge in attempts, of which each is cut off behind the commit of its first step."""
    deleted = content.deleted_content

    class Cut:
        async def purge_replies(self, *arguments: Any) -> Any:
            return self._off(await deleted.purge_replies(*arguments))

        async def purge_posts(self, *arguments: Any) -> Any:
            return self._off(await deleted.purge_posts(*arguments))

        def _off(self, batch: object) -> Any:
            raise StoreUnavailableError("the plug was pulled")

    broken = replace(content, deleted_content=Cut())
    for fence in range(2, 60):
        with suppress(StoreUnavailableError):
            return await perform(PURGE, SMALL, broken, clock, RecordedRun(fence=fence))
    raise AssertionError("it does not get on")


async def test_a_connection_that_is_killed_in_a_step_leaves_nothing_half_done(
    content: ContentPorts, database: ContentOnServer, server: PostgresServer, clock: PassingClock
) -> None:
    database.script("CREATE TABLE killed (at int)")
    # The checkpoint is what a step writes last: the blow falls when all the rest is done.
    database.script("""
        CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END $$;
        CREATE TRIGGER die AFTER UPDATE ON scheduler_content.scheduler_task_checkpoint
        FOR EACH ROW EXECUTE FUNCTION die()""")
    before = len(database.ids("activity_pub_log"))

    with pytest.raises(StoreUnavailableError):
        await perform(LOG, {}, content, clock)
    spared = len(database.ids("activity_pub_log"))
    database.script("DROP TRIGGER die ON scheduler_content.scheduler_task_checkpoint")
    done = await perform(LOG, {}, content, clock, RecordedRun(fence=2, attempt=2))

    assert spared == before
    assert done.facts["rows"]["activity_pub_log.deleted"] == 999


@pytest.mark.parametrize("fences", [(1, 2), (2, 1), (1, 2, 3)], ids=str)
async def test_runs_at_the_same_time_do_the_work_once(
    fences: tuple[int, ...], content: ContentPorts, database: ContentOnServer, clock: PassingClock
) -> None:
    async with asyncio.TaskGroup() as runners:
        runs = [
            runners.create_task(perform(LOG, {"batch_size": 100}, content, clock, RecordedRun(fence=fence)))
            for fence in fences
        ]
    done = [run.result().facts for run in runs]

    # All are attempts of one execution, so the one that ends it has the sum.
    [completed] = [facts for facts in done if facts["status"] == "completed"]
    assert completed["rows"]["activity_pub_log.deleted"] == 999
    assert {facts.get("reason") for facts in done if facts["status"] != "completed"} == {"superseded"}
    assert database.value("SELECT count(*) FROM activity_pub_log WHERE created_at < '2023-12-16 12:00'") == 0
    assert database.value("SELECT count(*) FROM scheduler_task_checkpoint") == 0


async def test_what_somebody_holds_and_restores_meanwhile_is_kept(
    content: ContentPorts, database: ContentOnServer, clock: PassingClock
) -> None:
    await seen_for_long(content, clock)
    database.script("DELETE FROM report; DELETE FROM post_bookmark")
    going = database.ids("post", "deleted AND id NOT IN (SELECT post_id FROM post_reply)")[-3:]

    database.script(f"BEGIN; UPDATE post SET deleted = false WHERE id = {going[0]}")
    done = await perform(PURGE, {}, content, clock)
    database.script("COMMIT")
    await perform(PURGE, {}, content, clock)

    assert done.facts["rows_skipped_locked"] == 1
    assert "rows_skipped_locked" not in done.facts["rows"]
    assert database.ids("post", f"id IN ({going[0]}, {going[1]}, {going[2]})") == [going[0]]


async def test_log_entries_that_somebody_holds_are_met_by_the_next_run(
    content: ContentPorts, database: ContentOnServer, clock: PassingClock
) -> None:
    database.script("BEGIN; UPDATE activity_pub_log SET result = 'ignored' WHERE id IN (3, 5)")
    first = await perform(LOG, {}, content, clock)
    database.script("COMMIT")
    second = await perform(LOG, {}, content, clock)

    assert (first.facts["rows"]["activity_pub_log.deleted"], first.facts["rows_skipped_locked"]) == (997, 2)
    assert second.facts["rows"]["activity_pub_log.deleted"] == 2


async def test_a_lock_that_stays_is_waited_for_a_few_times_and_then_told(
    content: ContentPorts, database: ContentOnServer, clock: PassingClock
) -> None:
    run = RecordedRun()
    database.script("BEGIN; UPDATE community SET name = name")
    with pytest.raises(StoreUnavailableError, match="lock timeout"):
        await perform(ORPHANS, {"grace_hours": 0, "lock_timeout_ms": 10}, content, clock, run)
    database.script("ROLLBACK")

    assert run.log.lines.count("others were in the way of a batch") == 5
    assert database.value("SELECT count(*) FROM post WHERE deleted_by IS NOT NULL") == 0


async def test_a_statement_that_takes_too_long_is_tried_with_fewer_rows(
    content: ContentPorts, database: ContentOnServer, clock: PassingClock
) -> None:
    database.script("""
        CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_sleep(0.004); RETURN OLD; END $$;
        CREATE TRIGGER dawdle BEFORE DELETE ON activity_pub_log FOR EACH ROW EXECUTE FUNCTION dawdle()""")

    payload = {"batch_size": 200, "statement_timeout_ms": 400, "days_to_keep": 55, "target_batch_ms": 10_000}
    done = await perform(LOG, payload, content, clock)

    assert done.facts["rows"]["activity_pub_log.deleted"] == 166
    assert done.facts["batches"] > 1


def classified(plan: Any) -> Mapping[str, set[tuple[str, str]]]:
    named = {"detached": plan.nullified, "removed": plan.removed}
    return {what: {(each.table, each.column) for each in found} for what, found in named.items()}


async def test_every_key_that_leads_to_content_has_its_rule(content: ContentPorts) -> None:
    store = content.deleted_content.database  # type: ignore[attr-defined]
    assert isinstance(store, Database)
    async with store.reading("plan") as connection:
        found = await references(connection, Host())
        plan = await plan_of(connection, Host(), allow_unindexed=False)

    keys = {(each.table, each.column) for each in found if each.target in {"post", "post_reply"} and each.name}
    rules = classified(plan)
    assert rules["detached"] == {("mod_log", "post_id"), ("mod_log", "reply_id")}
    soft = {("reminder", "reminder_destination"), ("archived_post_reply", "post_id")}
    assert rules["removed"] - soft == keys - rules["detached"] - {("post_reply", "post_id")}
    assert {table for table, _ in keys} == {*REMOVED, *NULLIFIED, "post_reply"}
    assert len(keys) == 19


async def test_a_checkup_tells_what_to_mend_and_finds_nothing_once_it_is(
    content: ContentPorts, database: ContentOnServer, clock: PassingClock
) -> None:
    database.script("CREATE TABLE award (id serial PRIMARY KEY, post_id int REFERENCES post (id))")

    with pytest.raises(PermanentError, match=r"award\.post_id"):
        await perform(PURGE, {}, content, clock)
    found = await content.checkup.findings()
    for finding in found:
        database.script(finding.sql.replace(" CONCURRENTLY", ""))

    assert [finding.stops_tasks for finding in found] == [True, *[False] * (len(found) - 1)]
    sql = [finding.sql for finding in found]
    assert "ON DELETE CASCADE" in sql[0]
    assert "CREATE INDEX CONCURRENTLY ON public.read_posts (read_post_id);" in sql
    assert 'CREATE INDEX CONCURRENTLY ON "user" (id) WHERE deleted;' in sql
    assert await content.checkup.findings() == []


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


async def test_a_column_that_is_missing_is_named(content: ContentPorts, database: ContentOnServer) -> None:
    database.script("ALTER TABLE post RENAME status TO state; DROP TABLE report CASCADE")

    with pytest.raises(StoreRefusedError, match=r"schema public .*: no post\.status, table report"):
        async with open_postgres_content(database.address):
            pass


async def test_a_table_that_changes_while_it_is_open_refuses_the_task(
    content: ContentPorts, database: ContentOnServer, clock: PassingClock
) -> None:
    database.script("ALTER TABLE activity_pub_log RENAME created_at TO timestamp")

    with pytest.raises(PermanentError, match="created_at") as refusal:
        await perform(LOG, {}, content, clock)

    assert refusal.value.code == "schema_mismatch"


async def test_who_may_not_make_our_schema_is_told_what_to_run(server: PostgresServer) -> None:
    url = server.database("bare")
    server.run("ALTER DATABASE bare OWNER TO admin")

    with pytest.raises(StoreRefusedError, match="CREATE SCHEMA scheduler_content AUTHORIZATION scheduler"):
        async with open_postgres_content(parse_address(url)):
            pass
    server.run("CREATE SCHEMA scheduler_content AUTHORIZATION scheduler", "bare")
    async with open_postgres_content(parse_address(url)) as content:
        assert not content.has_application


async def test_a_database_without_content_gets_ours_until_an_application_comes(
    server: PostgresServer, clock: PassingClock
) -> None:
    with a_copy(server, "template0") as base:
        async with open_postgres_content(base.address) as ours:
            added = await ours.demo.add("activity_pub_log", [{"activity_id": "a", "created_at": clock.now()}])
            assert await ours.checkup.findings() == ()
        assert base.value("SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace") == 0
        base.script(DDL)
        async with open_postgres_content(base.address) as theirs:
            done = await perform(LOG, {"delete_null_timestamps": True}, theirs, clock)
            with pytest.raises(StoreRefusedError, match="application"):
                await _add(theirs.demo)

    assert (added.count, done.facts["rows"]["activity_pub_log.deleted"]) == (1, 0)


async def _add(demo: DemoContent) -> None:
    await demo.add("instance", [{"domain": "x.example"}])


async def test_several_processes_may_open_a_new_database_at_once(server: PostgresServer) -> None:
    address = parse_address(server.database("raced"))

    async def opened() -> None:
        async with open_postgres_content(address):
            pass

    async with asyncio.TaskGroup() as processes:
        for _ in range(3):
            processes.create_task(opened())


async def test_sessions_see_the_tables_of_the_application(database: ContentOnServer) -> None:
    async with open_postgres_sessions(database.address) as sessions, sessions() as session, session.begin():
        assert await session.scalar(text("SELECT count(*) FROM post")) == 300
