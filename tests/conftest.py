"""What every test shares: how hypothesis searches."""

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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put examples before properties where the first failure ends the run, so that a mutant falls in milliseconds."""
    if settings.get_current_profile_name() == "mutation":
        items.sort(key=lambda item: is_hypothesis_test(getattr(item, "obj", None)))
