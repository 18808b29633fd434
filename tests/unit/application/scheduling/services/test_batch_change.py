"""One change of many tasks: what each item is answered, what is done once, what can be taken back."""

from typing import Any

import pytest

from application.scheduling.ports.errors import StoreUnavailableError
from application.scheduling.ports.history import TaskFilter
from application.scheduling.services import batch_change
from application.scheduling.services.batch_change import BATCH_MAX, SLICE, BatchChange, BatchResult, Chosen, Outcome
from application.scheduling.services.batch_orders import BatchAction, Order
from domain.errors import InvalidTaskError
from domain.scheduling.events import TaskChanged
from domain.scheduling.identifiers import TaskId
from domain.scheduling.task import Pause, TaskStatus
from tests.support.builders import HOUR
from tests.support.contested import contested
from tests.support.house import House, an_author

NOBODY = TaskId("00000000-0000-4000-8000-000000000000")
ALL = TaskFilter()
SCHEDULES = {"nightly": "30 2 * * *", "hourly": "0 * * * *"}


async def batch(
    house: House, action: str, chosen: Chosen = ALL, *, key: str | None = None, dry_run: bool = False, **options: Any
) -> BatchResult:
    service = BatchChange(house.change_task, house.stores.history, house.entropy)
    return await service.run(
        Order(BatchAction(action), **options), chosen, an_author(key, reason="upgrade"), dry_run=dry_run
    )


def outcomes(result: BatchResult) -> list[str]:
    return [item.outcome + (f" {item.code}" if item.code else "") for item in result.items]


async def test_a_batch_tells_of_each_task_what_became_of_it(house: House) -> None:
    names = ["a", "b", "c"]
    tasks = [await house.create(name, enabled=name != "b") for name in names]
    once = await house.create("d", schedule_type="one_time", schedule="2024-01-15T12:00:00.5", if_past="run_now")
    house.clock.advance(HOUR)
    await house.fire()

    result = await batch(house, "pause", [*(task.id for task in tasks), NOBODY, tasks[0].id, once.id])

    assert outcomes(result) == ["done", "unchanged", "done", "refused task_not_found", "done"]
    paused = await house.task(tasks[0].id)
    assert (paused.status, paused.pause) == (TaskStatus.PAUSED, Pause("upgrade", "ana", house.clock.now()))


async def test_a_dry_run_says_what_would_be_and_stores_nothing(house: House) -> None:
    await house.create("a")
    await house.create("b", enabled=False)
    before = repr(house.stores.state.tasks)

    result = await batch(house, "pause", dry_run=True, key="k")

    assert outcomes(result) == ["done", "unchanged"]
    assert repr(house.stores.state.tasks) == before
    assert not house.stores.state.changes_by_key


@pytest.mark.parametrize(
    ("action", "options", "changed"),
    [
        ("pause", {}, lambda task: task.status is TaskStatus.PAUSED),
        ("run", {}, lambda task: task.run_count == 1),
        ("add_tag", {"value": "db"}, lambda task: task.definition.tags == ("x", "db")),
        ("remove_tag", {"value": "x"}, lambda task: task.definition.tags == ()),
        ("set_timezone", {"value": "Asia/Tokyo"}, lambda task: task.next_occurrence.nominal_at.hour == 17),
    ],
)
async def test_every_action_does_what_it_says_to_each_task(
    house: House, action: str, options: dict[str, Any], changed: Any
) -> None:
    tasks = [await house.create(name, schedule="0 2 * * *", tags=["x"]) for name in "abc"]

    result = await batch(house, action, **options)

    assert outcomes(result) == ["done"] * 3
    assert all([changed(await house.task(task.id)) for task in tasks])
    assert len(house.observer.seen(TaskChanged)) == 6
    assert house.wakeup.changed_ids[-3:] == [task.id for task in tasks]


async def test_what_is_deleted_together_comes_back_together_but_for_a_name_that_is_taken(house: House) -> None:
    tasks = [await house.create(name) for name in "ab"]
    deleted = await batch(house, "delete")
    await house.create("b")

    assert deleted.undo == Order(BatchAction.UNDELETE, if_versions=dict.fromkeys((task.id for task in tasks), 2))
    tried = await batch(house, "undelete", dry_run=True)
    result = await batch(house, "undelete")
    assert outcomes(tried) == outcomes(result) == ["done", "refused name_taken"]


@pytest.mark.parametrize("action", ["pause", "run", "delete"])
async def test_a_batch_that_is_repeated_with_its_key_does_nothing_twice(house: House, action: str) -> None:
    ids = [(await house.create(name)).id for name in "abc"]
    first = await batch(house, action, ids[:2], key="k")
    before = repr((house.stores.state.tasks, house.stores.state.executions))

    again = await batch(house, action, ids[:2], key="k")

    assert (outcomes(first), outcomes(again)) == (["done"] * 2, ["repeated"] * 2)
    assert [item.execution_id for item in again.items] == [item.execution_id for item in first.items]
    assert repr((house.stores.state.tasks, house.stores.state.executions)) == before
    assert outcomes(await batch(house, action, ids, key="k")) == ["repeated", "repeated", "done"]


async def test_what_a_batch_left_as_it_was_is_left_so_when_it_is_repeated(house: House) -> None:
    task = await house.create(enabled=False)
    await batch(house, "pause", key="k")
    await batch(house, "resume")

    await batch(house, "pause", key="k")

    assert (await house.task(task.id)).status is TaskStatus.ACTIVE


@pytest.mark.parametrize("action", ["pause", "delete"])
async def test_a_batch_that_is_repeated_can_be_taken_back_as_far_as_it_has_changed_anything(
    house: House, action: str
) -> None:
    changed, as_it_was = await house.create("a"), await house.create("b", enabled=False)
    ids = [changed.id, *([as_it_was.id] if action == "pause" else [])]
    first = await batch(house, action, ids, key="k")
    await batch(house, "add_tag", ids if action == "pause" else [], value="since")

    again = await batch(house, action, ids, key="k")

    assert outcomes(again) == ["repeated"] * len(ids)
    assert again.undo == first.undo
    assert first.undo is not None
    assert list(first.undo.if_versions) == [changed.id]


async def test_of_very_many_that_are_repeated_it_is_not_asked_what_they_changed(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_change, "RECALLED_MAX", 1)
    ids = [(await house.create(name)).id for name in "ab"]
    await batch(house, "pause", ids, key="k")

    assert (await batch(house, "pause", ids, key="k")).undo is None


async def test_a_key_that_was_used_for_another_batch_does_nothing(house: House) -> None:
    task = await house.create()
    service = BatchChange(house.change_task, house.stores.history, house.entropy)
    first, second = [
        await service.run(Order(BatchAction.RUN), [task.id], an_author("k", body_hash=body)) for body in ("one", "two")
    ]

    assert (outcomes(first), outcomes(second)) == (["done"], ["refused idempotency_key_reused"])


async def test_only_what_was_done_now_is_undone_and_what_was_each_tasks_own_is_not_made_up(house: House) -> None:
    active = await house.create("active")
    await house.create("paused", enabled=False)

    paused = await batch(house, "pause")

    assert outcomes(paused) == ["done", "unchanged"]
    assert paused.undo == Order(BatchAction.RESUME, if_versions={active.id: 2})
    # Each pause had its reason and its end.
    assert (await batch(house, "resume")).undo is None
    assert (await batch(house, "run")).undo is None


async def test_tasks_that_had_one_time_zone_get_it_back(house: House) -> None:
    berlin = [await house.create(name, timezone="Europe/Berlin", schedule=text) for name, text in SCHEDULES.items()]
    before = [task.definition for task in berlin]

    undo = (await batch(house, "set_timezone", value="Asia/Tokyo")).undo
    assert undo == Order(BatchAction.SET_TIMEZONE, "Europe/Berlin", if_versions={task.id: 2 for task in berlin})
    await BatchChange(house.change_task, house.stores.history, house.entropy).run(
        undo, list(undo.if_versions), an_author()
    )

    assert [(await house.task(task.id)).definition for task in berlin] == before


async def test_tasks_that_had_several_time_zones_get_none_back(house: House) -> None:
    for zone in ("Europe/Berlin", "UTC"):
        await house.create(zone, timezone=zone)

    assert (await batch(house, "set_timezone", value="Asia/Tokyo")).undo is None


async def test_what_somebody_did_meanwhile_is_not_undone(house: House) -> None:
    one, two = await house.create("one"), await house.create("two")
    undo = (await batch(house, "pause")).undo
    assert undo is not None
    await batch(house, "resume", [one.id])
    await batch(house, "pause", [one.id], until=house.clock.now() + HOUR)
    service = BatchChange(house.change_task, house.stores.history, house.entropy)

    result, again = [await service.run(undo, list(undo.if_versions), an_author("undo")) for _ in range(2)]

    assert outcomes(result) == ["refused stale_version", "done"]
    assert outcomes(again) == ["refused stale_version", "repeated"]
    assert [(await house.task(each.id)).status for each in (one, two)] == [TaskStatus.PAUSED, TaskStatus.ACTIVE]


async def test_one_of_two_that_had_the_same_name_comes_back(house: House) -> None:
    for _ in range(2):
        await house.create("a")
        await batch(house, "delete")

    tried = await batch(house, "undelete", dry_run=True)

    assert outcomes(tried) == outcomes(await batch(house, "undelete")) == ["done", "refused name_taken"]


async def test_slices_lose_no_task_though_what_is_done_moves_tasks_out_of_the_filter(house: House) -> None:
    count = SLICE * 2 + 3
    for number in range(count):
        await house.create(f"task {number}")

    result = await batch(house, "pause", TaskFilter(status=TaskStatus.ACTIVE))

    assert result.counts[Outcome.DONE] == count
    assert len({item.task_id for item in result.items}) == count


async def test_a_task_that_somebody_changed_meanwhile_is_decided_anew(house: House) -> None:
    task = await house.create(tags=["x"])
    manage, _ = contested(house, times=1)
    service = BatchChange(manage.change_task, house.stores.history, house.entropy)

    result = await service.run(Order(BatchAction.ADD_TAG, "y"), [task.id], an_author())

    assert outcomes(result) == ["done"]
    assert (await house.task(task.id)).definition.tags == ("x", "y")


async def test_a_batch_whose_time_is_over_says_how_many_are_left_and_goes_on_when_asked_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(SLICE + 5):
        await house.create(f"task {number:04}")
    with monkeypatch.context() as context:
        context.setattr(batch_change, "TIME_MAX", -HOUR)
        first = await batch(house, "run", key="k")

    second = await batch(house, "run", key="k")

    assert (len(first.items), first.left) == (SLICE, 5)
    assert (second.counts[Outcome.REPEATED], second.counts[Outcome.DONE], second.left) == (SLICE, 5, 0)


async def test_more_than_a_batch_may_have_are_refused_before_anything_is_done(house: House) -> None:
    ids = [TaskId(f"task-{number}") for number in range(BATCH_MAX + 1)]

    with pytest.raises(InvalidTaskError) as refused:
        await batch(house, "pause", ids)

    assert (refused.value.reason, refused.value.pointer) == ("too_many", "/ids")


@pytest.mark.parametrize(
    ("action", "value", "code"),
    [
        ("add_tag", "", "bad_identifier"),
        ("remove_tag", "a b", "bad_identifier"),
        ("set_timezone", "Mars/Olympus", "unknown_timezone"),
        ("set_timezone", "", "unknown_timezone"),
        ("pause", "x", "unknown_field"),
    ],
)
def test_a_value_that_the_action_cannot_have_is_refused(action: str, value: str, code: str) -> None:
    with pytest.raises(InvalidTaskError) as refused:
        Order(BatchAction(action), value)

    assert (refused.value.reason, refused.value.pointer) == (code, "/value")


async def test_when_the_store_is_away_the_batch_says_so(house: House) -> None:
    await house.create()
    house.stores.state.available = False

    with pytest.raises(StoreUnavailableError):
        await batch(house, "pause")
