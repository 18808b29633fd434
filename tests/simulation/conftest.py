"""How a seed is chosen: `pytest tests/simulation --sim-seed 17` leads that day again."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take the seed of a failed day."""
    parser.addoption("--sim-seed", type=int, default=None, help="Simulate the day of this seed alone.")
