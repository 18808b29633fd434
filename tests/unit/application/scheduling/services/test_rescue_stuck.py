"""Taking executions from holders that fell silent, judged by this observer's stop-watch alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from application.scheduling.ports.errors import StoreUnavailableError
from application.scheduling.ports.execution_store import Beat, Claim, ExecutionStore, Held, Rescued
from application.scheduling.services.rescue_stuck import LEASE, RescueStuck
from domain.scheduling.events import ExecutionRescued, TaskStopped
from domain.scheduling.execution import RESCUES_MAX, ExecutionState
from domain.scheduling.identifiers import NodeId
from tests.support.builders import DAY, MINUTE, SECOND
from tests.support.house import WORKER, House


@pytest.fixture
async def claim(house: House) -> Claim:
    """A claim of an ordinary execution."""
    await house.run_now(await house.create())
    (claim,) = await house.claim()
    return claim


def rescuer(house: House, executions: ExecutionStore | None = None) -> RescueStuck:
    return RescueStuck(executions or house.stores.executions, house.clock, house.wakeup, house.observer)


async def test_a_claim_is_rescued_after_a_lease_without_a_beat(house: House, claim: Claim) -> None:
    rescue = rescuer(house)
    await rescue.run_once()
    house.clock.advance(LEASE - timedelta(microseconds=1))
    in_time = await rescue.run_once()
    house.clock.advance(timedelta(microseconds=1))
    hints = house.wakeup.worker_hints

    assert (in_time, await rescue.run_once()) == (0, 1)
    assert house.states() == [ExecutionState.PENDING]
    assert [(each.task_name, each.state) for each in house.observer.seen(ExecutionRescued)] == [
        ("report", ExecutionState.PENDING)
    ]
    assert house.wakeup.worker_hints == hints + 1


async def test_a_beat_starts_the_lease_anew(house: House, claim: Claim) -> None:
    rescue = rescuer(house)
    for _ in range(5):
        await rescue.run_once()
        house.clock.advance(LEASE - SECOND)
        await house.stores.executions.heartbeat(WORKER, [Beat(claim.execution.id, claim.token)])

    assert await rescue.run_once() == 0


@pytest.mark.parametrize("step", [DAY, -DAY], ids=["forward", "back"])
async def test_a_step_of_the_calendar_changes_nothing(house: House, claim: Claim, step: timedelta) -> None:
    rescue = rescuer(house)
    await rescue.run_once()
    house.clock.step(step)
    house.clock.advance(LEASE - SECOND)
    early = await rescue.run_once()
    house.clock.advance(SECOND)

    assert (early, await rescue.run_once()) == (0, 1)


async def test_silence_counts_only_while_the_store_answers(house: House, claim: Claim) -> None:
    rescue = rescuer(house)
    await rescue.run_once()
    house.clock.advance(10 * SECOND)
    await rescue.run_once()
    house.stores.state.available = False
    house.clock.advance(LEASE)
    with pytest.raises(StoreUnavailableError):
        await rescue.run_once()
    house.stores.state.available = True
    after_the_outage = await rescue.run_once()
    house.clock.advance(LEASE - 11 * SECOND)
    early = await rescue.run_once()
    house.clock.advance(SECOND)

    assert (after_the_outage, early, await rescue.run_once()) == (0, 0, 1)


async def test_another_observer_counts_for_itself(house: House, claim: Claim) -> None:
    await rescuer(house).run_once()
    house.clock.advance(LEASE)

    assert await rescuer(house).run_once() == 0


@dataclass(slots=True)
class Slow:
    """An execution store that takes five seconds to say who holds what; the holder beats meanwhile."""

    house: House
    claim: Claim

    async def held(self) -> Sequence[Held]:
        self.house.clock.advance(5 * SECOND)
        return await self.house.stores.executions.held()

    async def rescue(self, silent: Sequence[Held]) -> Sequence[Rescued]:
        return await self.house.stores.executions.rescue(silent)


async def test_the_time_a_look_takes_does_not_count_as_silence(house: House, claim: Claim) -> None:
    slow: Any = Slow(house, claim)
    rescue = rescuer(house, slow)
    await rescue.run_once()
    house.clock.advance(LEASE - SECOND)

    assert await rescue.run_once() == 0
    assert await rescue.run_once() == 1


async def test_a_worker_known_to_be_dead_is_not_waited_for(house: House, claim: Claim) -> None:
    assert await rescuer(house).worker_died(NodeId("somebody else")) == 0
    assert await rescuer(house).worker_died(WORKER) == 1
    assert [each.execution_id for each in house.observer.seen(ExecutionRescued)] == [claim.execution.id]


async def test_what_kills_every_worker_is_dead_in_the_end(house: House, claim: Claim) -> None:
    for _ in range(RESCUES_MAX):
        await rescuer(house).worker_died(WORKER)
        await house.claim()
    await rescuer(house).worker_died(WORKER)

    (execution,) = map(house.execution, house.stores.state.executions)
    assert execution.state is ExecutionState.DEAD
    assert execution.error is not None
    assert execution.error.kind == "poison"


async def test_a_rescue_that_stops_the_task_is_told_as_such(house: House) -> None:
    task = await house.create(schedule="* * * * *", policy={"fail_after": 1})
    house.clock.advance(MINUTE)
    await house.fire()
    for _ in range(RESCUES_MAX + 1):
        await house.claim()
        await rescuer(house).worker_died(WORKER)

    assert house.observer.seen(TaskStopped) == [TaskStopped(task.id, "report", 1)]


class Unrescuable:
    """An execution store that shows a claim and cannot take it back."""

    def __init__(self, held: Sequence[Held]) -> None:
        self._held = held

    async def held(self) -> Sequence[Held]:
        return self._held

    async def rescue(self, silent: Sequence[Held]) -> Sequence[Rescued]:
        return []


async def test_whoever_knows_that_no_holder_is_left_rescues_all_at_once(house: House, claim: Claim) -> None:
    assert await rescuer(house).rescue_all() == 1
    assert house.states() == [ExecutionState.PENDING]
    assert await house.stores.executions.held() == []


async def test_a_claim_that_cannot_be_rescued_does_not_hold_up_whoever_rescues_all(house: House, claim: Claim) -> None:
    store: Any = Unrescuable(await house.stores.executions.held())

    assert await rescuer(house, store).rescue_all() == 0
