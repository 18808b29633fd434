"""How a seed is chosen: `pytest tests/chaos --chaos-seed 2` runs the faults of that seed again."""

from collections.abc import Callable

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take the seed of a failed run."""
    parser.addoption("--chaos-seed", type=int, default=None, help="Lead the runs of this seed alone.")


@pytest.fixture
def chosen(request: pytest.FixtureRequest) -> Callable[..., int]:
    """The seed of a test, or the one asked for on the command line (then the others have nothing to do)."""

    def choose(seed: int, *, is_first: bool = True) -> int:
        asked = request.config.getoption("--chaos-seed", default=None)
        if asked is not None and not is_first:
            pytest.skip("another seed was asked for")
        return seed if asked is None else int(asked)

    return choose
