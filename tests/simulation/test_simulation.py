"""Single days: one that is asked for, those that once broke a promise, and a thousand in `make soak`."""

import os
import subprocess
import sys

import pytest

from tests.support.repository import ROOT
from tests.support.simulation import simulate
from tests.support.simulation_days import KEPT, LONG


def test_no_promise_is_broken_in_the_day_that_is_asked_for(request: pytest.FixtureRequest) -> None:
    simulate(request.config.getoption("--sim-seed"))


@pytest.mark.parametrize("seed", KEPT)
def test_no_promise_is_broken_in_a_day_that_once_broke_one(seed: int) -> None:
    simulate(seed)


@pytest.mark.soak
@pytest.mark.parametrize("seed", LONG)
def test_no_promise_is_broken_in_a_thousand_days(seed: int) -> None:
    simulate(seed)


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
