"""While all firing is held nothing is fired, released or claimed; afterwards all of it is, once."""

from dataclasses import dataclass, replace

import pytest

from application.scheduling.ports.hold import Hold, Holds
from application.scheduling.ports.task_store import Committed, Decision, Moved
from application.scheduling.services.dispatch_due import DispatchDue
from application.scheduling.services.hold_firing import HoldFiring
from application.scheduling.services.watch_hold import LOOK_EVERY, WatchHold
from application.scheduling.services.withheld import WithheldExecutions, WithheldTasks
from domain.access.events import AccessChanged
from domain.access.record import TEXT_MAX, Doer
from domain.errors import InvalidTaskError
from domain.scheduling.change import Via
from domain.scheduling.execution import ExecutionState
from domain.scheduling.firing import fire
from domain.scheduling.identifiers import ClaimToken
from domain.scheduling.sharing import EVERYTHING
from tests.support.builders import MINUTE
from tests.support.doors import RecordingAccessLog
from tests.support.house import WORKER, House
from tests.support.manual_clock import NOON

ANA = Doer("ana", Via.CLI)
TOKEN = ClaimToken("t" * 32)


@dataclass(slots=True)
class Asked:
    """The switch, and how often it was looked at."""

    holds: Holds
    looks: int = 0

    async def current(self) -> Hold | None:
        self.looks += 1
        return await self.holds.current()


def watch(house: House) -> WatchHold:
    return WatchHold(house.stores.holds, house.clock)


def dispatching(house: House) -> DispatchDue:
    """The scheduler's pass as a process has it."""
    seen, dispatch = watch(house), house.dispatch
    tasks, executions = WithheldTasks(dispatch.tasks, seen), WithheldExecutions(dispatch.executions, seen)
    return replace(dispatch, tasks=tasks, executions=executions)


async def test_nothing_fires_while_it_is_held_and_each_task_once_afterwards(house: House) -> None:
    tasks = [await house.create(f"every minute {number}", schedule_type="interval", schedule="1m") for number in (1, 2)]
    dispatch = dispatching(house)
    await house.stores.holds.hold("new disks", by=ANA)
    house.clock.advance(10 * MINUTE)

    assert await dispatch.run_once(EVERYTHING) is None
    assert house.stores.state.executions == {}
    await house.stores.holds.release("", by=ANA)
    await dispatch.run_once(EVERYTHING)
    await dispatch.run_once(EVERYTHING)
    kept = house.stores.state
    scheduled = [each.execution.scheduled_at for each in kept.executions.values()]
    assert scheduled == [NOON + 10 * MINUTE] * 2
    assert {task.id: [skip.count for skip in kept.tasks[task.id].skips.values()] for task in tasks} == {
        task.id: [9] for task in tasks
    }


async def test_what_was_decided_before_the_hold_is_not_committed(house: House) -> None:
    task = await house.create(schedule_type="interval", schedule="1m")
    tasks = WithheldTasks(house.stores.tasks, watch(house))
    house.clock.advance(MINUTE)
    assert await tasks.due(EVERYTHING, until=house.clock.now(), limit=1)
    decision = Decision(task, fire(task, house.clock.now()))
    await house.stores.holds.hold("new disks", by=ANA)

    house.clock.advance(LOOK_EVERY)
    assert await tasks.commit_firings([decision]) == [Moved()]
    await house.stores.holds.release("", by=ANA)
    (answer,) = await tasks.commit_firings([decision])
    assert isinstance(answer, Committed)


async def test_nothing_is_claimed_while_it_is_held(house: House) -> None:
    await house.run_now(await house.create())
    executions = WithheldExecutions(house.stores.executions, watch(house))
    await house.stores.holds.hold("new disks", by=ANA)

    assert await executions.claim(WORKER, [TOKEN]) == ()
    await house.stores.holds.release("", by=ANA)
    (claim,) = await executions.claim(WORKER, [TOKEN])
    assert claim.execution.state is ExecutionState.RUNNING


async def test_a_store_that_is_free_is_asked_twice_a_second_and_one_that_is_held_every_time(house: House) -> None:
    asked = Asked(house.stores.holds)
    seen = WatchHold(asked, house.clock)  # type: ignore[arg-type]

    for _ in range(8):
        assert await seen.current() is None
        house.clock.advance(LOOK_EVERY / 4)
    assert asked.looks == 2
    made = await house.stores.holds.hold("new disks", by=ANA)
    assert [await seen.current() for _ in range(3)] == [made] * 3
    await house.stores.holds.release("", by=ANA)
    assert await seen.current() is None
    assert asked.looks == 6


@pytest.mark.parametrize("reason", ["", " \n", "x" * (TEXT_MAX + 1)])
async def test_a_hold_says_why(house: House, reason: str) -> None:
    with pytest.raises(InvalidTaskError):
        await HoldFiring(house.stores.holds, house.wakeup, RecordingAccessLog()).hold(reason, ANA)
    assert await house.stores.holds.current() is None


async def test_a_release_wakes_everybody_and_both_are_told(house: House) -> None:
    log = RecordingAccessLog()
    firing = HoldFiring(house.stores.holds, house.wakeup, log)

    made = await firing.hold(" new disks ", ANA)
    assert made == Hold("ana", "new disks", NOON)
    assert await firing.release("", ANA) == made
    assert await firing.release("", ANA) is None
    assert [each.what for each in log.seen(AccessChanged)] == ["holds all firing: new disks", "lets firing go on"]
    assert (house.wakeup.scheduler_hints, house.wakeup.worker_hints) == (1, 1)
