"""Forgetting old records: in bounded steps, never what is open."""

from datetime import timedelta

from application.scheduling.ports.history import Retention
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

    pruned = await PruneHistory(house.stores.history, house.observer, house.watch).run_once()

    assert pruned == BATCH_MAX + 10
    assert list(house.stores.state.executions) == [open_]
    assert house.observer.seen(RecordsPruned) == [RecordsPruned(BATCH_MAX + 10)]


async def test_pruning_nothing_is_not_worth_a_word(house: House) -> None:
    await house.run_now(await house.create())

    assert (
        await PruneHistory(
            house.stores.history, house.observer, house.watch, Retention(executions=timedelta(0))
        ).run_once()
        == 0
    )
    assert house.observer.seen(RecordsPruned) == []


async def test_a_clock_that_has_leapt_makes_nothing_old(house: House) -> None:
    await house.run_now(task := await house.create())
    await house.manage.delete(task.id, ANA)
    prune = PruneHistory(house.stores.history, house.observer, house.watch)
    assert await prune.run_once() == 0

    house.clock.step(timedelta(days=1_000))

    assert await prune.run_once() == 0
    assert len(house.states()) == 1
