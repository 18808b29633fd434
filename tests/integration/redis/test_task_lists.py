"""Lists of tasks in a Redis: whatever several processes, a cut journal or a fail-over do, each is as of its asking."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from redis import Redis

from adapters.redis import mirror
from adapters.redis.keys import key
from adapters.redis.opening import RedisStores
from application.scheduling.ports.errors import StoreRefusedError
from application.scheduling.ports.history import Retention, TaskFilter, TaskOrder
from application.scheduling.ports.task_store import Applied
from domain.scheduling.change import ChangeAction
from domain.scheduling.mutation import Mutation, delete, edit, undelete
from domain.scheduling.task import ScheduledTask
from tests.support.builders import SECOND, a_change, a_creation, a_definition
from tests.support.manual_clock import NOON, ManualClock

pytestmark = pytest.mark.redis


async def _applied(stores: RedisStores, *mutations: Mutation) -> list[ScheduledTask]:
    answers = await stores.tasks.mutate(mutations)
    assert all(isinstance(answer, Applied) for answer in answers), answers
    return [answer.task for answer in answers if isinstance(answer, Applied)]


async def _added(stores: RedisStores, *names: str) -> list[ScheduledTask]:
    return await _applied(stores, *(a_creation(a_definition(name), at=NOON) for name in names))


def _described(task: ScheduledTask, description: str) -> Mutation:
    return edit(task, replace(task.definition, description=description), a_change(at=NOON))


async def _names(stores: RedisStores, text: str | None = None, *, deleted: bool = False) -> list[str]:
    which = TaskFilter(text=text, deleted=deleted)
    page = await stores.history.tasks(which, order=TaskOrder.NAME, descending=False, limit=100, cursor=None)
    assert page.total == len(page.tasks)
    return [task.definition.name for task in page.tasks]


def _calls(admin: Redis) -> dict[str, int]:
    """How often each command was called since the last asking."""
    stats = admin.info("commandstats")
    admin.config_resetstat()
    return {name.removeprefix("cmdstat_"): figures["calls"] for name, figures in stats.items()}


async def test_a_list_has_what_another_process_did_just_before(
    stores: RedisStores, other: RedisStores, clock: ManualClock
) -> None:
    assert await _names(stores) == []

    a, b = await _added(other, "a", "b")
    assert await _names(stores) == ["a", "b"]
    await _applied(other, _described(a, "of the Week"))
    assert await _names(stores, "the week") == ["a"]
    await _applied(other, delete(b, a_change(ChangeAction.DELETE, at=NOON)))
    assert (await _names(stores), await _names(stores, deleted=True)) == (["a"], ["b"])
    kept = await other.tasks.deleted(b.id)
    assert isinstance(kept, ScheduledTask)
    (b,) = await _applied(other, undelete(kept, a_change(ChangeAction.UNDELETE, at=NOON)))
    assert (await _names(stores), await _names(stores, deleted=True)) == (["a", "b"], [])
    await _applied(other, delete(b, a_change(ChangeAction.DELETE, at=NOON)))
    clock.advance(SECOND)
    await other.history.prune(Retention(deleted_tasks=timedelta(0)), limit=10)
    assert (await _names(stores), await _names(stores, deleted=True)) == (["a"], [])


async def test_every_list_has_what_was_done_before_its_asking_however_many_ask(
    stores: RedisStores, other: RedisStores, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirror, "SLICE", 2)
    tasks = await _added(stores, *"abcdef")

    async def edited_and_found(task: ScheduledTask) -> None:
        for turn in range(20):
            text = f"{task.definition.name} in turn {turn}."
            (task,) = await _applied(other, _described(task, text))
            assert await _names(stores, text) == [task.definition.name]

    async with asyncio.TaskGroup() as people:
        for task in tasks:
            people.create_task(edited_and_found(task))


async def test_of_many_who_ask_at_once_one_reads_the_tasks_and_one_catches_up(
    stores: RedisStores, other: RedisStores, admin: Redis
) -> None:
    await _added(stores, "a", "b")
    await other.history.unserved([], limit=9)  # which makes the server know the scripts
    _calls(admin)

    async with asyncio.TaskGroup() as people:
        asked = [people.create_task(stores.history.unserved([], limit=9)) for _ in range(8)]
    read = _calls(admin)
    again = await stores.history.unserved([], limit=9)
    caught_up = _calls(admin)

    # Whoever came first could not tell that those behind would come: they share a look of their own.
    assert (read["hscan"], read["hmget"], read["evalsha"]) == (1, 1, 3)
    assert (caught_up["evalsha"], "hscan" in caught_up) == (1, False)
    assert {len(each.result()) for each in asked} == {len(again)} == {2}


async def test_a_list_is_whole_though_the_journal_reaches_back_no_more(
    stores: RedisStores, other: RedisStores, admin: Redis
) -> None:
    (a,) = await _added(stores, "a")
    assert await _names(stores) == ["a"]

    await _applied(other, _described(a, "changed"))
    await _added(other, "b")
    admin.xtrim(key("journal"), maxlen=1, approximate=False)

    assert (await _names(stores), await _names(stores, "changed")) == (["a", "b"], ["a"])


async def test_what_a_fail_over_lost_is_in_no_list_and_its_mark_is_known_no_more(
    stores: RedisStores, other: RedisStores, admin: Redis
) -> None:
    (a,) = await _added(stores, "a")
    kept = {name: admin.dump(name) or b"" for name in admin.scan_iter()}
    await _applied(stores, _described(a, "lost"))
    assert await _names(stores, "lost") == ["a"]
    lost = await stores.news.since(None, limit=1)

    admin.flushall()
    for name, dump in kept.items():
        admin.restore(name, 0, dump)
    admin.hincrby(key("meta"), "generation", 1)
    await _applied(other, _described(a, "of the other server"))

    assert (await _names(stores, "lost"), await _names(stores, "other server")) == ([], ["a"])
    assert not (await stores.news.since(lost.mark, limit=1)).is_complete


async def test_more_tasks_than_a_process_may_hold_are_not_listed_until_there_are_fewer(
    stores: RedisStores, other: RedisStores, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _added(stores, "a", "b")
    assert await _names(stores) == ["a", "b"]
    await _added(stores, "c")
    monkeypatch.setattr(mirror, "TASKS_MAX", 2)

    for process in (stores, other):
        with pytest.raises(StoreRefusedError, match="at most 2 tasks in Redis, and this store has 3"):
            await _names(process)

    monkeypatch.setattr(mirror, "TASKS_MAX", 3)
    assert await _names(stores) == ["a", "b", "c"]


async def test_a_record_that_is_garbage_hides_no_other_and_is_listed_when_it_is_mended(
    stores: RedisStores, admin: Redis
) -> None:
    a, b, c = await _added(stores, "a", "b", "c")
    state, definition = admin.hget(key("tasks"), a.id), admin.hget(key("definitions"), f"{b.id}/1")
    admin.hset(key("tasks"), a.id, b"\xc1")
    admin.hset(key("definitions"), f"{b.id}/1", b"\x91\xa2\xff\xfe")
    assert await _names(stores) == ["c"]

    admin.hset(key("tasks"), a.id, state or b"")
    admin.hset(key("definitions"), f"{b.id}/1", definition or b"")
    await _applied(stores, *(_described(task, "mended") for task in (a, b, c)))

    assert await _names(stores, "mended") == ["a", "b", "c"]
