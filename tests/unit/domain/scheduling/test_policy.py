from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.errors import InvalidPolicyError
from domain.scheduling.policy import ExecutionPolicy, Misfire, Overlap

NOON = datetime(2024, 1, 15, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)


def test_the_defaults_run_late_work_once_and_never_overlap() -> None:
    policy = ExecutionPolicy()

    assert (policy.misfire, policy.grace, policy.overlap) == (Misfire.LATEST, None, Overlap.SKIP)
    assert (policy.timeout, policy.fail_after, policy.max_runs) == (timedelta(minutes=15), 3, None)
    assert (policy.jitter, policy.catch_up_max, policy.retry.max_retries) == (timedelta(0), 100, 3)


@pytest.mark.parametrize(
    ("name", "low", "high", "below", "above"),
    [
        ("grace", SECOND, 3_650 * DAY, timedelta(0), 3_651 * DAY),
        ("catch_up_max", 1, 100, 0, 101),
        ("timeout", SECOND, 7 * DAY, timedelta(0), 7 * DAY + SECOND),
        ("max_runs", 1, 10**9, 0, 10**9 + 1),
        ("jitter", timedelta(0), DAY, -SECOND, DAY + SECOND),
        ("fail_after", 1, 10**6, 0, 10**6 + 1),
    ],
)
def test_limits_are_kept_from_lowest_to_highest(name: str, low: Any, high: Any, below: Any, above: Any) -> None:
    for allowed in (low, high):
        assert getattr(ExecutionPolicy(**{name: allowed}), name) == allowed
    for refused in (below, above):
        with pytest.raises(InvalidPolicyError) as error:
            ExecutionPolicy(**{name: refused})
        assert (error.value.reason, error.value.pointer) == ("out_of_range", f"/policy/{name}")


@pytest.mark.parametrize("name", ["grace", "max_runs", "fail_after", "start_at", "end_at"])
def test_these_limits_can_be_absent(name: str) -> None:
    assert getattr(ExecutionPolicy(**{name: None}), name) is None  # type: ignore[arg-type]


def test_an_end_before_the_start_is_refused() -> None:
    assert ExecutionPolicy(start_at=NOON, end_at=NOON).end_at == NOON
    with pytest.raises(InvalidPolicyError) as error:
        ExecutionPolicy(start_at=NOON, end_at=NOON - SECOND)

    assert (error.value.reason, error.value.pointer) == ("end_before_start", "/policy/end_at")


@pytest.mark.parametrize("name", ["start_at", "end_at"])
def test_a_bound_without_a_time_zone_is_refused(name: str) -> None:
    with pytest.raises(InvalidPolicyError) as error:
        ExecutionPolicy(**{name: NOON.replace(tzinfo=None)})  # type: ignore[arg-type]

    assert (error.value.reason, error.value.pointer) == ("naive", f"/policy/{name}")


@pytest.mark.parametrize("overlap", Overlap)
@pytest.mark.parametrize("misfire", Misfire)
def test_catching_up_all_without_overlap_carries_a_warning(misfire: Misfire, overlap: Overlap) -> None:
    seldom_meant = misfire is Misfire.ALL and overlap is not Overlap.ALLOW

    assert ExecutionPolicy(misfire=misfire, overlap=overlap).warnings == (("all_needs_allow",) if seldom_meant else ())
