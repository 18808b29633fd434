"""How a seed is chosen: `pytest tests/simulation --sim-seed 17` leads that day again, and nothing else."""

import pytest

ASKED_FOR = "test_no_promise_is_broken_in_the_day_that_is_asked_for"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take the seed of a failed day."""
    parser.addoption("--sim-seed", type=int, default=None, help="Simulate the day of this seed alone.")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the test of the seed that is asked for, or all tests here but that one."""
    asked = config.getoption("--sim-seed") is not None
    ours = [each for each in items if "tests/simulation/" in each.nodeid]
    left_out = [each for each in ours if (each.originalname == ASKED_FOR) != asked]  # type: ignore[attr-defined]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [each for each in items if each not in left_out]
