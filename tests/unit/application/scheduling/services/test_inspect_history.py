import pytest

from application.scheduling.ports.history import ExecutionFilter
from application.scheduling.ports.records import ExecutionSummary
from application.scheduling.services.errors import TaskNotFoundError, VersionNotFoundError
from application.scheduling.services.inspect_history import SKIPS_MAX, HappenedPage, InspectHistory
from domain.scheduling.execution import ExecutionState
from domain.scheduling.identifiers import TaskId
from domain.scheduling.task import ScheduledTask, Skip, SkipReason
from tests.support.builders import HOUR, MINUTE
from tests.support.house import House, a_body, an_author
from tests.support.manual_clock import NOON


def past(house: House) -> InspectHistory:
    return InspectHistory(house.stores.history)


def told(page: HappenedPage) -> list[str]:
    """Each row as the minute of the day it stands for."""
    return [
        f"skip {row.first_at:%H:%M}" if isinstance(row, Skip) else f"{row.execution.nominal_at:%H:%M}"
        for row in page.rows
    ]


async def an_eventful_task(house: House) -> ScheduledTask:
    """A task that ran at 13:00, was down until 17:30, and ran at 18:00 and 19:00."""
    task = await house.create(policy={"overlap": "allow"})
    for pause in (HOUR, 4 * HOUR + 30 * MINUTE, 30 * MINUTE, HOUR):
        house.clock.advance(pause)
        await house.fire()
    return task


async def test_what_did_not_run_stands_between_what_did(house: House) -> None:
    task = await an_eventful_task(house)

    page = await past(house).happened(ExecutionFilter(task.id), task.id, limit=10)

    assert told(page) == ["19:00", "18:00", "17:00", "skip 14:00", "13:00"]
    assert (page.next_cursor, page.next_until) == (None, None)


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5])
async def test_pages_of_any_size_tell_everything_once(house: House, limit: int) -> None:
    task = await an_eventful_task(house)
    which, found = ExecutionFilter(task.id), list[str]()

    page = await past(house).happened(which, task.id, limit=limit)
    found += told(page)
    while page.next_cursor is not None:
        page = await past(house).happened(which, task.id, limit=limit, cursor=page.next_cursor, until=page.next_until)
        found += told(page)

    assert found == ["19:00", "18:00", "17:00", "skip 14:00", "13:00"]


async def test_no_page_leaves_out_what_is_too_much_for_it(house: House) -> None:
    task = await an_eventful_task(house)
    instants = [NOON + index * MINUTE + MINUTE / 2 for index in range(2 * SKIPS_MAX + 50)]
    house.stores.state.pass_over(task.id, tuple(Skip(SkipReason.OVERLAP, at, at, 1) for at in instants))
    which, found = ExecutionFilter(task.id), list[ExecutionSummary | Skip]()

    page = await past(house).happened(which, task.id, limit=3)
    pages = 1
    found += page.rows
    while page.next_cursor is not None or page.next_until is not None:
        page = await past(house).happened(which, task.id, limit=3, cursor=page.next_cursor, until=page.next_until)
        pages += 1
        found += page.rows

    executions = (await house.stores.history.executions(which, limit=10, cursor=None)).executions
    skips = await house.stores.history.skips(task.id, limit=3 * SKIPS_MAX)
    assert len(found) == len(set(map(repr, found))) == len(executions) + len(skips) == 4 + 1 + len(instants)
    assert pages == 3


async def test_executions_of_a_state_stand_alone_and_so_does_what_did_not_run(house: House) -> None:
    task = await an_eventful_task(house)
    which = ExecutionFilter(task.id, frozenset({ExecutionState.PENDING}))

    assert told(await past(house).happened(which, task.id, limit=10)) == ["19:00", "18:00", "17:00", "13:00"]
    assert told(await past(house).skips(task.id, limit=10)) == ["skip 14:00"]


async def test_what_did_not_run_comes_in_pages_too(house: House) -> None:
    task = await house.create(policy={"overlap": "allow"})
    for _ in range(3):
        house.clock.advance(2 * HOUR)
        await house.fire()

    first = await past(house).skips(task.id, limit=2)
    second = await past(house).skips(task.id, limit=2, until=first.next_until)

    assert (told(first), told(second)) == (["skip 17:00", "skip 15:00"], ["skip 13:00"])
    assert second.next_until is None


async def test_versions_say_what_they_changed(house: House) -> None:
    task = await house.create()
    await house.manage.replace(task.id, a_body(schedule="30 * * * *"), an_author())
    await house.manage.pause(task.id, an_author(reason="holidays"))

    found = await past(house).versions(task.id, limit=5)
    last = await past(house).versions(task.id, limit=1)

    changed = [[each.pointer for each in version.differences or ()] for version in found]
    assert changed == [[], ["/schedule"], []]
    assert last == found[:1]
    assert await past(house).version(task.id, 2) == found[1]


async def test_two_versions_are_compared_either_way(house: House) -> None:
    task = await house.create()
    await house.manage.replace(task.id, a_body(schedule="30 * * * *"), an_author())

    there, back = await past(house).compare(task.id, 1, 2), await past(house).compare(task.id, 2, 1)

    assert [(each.before, each.after) for each in there.differences] == [("0 * * * *", "30 * * * *")]
    assert [(each.before, each.after) for each in back.differences] == [("30 * * * *", "0 * * * *")]


async def test_what_is_not_on_record_is_not_found(house: House) -> None:
    task = await house.create()

    with pytest.raises(VersionNotFoundError):
        await past(house).compare(task.id, 1, 2)
    with pytest.raises(TaskNotFoundError):
        await past(house).versions(TaskId("nope"), limit=5)


async def test_a_deleted_task_is_kept_for_thirty_days(house: House) -> None:
    task = await house.create()
    await house.manage.delete(task.id, an_author())
    gone = await house.stores.tasks.deleted(task.id)

    assert isinstance(gone, ScheduledTask)
    assert past(house).kept_until(gone) == house.clock.now() + 30 * 24 * HOUR
    assert past(house).kept_until(task) is None
