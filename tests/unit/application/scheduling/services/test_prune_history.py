"""Forgetting old records: in bounded steps, never what is open."""

from datetime import timedelta

import pytest

from application.scheduling.ports.history import Retention
from application.scheduling.services import prune_history
from application.scheduling.services.prune_history import BATCH_MAX, PruneHistory
from domain.scheduling.events import RecordsPruned
from tests.support.builders import DAY
from tests.support.house import ANA, House


async def test_pruning_forgets_in_steps_until_nothing_old_is_left(house: House) -> None:
    task = await house.create(policy={"overlap": "allow"})
    for _ in range(BATCH_MAX + 10):
        await house.manage.cancel(await house.run_now(task), ANA)
    open_ = await house.run_now(task)
    house.clock.advance(15 * DAY)

    assert not await PruneHistory(house.stores.history, house.observer, house.watch).run_once()

    assert list(house.stores.state.executions) == [open_]
    assert house.observer.seen(RecordsPruned) == [RecordsPruned(BATCH_MAX + 10)]


async def test_pruning_that_stops_short_of_the_end_says_so(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prune_history, "BATCH_MAX", 2)
    monkeypatch.setattr(prune_history, "BATCHES_MAX", 2)
    task = await house.create(policy={"overlap": "allow"})
    for _ in range(5):
        await house.manage.cancel(await house.run_now(task), ANA)
    house.clock.advance(15 * DAY)
    prune = PruneHistory(house.stores.history, house.observer, house.watch)

    assert [await prune.run_once() for _ in range(2)] == [True, False]
    assert house.observer.seen(RecordsPruned) == [RecordsPruned(4), RecordsPruned(1)]


async def test_pruning_nothing_is_not_worth_a_word(house: House) -> None:
    await house.run_now(await house.create())

    retention = Retention(executions=timedelta(0))
    assert not await PruneHistory(house.stores.history, house.observer, house.watch, retention).run_once()
    assert house.observer.seen(RecordsPruned) == []


async def test_a_clock_that_has_leapt_makes_nothing_old(house: House) -> None:
    await house.run_now(task := await house.create())
    await house.manage.delete(task.id, ANA)
    prune = PruneHistory(house.stores.history, house.observer, house.watch)
    assert not await prune.run_once()

    house.clock.step(timedelta(days=1_000))

    assert not await prune.run_once()
    assert len(house.states()) == 1
