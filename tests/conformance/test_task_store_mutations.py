"""`TaskStore.mutate`: changes by people and programs, each with its audit record."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from application.scheduling.ports.task_store import Applied, KeyReused, Moved, NameTaken, Replayed
from domain.scheduling.change import ChangeAction
from domain.scheduling.identifiers import TaskId
from domain.scheduling.mutation import Mutation, delete, edit, pause
from domain.scheduling.policy import ExecutionPolicy, Overlap
from domain.scheduling.runs import run_now
from domain.scheduling.task import PauseMode, ScheduledTask, Skip, SkipReason, TaskStatus
from tests.conformance.store_under_test import StoreUnderTest
from tests.support.builders import (
    HOUR,
    HOURLY,
    MINUTE,
    a_change,
    a_creation,
    a_definition,
    a_failure,
    a_pause,
)
from tests.support.manual_clock import NOON

EDIT = a_change(ChangeAction.EDIT)


def _edited(task: ScheduledTask, description: str = "changed") -> Mutation:
    return edit(task, replace(task.definition, description=description), EDIT)


def _rescheduled(task: ScheduledTask, *, at_minute: int = 0) -> Mutation:
    change = a_change(ChangeAction.EDIT, at=NOON + at_minute * MINUTE)
    return edit(task, a_definition(task.definition.name, schedule=HOURLY), change)


def _run(task: ScheduledTask, key: str, *, at_minute: int = 0) -> Mutation:
    change = a_change(ChangeAction.RUN, at=NOON + at_minute * MINUTE, key=key)
    return run_now(task, change, key=key, allow_overlap=True)


async def test_a_creation_leaves_its_record(store: StoreUnderTest) -> None:
    creation = a_creation(key="new")

    task = await store.applied(creation)

    assert (task.version, task.status, task.look_at) == (1, TaskStatus.ACTIVE, NOON + MINUTE)
    (record,) = await store.history.changes(task.id, limit=10)
    assert (record.change, record.version, record.execution_id) == (creation.change, 1, None)


async def test_a_creation_sent_twice_creates_once(store: StoreUnderTest) -> None:
    creation = a_creation()

    first, second = await store.tasks.mutate([creation, creation])

    assert (type(first), second) == (Applied, Moved())
    assert await store.mutate(creation) == Moved()
    assert len(await store.history.changes(creation.after.id, limit=10)) == 1


async def test_a_creation_with_a_pause_is_one_change(store: StoreUnderTest) -> None:
    creation = a_creation()
    paused = creation.then(pause(creation.after, a_pause(), a_change(ChangeAction.PAUSE)))

    task = await store.applied(paused)

    assert (task.status, task.version) == (TaskStatus.PAUSED, 1)
    (record,) = await store.history.changes(task.id, limit=10)
    assert record.change.action is ChangeAction.CREATE


async def test_many_tasks_are_created_in_one_call(store: StoreUnderTest) -> None:
    creations = [a_creation(a_definition(f"task {number}")) for number in range(120)]

    answers = await store.tasks.mutate(creations)

    assert all(isinstance(answer, Applied) for answer in answers)
    assert len(await store.tasks.scan(after=None, limit=200)) == 120


async def test_what_a_call_creates_it_may_change_as_well(store: StoreUnderTest) -> None:
    creation = a_creation()

    created, changed = await store.tasks.mutate([creation, _edited(creation.after)])

    assert isinstance(created, Applied)
    assert isinstance(changed, Applied)
    assert (await store.read(changed.task)).definition.description == "changed"


async def test_a_name_has_one_bearer_until_it_is_deleted(store: StoreUnderTest) -> None:
    bearer = await store.add(a_definition("report"))
    again = a_creation(a_definition("report"), task_id="another")

    assert await store.mutate(again) == NameTaken(bearer.id)
    await store.deleted(bearer)
    assert isinstance(await store.mutate(again), Applied)


async def test_a_name_cannot_be_taken_by_renaming_but_can_be_kept(store: StoreUnderTest) -> None:
    bearer, other = await store.add(a_definition("report")), await store.add(a_definition("other"))

    taking = edit(other, replace(other.definition, name="report"), EDIT)
    assert await store.mutate(taking) == NameTaken(bearer.id)
    assert await store.read(other) == other
    await store.applied(_edited(bearer))
    renamed = await store.applied(edit(other, replace(other.definition, name="free"), EDIT))
    assert await store.tasks.find("free") == renamed
    assert await store.tasks.find("other") is None


async def test_a_change_is_judged_by_what_was_read_before_it_is_by_its_name(store: StoreUnderTest) -> None:
    await store.add(a_definition("report"))
    read = await store.add(a_definition("other"))
    await store.described(read, "changed meanwhile")

    assert await store.mutate(edit(read, replace(read.definition, name="report"), EDIT)) == Moved()


async def test_two_creations_racing_for_a_name_have_one_winner(store: StoreUnderTest) -> None:
    racers = [a_creation(a_definition("report"), task_id=f"task-{number}") for number in range(3)]

    async with asyncio.TaskGroup() as group:
        racing = [group.create_task(store.mutate(creation)) for creation in racers]

    assert sorted(type(each.result()).__name__ for each in racing) == ["Applied", "NameTaken", "NameTaken"]


async def test_a_name_is_judged_within_a_batch_too(store: StoreUnderTest) -> None:
    first, second = [a_creation(a_definition("report"), task_id=each) for each in ("first", "second")]

    answers = await store.tasks.mutate([first, second, a_creation(a_definition("other"))])

    assert [type(answer) for answer in answers] == [Applied, NameTaken, Applied]


async def test_a_known_key_answers_with_what_was_done(store: StoreUnderTest) -> None:
    creation = a_creation(key="new", body_hash="abc")
    task = await store.applied(creation)
    replayed = Replayed(task.id, 1, None)

    assert await store.mutate(creation) == replayed
    assert await store.mutate(a_creation(task_id="with another id", key="new", body_hash="abc")) == replayed
    assert await store.tasks.replay("new", "abc") == replayed
    assert await store.tasks.get(TaskId("with another id")) is None


async def test_a_known_key_answers_before_version_and_name_are_looked_at(store: StoreUnderTest) -> None:
    task = await store.add()
    keyed = edit(task, replace(task.definition, name="renamed"), a_change(key="edit"))
    await store.applied(keyed)
    await store.applied(a_creation(a_definition("report"), task_id="another"))

    assert await store.mutate(keyed) == Replayed(task.id, 2, None)


async def test_a_key_with_another_body_is_refused(store: StoreUnderTest) -> None:
    first = a_creation(key="new", body_hash="abc")
    await store.applied(first)

    answer = await store.mutate(a_creation(a_definition("other"), key="new", body_hash="xyz"))

    assert answer == KeyReused(first.change)
    assert await store.tasks.replay("new", "xyz") == KeyReused(first.change)
    assert await store.tasks.find("other") is None


async def test_a_change_that_was_not_applied_leaves_its_key_free(store: StoreUnderTest) -> None:
    await store.add(a_definition("report"))
    refused = a_creation(a_definition("report"), task_id="another", key="new")

    assert isinstance(await store.mutate(refused), NameTaken)

    assert await store.tasks.replay("new", "") is None
    assert await store.history.changes(TaskId("another"), limit=10) == []


async def test_two_requests_with_one_key_at_once_are_carried_out_once(store: StoreUnderTest) -> None:
    task = await store.add()

    async with asyncio.TaskGroup() as group:
        racing = [group.create_task(store.mutate(_run(task, "once"))) for _ in range(3)]

    assert sorted(type(each.result()).__name__ for each in racing) == ["Applied", "Replayed", "Replayed"]
    assert len((await store.read(task)).open) == 1


@pytest.mark.parametrize(
    "decided",
    [
        _edited,
        lambda task: pause(task, a_pause(), a_change(ChangeAction.PAUSE)),
        lambda task: delete(task, a_change(ChangeAction.DELETE)),
        lambda task: _run(task, "key"),
    ],
    ids=["edit", "pause", "delete", "run now"],
)
async def test_every_change_compares_the_version(
    store: StoreUnderTest, decided: Callable[[ScheduledTask], Mutation]
) -> None:
    task = await store.add()
    current = await store.described(task, "changed meanwhile")

    assert await store.mutate(decided(task)) == Moved()
    assert await store.read(task) == current


async def test_an_edit_of_the_schedule_compares_the_watermark(store: StoreUnderTest) -> None:
    task = await store.add()
    await store.fired(task)

    assert await store.mutate(_rescheduled(task, at_minute=1)) == Moved()
    assert await store.history.skips(task.id, limit=10) == []


async def test_an_edit_of_the_schedule_compares_the_status(store: StoreUnderTest) -> None:
    task = await store.add(a_definition(policy=ExecutionPolicy(fail_after=1)))
    claim = await store.started(task)
    read = await store.read(task)
    await store.settle(claim, a_failure())

    assert await store.mutate(_rescheduled(read, at_minute=1)) == Moved()


@pytest.mark.parametrize(
    "decided",
    [
        lambda task: _run(task, "second"),
        lambda task: delete(task, a_change(ChangeAction.DELETE)),
        lambda task: pause(task, a_pause(mode=PauseMode.NOW), a_change(ChangeAction.PAUSE)),
    ],
    ids=["run now", "delete", "pause now"],
)
@pytest.mark.parametrize("overlap", Overlap)
async def test_what_touches_executions_compares_them_whatever_the_overlap(
    store: StoreUnderTest, overlap: Overlap, decided: Callable[[ScheduledTask], Mutation]
) -> None:
    task = await store.add(a_definition(policy=ExecutionPolicy(overlap=overlap)))
    await store.applied(_run(task, "first"))

    assert await store.mutate(decided(task)) == Moved()


async def test_an_edit_that_moves_no_occurrence_undoes_no_firing(store: StoreUnderTest) -> None:
    task = await store.add()
    await store.fired(task)

    edited = await store.applied(_edited(task))

    assert edited == await store.read(task)
    assert (edited.version, edited.decided_until, edited.run_count) == (2, NOON + MINUTE, 1)
    assert edited.look_at == NOON + 2 * MINUTE


async def test_an_edit_undoes_no_failure_that_was_counted_meanwhile(store: StoreUnderTest) -> None:
    task = await store.add()
    claim = await store.started(task)
    read = await store.read(task)
    await store.settle(claim, a_failure())

    edited = await store.applied(_rescheduled(read, at_minute=1))

    assert edited.error_count == 1


async def test_an_edit_of_the_schedule_passes_over_what_was_owed(store: StoreUnderTest) -> None:
    task = await store.add()
    store.clock.advance(3 * MINUTE)

    edited = await store.applied(_rescheduled(task, at_minute=3))

    assert await store.history.skips(task.id, limit=10) == [
        Skip(SkipReason.EDITED, NOON + MINUTE, NOON + 3 * MINUTE, count=3)
    ]
    assert (edited.decided_until, edited.look_at) == (NOON + 3 * MINUTE, NOON + HOUR)


async def test_changes_in_one_call_are_carried_out_in_order(store: StoreUnderTest) -> None:
    task = await store.add()
    first, stale = _edited(task, "first"), _edited(task, "second")
    following = _edited(replace(first.after, version=2), "third")

    answers = await store.tasks.mutate([first, stale, following])

    assert [type(answer) for answer in answers] == [Applied, Moved, Applied]
    assert (await store.read(task)).definition.description == "third"
