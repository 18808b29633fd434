"""How a seed is chosen: `pytest tests/chaos --chaos-seed 2` runs the faults of that seed again."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take the seed of a failed run."""
    parser.addoption("--chaos-seed", type=int, default=None, help="Lead the runs of this seed alone.")
