"""How an application's database is recognised, checked and opened."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from sqlalchemy import text

from adapters.sql.content.catalog import references
from adapters.sql.content.dependents import plan_of
from adapters.sql.content.host import NULLIFIED, REMOVED, Host
from adapters.sql.content.postgres import open_postgres_content, open_postgres_sessions
from adapters.sql.engine import Database
from adapters.sql.postgres_address import parse_address
from application.fediverse.ports.content import ContentPorts
from application.fediverse.ports.demo_content import DemoContent
from application.scheduling.ports.errors import StoreRefusedError
from application.scheduling.processors import PermanentError
from tests.support.content import PassingClock, perform
from tests.support.content_bases import ContentOnServer
from tests.support.piefed import DDL, LOG, PURGE, a_copy
from tests.support.postgres_servers import PostgresServer

pytestmark = pytest.mark.postgres


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
    soft = {
        ("reminder", "reminder_destination"),
        ("archived_post_reply", "post_id"),
        ("notification_subscription", "entity_id"),
    }
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


async def test_a_column_that_is_missing_is_named(content: ContentPorts, database: ContentOnServer) -> None:
    database.script("ALTER TABLE post RENAME status TO state; DROP TABLE report CASCADE")

    with pytest.raises(StoreRefusedError, match=r"schema public .*: no post\.status, table report"):
        async with open_postgres_content(database.address):
            pass


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
