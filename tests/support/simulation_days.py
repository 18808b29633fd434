"""The days that tests lead, by their seeds.

A failed day names its seed: `pytest tests/simulation --sim-seed N` leads it again, event by event the same. A seed
that has found a fault is kept as a file in tests/simulation/seeds, named after it and saying what it found.
"""

from collections.abc import Callable

import pytest

from tests.support.repository import ROOT
from tests.support.simulation import Report, simulate

# So many that the whole run stays within its quarter of an hour; `make soak` leads the others.
SHORT = range(40)
SHARES = 4
LONG = (*range(SHORT.stop, 200), *range(1_000, 2_000))
KEPT_IN = ROOT / "tests" / "simulation" / "seeds"
KEPT = sorted(int(path.stem) for path in KEPT_IN.glob("*.txt"))
BUSY = {"crash", "freeze", "did run", "did edit", "did pause", "held"}


def days_of_share(share: int) -> Callable[[int], None]:
    """A test that leads one of SHARES equal shares of the short run, each in a file and so a process of its own."""

    @pytest.mark.parametrize("seed", SHORT[share - 1 :: SHARES])
    def test(seed: int) -> None:
        is_worth_its_name(simulate(seed))

    return test


def is_worth_its_name(report: Report) -> None:
    """The day was a busy and a troubled one, and prompt where it had to be."""
    assert report.executions > 200
    assert report.events.keys() >= BUSY
    assert {"load", "calm", "quiet"} <= report.lags.keys()
