"""Giving up what waits for a handler nobody has: told, and not by a clock that has leapt."""

from application.scheduling.ports.execution_store import Settlement
from application.scheduling.services.expire_unknown import ExpireUnknown
from domain.scheduling.events import ExecutionsExpired, TaskStopped
from domain.scheduling.execution import ExecutionState
from domain.scheduling.identifiers import ExecutionId
from domain.scheduling.outcome import UnknownHandler
from domain.scheduling.work import UNKNOWN_HANDLER_PATIENCE
from tests.support.builders import HOUR, MINUTE
from tests.support.house import House


async def put_back(house: House) -> ExecutionId:
    """An execution whose handler nobody has."""
    execution_id = await house.run_now(await house.create())
    (claim,) = await house.claim()
    await house.stores.executions.settle([Settlement(execution_id, claim.token, UnknownHandler())])
    return execution_id


def expiring(house: House) -> ExpireUnknown:
    return ExpireUnknown(house.stores.executions, house.watch, house.wakeup, house.observer)


async def test_what_nobody_has_a_handler_for_is_given_up_and_everybody_told(house: House) -> None:
    execution_id = await put_back(house)
    expire = expiring(house)
    assert await expire.run_once() == 0

    house.clock.advance(UNKNOWN_HANDLER_PATIENCE)
    hints = house.wakeup.worker_hints

    assert await expire.run_once() == 1
    assert house.execution(execution_id).state is ExecutionState.DEAD
    assert house.observer.events[-1] == ExecutionsExpired(1)
    assert house.wakeup.changed_ids[-1] == house.execution(execution_id).task_id
    assert house.wakeup.worker_hints == hints + 1


async def test_a_clock_that_has_leapt_gives_nothing_up(house: House) -> None:
    execution_id = await put_back(house)
    expire = expiring(house)
    await expire.run_once()

    house.clock.step(2 * HOUR)

    assert await expire.run_once() == 0
    assert house.execution(execution_id).state is ExecutionState.PENDING


async def test_an_expiry_that_stops_the_task_is_told_as_such(house: House) -> None:
    task = await house.create(schedule="* * * * *", policy={"fail_after": 1})
    house.clock.advance(MINUTE)
    await house.fire()
    (claim,) = await house.claim()
    await house.stores.executions.settle([Settlement(claim.execution.id, claim.token, UnknownHandler())])
    house.clock.advance(UNKNOWN_HANDLER_PATIENCE)

    await expiring(house).run_once()

    assert house.observer.events[-2:] == [ExecutionsExpired(1), TaskStopped(task.id, "report", 1)]
