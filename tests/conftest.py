"""What every test shares: how hypothesis searches, and what comes first."""

import pytest
from hypothesis import HealthCheck, Phase, is_hypothesis_test, settings

# The same examples in every run, so that a red build is red again at home. On a busy machine the first example may
# be slow through no fault of the code under test, hence no deadline.
settings.register_profile("default", derandomize=True, deadline=None, max_examples=60, print_blob=True)
settings.register_profile(
    "soak",
    derandomize=False,
    deadline=None,
    max_examples=5_000,
    stateful_step_count=100,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
# One failure is enough to notice a mutant: nothing is shrunk, and no mutant's examples are kept for the next one.
settings.register_profile(
    "mutation", settings.get_profile("default"), database=None, phases=(Phase.explicit, Phase.generate)
)
settings.load_profile("default")

# Where files take a minute and mostly wait.
LONG = ("tests/chaos/", "tests/integration/service/", "tests/browser/", "tests/simulation/")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put examples before properties where the first failure ends the run, so that a mutant falls in milliseconds.

    Where processes share the run, put long files before short ones, so that none is left alone with one at the end.
    """
    if settings.get_current_profile_name() == "mutation":
        items.sort(key=lambda item: is_hypothesis_test(getattr(item, "obj", None)))
    if hasattr(config, "workerinput"):
        items.sort(key=_shortness)


def _shortness(item: pytest.Item) -> int:
    return next((index for index, folder in enumerate(LONG) if item.nodeid.startswith(folder)), len(LONG))
