from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from application.fediverse.ports.activity_log import ActivityLog, OldActivities
from application.fediverse.ports.checkpoints import Batch, Checkpoint
from application.fediverse.ports.content import ContentPorts
from application.scheduling.ports.errors import StoreUnavailableError
from application.scheduling.processors import Continue, RunCancelledError, Summary
from tests.support.content import DAY, SECOND, PassingClock, RecordedRun, perform
from tests.support.content_bases import ContentBase
from tests.support.manual_clock import NOON

# One loop for all, because the database that they share is open in it.
pytestmark = pytest.mark.asyncio(loop_scope="session")

TASK = "cleanup_old_activities"
# A pause that is longer than the time a run has: one batch, and the rest is put off.
ONE_BATCH = {"batch_size": 100, "max_runtime_s": 10, "pause_ms": 60_000}


def entry(database: ContentBase, created_at: datetime | None, *, direction: str = "in", result: str = "success") -> int:
    return database.add(
        "activity_pub_log", created_at=created_at, direction=direction, result=result, activity_json="{}"
    )


def entries(database: ContentBase, count: int, *, newest: datetime) -> None:
    times = (newest - timedelta(seconds=count - number) for number in range(count))
    database.add_all("activity_pub_log", ({"created_at": at, "direction": "in", "result": "success"} for at in times))


def left(database: ContentBase) -> list[int]:
    return database.ids("activity_pub_log")


# What is in the log: (age in days, direction, result); None: nobody knows its age.
LOG: tuple[tuple[float | None, str, str | None], ...] = (
    (50, "in", "failure"),
    (40, "out", "failure"),
    (40, "in", "success"),
    (None, "in", "success"),
    (35, "in", None),
    (31, "out", "success"),
    (30, "in", "success"),
    (29, "in", "success"),
)


@pytest.mark.parametrize(
    ("payload", "kept"),
    [
        ({}, [4, 7, 8]),
        ({"days_to_keep": "30"}, [4, 7, 8]),
        ({"days_to_keep": 45}, [2, 3, 4, 5, 6, 7, 8]),
        ({"direction": "in"}, [2, 4, 6, 7, 8]),
        ({"direction": "out"}, [1, 3, 4, 5, 7, 8]),
        ({"keep_failures_days": 45}, [2, 4, 7, 8]),
        ({"keep_failures_days": 90}, [1, 2, 4, 7, 8]),
        ({"delete_null_timestamps": True}, [7, 8]),
        ({"delete_null_timestamps": True, "direction": "out"}, [1, 3, 4, 5, 7, 8]),
        ({"max_rows": 2}, [3, 4, 5, 6, 7, 8]),
    ],
    ids=str,
)
async def test_what_stays(
    payload: Mapping[str, Any], kept: list[int], content: ContentPorts, database: ContentBase, clock: PassingClock
) -> None:
    for age, direction, result in LOG:
        at = None if age is None else NOON - age * DAY
        database.add("activity_pub_log", created_at=at, direction=direction, result=result)

    rehearsed = await perform(TASK, {**payload, "dry_run": True}, content, clock)
    untouched = left(database)
    done = await perform(TASK, payload, content, clock)

    assert untouched == list(range(1, 9))
    assert left(database) == kept
    assert rehearsed.facts["rows"] == done.facts["rows"]
    assert done.facts["rows"]["activity_pub_log.deleted"] == 8 - len(kept)


async def test_the_cut_off_itself_is_kept(content: ContentPorts, database: ContentBase, clock: PassingClock) -> None:
    entry(database, NOON - 30 * DAY - timedelta(microseconds=1))
    entry(database, NOON - 30 * DAY)

    done = await perform(TASK, {}, content, clock)

    assert left(database) == [2]
    assert done.facts["cutoff"] == "2023-12-16T12:00:00Z"


async def test_what_is_kept_against_the_rule_is_told(
    content: ContentPorts, database: ContentBase, clock: PassingClock
) -> None:
    entry(database, NOON - 40 * DAY, result="failure")
    entry(database, None)
    entry(database, NOON - 29 * DAY)

    done = await perform(TASK, {"keep_failures_days": 60}, content, clock)

    assert done.facts["rows"] == {"activity_pub_log.deleted": 0, "kept_failures": 1, "null_timestamps": 1}
    assert done.facts["warnings"] == ["null_timestamps: 1 entries have no creation time and were kept"]


async def test_a_second_run_changes_nothing(content: ContentPorts, database: ContentBase, clock: PassingClock) -> None:
    entries(database, 120, newest=NOON - 30 * DAY)
    first = await perform(TASK, {"batch_size": 100}, content, clock)
    dump = database.dump()

    second = await perform(TASK, {"batch_size": 100}, content, clock)

    assert (first.facts["rows"]["activity_pub_log.deleted"], first.facts["batches"]) == (120, 2)
    assert second.facts["rows"]["activity_pub_log.deleted"] == 0
    assert database.dump() == dump


async def test_a_finished_run_leaves_no_checkpoint(
    content: ContentPorts, database: ContentBase, clock: PassingClock
) -> None:
    entries(database, 10, newest=NOON - 40 * DAY)

    done = await perform(TASK, {}, content, clock)

    assert isinstance(done, Summary)
    assert done.facts["status"] == "completed"
    assert not done.facts["has_more"]
    assert database.value("SELECT count(*) FROM scheduler_task_checkpoint") == 0


@dataclass
class Failing:
    """An activity log that fails once, before or after the step whose number is given."""

    log: ActivityLog
    at_step: int
    committed: bool
    steps: int = 0

    async def delete_old(self, old: OldActivities, at: Checkpoint, limit: int) -> Batch:
        self.steps += 1
        if self.steps == self.at_step and not self.committed:
            raise StoreUnavailableError("the plug was pulled before the step")
        batch = await self.log.delete_old(old, at, limit)
        if self.steps == self.at_step:
            raise StoreUnavailableError("the plug was pulled after the commit")
        return batch


@pytest.mark.parametrize("committed", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at_step", [1, 2, 3, 4])
async def test_an_interrupted_run_ends_as_if_it_had_not_been(
    at_step: int, committed: bool, content: ContentPorts, database: ContentBase, clock: PassingClock
) -> None:
    entries(database, 350, newest=NOON - 30 * DAY)
    entry(database, NOON)
    failing = Failing(content.activity_log, at_step, committed)
    broken = replace(content, activity_log=failing)

    with pytest.raises(StoreUnavailableError):
        await perform(TASK, {"batch_size": 100}, broken, clock)
    clock.advance(timedelta(minutes=1))
    done = await perform(TASK, {"batch_size": 100}, content, clock, RecordedRun(fence=2, attempt=2))

    assert left(database) == [351]
    assert done.facts["cutoff"] == "2023-12-16T12:00:00Z"
    assert done.facts["rows"]["activity_pub_log.deleted"] == 350
    assert done.facts["batches"] == 4
    assert database.value("SELECT count(*) FROM scheduler_task_checkpoint") == 0


async def test_when_time_is_up_the_rest_is_put_off(
    content: ContentPorts, database: ContentBase, clock: PassingClock
) -> None:
    entries(database, 350, newest=NOON - 30 * DAY)
    payload = {"batch_size": 100, "max_runtime_s": 10, "pause_ms": 6000}

    first = await perform(TASK, payload, content, clock)
    put_off = left(database)
    clock.advance(timedelta(hours=2))
    run = RecordedRun(fence=2, execution_id=SECOND)
    second = await perform(TASK, payload, content, clock, run)

    assert isinstance(first, Continue)
    assert (first.facts["status"], first.facts["reason"], first.facts["has_more"]) == ("partial", "max_runtime", True)
    assert put_off == list(range(201, 351))
    assert isinstance(second, Summary)
    assert second.facts["rows"]["activity_pub_log.deleted"] == 150
    assert second.facts["cutoff"] == first.facts["cutoff"]


async def test_a_run_leaves_a_minute_of_its_attempt(
    content: ContentPorts, database: ContentBase, clock: PassingClock
) -> None:
    entries(database, 350, newest=NOON - 30 * DAY)
    run = RecordedRun(deadline=61)

    done = await perform(TASK, {"batch_size": 100, "pause_ms": 1000}, content, clock, run)

    assert isinstance(done, Continue)
    assert done.facts["batches"] == 1


async def test_a_run_that_was_taken_for_dead_stops(
    content: ContentPorts, database: ContentBase, clock: PassingClock
) -> None:
    entries(database, 350, newest=NOON - 30 * DAY)
    old_run = RecordedRun(fence=1)

    class Overtaken(PassingClock):
        async def sleep_until(self, instant: datetime) -> None:
            """The second run comes in the first pause of the first one."""
            if not seconds:
                seconds.append(await perform(TASK, {"batch_size": 100}, content, clock, RecordedRun(fence=2)))

    seconds: list[Summary | Continue] = []
    first = await perform(TASK, {"batch_size": 100}, content, Overtaken(), old_run)

    assert (first.facts["status"], first.facts["reason"]) == ("skipped", "superseded")
    assert first.facts["rows"]["activity_pub_log.deleted"] == 100
    # The second run has the first one's execution, so it reports the rows of both.
    assert seconds[0].facts["rows"]["activity_pub_log.deleted"] == 350
    assert left(database) == []


async def test_a_step_under_a_lost_fence_is_undone(
    content: ContentPorts, database: ContentBase, clock: PassingClock
) -> None:
    entries(database, 350, newest=NOON - 30 * DAY)

    class Overtaken(PassingClock):
        async def sleep_until(self, instant: datetime) -> None:
            """Another run takes the checkpoint and has yet to take its first step."""
            database.execute("UPDATE scheduler_task_checkpoint SET fence = 2")

    done = await perform(TASK, {"batch_size": 100}, content, Overtaken(), RecordedRun(fence=1))

    assert (done.facts["status"], done.facts["reason"]) == ("skipped", "superseded")
    assert left(database) == list(range(101, 351))
    assert database.cursor()["after_id"] == 100


async def test_a_run_with_a_lower_fence_does_not_begin(
    content: ContentPorts, database: ContentBase, clock: PassingClock
) -> None:
    entries(database, 350, newest=NOON - 30 * DAY)
    await perform(
        TASK, {"batch_size": 100, "max_runtime_s": 10, "pause_ms": 60_000}, content, clock, RecordedRun(fence=9)
    )

    late = await perform(TASK, {"batch_size": 100}, content, clock, RecordedRun(fence=8))

    assert (late.facts["status"], late.facts["batches"]) == ("skipped", 0)
    assert len(left(database)) == 250


async def test_a_checkpoint_of_a_store_that_is_no_more_is_taken_over(
    content: ContentPorts, database: ContentBase, clock: PassingClock
) -> None:
    entries(database, 350, newest=NOON - 30 * DAY)
    await perform(
        TASK, {"batch_size": 100, "max_runtime_s": 10, "pause_ms": 60_000}, content, clock, RecordedRun(fence=9)
    )
    clock.advance(timedelta(hours=2))

    done = await perform(TASK, {"batch_size": 100}, content, clock, RecordedRun(fence=1))

    assert done.facts["status"] == "completed"
    assert left(database) == []


@pytest.mark.parametrize(
    ("change", "wait", "resumes"),
    [
        ({}, timedelta(hours=1), True),
        ({"pause_ms": 0}, timedelta(hours=1), True),
        ({"resume": False}, timedelta(hours=1), False),
        ({"days_to_keep": 31}, timedelta(hours=1), False),
        ({}, timedelta(days=6, hours=23), True),
        ({}, timedelta(days=7, hours=1), False),
    ],
    ids=str,
)
async def test_which_checkpoint_is_gone_on_from(
    change: Mapping[str, Any],
    wait: timedelta,
    resumes: bool,
    content: ContentPorts,
    database: ContentBase,
    clock: PassingClock,
) -> None:
    entries(database, 350, newest=NOON - 31 * DAY)
    first = await perform(TASK, ONE_BATCH, content, clock)
    clock.advance(wait)

    second = await perform(TASK, {"batch_size": 100, **change}, content, clock, RecordedRun(fence=2))

    assert (first.facts["cutoff"] == second.facts["cutoff"]) is resumes
    assert left(database) == []


async def test_a_cancelled_run_stops_between_batches_and_keeps_its_place(
    content: ContentPorts, database: ContentBase, clock: PassingClock
) -> None:
    entries(database, 350, newest=NOON - 30 * DAY)

    with pytest.raises(RunCancelledError):
        await perform(TASK, {"batch_size": 100}, content, clock, RecordedRun(cancelled_at_check=3))

    assert left(database) == list(range(201, 351))
    assert database.cursor()["after_id"] == 200


async def test_progress_is_told_along_the_ids(
    content: ContentPorts, database: ContentBase, clock: PassingClock
) -> None:
    entries(database, 250, newest=NOON - 30 * DAY)
    run = RecordedRun()

    await perform(TASK, {"batch_size": 100}, content, clock, run)

    assert [(done, total) for done, total, _ in run.reports] == [(100, 250), (200, 250), (250, 250)]
    assert run.reports[-1][2] == "entries: 250 rows changed"


async def test_young_entries_are_not_even_looked_at(
    content: ContentPorts, database: ContentBase, clock: PassingClock
) -> None:
    entries(database, 150, newest=NOON - 30 * DAY)
    entries(database, 1000, newest=NOON)
    run = RecordedRun()

    done = await perform(TASK, {"batch_size": 100}, content, clock, run)

    assert done.facts["batches"] == 2
    assert run.reports[-1][:2] == (150, 150)


async def test_an_empty_log_is_no_trouble(content: ContentPorts, database: ContentBase, clock: PassingClock) -> None:
    done = await perform(TASK, {}, content, clock)

    assert (done.facts["status"], done.facts["rows"]) == ("completed", {"activity_pub_log.deleted": 0})
