"""`History`: lists and their pages, records, counts."""

from datetime import timedelta
from typing import Any

import pytest

from application.scheduling.ports.history import ExecutionFilter, TaskFilter, TaskOrder, TaskPage
from domain.errors import DomainError
from domain.scheduling.change import ChangeAction
from domain.scheduling.execution import ExecutionState
from domain.scheduling.identifiers import ExecutionId, TaskId
from domain.scheduling.policy import ExecutionPolicy, Overlap
from domain.scheduling.schedule import CronSchedule, OneTimeSchedule, ScheduleType
from domain.scheduling.task import ScheduledTask, TaskStatus
from tests.conformance.store_under_test import StoreUnderTest
from tests.support.builders import DAY, HOUR, HOURLY, MINUTE, SECOND, a_definition, a_failure
from tests.support.manual_clock import NOON

ANY = TaskFilter()
ALLOW = ExecutionPolicy(overlap=Overlap.ALLOW)


async def _tasks(
    store: StoreUnderTest,
    which: TaskFilter = ANY,
    *,
    order: TaskOrder = TaskOrder.NAME,
    descending: bool = False,
    limit: int = 100,
    cursor: str | None = None,
) -> TaskPage:
    return await store.history.tasks(which, order=order, descending=descending, limit=limit, cursor=cursor)


async def _walked(store: StoreUnderTest, order: TaskOrder, *, descending: bool, limit: int) -> list[ScheduledTask]:
    page = await _tasks(store, order=order, descending=descending, limit=limit)
    found = list(page.tasks)
    while page.next_cursor is not None:
        assert len(page.tasks) == limit
        page = await _tasks(store, order=order, descending=descending, limit=limit, cursor=page.next_cursor)
        found += page.tasks
    return found


def _names(page: TaskPage) -> list[str]:
    return [task.definition.name for task in page.tasks]


async def _assorted(store: StoreUnderTest) -> dict[str, ScheduledTask]:
    """Four tasks that differ in everything a filter asks for; one of them is deleted."""
    definitions = [
        a_definition("digest", task_type="mail", tags=("daily", "mail"), description="Sends the WEEKLY Digest"),
        a_definition("report", task_type="report", schedule=HOURLY, tags=("daily",), handler="make_100%_report"),
        a_definition("once", task_type="report", schedule=OneTimeSchedule(NOON + DAY)),
        a_definition("gone", task_type="mail", tags=("daily",)),
    ]
    tasks = {each.name: await store.add(each) for each in definitions}
    await store.paused(tasks["report"])
    await store.deleted(tasks["gone"])
    return tasks


FILTERS: list[tuple[TaskFilter, list[str]]] = [
    (ANY, ["digest", "once", "report"]),
    (TaskFilter(text="DIGE"), ["digest"]),
    (TaskFilter(text="weekly d"), ["digest"]),
    (TaskFilter(text="100%_r"), ["report"]),
    (TaskFilter(text="1%"), []),
    (TaskFilter(text="d_gest"), []),
    (TaskFilter(status=TaskStatus.PAUSED), ["report"]),
    (TaskFilter(status=TaskStatus.FAILED), []),
    (TaskFilter(schedule_type=ScheduleType.CRON), ["report"]),
    (TaskFilter(schedule_type=ScheduleType.INTERVAL), ["digest"]),
    (TaskFilter(schedule_type=ScheduleType.ONE_TIME), ["once"]),
    (TaskFilter(task_type="report"), ["once", "report"]),
    (TaskFilter(tag="daily"), ["digest", "report"]),
    (TaskFilter(tag="mail"), ["digest"]),
    (TaskFilter(tag="mai"), []),
    (TaskFilter(tag="daily", status=TaskStatus.ACTIVE), ["digest"]),
]


@pytest.mark.parametrize("limit", [1, 2, 3])
async def test_all_tasks_come_by_name_in_slices_of_any_size(store: StoreUnderTest, limit: int) -> None:
    tasks = await _assorted(store)
    await store.add(a_definition("Émile"))

    found = await store.history.tasks_by_name(after=None, limit=limit)
    read = list(found.tasks)
    while found.after is not None:
        found = await store.history.tasks_by_name(after=found.after, limit=limit)
        read += found.tasks

    assert [task.definition.name for task in read] == ["digest", "once", "report", "Émile"]
    assert read[2] == await store.tasks.get(tasks["report"].id)


async def test_a_list_has_the_tasks_that_meet_every_condition(store: StoreUnderTest) -> None:
    await _assorted(store)

    for which, names in FILTERS:
        page = await _tasks(store, which)
        assert (_names(page), page.total, page.next_cursor) == (names, len(names), None), which


async def test_a_list_can_have_the_failing_the_late_and_those_that_are_named(store: StoreUnderTest) -> None:
    tasks = await _assorted(store)
    digest = tasks["digest"]
    await store.settle(await store.started(digest), a_failure())
    named = frozenset({digest.id, tasks["report"].id, tasks["gone"].id, TaskId("nobody")})
    asked = {
        "failing": TaskFilter(failing=True),
        "late": TaskFilter(late_before=NOON + DAY + SECOND),
        "not late": TaskFilter(late_before=NOON),
        "named": TaskFilter(ids=named),
        "named and deleted": TaskFilter(ids=named, deleted=True),
        "nobody": TaskFilter(ids=frozenset()),
        "by name": TaskFilter(names=frozenset({"digest", "report", "gone", "nobody"})),
        "by name and deleted": TaskFilter(names=frozenset({"digest", "gone"}), deleted=True),
        "by no name": TaskFilter(names=frozenset()),
    }

    found = {name: await _tasks(store, which) for name, which in asked.items()}

    assert {name: _names(page) for name, page in found.items()} == {
        "failing": ["digest"],
        "late": ["digest", "once"],
        "not late": [],
        "named": ["digest", "report"],
        "named and deleted": ["gone"],
        "nobody": [],
        "by name": ["digest", "report"],
        "by name and deleted": ["gone"],
        "by no name": [],
    }
    assert all(page.total == len(page.tasks) == sum(page.by_status.values()) for page in found.values())


async def test_the_figures_beside_a_list_count_all_pages_and_every_status(store: StoreUnderTest) -> None:
    await _assorted(store)

    page = await _tasks(store, TaskFilter(tag="daily", status=TaskStatus.ACTIVE), limit=1)
    first = await _tasks(store, limit=1)

    assert {status: count for status, count in page.by_status.items() if count} == {
        TaskStatus.ACTIVE: 1,
        TaskStatus.PAUSED: 1,
    }
    assert (page.total, first.total, len(first.tasks)) == (1, 3, 1)


async def test_a_list_tells_tasks_as_they_are(store: StoreUnderTest) -> None:
    task = await store.add()
    await store.started(task)

    assert (await _tasks(store)).tasks == (await store.read(task),)


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("order", TaskOrder)
async def test_pages_of_any_size_lose_and_double_no_row_though_many_are_equal(
    store: StoreUnderTest, order: TaskOrder, descending: bool
) -> None:
    created = [await store.add(a_definition(name, policy=ALLOW)) for name in ("b", "C", "É", "a", "A", "é")]
    done = await store.add(a_definition("done", schedule=OneTimeSchedule(NOON + SECOND)))
    await store.settle(await store.started(done))
    store.clock.advance(MINUTE)
    for task in created[:2]:
        await store.commit(task)

    for limit in (1, 2, 3, 7, 8):
        walked = await _walked(store, order, descending=descending, limit=limit)
        assert sorted(task.id for task in walked) == sorted(task.id for task in (*created, done))
        values = [_value(task, order) for task in walked]
        present = [value for value in values if value is not None]
        assert present == sorted(present, reverse=descending)
        assert values == present + [None] * (len(values) - len(present))


def _value(task: ScheduledTask, order: TaskOrder) -> Any:
    match order:
        case TaskOrder.NAME:
            return task.definition.name.encode().lower()
        case TaskOrder.NEXT_RUN_AT:
            return task.next_occurrence.run_at if task.next_occurrence else None
        case TaskOrder.LAST_RUN_AT:
            return task.last_run_at
        case TaskOrder.CREATED_AT:
            return task.created_at
        case TaskOrder.UPDATED_AT:
            return task.updated_at


async def test_a_page_goes_on_where_the_last_one_ended_though_its_last_row_is_gone(store: StoreUnderTest) -> None:
    tasks = {name: await store.add(a_definition(name)) for name in ("a", "b", "c", "d")}
    first = await _tasks(store, limit=2)
    await store.deleted(tasks["b"])
    await store.add(a_definition("aa"))

    second = await _tasks(store, limit=2, cursor=first.next_cursor)

    assert (_names(first), _names(second)) == (["a", "b"], ["c", "d"])


async def test_a_made_up_cursor_is_refused(store: StoreUnderTest) -> None:
    await store.add()

    for cursor in ("", "nonsense", "bm9uc2Vuc2U=", "W10=", "🍑", "eyJhIjogMX0="):
        with pytest.raises(DomainError) as tasks:
            await _tasks(store, cursor=cursor)
        with pytest.raises(DomainError) as executions:
            await store.history.executions(ExecutionFilter(), limit=10, cursor=cursor)
        assert (tasks.value.reason, executions.value.reason) == ("bad_cursor", "bad_cursor"), cursor


async def test_a_cursor_of_another_order_is_refused(store: StoreUnderTest) -> None:
    for name in ("a", "b"):
        await store.add(a_definition(name))
    cursor = (await _tasks(store, order=TaskOrder.NAME, limit=1)).next_cursor

    with pytest.raises(DomainError) as refused:
        await _tasks(store, order=TaskOrder.CREATED_AT, cursor=cursor)

    assert refused.value.reason == "bad_cursor"


async def test_the_next_runs_are_those_of_active_tasks_earliest_first(store: StoreUnderTest) -> None:
    schedules = {"late": HOURLY, "early": CronSchedule("5 12 * * *"), "paused": CronSchedule("1 12 * * *")}
    tasks = {name: await store.add(a_definition(name, schedule=each)) for name, each in schedules.items()}
    await store.paused(tasks["paused"])
    done = await store.add(a_definition("done", schedule=OneTimeSchedule(NOON + SECOND)))
    await store.settle(await store.started(done))

    coming = [task.definition.name for task in await store.history.upcoming(10)]

    assert coming == ["early", "late"]
    assert len(await store.history.upcoming(1)) == 1


async def test_there_is_no_record_of_what_never_was(store: StoreUnderTest) -> None:
    assert await store.history.execution(ExecutionId("nobody")) is None
    assert await store.history.skips(TaskId("nobody"), limit=10) == []
    assert await store.history.changes(TaskId("nobody"), limit=10) == []


async def test_skips_and_changes_come_newest_first_up_to_the_limit(store: StoreUnderTest) -> None:
    task = await store.add()
    for _ in range(3):
        paused = await store.paused(await store.read(task))
        store.clock.advance(MINUTE)
        await store.resumed(paused)
        await store.settle(await store.started(task))

    skips = await store.history.skips(task.id, limit=2)
    assert [skip.first_at for skip in skips] == [NOON + 5 * MINUTE, NOON + 3 * MINUTE]
    before = await store.history.skips(task.id, limit=2, until=NOON + 5 * MINUTE)
    assert [skip.first_at for skip in before] == [NOON + 3 * MINUTE, NOON + MINUTE]
    changes = await store.history.changes(task.id, limit=3)
    assert [(record.change.action, record.version) for record in changes] == [
        (ChangeAction.RESUME, 7),
        (ChangeAction.PAUSE, 6),
        (ChangeAction.RESUME, 5),
    ]


async def test_counts_tell_what_is_and_what_ended_within_a_day(store: StoreUnderTest) -> None:
    await _assorted(store)
    early = await store.add(a_definition("early", policy=ALLOW))
    await store.settle(await store.started(early))
    store.clock.advance(DAY - HOUR)
    for outcome in (None, a_failure(), a_failure(retry_at=NOON + 9 * DAY)):
        await store.run_now(early, key=repr(outcome))
        await store.settle(await store.claim(), outcome)
    await store.run_now(early, key="open")

    now = await store.history.counts()
    store.clock.advance(HOUR + timedelta(minutes=1))
    later = await store.history.counts()

    assert _positive(now.tasks_by_status) == {TaskStatus.ACTIVE: 3, TaskStatus.PAUSED: 1}
    assert await store.history.task_count() == 4
    assert _positive(now.tasks_by_type) == {"mail": 2, "report": 2}
    assert _positive(now.open_by_state) == {ExecutionState.PENDING: 1, ExecutionState.RETRY_WAIT: 1}
    assert _positive(now.finished_24h) == {ExecutionState.SUCCEEDED: 2, ExecutionState.DEAD: 1}
    assert _positive(later.finished_24h) == {ExecutionState.SUCCEEDED: 1, ExecutionState.DEAD: 1}


def _positive(counts: object) -> dict[object, int]:
    assert hasattr(counts, "items")
    return {key: count for key, count in counts.items() if count}


async def test_an_unreadable_row_is_left_out_of_lists(store: StoreUnderTest) -> None:
    for name in ("sound", "spoilt"):
        await store.add(a_definition(name))
    await store.spoil(TaskId("id-spoilt"))

    assert _names(await _tasks(store)) == ["sound"]
    assert [task.definition.name for task in await store.history.upcoming(10)] == ["sound"]
