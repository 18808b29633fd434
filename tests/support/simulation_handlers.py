"""What tasks do in a simulation: succeed, fail, dawdle, hang, go on, ignore being stopped, or take their worker along.

Every handler writes to the ledger when it begins and when it ends in its own words.
"""

import asyncio
from datetime import timedelta
from random import Random
from typing import Any, Protocol

from application.scheduling.processors import Continue, PermanentError, Processors, Returned, Run
from tests.support.checker_deaths import GIVEN_UP
from tests.support.ledger import Line
from tests.support.sim_clock import SimClock
from tests.support.simulation_world import World

DEEDS = (
    *("ok", "ok", "slow", "slow", "fail", "flaky", "flaky", "hang", "continue", "crash"),
    *("stubborn", "permanent", "brink", "brink"),
)


class Host(Protocol):
    """The process a handler runs in, which it may take along."""

    name: str
    clock: SimClock

    def crash(self, *, back_after: float) -> None:
        """Die at once."""


class HandlerFailedError(Exception):
    """What a failing handler of the simulation raises."""


def registered(world: World, host: Host, task_types: tuple[str, ...]) -> Processors:
    """Handlers for these task types, all doing what the payload says."""
    processors = Processors()

    async def handler(payload: dict[str, Any], run: Run) -> Returned:
        deed = "ok" if world.healed else payload.get("do", "ok")
        run.log.info("about to begin", payload=payload, **payload)
        dice = Random(f"{world.seed}/{run.execution_id}/{run.fence}")
        write(world, host, run, "start")
        try:
            returned = await _done(deed, dice, world, host, run)
        except HandlerFailedError:
            write(world, host, run, "failed")
            raise HandlerFailedError(f"could not {deed} with {payload}") from None
        except PermanentError:
            write(world, host, run, "failed")
            raise
        write(world, host, run, "done")
        return returned

    for task_type in task_types:
        processors.task(task_type)(handler)
    return processors


def write(world: World, host: Host, run: Run, what: str) -> None:
    """One line on the ledger."""
    line = Line(what, run.execution_id, run.fence, run.attempt, host.name, world.loop.elapsed, host.clock.now())
    world.checker.line(line)


async def _done(deed: str, dice: Random, world: World, host: Host, run: Run) -> Returned:
    await asyncio.sleep(dice.uniform(0.05, 4))
    match deed:
        case "slow":
            await asyncio.sleep(dice.uniform(20, 240))
        case "fail":
            raise HandlerFailedError("no")
        case "flaky" if dice.random() < 0.6:
            raise HandlerFailedError("not this time")
        case "permanent" if dice.random() < 0.3:
            raise PermanentError(GIVEN_UP, "it will never work")
        case "hang" if dice.random() < 0.7:
            await asyncio.sleep(100_000)
        case "continue" if dice.random() < 0.7:
            return Continue(timedelta(seconds=dice.choice((0, 20, 300))))
        case "crash" if dice.random() < 0.3:
            host.crash(back_after=dice.uniform(1, 60))
            await asyncio.sleep(100_000)
        case "brink":
            await asyncio.sleep(_until_next(world, run) + dice.uniform(-0.1, 0.01))
            raise PermanentError(GIVEN_UP)
        case "stubborn":
            await _stubbornly(dice)
    return {"deed": deed}


def _until_next(world: World, run: Run) -> float:
    """Seconds until its task is due again, a few minutes at most: to end when the next one is decided."""
    kept = world.store.stores.state.tasks.get(run.task_id)
    look_at = kept.task.look_at if kept else None
    left = 60.0 if look_at is None else (look_at - world.store.clock.now()) / timedelta(seconds=1)
    return min(max(1.0, left), 780.0)


async def _stubbornly(dice: Random) -> None:
    """Go on for a while after being told to stop."""
    try:
        await asyncio.sleep(dice.uniform(10, 120))
    except asyncio.CancelledError:
        await asyncio.sleep(20)
