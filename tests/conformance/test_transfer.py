"""`Transfer` and the copy over it: nothing is lost or doubled from any kind of store to any other."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from application.scheduling.ports.errors import StoreRefusedError, StoreUnavailableError
from application.scheduling.ports.history import AuditFilter, ExecutionFilter, Retention
from application.scheduling.ports.outbox import Message
from application.scheduling.ports.transfer import Kind
from application.scheduling.services.copy_store import CopyRefusedError, release
from domain.scheduling.execution import Execution
from domain.scheduling.identifiers import TaskId
from domain.scheduling.mutation import edit
from domain.scheduling.task import ScheduledTask
from tests.conformance.ends import MOVABLE, PAIRS, Ends, MovedStore, digests, ends_in, moved
from tests.conformance.lived_in import go_on, live, seen
from tests.conformance.store_under_test import OTHER_WORKER, StoreUnderTest
from tests.support.accounts import ANA, TESTER, a_doer, a_token
from tests.support.builders import DAY, a_change, a_creation, a_definition
from tests.support.manual_clock import ManualClock

# A store that is no Redis forgets nothing early.
EVERYTHING = frozenset(Kind) - {Kind.FORGOTTEN}
ROUNDS = 3


@pytest.fixture
async def ends(clock: ManualClock, tmp_path: Path) -> AsyncIterator[Ends]:
    async with ends_in(clock, tmp_path) as ends:
        yield ends


async def _lived_in(ends: Ends, kind: str) -> MovedStore:
    store = await ends.a_store(kind)
    await live(store.steps, store.stores)
    if (outbox := store.stores.outbox()) is not None:
        assert (await store.stores.transfer.facts()).undelivered
        await outbox.relay(_taken, limit=100)
    return store


async def _taken(messages: Sequence[Message]) -> Sequence[str | None]:
    return [None] * len(messages)


async def _moved_to(ends: Ends, kind: str) -> tuple[MovedStore, MovedStore]:
    """A store in which everything has happened, and its copy of this kind."""
    source, target = await _lived_in(ends, "redis" if kind == "sqlite" else "sqlite"), await ends.a_store(kind)
    await moved(source, target)
    return source, target


async def _executions(store: MovedStore) -> list[Execution]:
    page = await store.steps.history.executions(ExecutionFilter(), limit=100, cursor=None)
    return [each.execution for each in page.executions]


@pytest.mark.parametrize(("source_kind", "target_kind"), PAIRS)
async def test_a_copy_of_a_served_store_tells_all_that_it_told(ends: Ends, source_kind: str, target_kind: str) -> None:
    source, target = await _lived_in(ends, source_kind), await ends.a_store(target_kind)
    async with asyncio.TaskGroup() as group:
        life = _Life(source)
        group.create_task(life.go_on())
        report = await moved(source, target, life)

    after = await seen(target)
    for what, told in life.last_seen.items():
        assert after[what] == told, what
    assert {each.kind for each in report.kinds if each.counts[1]} == EVERYTHING
    assert not any(each.unreadable for each in report.kinds)


async def test_nothing_changes_on_the_way_through_every_kind_of_store_and_back(ends: Ends) -> None:
    way = [await _lived_in(ends, "sqlite"), *[await ends.a_store(kind) for kind in ("postgres", "redis", "sqlite")]]

    copies = [digests(await moved(source, target)) for source, target in pairwise(way)]

    assert copies[0] == copies[1] == copies[2]


@pytest.mark.parametrize("kind", MOVABLE)
async def test_what_ran_is_rescued_in_the_copy_and_begun_again(ends: Ends, kind: str) -> None:
    source, target = await _lived_in(ends, "redis" if kind == "sqlite" else "sqlite"), await ends.a_store(kind)
    held = {each.execution_id for each in await source.steps.executions.held()}
    executions = await _executions(source)
    asked_to_stop = {each.id for each in executions if each.id in held and each.cancel}
    pending = {each.id for each in executions if each.state == "pending"}
    await moved(source, target)
    store = target.steps

    rescued = await store.executions.rescue(await store.executions.held())
    claims = await store.executions.claim(OTHER_WORKER, [store.token() for _ in range(50)])

    assert {each.event.execution_id for each in rescued} == held
    assert {claim.execution.id for claim in claims} == pending | (held - asked_to_stop)
    assert min(claim.execution.fence for claim in claims) > max(each.fence for each in executions)
    attempts = (await store.record(next(iter(held - asked_to_stop)))).attempts
    assert [each.outcome for each in attempts] == ["rescued", None]


@pytest.mark.parametrize("kind", MOVABLE)
async def test_what_comes_new_in_a_copy_is_numbered_behind_what_came_along(ends: Ends, kind: str) -> None:
    _, target = await _moved_to(ends, kind)
    store = target.steps

    task = await store.add(a_definition("new"))
    await store.access.set_password("bob", "hash", by=a_doer("ana"))

    (newest,) = (await store.history.audit(AuditFilter(), limit=1, cursor=None)).entries
    assert newest.record.task_id == task.id
    chain = await store.trail.stretch(0, limit=100)
    link = chain.anchor
    for each in chain.records:
        link = link.behind(each) or link
    assert link == chain.head
    assert chain.records[-1].deed.subject == "bob"


@pytest.mark.parametrize("kind", MOVABLE)
async def test_no_process_changes_a_store_that_was_moved_whenever_it_came(ends: Ends, kind: str) -> None:
    source, target = await ends.a_store(kind), await ends.a_store("sqlite")
    async with source.opening(False) as before:
        await moved(source, target)

        with pytest.raises(StoreUnavailableError):
            await before.tasks.mutate([a_creation()])
        with pytest.raises(StoreUnavailableError):
            await before.access.add_user(ANA, "hash", by=TESTER)
    with pytest.raises(StoreRefusedError, match=f"was moved to {target.where}: serve that one"):
        await _open(source)

    with pytest.raises(CopyRefusedError):
        await release(source.end, although_moved=False)
    await release(source.end, although_moved=True)
    await source.steps.add()


@pytest.mark.parametrize("kind", MOVABLE)
async def test_a_copy_that_is_not_whole_yet_is_opened_by_nobody(ends: Ends, kind: str) -> None:
    source, target = await ends.a_store("sqlite"), await ends.a_store(kind)
    await source.steps.add()
    with pytest.raises(_CutOffError):
        await moved(source, target, _CutOff())

    with pytest.raises(StoreRefusedError, match="holds an unfinished copy"):
        await _open(target)
    with pytest.raises(CopyRefusedError, match="unfinished copy"):
        await moved(await ends.a_store("sqlite"), target)

    await moved(source, target)
    await _open(target)


@pytest.mark.parametrize("kind", MOVABLE)
async def test_a_store_that_holds_anything_is_no_target(ends: Ends, kind: str) -> None:
    source, target = await ends.a_store("sqlite"), await ends.a_store(kind)
    await target.steps.add()

    with pytest.raises(CopyRefusedError, match="is not empty"):
        await moved(source, target)

    assert await target.mark() is None
    assert await source.mark() is None


@pytest.mark.parametrize("kind", MOVABLE)
async def test_what_went_or_changed_since_an_earlier_run_goes_and_changes_in_the_copy(ends: Ends, kind: str) -> None:
    source, target = await _lived_in(ends, "redis" if kind == "sqlite" else "sqlite"), await ends.a_store(kind)
    with pytest.raises(_CutOffError):
        await moved(source, target, _CutOff())
    store = source.steps
    for claim in await store.executions.claim(OTHER_WORKER, [store.token() for _ in range(50)]):
        await store.settle(claim)
    await _swap_names(store)
    await store.access.revoke_token("id-None-robot", by=TESTER)
    await store.access.add_token("another digest", a_token("robot"), by=TESTER)
    source.steps.clock.advance(500 * DAY)
    while await store.history.prune(Retention(), limit=1_000):
        pass

    before = await seen(source)
    await moved(source, target)

    assert await seen(target) == before


class _Life:
    """Goes on in a store while it is copied, and is its `Keeper`: it stops, and says what was to be seen then."""

    def __init__(self, source: MovedStore) -> None:
        self._source = source
        self._is_enough = False
        self._is_over = asyncio.Event()
        self.rounds = 0
        self.last_seen: dict[str, Any] = {}

    async def go_on(self) -> None:
        """Live until it is enough, beside whoever copies."""
        while not self._is_enough:
            await go_on(self._source.steps, self.rounds)
            self.rounds += 1
        self._is_over.set()

    async def served_by(self) -> Sequence[str]:
        """See the port."""
        self._is_enough = self.rounds >= ROUNDS
        if not self._is_enough:
            return ["somebody"]
        await self._is_over.wait()
        self.last_seen = await seen(self._source)
        return []


async def _swap_names(store: StoreUnderTest) -> None:
    """Two tasks take each other's name."""
    names = {"id-edited": "between", "id-second": "renamed", "id-edited ": "edited"}
    for task_id, name in names.items():
        task = await store.tasks.get(TaskId(task_id.strip()))
        assert isinstance(task, ScheduledTask)
        await store.applied(edit(task, replace(task.definition, name=name), a_change(at=store.clock.now())))


async def _open(store: MovedStore) -> None:
    async with store.opening(False):
        pass


class _CutOffError(Exception):
    """The command was killed."""


class _CutOff:
    """`Keeper` before whose second answer the command is killed: everything is copied once by then."""

    def __init__(self) -> None:
        self._asked = 0

    async def served_by(self) -> Sequence[str]:
        """See the port."""
        self._asked += 1
        if self._asked > 1:
            raise _CutOffError
        return ["somebody"]
