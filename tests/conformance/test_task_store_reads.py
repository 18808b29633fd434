"""`TaskStore`: what is stored, found and due."""

from dataclasses import replace
from datetime import timedelta

import pytest

from application.scheduling.ports.task_store import PAYLOAD_LEFT_OUT, Committed, Decision, Place, Unreadable
from domain.scheduling.change import ChangeAction
from domain.scheduling.execution import ExecutionState
from domain.scheduling.firing import fire
from domain.scheduling.identifiers import BUCKET_COUNT, TaskId, bucket_of
from domain.scheduling.mutation import end_pause
from domain.scheduling.policy import ExecutionPolicy, Misfire, Overlap
from domain.scheduling.retry import Backoff, BackoffKind, RetryPolicy
from domain.scheduling.schedule import CronSchedule, IntervalSchedule, OneTimeSchedule, Schedule
from domain.scheduling.sharing import EVERYTHING, TAKEOVER_AFTER, Share
from domain.scheduling.task import Delivery, Quarantine, ScheduledTask
from tests.conformance.store_under_test import StoreUnderTest
from tests.support.builders import HOUR, HOURLY, MINUTE, SECOND, a_change, a_definition, a_failure, a_pause
from tests.support.manual_clock import NOON

LIST = Backoff(BackoffKind.LIST, delays=(SECOND, MINUTE))
UNUSUAL = ExecutionPolicy(
    misfire=Misfire.ALL,
    grace=HOUR,
    catch_up_max=7,
    overlap=Overlap.QUEUE_ONE,
    retry=RetryPolicy(max_retries=0, backoff=LIST),
    timeout=timedelta(seconds=1),
    start_at=NOON,
    end_at=NOON + timedelta(days=3650, microseconds=1),
    max_runs=12,
    jitter=timedelta(microseconds=7),
    fail_after=None,
)


@pytest.mark.parametrize(
    "schedule",
    [
        CronSchedule("30 2 * * 1-5", "Europe/Berlin"),
        IntervalSchedule.parse("1h30m", anchor=NOON - SECOND),
        OneTimeSchedule(NOON + timedelta(microseconds=1)),
    ],
)
async def test_a_task_reads_back_as_it_was_created(store: StoreUnderTest, schedule: Schedule) -> None:
    definition = a_definition(
        "Wöchentlicher Bericht 🍑",
        schedule=schedule,
        policy=UNUSUAL,
        payload_json='{"n": 12345678901234567890, "list": [], "text": "\\u0000 ü"}',
        handler="report",
        tags=("a", "b"),
        description="Two\nlines",
    )

    created = await store.add(definition)

    assert created.definition == definition
    assert await store.tasks.get(created.id) == created
    assert await store.tasks.find(definition.name) == created
    assert await store.tasks.scan(after=None, limit=10) == [created]


async def test_an_external_task_reads_back_as_external(store: StoreUnderTest) -> None:
    created = await store.add(a_definition(delivery=Delivery.EXTERNAL))

    assert (await store.read(created)).definition.delivery is Delivery.EXTERNAL


async def test_there_is_nothing_under_an_unknown_id_or_name(store: StoreUnderTest) -> None:
    await store.add(a_definition("report"))

    assert await store.tasks.get(TaskId("nobody")) is None
    assert await store.tasks.find("Report") is None
    assert await store.tasks.replay("no key", "") is None


async def test_a_deleted_task_is_found_by_nothing(store: StoreUnderTest) -> None:
    task = await store.add()
    await store.deleted(task)
    store.clock.advance(HOUR)

    assert await store.tasks.get(task.id) is None
    assert await store.tasks.find(task.definition.name) is None
    assert await store.tasks.scan(after=None, limit=10) == []
    assert await store.due() == []


async def test_tasks_are_due_earliest_first_up_to_the_limit(store: StoreUnderTest) -> None:
    for name, minutes in (("last", 3), ("first", 1), ("middle", 2), ("later", 4)):
        await store.add(a_definition(name, schedule=OneTimeSchedule(NOON + minutes * MINUTE)))
    store.clock.advance(3 * MINUTE)

    assert await store.due() == ["first", "middle", "last"]
    assert await store.due(limit=2) == ["first", "middle"]


@pytest.mark.parametrize("has_share", [False, True])
async def test_what_is_due_is_read_page_by_page_in_one_order(store: StoreUnderTest, *, has_share: bool) -> None:
    added = [await store.add(a_definition(f"report {number}", schedule=HOURLY)) for number in range(5)]
    added.append(await store.add(a_definition("later", schedule=OneTimeSchedule(NOON + HOUR + MINUTE))))
    share = Share(EVERYTHING.buckets - {64}) if has_share else EVERYTHING
    store.clock.advance(HOUR + MINUTE)

    read: list[TaskId] = []
    place = None
    while found := await store.tasks.due(share, until=store.clock.now(), limit=2, after=place):
        (*_, last) = readable = [each for each in found if isinstance(each, ScheduledTask)]
        assert last.look_at is not None
        place = Place(last.look_at, last.id)
        read += [each.id for each in readable]
        # What was read is gone from where it stood, which moves no other out of its turn.
        await store.tasks.commit_firings([Decision(readable[0], fire(readable[0], store.clock.now()))])

    assert read == [*sorted(each.id for each in added[:5]), added[5].id]


async def test_a_task_is_due_at_its_instant_and_not_before(store: StoreUnderTest) -> None:
    await store.add(a_definition("report", schedule=OneTimeSchedule(NOON + MINUTE)))
    store.clock.advance(MINUTE - timedelta(microseconds=1))

    assert await store.due() == []
    assert await store.due(ahead=timedelta(microseconds=1)) == ["report"]


async def test_a_paused_task_is_looked_at_when_its_pause_ends(store: StoreUnderTest) -> None:
    task, for_good = await store.add(a_definition("report")), await store.add(a_definition("for good"))
    await store.paused(task, a_pause(until=NOON + HOUR))
    await store.paused(for_good)
    store.clock.advance(HOUR - SECOND)

    assert await store.due() == []
    assert await store.due(ahead=SECOND) == ["report"]


async def test_a_quarantined_task_is_looked_at_again_at_its_instant(store: StoreUnderTest) -> None:
    task = await store.add()
    store.clock.advance(MINUTE)
    quarantine = Quarantine("no such zone", look_at=NOON + HOUR)
    assert await store.tasks.commit_firings([Decision(task, quarantine)]) == [Committed()]

    assert await store.due() == []
    assert (await store.read(task)).quarantine == quarantine
    assert await store.due(ahead=HOUR - MINUTE) == ["report"]


async def test_a_stopped_task_is_never_due(store: StoreUnderTest) -> None:
    done = await store.add(a_definition("done", schedule=OneTimeSchedule(NOON + MINUTE)))
    failed = await store.add(a_definition("failed", policy=ExecutionPolicy(fail_after=1)))
    await store.settle(await store.started(done))
    await store.settle(await store.started(failed), a_failure())
    store.clock.advance(HOUR)

    assert await store.due() == []
    assert await store.tasks.next_look_at(Share(frozenset(range(BUCKET_COUNT)))) is None


def _share_of(*tasks: ScheduledTask) -> Share:
    return Share(frozenset(task.bucket for task in tasks))


async def test_a_share_is_read_first_and_half_a_second_late_by_anybody(store: StoreUnderTest) -> None:
    mine, other = [await store.add(a_definition(name)) for name in ("mine", "other")]
    assert mine.bucket != other.bucket
    store.clock.advance(MINUTE)

    assert await store.due(_share_of(mine)) == ["mine"]
    store.clock.advance(TAKEOVER_AFTER)
    assert sorted(await store.due(_share_of(mine))) == ["mine", "other"]


async def test_what_others_see_to_is_late_by_the_clock_not_by_the_asking(store: StoreUnderTest) -> None:
    await store.add(a_definition("other"))
    store.clock.advance(MINUTE)

    assert await store.due(Share(frozenset()), ahead=HOUR) == []


async def test_the_next_look_is_the_earliest_of_the_share(store: StoreUnderTest) -> None:
    early = await store.add(a_definition("early", schedule=OneTimeSchedule(NOON + MINUTE)))
    late = await store.add(a_definition("late", schedule=OneTimeSchedule(NOON + HOUR)))

    assert await store.tasks.next_look_at(_share_of(early, late)) == NOON + MINUTE
    assert await store.tasks.next_look_at(_share_of(late)) == NOON + HOUR
    assert await store.tasks.next_look_at(Share(frozenset())) is None


async def test_a_scan_in_slices_comes_by_every_task_once(store: StoreUnderTest) -> None:
    created = [await store.add(a_definition(f"task {number}")) for number in (3, 1, 2, 5, 4)]
    seen: list[ScheduledTask | Unreadable] = []
    after = None

    while slice_ := await store.tasks.scan(after=after, limit=2):
        seen += slice_
        last = slice_[-1]
        after = last.task_id if isinstance(last, Unreadable) else last.id

    assert seen == sorted(created, key=lambda task: task.id)


async def test_a_task_comes_with_its_open_executions_in_their_present_states(store: StoreUnderTest) -> None:
    task = await store.add(a_definition(policy=ExecutionPolicy(overlap=Overlap.QUEUE_ONE)))
    (first,) = await store.fired(task)
    (second,) = await store.fired(task)

    await store.claim()

    states = {each.id: each.state for each in (await store.read(task)).open}
    assert states == {first: ExecutionState.RUNNING, second: ExecutionState.WAITING}


async def test_what_is_due_comes_without_its_payload(store: StoreUnderTest) -> None:
    task = await store.add(a_definition(payload_json='{"large": 1}'))
    store.clock.advance(MINUTE)

    (due,) = await store.tasks.due(EVERYTHING, until=store.clock.now(), limit=10)

    assert isinstance(due, ScheduledTask)
    assert due.definition == replace(task.definition, payload_json=PAYLOAD_LEFT_OUT)
    assert isinstance(await store.commit(due), Committed)
    assert (await store.claim()).definition == task.definition


async def test_a_pause_that_ends_as_it_was_found_due_keeps_the_payload(store: StoreUnderTest) -> None:
    task = await store.add(a_definition(payload_json='{"large": 1}'))
    await store.paused(task, a_pause(until=NOON + HOUR))
    store.clock.advance(HOUR)
    (due,) = await store.tasks.due(EVERYTHING, until=store.clock.now(), limit=10)
    assert isinstance(due, ScheduledTask)

    after = await store.applied(end_pause(due, a_change(ChangeAction.PAUSE_ENDED, at=store.clock.now())))

    assert after.definition == (await store.read(task)).definition == task.definition
    await store.fired(task)
    assert (await store.claim()).definition == task.definition


async def test_a_definition_without_its_payload_is_never_stored(store: StoreUnderTest) -> None:
    task = await store.add()
    store.clock.advance(MINUTE)
    (due,) = await store.tasks.due(EVERYTHING, until=store.clock.now(), limit=10)
    assert isinstance(due, ScheduledTask)

    with pytest.raises(AssertionError):
        await store.described(due, "an edit of what came without its payload")

    assert (await store.read(task)).definition == task.definition


async def test_an_unreadable_row_is_named_and_holds_up_nobody(store: StoreUnderTest) -> None:
    spoilt, sound = await store.add(a_definition("spoilt")), await store.add(a_definition("sound", schedule=HOURLY))
    await store.spoil(spoilt.id)
    store.clock.advance(HOUR)

    found = await store.tasks.due(_share_of(spoilt, sound), until=store.clock.now(), limit=10)

    broken, readable = found
    assert isinstance(broken, Unreadable)
    assert broken.task_id == spoilt.id
    assert isinstance(readable, ScheduledTask)
    assert isinstance(await store.tasks.get(spoilt.id), Unreadable)
    assert isinstance(await store.tasks.find("spoilt"), Unreadable)
    assert len(await store.tasks.scan(after=None, limit=10)) == 2


async def test_an_unreadable_row_can_be_put_into_quarantine(store: StoreUnderTest) -> None:
    task = await store.add(a_definition("spoilt"))
    await store.spoil(task.id)
    store.clock.advance(MINUTE)
    quarantine = Quarantine("it cannot be read", look_at=NOON + HOUR)

    answers = await store.tasks.commit_firings([Decision(Unreadable(task.id, "broken"), quarantine)])

    assert answers == [Committed()]
    assert await store.due() == []
    assert await store.due(ahead=HOUR) == [task.id]


def test_the_names_above_lie_in_different_buckets() -> None:
    assert bucket_of(TaskId("id-mine")) != bucket_of(TaskId("id-other"))
    assert bucket_of(TaskId("id-early")) != bucket_of(TaskId("id-late"))
