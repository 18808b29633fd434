"""An application that calls its tables and columns otherwise than PieFed does, and what else its file says of them."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.sql.content.layout import Layout, read_layout
from adapters.sql.content.postgres import open_postgres_content
from application.scheduling.ports.errors import StoreRefusedError
from application.scheduling.processors import PermanentError
from tests.support.content import PassingClock, perform
from tests.support.content_bases import ContentOnServer
from tests.support.piefed import LOG, ORPHANS, PURGE, STATS, a_copy, seen_for_long
from tests.support.postgres_servers import PostgresServer

pytestmark = pytest.mark.postgres

# The second name of each is one that has to be quoted.
FILE = """
    [schema]
    profile = "custom"
    [schema.map]
    post_reply = "comment"
    user = "Account"
    mod_log = "moderation"
    reminder = "order"
    notification_subscription = "following"
    "activity_pub_log.created_at" = "timestamp"
    "post_reply.parent_id" = "in reply to"
    "post_reply.child_count" = "answers"
    "post_reply.deleted" = "is_gone"
    "post.deleted" = "is_gone"
    "post.body_html" = "shown"
    "post.community_id" = "forum_id"
    "post.cross_posts" = "elsewhere"
    "user.ap_deleted_at" = "Left"
    "reminder.reminder_type" = "what"
    "following.entity_id" = "about"
    "file.file_path" = "path"
    """.replace('"following.entity_id"', '"notification_subscription.entity_id"')
TABLES = {
    "post_reply": "comment",
    "user": "Account",
    "mod_log": "moderation",
    "reminder": "order",
    "notification_subscription": "following",
}


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    path = tmp_path / "schema.toml"
    path.write_text(FILE)
    return read_layout(path)


def rename(base: ContentOnServer, layout: Layout, *, back: bool) -> None:
    """Give tables and columns the application's names, or PieFed's again."""
    columns = [(layout.names.table(table), name, theirs) for (table, name), theirs in layout.names.columns.items()]
    tables = list(layout.names.tables.items())
    if back:
        base.script(";".join(f'ALTER TABLE "{table}" RENAME "{to}" TO "{name}"' for table, name, to in columns))
        tables = [(to, name) for name, to in tables]
    base.script(";".join(f'ALTER TABLE "{name}" RENAME TO "{to}"' for name, to in tables))
    if not back:
        base.script(";".join(f'ALTER TABLE "{table}" RENAME "{name}" TO "{to}"' for table, name, to in columns))


async def all_tasks(base: ContentOnServer, layout: Layout) -> Mapping[str, object]:
    """The rows that the tasks told of, one after the other."""
    clock = PassingClock()
    async with open_postgres_content(base.address, layout) as content:
        told = {}
        await seen_for_long(content, clock)
        for task, payload in (
            (LOG, {}),
            (STATS, {}),
            (ORPHANS, {"grace_hours": 0, "action": "overwrite"}),
            (PURGE, {}),
        ):
            done = await perform(task, payload, content, clock)
            told[task] = {
                name: count for name, count in done.facts["rows"].items() if not name.startswith("dependents")
            }
            told[f"{task} again"] = (await perform(task, payload, content, clock)).facts["rows"]
        assert await content.checkup.findings() != []
        for finding in await content.checkup.findings():
            base.script(finding.sql.replace(" CONCURRENTLY", ""))
        assert await content.checkup.findings() == []
    return told


async def test_the_tasks_do_the_same_whatever_the_tables_are_called(
    server: PostgresServer, filled: str, layout: Layout
) -> None:
    assert dict(layout.names.tables) == TABLES
    with a_copy(server, filled) as piefed, a_copy(server, filled) as custom:
        expected = await all_tasks(piefed, Layout())
        rename(custom, layout, back=False)
        told = await all_tasks(custom, layout)
        rename(custom, layout, back=True)

        assert told == expected
        assert custom.dump() == piefed.dump()


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        (
            "ALTER TABLE post RENAME TO a; ALTER TABLE activity_pub_log RENAME TO b",
            "no table activity_pub_log or comment",
        ),
        ("ALTER TABLE post_reply RENAME TO comment; ALTER TABLE comment RENAME deleted TO is_gone", r"no .*Account"),
    ],
    ids=["nothing of it", "half of it"],
)
async def test_names_that_lead_nowhere_are_told(
    change: str, refusal: str, database: ContentOnServer, layout: Layout
) -> None:
    database.script(change)

    with pytest.raises(StoreRefusedError, match=refusal):
        async with open_postgres_content(database.address, layout):
            pass


async def test_a_table_no_rule_is_known_for_can_be_given_one(database: ContentOnServer, clock: PassingClock) -> None:
    database.script("""
        CREATE TABLE award (id serial PRIMARY KEY, post_id int REFERENCES post (id));
        CREATE TABLE audit (id serial PRIMARY KEY, reply_id int REFERENCES post_reply (id));
        INSERT INTO award (post_id) SELECT id FROM post; INSERT INTO audit (reply_id) SELECT id FROM post_reply""")
    ruled = replace(Layout(), nullified=frozenset({"audit"}), removed=("award",))

    async with open_postgres_content(database.address) as content:
        with pytest.raises(PermanentError, match=r"audit\.reply_id, award\.post_id"):
            await perform(PURGE, {}, content, clock)
    async with open_postgres_content(database.address, ruled) as content:
        await seen_for_long(content, clock)
        done = await perform(PURGE, {}, content, clock)

    assert done.facts["rows"]["dependents.award"] == done.facts["rows"]["posts.purged"] > 0
    assert (
        database.value("SELECT count(*) FROM audit WHERE reply_id IS NULL") == done.facts["rows"]["replies.purged"] > 0
    )
