"""`History.versions`: what a task was, who made it so, and for how long that is known."""

from dataclasses import replace

import pytest

from application.scheduling.ports.history import Retention
from application.scheduling.ports.records import VersionRecord
from domain.scheduling.change import ChangeAction, Via
from domain.scheduling.identifiers import TaskId
from domain.scheduling.mutation import edit, undelete
from tests.conformance.store_under_test import StoreUnderTest
from tests.support.builders import DAY, MINUTE, SECOND, a_change, a_creation

YEAR = Retention().changes


async def _versions(store: StoreUnderTest, task_id: TaskId, *, limit: int = 100) -> list[VersionRecord]:
    return list(await store.history.versions(task_id, limit=limit))


async def _pruned(store: StoreUnderTest) -> None:
    while await store.history.prune(Retention(), limit=100):
        pass


async def test_every_version_tells_its_definition_and_the_change_that_made_it(store: StoreUnderTest) -> None:
    task = await store.add()
    store.clock.advance(MINUTE)
    renamed = replace(task.definition, name="renamed", payload_json='{"days":2}')
    change = a_change(at=store.clock.now(), actor="bo", via=Via.CLI, reason="clearer")
    await store.applied(edit(task, renamed, change))

    second, first = await _versions(store, task.id)

    assert second == VersionRecord(task.id, 2, renamed, change, redefines=True)
    assert first == VersionRecord(task.id, 1, task.definition, a_creation().change, redefines=True)
    assert await store.history.version(task.id, 1) == first
    assert await store.history.version(task.id, 2) == second


async def test_a_version_that_says_nothing_else_is_marked(store: StoreUnderTest) -> None:
    task = await store.add()
    paused = await store.paused(task)
    resumed = await store.resumed(paused)
    await store.described(resumed, "changed")

    told = [
        (each.version, each.made_by and each.made_by.action, each.redefines) for each in await _versions(store, task.id)
    ]

    assert told == [
        (4, ChangeAction.EDIT, True),
        (3, ChangeAction.RESUME, False),
        (2, ChangeAction.PAUSE, False),
        (1, ChangeAction.CREATE, True),
    ]


async def test_what_makes_no_version_is_not_taken_for_the_maker_of_one(store: StoreUnderTest) -> None:
    task = await store.add()
    await store.run_now(task, key="by hand")
    await store.applied(edit(await store.read(task), task.definition, a_change(actor="bo")))

    (version,) = await _versions(store, task.id)

    assert version.made_by == a_creation().change


@pytest.mark.parametrize("limit", [1, 2, 3])
async def test_the_newest_come_first_and_no_more_than_asked_for(store: StoreUnderTest, limit: int) -> None:
    task = await store.paused(await store.paused(await store.add()), None)

    found = await _versions(store, task.id, limit=limit)

    assert [each.version for each in found] == list(range(task.version, 0, -1))[:limit]
    assert found[0].redefines is (task.version == 1)


async def test_a_version_nobody_made_is_none(store: StoreUnderTest) -> None:
    task = await store.add()

    assert await _versions(store, TaskId("nobody")) == []
    assert [await store.history.version(task.id, number) for number in (0, 2, 2**60)] == [None] * 3
    assert await store.history.version(TaskId("nobody"), 1) is None


async def test_a_definition_is_kept_for_a_year_after_another_took_its_place(store: StoreUnderTest) -> None:
    task = await store.add()
    store.clock.advance(2 * YEAR)
    await store.described(task, "changed")
    store.clock.advance(YEAR)
    await _pruned(store)
    kept = await store.history.version(task.id, 1)
    assert kept is not None
    assert (kept.definition, kept.made_by) == (task.definition, None)

    store.clock.advance(SECOND)
    await _pruned(store)

    assert [each.version for each in await _versions(store, task.id)] == [2]


async def test_a_definition_is_kept_for_as_long_as_an_execution_refers_to_it(store: StoreUnderTest) -> None:
    task = await store.add()
    claim = await store.started(task)
    await store.described(await store.read(task), "changed")
    store.clock.advance(YEAR + DAY)
    await _pruned(store)
    assert await store.history.version(task.id, 1) is not None

    await store.settle(claim)
    store.clock.advance(Retention().executions + DAY)
    await _pruned(store)
    await _pruned(store)

    assert await store.history.version(task.id, 1) is None


async def test_who_made_a_version_long_ago_is_not_put_down_to_who_left_it_as_it_was(store: StoreUnderTest) -> None:
    task = await store.add()
    store.clock.advance(MINUTE)
    task = await store.described(task, "second")
    store.clock.advance(YEAR)
    await store.applied(edit(task, task.definition, a_change(at=store.clock.now(), actor="a nightly script")))
    store.clock.advance(DAY)
    await _pruned(store)

    (version,) = await _versions(store, task.id)

    assert (version.version, version.made_by, version.redefines) == (2, None, True)


async def test_versions_outlive_their_task_by_a_year(store: StoreUnderTest) -> None:
    task = await store.add()
    await store.deleted(task)
    store.clock.advance(Retention().deleted_tasks + SECOND)
    await _pruned(store)
    assert [each.version for each in await _versions(store, task.id)] == [2, 1]

    store.clock.advance(YEAR + SECOND)
    await _pruned(store)

    assert await _versions(store, task.id) == []


async def test_versions_that_cannot_be_read_are_left_out(store: StoreUnderTest) -> None:
    task = await store.add()
    await store.spoil(task.id)

    assert await _versions(store, task.id) == []
    assert await store.history.version(task.id, 1) is None


async def test_a_deleted_task_is_found_by_its_id_until_it_is_back(store: StoreUnderTest) -> None:
    task = await store.add()
    claim = await store.started(task)
    assert await store.tasks.deleted(task.id) is None
    gone = await store.deleted(await store.read(task))

    assert await store.tasks.deleted(task.id) == gone
    assert await store.tasks.deleted(TaskId("nobody")) is None
    assert [each.id for each in gone.open] == [claim.execution.id]

    await store.applied(undelete(gone, a_change(ChangeAction.UNDELETE, at=store.clock.now())))
    assert await store.tasks.deleted(task.id) is None


async def test_a_deleted_task_that_cannot_be_read_says_so(store: StoreUnderTest) -> None:
    task = await store.deleted(await store.add())
    await store.spoil(task.id)

    found = await store.tasks.deleted(task.id)

    assert getattr(found, "task_id", None) == task.id
