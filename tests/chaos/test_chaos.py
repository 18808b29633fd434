"""The real service on its file, killed, frozen, starved and misled about the time, keeps every promise.

What is checked lies outside of it: a ledger that handlers write, the journal of the clients, and the store's file
read with plain SQL, against an oracle that shares nothing with the product. The plan of a seed is always the same; its
timing is real. `var/chaos` has the evidence of each run, its report and its drawing.
"""

from collections.abc import Callable

import pytest

from tests.support.chaos_on_file import on_a_file
from tests.support.chaos_plan import (
    IN_A_BURST,
    ON_A_FILE,
    ON_POSTGRES,
    ON_REDIS,
    Kind,
    Trouble,
    crash_points,
    long_plan,
    short_plan,
)
from tests.support.chaos_run import troubled
from tests.support.chaos_trial import is_worth_its_name, tried

SHORT = (1, 2)
LONG = 11
LONG_SECONDS = 600.0
CRASH_POINTS = 20
LEASE_SECONDS = 30.0


def test_the_short_runs_hold_every_fault_there_is() -> None:
    dealt = [trouble for seed in SHORT for trouble in short_plan(ON_A_FILE, seed, parts=len(SHORT))]

    assert sorted(map(repr, dealt)) == sorted(map(repr, ON_A_FILE))
    on_servers = [trouble for deck in (ON_REDIS, ON_POSTGRES) for trouble in short_plan(deck, 0, parts=1)]
    # What carries hints beside a PostgreSQL is lost, and all firing held, in tests of their own.
    assert {trouble.kind for trouble in (*dealt, *IN_A_BURST, *on_servers)} == set(Kind) - {Kind.KILL_HINTS, Kind.HOLD}


@pytest.mark.timeout(240)
@pytest.mark.parametrize("seed", SHORT)
async def test_no_promise_is_broken_by_any_fault(chosen: Callable[..., int], seed: int) -> None:
    seed = chosen(seed, is_first=seed == SHORT[0])

    report = await tried(f"short-{seed}", on_a_file, seed, troubled(short_plan(ON_A_FILE, seed, parts=len(SHORT))))

    is_worth_its_name(report)


@pytest.mark.soak
async def test_no_promise_is_broken_at_any_write_a_process_dies_at(chosen: Callable[..., int]) -> None:
    seed = chosen(LONG)

    report = await tried(f"crash-points-{seed}", on_a_file, seed, troubled(crash_points(until=CRASH_POINTS)))

    is_worth_its_name(report)


@pytest.mark.timeout(240)
async def test_a_poison_takes_nobody_with_it(chosen: Callable[..., int]) -> None:
    seed, set_back = chosen(LONG), Trouble(Kind.CLOCK_BACK, seconds=10, number=30)

    await tried(f"poison-{seed}", on_a_file, seed, troubled((set_back,), with_poison=True))


@pytest.mark.soak
async def test_no_promise_is_broken_in_ten_minutes_of_chaos(chosen: Callable[..., int]) -> None:
    seed = chosen(LONG)

    plan = long_plan(ON_A_FILE, seed, seconds=LONG_SECONDS, lease=LEASE_SECONDS)
    report = await tried(f"long-{seed}", on_a_file, seed, troubled(plan))

    is_worth_its_name(report)
    assert report.late.count > 0
