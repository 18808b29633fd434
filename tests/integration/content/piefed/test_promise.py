"""The promise of the maintenance tasks on a database with PieFed's tables, for each of them, literally."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest

from application.fediverse.ports.content import ContentPorts
from tests.support.content import PassingClock, counted, perform
from tests.support.content_bases import ContentOnServer
from tests.support.piefed import LOG, ORPHANS, PURGE, STATS, a_copy, seen_for_long
from tests.support.postgres_servers import PostgresServer

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


# A task, its payload, what its run changes, and what it tells besides.
TASKS: tuple[tuple[str, Mapping[str, Any], Sequence[str], Sequence[str]], ...] = (
    (LOG, {}, ["activity_pub_log.deleted"], ["null_timestamps"]),
    (STATS, {}, ["instances.changed"], ["instances.total"]),
    (ORPHANS, {"grace_hours": 0}, ["posts.soft_deleted", "replies.soft_deleted"], ["local_pending"]),
    (PURGE, {}, ["posts.purged", "replies.purged", "posts.overwritten"], ["kept_bookmarked", "kept_reported"]),
)


@pytest.fixture(params=["made up", "captured"])
def database(request: pytest.FixtureRequest, server: PostgresServer, filled: str) -> Iterator[ContentOnServer]:
    template = filled if request.param == "made up" else request.getfixturevalue("filled_with_what_was_captured")
    with a_copy(server, template) as base:
        yield base


@pytest.mark.parametrize(("task", "payload", "changes", "tells"), TASKS, ids=[task for task, *_ in TASKS])
async def test_a_dry_run_predicts_its_run_matches_and_a_second_run_changes_nothing(
    task: str,
    payload: Mapping[str, Any],
    changes: Sequence[str],
    tells: Sequence[str],
    content: ContentPorts,
    database: ContentOnServer,
    clock: PassingClock,
) -> None:
    await seen_for_long(content, clock)
    shape, before = database.rows(SHAPE), database.dump()

    predicted = await perform(task, {**payload, "dry_run": True}, content, clock)
    untouched = database.dump()
    done = await perform(task, payload, content, clock)
    after = database.dump()
    again = await perform(task, payload, content, clock)

    assert untouched == before != after
    assert counted(predicted.facts["rows"]) == counted(done.facts["rows"])
    assert all(done.facts["rows"][name] for name in [*changes, *tells]), done.facts["rows"]
    assert database.dump() == after
    assert not any(again.facts["rows"].get(name) for name in changes)
    assert database.rows(SHAPE) == shape
    assert database.value(BROKEN_KEYS) == 0
