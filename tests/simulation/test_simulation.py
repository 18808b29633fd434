"""Days in the life of the scheduler, led in virtual time, in which no promise is broken whatever goes wrong.

A failed day names its seed: `pytest tests/simulation --sim-seed N` leads it again, event by event the same. Seeds that
have found a fault are kept in `seeds/` and led in every run.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.repository import ROOT
from tests.support.simulation import Report, simulate

SHORT = range(10, 18)
LONG = range(1_000, 2_000)
KEPT = sorted(int(path.stem) for path in (Path(__file__).parent / "seeds").glob("*.txt"))


def _chosen(request: pytest.FixtureRequest, seed: int) -> int:
    """The seed of this test, or the one asked for on the command line (then the others have nothing to do)."""
    chosen = request.config.getoption("--sim-seed", default=None)
    if chosen is not None and seed != SHORT[0]:
        pytest.skip("another seed was asked for")
    return seed if chosen is None else int(chosen)


@pytest.mark.parametrize("seed", SHORT)
def test_no_promise_is_broken_in_a_day_of_faults(request: pytest.FixtureRequest, seed: int) -> None:
    report = simulate(_chosen(request, seed))

    _is_worth_its_name(report)


@pytest.mark.parametrize("seed", KEPT)
def test_no_promise_is_broken_in_a_day_that_once_broke_one(request: pytest.FixtureRequest, seed: int) -> None:
    simulate(_chosen(request, seed))


@pytest.mark.soak
@pytest.mark.parametrize("seed", LONG)
def test_no_promise_is_broken_in_a_thousand_days(request: pytest.FixtureRequest, seed: int) -> None:
    simulate(_chosen(request, seed))


def test_a_seed_leads_to_the_same_day_under_every_hash_seed() -> None:
    code = "from tests.support.simulation import simulate; print(simulate(11, hours=4).digest)"
    days = {
        subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, env=_with_hash_seed(seed), check=True, capture_output=True
        ).stdout
        for seed in ("1", "2")
    }

    assert len(days) == 1


def _with_hash_seed(seed: str) -> dict[str, str]:
    return {"PYTHONHASHSEED": seed, "PATH": os.defpath}


def _is_worth_its_name(report: Report) -> None:
    """The day was a busy and a troubled one."""
    assert report.executions > 200
    assert {"crash", "freeze", "ExecutionsRescued", "did run", "did edit", "did pause"} <= report.events.keys()
