"""What the maintenance tasks do while others hold rows, connections die and runs meet."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from adapters.sql.content.postgres import open_postgres_content
from application.fediverse.ports.content import ContentPorts
from application.scheduling.ports.errors import StoreUnavailableError
from application.scheduling.processors import PermanentError
from tests.support.content import PassingClock, RecordedRun, counted, perform
from tests.support.content_bases import ContentOnServer
from tests.support.piefed import LOG, ORPHANS, PURGE, a_copy, seen_for_long
from tests.support.postgres_servers import PostgresServer

pytestmark = pytest.mark.postgres
SMALL = {"batch_size": 10, "target_batch_ms": 10_000, "pause_ms": 0}


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


async def test_a_table_that_changes_while_it_is_open_refuses_the_task(
    content: ContentPorts, database: ContentOnServer, clock: PassingClock
) -> None:
    database.script("ALTER TABLE activity_pub_log RENAME created_at TO timestamp")

    with pytest.raises(PermanentError, match="created_at") as refusal:
        await perform(LOG, {}, content, clock)

    assert refusal.value.code == "schema_mismatch"
