"""The real service on its file, killed, frozen, starved and misled about the time, keeps every promise.

What is checked lies outside of it: a ledger that handlers write, the journal of the clients, and the store's file
read with plain SQL, against an oracle that shares nothing with the product. The plan of a seed is always the same; its
timing is real. `var/chaos` has the evidence of each run, its report and its drawing.
"""

import pytest

from tests.support.chaos_plan import Kind, Trouble, crash_points, every_kind, long_plan, short_plan
from tests.support.chaos_report import Report
from tests.support.chaos_trial import tried

SHORT = (1, 2)
LONG = 11
LONG_SECONDS = 600.0
CRASH_POINTS = 20


def _chosen(request: pytest.FixtureRequest, seed: int, *, is_first: bool = True) -> int:
    """The seed of this test, or the one asked for on the command line (then the others have nothing to do)."""
    chosen = request.config.getoption("--chaos-seed", default=None)
    if chosen is not None and not is_first:
        pytest.skip("another seed was asked for")
    return seed if chosen is None else int(chosen)


def _is_worth_its_name(report: Report) -> None:
    """The run was a busy and a troubled one."""
    assert report.starts > 50
    assert report.recoveries["rescued"] > 0
    assert report.retries > 0
    assert sum(report.skipped_by_reason.values()) > 0
    assert report.requests["answer"] > 50


def test_the_short_runs_hold_every_fault_there_is() -> None:
    dealt = [trouble for seed in SHORT for trouble in short_plan(seed, parts=len(SHORT))]

    assert sorted(map(repr, dealt)) == sorted(map(repr, every_kind()))
    assert {trouble.kind for trouble in dealt} == set(Kind)


@pytest.mark.timeout(240)
@pytest.mark.parametrize("seed", SHORT)
async def test_no_promise_is_broken_by_any_fault(request: pytest.FixtureRequest, seed: int) -> None:
    seed = _chosen(request, seed, is_first=seed == SHORT[0])

    report = await tried(f"short-{seed}", seed, short_plan(seed, parts=len(SHORT)))

    _is_worth_its_name(report)


@pytest.mark.soak
async def test_no_promise_is_broken_at_any_write_a_process_dies_at(request: pytest.FixtureRequest) -> None:
    seed = _chosen(request, LONG)

    report = await tried(f"crash-points-{seed}", seed, crash_points(until=CRASH_POINTS))

    _is_worth_its_name(report)


@pytest.mark.timeout(240)
async def test_a_poison_takes_nobody_with_it(request: pytest.FixtureRequest) -> None:
    seed = _chosen(request, LONG)

    await tried(f"poison-{seed}", seed, (Trouble(Kind.CLOCK_BACK, seconds=10, number=30),), with_poison=True)


@pytest.mark.soak
async def test_no_promise_is_broken_in_ten_minutes_of_chaos(request: pytest.FixtureRequest) -> None:
    seed = _chosen(request, LONG)

    report = await tried(f"long-{seed}", seed, long_plan(seed, seconds=LONG_SECONDS))

    _is_worth_its_name(report)
    assert report.late.count > 0
