"""How long executions take: steps that are true, percentiles that are exact."""

from collections import Counter
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from domain.scheduling.durations import NO_STEP, STEPS, Durations, Spread, percentile, run_time, step_of
from domain.scheduling.execution import ExecutionState
from tests.support.builders import DAY, MINUTE, SECOND
from tests.support.manual_clock import NOON

MS = timedelta(milliseconds=1)


def _counted(*durations: timedelta) -> Durations:
    return Durations(Counter(step_of(each) for each in durations))


@pytest.mark.parametrize(
    ("state", "started_at", "finished_at", "expected"),
    [
        (ExecutionState.SUCCEEDED, NOON, NOON + SECOND, SECOND),
        (ExecutionState.DEAD, NOON, NOON + SECOND, SECOND),
        (ExecutionState.SUCCEEDED, NOON, NOON - SECOND, timedelta(0)),
        (ExecutionState.CANCELLED, NOON, NOON + SECOND, None),
        (ExecutionState.DELIVERED, None, NOON, None),
        (ExecutionState.DEAD, None, NOON, None),
        (ExecutionState.RUNNING, NOON, None, None),
    ],
)
def test_only_what_ran_to_its_end_has_a_run_time(
    state: ExecutionState, started_at: datetime | None, finished_at: datetime | None, expected: timedelta | None
) -> None:
    assert run_time(state, started_at, finished_at) == expected


@pytest.mark.parametrize(
    ("duration", "bound"),
    [
        (timedelta(0), MS),
        (MS, MS),
        (MS + timedelta(microseconds=1), 2 * MS),
        (3 * MS, 5 * MS),
        (999 * MS, SECOND),
        (61 * SECOND, 100 * SECOND),
    ],
)
def test_a_step_is_the_first_that_is_not_shorter(duration: timedelta, bound: timedelta) -> None:
    assert STEPS[step_of(duration)] == bound


def test_steps_ascend_by_at_most_two_and_a_half() -> None:
    assert all(1 < later / earlier <= 2.5 for earlier, later in pairwise(STEPS))
    assert (STEPS[0], STEPS[-1]) == (MS, 5_000_000 * SECOND)


def test_what_took_longer_than_every_step_has_no_bound() -> None:
    assert step_of(400 * DAY) == len(STEPS)
    assert _counted(400 * DAY).at_most(50) is None
    assert step_of(None) == NO_STEP


@pytest.mark.parametrize(
    ("percent", "expected"), [(10, SECOND), (50, SECOND), (75, SECOND), (76, 100 * SECOND), (100, 100 * SECOND)]
)
def test_a_share_of_the_runs_took_at_most_so_long(percent: int, expected: timedelta) -> None:
    durations = _counted(SECOND, SECOND, SECOND, MINUTE)

    assert durations.count == 4
    assert durations.at_most(percent) == expected


def test_no_runs_took_any_time() -> None:
    assert _counted().at_most(95) is None
    assert percentile([], 95) is None


@pytest.mark.parametrize(
    ("percent", "expected"), [(1, 1), (5, 1), (50, 10), (51, 11), (55, 11), (95, 19), (96, 20), (100, 20)]
)
def test_a_percentile_is_a_duration_that_occurred(percent: int, expected: int) -> None:
    assert percentile((number * SECOND for number in range(20, 0, -1)), percent) == expected * SECOND


def test_the_percentile_of_one_duration_is_that_duration() -> None:
    assert percentile([MINUTE], 50) == MINUTE


@pytest.mark.parametrize("count", [0, 1, 500])
def test_a_spread_counts_each_duration_once_in_the_step_it_has_alone(count: int) -> None:
    durations = [number * number * 977 * MS for number in range(count)] + [STEPS[-1] + DAY] * count

    spread = Spread.of(reversed(durations))

    assert spread.by_step == Counter(step_of(each) for each in durations)
    assert spread.total == sum(durations, timedelta(0))


def test_what_a_clock_shows_to_be_less_than_nothing_is_nothing_in_a_spread() -> None:
    assert Spread.of([-SECOND, -SECOND]) == Spread({0: 2}, timedelta(0))
