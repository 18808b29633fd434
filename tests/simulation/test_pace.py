"""The loop of simulated processes keeps the same time as the one of production."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from datetime import timedelta
from typing import Any

from application.scheduling.ports.errors import StoreUnavailableError
from entrypoints.loop import repeat
from tests.support.recorders import RecordingObserver
from tests.support.sim_loop import SimLoop
from tests.support.simulation_world import keep_doing

# What the passes answer: seconds to wait, or None for a store that is silent.
PASSES: tuple[float | None, ...] = (1.0, 0.0, None, None, None, 0.5, None, *[None] * 8, 2.0, 3.0)
RINGS_AT = (0.4, 7.0, 60.0)

Step = Callable[[], Awaitable[float]]
Loop = Callable[[Step, asyncio.Event], Coroutine[Any, Any, None]]


def _times(looping: Callable[[SimLoop], Loop]) -> list[float]:
    loop, seen, passes = SimLoop(1), list[float](), iter(PASSES)

    async def step() -> float:
        seen.append(loop.time())
        answer = next(passes, 1_000.0)
        if answer is None:
            raise StoreUnavailableError("silent")
        return answer

    async def main() -> None:
        bell = asyncio.Event()
        for at in RINGS_AT:
            loop.call_later(at, bell.set)
        task = loop.create_task(looping(loop)(step, bell))
        await asyncio.sleep(500)
        task.cancel()
        await asyncio.wait({task})

    loop.run(main())
    loop.close()
    return seen


def _of_production(_loop: SimLoop) -> Loop:
    async def run(step: Step, bell: asyncio.Event) -> None:
        async def timed() -> timedelta:
            return timedelta(seconds=await step())

        await repeat(timed, name="test", stop=asyncio.Event(), observer=RecordingObserver(), wake=bell)

    return run


def test_simulated_loops_run_backed_off_and_woken_when_those_of_production_do() -> None:
    simulated = _times(lambda loop: lambda step, bell: keep_doing(step, loop, bell))

    assert simulated == _times(_of_production)
    assert len(simulated) > len(PASSES)
