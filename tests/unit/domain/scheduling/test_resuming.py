from dataclasses import replace
from datetime import datetime

import pytest

from domain.scheduling.policy import ExecutionPolicy, Misfire, Overlap
from domain.scheduling.resuming import Resumption, missed_so_far, resumptions
from domain.scheduling.schedule import OneTimeSchedule
from domain.scheduling.task import ScheduledTask, Skip, SkipReason, TaskStatus
from tests.support.builders import EVERY_MINUTE, HOURLY, MINUTE, a_task
from tests.support.manual_clock import NOON

ALLOW = ExecutionPolicy(overlap=Overlap.ALLOW)
LATER = NOON + 5 * MINUTE


def counts(task: ScheduledTask, now: datetime) -> dict[Misfire, tuple[int, int]]:
    return {each.missed: (each.runs, each.skipped) for each in resumptions(task, now)}


@pytest.mark.parametrize(
    ("status", "reason"), [(TaskStatus.PAUSED, SkipReason.PAUSED), (TaskStatus.FAILED, SkipReason.FAILED)]
)
def test_what_was_missed_is_what_lies_between_the_watermark_and_now(status: TaskStatus, reason: SkipReason) -> None:
    task = a_task(status=status)

    assert missed_so_far(task, LATER) == Skip(reason, NOON + MINUTE, LATER, 5)
    assert missed_so_far(task, NOON) is None


@pytest.mark.parametrize("status", [TaskStatus.ACTIVE, TaskStatus.COMPLETED])
def test_nothing_is_missed_by_what_is_neither_paused_nor_stopped(status: TaskStatus) -> None:
    assert missed_so_far(a_task(status=status), LATER) is None


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (ALLOW, {Misfire.SKIP: (0, 5), Misfire.LATEST: (1, 4), Misfire.EARLIEST: (1, 4), Misfire.ALL: (5, 0)}),
        # Only one of all may be open at a time.
        (
            ExecutionPolicy(),
            {Misfire.SKIP: (0, 5), Misfire.LATEST: (1, 4), Misfire.EARLIEST: (1, 4), Misfire.ALL: (1, 4)},
        ),
        (
            replace(ALLOW, catch_up_max=2),
            {Misfire.SKIP: (0, 5), Misfire.LATEST: (1, 4), Misfire.EARLIEST: (1, 4), Misfire.ALL: (2, 3)},
        ),
    ],
    ids=["overlap allowed", "one at a time", "two at most"],
)
def test_each_way_of_resuming_tells_what_it_would_start(
    policy: ExecutionPolicy, expected: dict[Misfire, tuple[int, int]]
) -> None:
    task = a_task(schedule=EVERY_MINUTE, policy=policy, paused=True)

    assert counts(task, LATER) == expected


def test_what_was_passed_over_before_is_not_counted_again() -> None:
    earlier = Skip(SkipReason.PAUSED, NOON - 10 * MINUTE, NOON, 11)
    task = replace(a_task(paused=True), trailing_skip=earlier)

    assert counts(task, LATER)[Misfire.SKIP] == (0, 5)


def test_a_long_pause_is_counted_as_far_as_a_skip_is() -> None:
    task = a_task(schedule=HOURLY, paused=True)

    (skip, *_) = resumptions(task, datetime(2034, 1, 15, 12, tzinfo=NOON.tzinfo))

    assert skip == Resumption(Misfire.SKIP, skipped=10_000, at_least=True)


def test_what_would_be_refused_says_why() -> None:
    once = a_task(schedule=OneTimeSchedule(NOON + MINUTE), paused=True)

    skip, latest, *_ = resumptions(once, LATER)

    assert skip.refusal is not None
    assert skip.refusal.reason == "exhausted"
    assert (latest.runs, latest.refusal) == (1, None)
