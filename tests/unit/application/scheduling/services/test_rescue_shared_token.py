"""A claim that was delivered twice holds two executions with one token; each has a silence of its own."""

from application.scheduling.ports.execution_store import Beat
from application.scheduling.services.rescue_stuck import LEASE, RescueStuck
from domain.scheduling.execution import ExecutionState
from domain.scheduling.identifiers import ClaimToken
from tests.support.builders import SECOND
from tests.support.house import WORKER, House


async def test_a_live_holder_is_not_rescued_for_the_silence_of_its_twin(house: House) -> None:
    task, token = await house.create(policy={"overlap": "allow"}), ClaimToken("one")
    for _ in range(2):
        await house.run_now(task)
    executions = house.stores.executions
    (named,) = await executions.claim(WORKER, [token])
    await executions.claim(WORKER, [token])
    rescue = RescueStuck(executions, house.clock, house.wakeup, house.observer)
    rescued = 0

    for _ in range(4):
        rescued += await rescue.run_once()
        house.clock.advance(LEASE / 3 + SECOND)
        await executions.heartbeat(WORKER, [Beat(named.execution.id, token)])
    rescued += await rescue.run_once()

    assert rescued == 1
    assert house.execution(named.execution.id).state is ExecutionState.RUNNING
