"""What is counted of an execution that ended."""

from datetime import datetime, timedelta

import pytest

from domain.scheduling.durations import NO_STEP, step_of
from domain.scheduling.execution import ExecutionState
from domain.scheduling.finish import Finish, finish_of
from tests.support.manual_clock import NOON

ENDED = NOON + timedelta(minutes=59, seconds=59, microseconds=999_999)
BEGUN = ENDED - timedelta(seconds=3)


@pytest.mark.parametrize(
    ("state", "begun", "step"),
    [
        (ExecutionState.SUCCEEDED, BEGUN, step_of(timedelta(seconds=3))),
        (ExecutionState.DEAD, BEGUN, step_of(timedelta(seconds=3))),
        (ExecutionState.CANCELLED, None, NO_STEP),
    ],
)
def test_an_end_is_counted_in_the_hour_in_which_it_came(
    state: ExecutionState, begun: datetime | None, step: int
) -> None:
    assert finish_of("mail", state, begun, ENDED) == Finish(NOON, "mail", state, step)
