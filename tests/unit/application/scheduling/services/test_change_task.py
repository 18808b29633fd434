"""Requests that come twice while the first is on its way: both are told the same, whatever the second finds."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from weakref import WeakValueDictionary

import pytest

from application.scheduling.ports.errors import StoreUnavailableError
from application.scheduling.ports.task_store import KeyReused, MutateAnswer, Replayed, TaskStore
from application.scheduling.services import change_task
from application.scheduling.services.change_task import TRIES_MAX, Done
from application.scheduling.services.errors import KeyInFlightError
from application.scheduling.services.manage_tasks import ManageTasks
from domain.errors import InvalidTaskError
from domain.scheduling.mutation import Mutation
from domain.scheduling.task import TaskStatus
from tests.support.builders import MINUTE
from tests.support.contested import Behind
from tests.support.house import ANA, House, a_body, an_author


@dataclass(slots=True)
class Slow:
    """A task store whose changes wait until they are let through."""

    tasks: TaskStore
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)

    def __getattr__(self, name: str) -> Any:
        """Everything else is the store's own."""
        return getattr(self.tasks, name)

    async def mutate(self, mutations: Sequence[Mutation]) -> Sequence[MutateAnswer]:
        """See the port."""
        self.asked.set()
        await self.go_on.wait()
        return await self.tasks.mutate(mutations)


@dataclass(slots=True)
class Elsewhere:
    """A task store that lets somebody else act, once, as soon as it has found nothing done under a key."""

    tasks: TaskStore
    act: Callable[[], Awaitable[object]]
    has_acted: bool = False

    def __getattr__(self, name: str) -> Any:
        """Everything else is the store's own."""
        return getattr(self.tasks, name)

    async def replay(self, idempotency_key: str, body_hash: str) -> Replayed | KeyReused | None:
        """See the port."""
        found = await self.tasks.replay(idempotency_key, body_hash)
        if not self.has_acted:
            self.has_acted = True
            await self.act()
        return found


def over(house: House, store: Any) -> ManageTasks:
    """The use cases over another store."""
    return replace(house.manage, change_task=replace(house.change_task, tasks=store, in_flight=WeakValueDictionary()))


async def test_a_request_repeated_while_the_first_is_in_flight_is_told_what_that_did(house: House) -> None:
    task = await house.create()
    slow = Slow(house.stores.tasks)
    manage = over(house, slow)

    async with asyncio.TaskGroup() as group:
        first = group.create_task(manage.pause(task.id, an_author("k")))
        await slow.asked.wait()
        again = group.create_task(manage.pause(task.id, an_author("k")))
        other = group.create_task(manage.run_now(task.id, an_author("another")))
        slow.go_on.set()

    assert (first.result().replayed, again.result().replayed) == (False, True)
    assert again.result().task.status is TaskStatus.PAUSED
    assert not other.result().replayed


async def test_a_pause_whose_end_comes_while_it_is_in_flight_is_refused_to_whoever_asks(house: House) -> None:
    task = await house.create()
    slow = Slow(house.stores.tasks)
    manage, until = over(house, slow), house.clock.now() + MINUTE

    async with asyncio.TaskGroup() as group:
        first = group.create_task(refused(manage.pause(task.id, an_author("k"), until=until)))
        await slow.asked.wait()
        house.clock.advance(2 * MINUTE)
        again = group.create_task(refused(manage.pause(task.id, an_author("k"), until=until)))
        slow.go_on.set()

    assert (first.result(), again.result()) == ("in_the_past", "in_the_past")
    assert await house.stores.tasks.get(task.id) == task


async def refused(asked: Awaitable[Done]) -> str:
    """The code with which it is refused."""
    with pytest.raises(InvalidTaskError) as error:
        await asked
    return error.value.reason


async def test_a_request_that_takes_too_long_is_named_to_whoever_repeats_it(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(change_task, "IN_FLIGHT_WAIT_MAX", timedelta(milliseconds=20))
    task = await house.create()
    slow = Slow(house.stores.tasks)
    manage = over(house, slow)

    async with asyncio.TaskGroup() as group:
        first = group.create_task(manage.run_now(task.id, an_author("k")))
        await slow.asked.wait()
        for _ in range(2):
            with pytest.raises(KeyInFlightError):
                await manage.run_now(task.id, an_author("k"))
        slow.go_on.set()

    assert (await manage.run_now(task.id, an_author("k"))).execution_id == first.result().execution_id
    assert not manage.change_task.in_flight


async def test_a_request_that_was_carried_out_elsewhere_meanwhile_is_not_refused(house: House) -> None:
    task, until = await house.create(), house.clock.now() + MINUTE

    async def the_same_in_another_process() -> None:
        await house.manage.pause(task.id, an_author("k"), until=until)
        house.clock.advance(2 * MINUTE)

    store = Elsewhere(house.stores.tasks, the_same_in_another_process)
    done = await over(house, store).pause(task.id, an_author("k"), until=until)

    assert store.has_acted
    assert done.replayed
    assert done.task.status is TaskStatus.PAUSED


async def test_a_change_ahead_of_the_stores_clock_is_decided_again_until_that_is_there(house: House) -> None:
    task = await house.create()
    store = Behind(house.stores.tasks, times=3)

    done = await over(house, store).run_now(task.id, ANA)

    assert (store.refused, done.replayed) == (3, False)
    assert (await over(house, Behind(house.stores.tasks, times=3)).create(a_body("other"), ANA)).task.version == 1


async def test_a_clock_that_stays_ahead_of_the_stores_is_told(house: House) -> None:
    task = await house.create()
    manage = over(house, Behind(house.stores.tasks, times=2 * TRIES_MAX))

    with pytest.raises(StoreUnavailableError, match="ahead of the store's"):
        await manage.run_now(task.id, ANA)
    with pytest.raises(StoreUnavailableError, match="ahead of the store's"):
        await manage.create(a_body("other"), ANA)
