"""The contract of `News`: whatever changes is told after every mark from before it, by whichever hand it changed."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from application.scheduling.ports.errors import StoreUnavailableError
from application.scheduling.ports.execution_store import Beat, LogLine, Progress
from application.scheduling.ports.history import ExecutionFilter, TaskFilter, TaskOrder
from application.scheduling.ports.news import Changed
from application.scheduling.ports.task_store import Decision
from domain.scheduling.change import ChangeAction
from domain.scheduling.mutation import undelete
from domain.scheduling.outcome import HandedBack, UnknownHandler
from domain.scheduling.task import Quarantine, ScheduledTask
from tests.conformance.store_under_test import OTHER_WORKER, WORKER, StoreUnderTest
from tests.support.builders import MINUTE, a_change, a_definition, a_failure

Deed = Callable[[StoreUnderTest, ScheduledTask], Awaitable[object]]
LIMIT = 100
DAY = timedelta(days=1)


async def _quarantined(store: StoreUnderTest, task: ScheduledTask) -> None:
    quarantine = Quarantine("no such zone", store.clock.now() + 5 * MINUTE)
    await store.tasks.commit_firings([Decision(await store.read(task), quarantine)])


async def _undeleted(store: StoreUnderTest, task: ScheduledTask) -> None:
    await store.deleted(task)
    (kept,) = (await _tasks(store, deleted=True)).values()
    await store.applied(undelete(kept, a_change(ChangeAction.UNDELETE, at=store.clock.now())))


async def _passed_over(store: StoreUnderTest, task: ScheduledTask) -> None:
    await store.fired(task)
    await store.fired(task)


async def _told_progress(store: StoreUnderTest, task: ScheduledTask) -> None:
    claim = await store.started(task)
    beat = Beat(claim.execution.id, claim.token, progress=Progress(1, 2, ""))
    await store.executions.heartbeat(WORKER, [beat])


async def _told_a_line(store: StoreUnderTest, task: ScheduledTask) -> None:
    claim = await store.started(task)
    beat = Beat(claim.execution.id, claim.token, log=(LogLine(store.clock.now(), "info", "half way"),))
    await store.executions.heartbeat(WORKER, [beat])


async def _succeeded(store: StoreUnderTest, task: ScheduledTask) -> None:
    await store.settle(await store.started(task))


async def _retried(store: StoreUnderTest, task: ScheduledTask) -> None:
    claim = await store.started(task)
    await store.settle(claim, a_failure(retry_at=store.clock.now() + MINUTE))
    store.clock.advance(MINUTE)
    assert (await store.executions.release_due(10)).moved == 1


async def _died(store: StoreUnderTest, task: ScheduledTask) -> None:
    await store.settle(await store.started(task), a_failure())


async def _handed_back(store: StoreUnderTest, task: ScheduledTask) -> None:
    await store.settle(await store.started(task), HandedBack())


async def _without_a_handler(store: StoreUnderTest, task: ScheduledTask) -> None:
    await store.settle(await store.started(task), UnknownHandler())
    store.clock.advance(DAY)
    assert await store.executions.expire_unknown(10)


async def _rescued(store: StoreUnderTest, task: ScheduledTask) -> None:
    await store.started(task)
    assert await store.executions.rescue_worker(WORKER)


async def _cancelled(store: StoreUnderTest, task: ScheduledTask) -> None:
    claim = await store.started(task)
    await store.executions.cancel(claim.execution.id, a_change(ChangeAction.CANCEL, at=store.clock.now()))


DEEDS: dict[str, Deed] = {
    "created": lambda store, _: store.add(a_definition("another")),
    "described": lambda store, task: store.described(task, "what it is for"),
    "paused": lambda store, task: store.paused(task),
    "deleted": lambda store, task: store.deleted(task),
    "undeleted": _undeleted,
    "quarantined": _quarantined,
    "fired": lambda store, task: store.fired(task),
    "passed over": _passed_over,
    "run by hand": lambda store, task: store.run_now(task, key="now"),
    "claimed": lambda store, task: store.started(task),
    "progress": _told_progress,
    "a log line": _told_a_line,
    "succeeded": _succeeded,
    "retried": _retried,
    "dead": _died,
    "handed back": _handed_back,
    "no handler": _without_a_handler,
    "rescued": _rescued,
    "cancelled": _cancelled,
}


async def _tasks(store: StoreUnderTest, *, deleted: bool = False) -> dict[str, ScheduledTask]:
    which = TaskFilter(deleted=deleted)
    page = await store.history.tasks(which, order=TaskOrder.NAME, descending=False, limit=LIMIT, cursor=None)
    return {task.id: task for task in page.tasks}


async def _shown(store: StoreUnderTest) -> dict[str, object]:
    """Everything pages show of tasks and executions, by id."""
    page = await store.history.executions(ExecutionFilter(), limit=LIMIT, cursor=None)
    ids = [summary.execution.id for summary in page.executions]
    records: dict[str, object] = {id_: await store.history.execution(id_) for id_ in ids}
    return {**await _tasks(store), **await _tasks(store, deleted=True), **records}


async def _mark(store: StoreUnderTest) -> str:
    return (await store.news.since(None, limit=LIMIT)).mark


@pytest.mark.parametrize("deed", DEEDS.values(), ids=DEEDS)
async def test_whatever_pages_show_otherwise_afterwards_is_told(store: StoreUnderTest, deed: Deed) -> None:
    task = await store.add()
    before, mark = await _shown(store), await _mark(store)

    await deed(store, task)

    after, told = await _shown(store), await store.news.since(mark, limit=LIMIT)
    other = {id_ for id_, shown in after.items() if before.get(id_) != shown}
    assert told.is_complete
    assert other
    assert other <= {*told.tasks, *told.executions}


async def test_where_nothing_changes_nothing_is_told_and_the_mark_stays(store: StoreUnderTest) -> None:
    claim = await store.started(await store.add())
    mark = await _mark(store)

    await store.beat(claim)
    await store.executions.claim(OTHER_WORKER, [store.token()])

    assert await store.news.since(mark, limit=LIMIT) == Changed(mark)


async def test_with_an_execution_its_task_is_told_and_each_only_once(store: StoreUnderTest) -> None:
    task = await store.add()
    await store.add(a_definition("another"))
    mark = await _mark(store)

    claim = await store.started(task)
    await store.settle(claim)

    told = await store.news.since(mark, limit=LIMIT)
    assert (told.tasks, told.executions) == ((task.id,), (claim.execution.id,))


async def test_what_was_told_once_is_not_told_after_the_new_mark(store: StoreUnderTest) -> None:
    task = await store.add()
    told = await store.news.since(await _mark(store), limit=LIMIT)
    await store.described(task, "what it is for")

    told = await store.news.since(told.mark, limit=LIMIT)
    again = await store.news.since(told.mark, limit=LIMIT)

    assert told.tasks == (task.id,)
    assert again == Changed(told.mark)


async def test_the_mark_of_an_empty_store_is_one(store: StoreUnderTest) -> None:
    mark = await _mark(store)

    task = await store.add()

    told = await store.news.since(mark, limit=LIMIT)
    assert (told.tasks, told.is_complete) == ((task.id,), True)


async def test_as_many_changes_as_were_asked_for_are_told_and_no_more(store: StoreUnderTest) -> None:
    mark = await _mark(store)
    for number in range(3):
        await store.add(a_definition(f"task {number}"))

    some, all_ = await store.news.since(mark, limit=2), await store.news.since(mark, limit=3)

    assert some == Changed(all_.mark, is_complete=False)
    assert (len(all_.tasks), all_.is_complete) == (3, True)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-",
        "0",
        "1",
        "0-x",
        "0{mark}",
        "1-another",
        "2-{place}",
        "{mark}x",
        "-{mark}",
        "9" * 30 + "-{place}",
        "x\0",
        "١-{place}",
    ],
)
async def test_after_what_is_no_mark_everything_is_to_be_read(store: StoreUnderTest, text: str) -> None:
    await store.add()
    newest = await _mark(store)
    number, _, place = newest.partition("-")

    told = await store.news.since(text.format(mark=newest, place=place), limit=LIMIT)

    assert number == "1"
    assert told == Changed(newest, is_complete=False)


async def test_a_store_that_is_cut_off_says_so(store: StoreUnderTest) -> None:
    await store.cut_off()

    with pytest.raises(StoreUnavailableError):
        await store.news.since(None, limit=LIMIT)
