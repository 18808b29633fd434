"""The loop of the simulation: virtual time, an order by lot, processes that stop, go on and die."""

import asyncio

import pytest

from tests.support.sim_loop import SimLoop, SimProcess, SimulationStalledError


def test_sleeping_costs_no_time_and_ends_on_the_microsecond() -> None:
    loop = SimLoop(1)

    async def main() -> float:
        await asyncio.sleep(86_400.000001)
        return loop.time()

    assert loop.run(main()) == 86_400.000001
    loop.close()


def _order(seed: int) -> list[int]:
    loop = SimLoop(seed)
    seen: list[int] = []
    for number in range(8):
        loop.call_soon(seen.append, number)
    loop.run(asyncio.sleep(1))
    loop.close()
    return seen


def test_what_is_ready_runs_in_an_order_drawn_from_the_seed() -> None:
    orders = [_order(seed) for seed in (1, 1, 2)]

    assert orders[0] == orders[1] != orders[2]
    assert all(sorted(order) == list(range(8)) for order in orders)


def test_a_stopped_process_does_nothing_until_it_goes_on_and_a_killed_one_never_again() -> None:
    loop = SimLoop(1)
    seen: list[float] = []
    process = SimProcess(loop, "p")

    async def tick() -> None:
        while True:
            await asyncio.sleep(1)
            seen.append(loop.time())

    async def main() -> None:
        process.spawn(tick())
        await asyncio.sleep(2.5)
        process.stop()
        await asyncio.sleep(10)
        process.go_on()
        await asyncio.sleep(1.5)
        process.kill()
        await asyncio.sleep(10)

    loop.run(main())
    loop.close()

    assert seen == [1.0, 2.0, 12.5, 13.5]


def test_an_error_of_a_process_ends_the_simulation() -> None:
    loop = SimLoop(1)

    async def broken() -> None:
        raise ValueError("broken")

    async def main() -> None:
        SimProcess(loop, "p").spawn(broken())
        await asyncio.sleep(1)

    with pytest.raises(ValueError, match="broken"):
        loop.run(main())
    loop.run_until_complete(asyncio.sleep(2))
    loop.close()


def test_a_world_in_which_nothing_can_happen_any_more_is_told_of() -> None:
    loop = SimLoop(1)
    forever = loop.create_future()

    with pytest.raises(SimulationStalledError):
        loop.run(asyncio.wait_for(forever, None))
    loop.call_later(1, forever.set_result, None)
    loop.run_until_complete(forever)
    loop.run_until_complete(asyncio.sleep(1))
    loop.close()
