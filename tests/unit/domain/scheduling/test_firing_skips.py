"""Skips that grow, and what is passed over without a firing."""

from dataclasses import replace

import pytest

from domain.scheduling.firing import Start, catching_up, fire, passing_over
from domain.scheduling.policy import ExecutionPolicy, Misfire, Overlap
from domain.scheduling.schedule import CronSchedule
from domain.scheduling.task import ScheduledTask, Skip, SkipReason, TaskStatus
from tests.support.builders import MINUTE, a_task
from tests.support.drawings import EVERY_TEN, PENDING, RUNNING, minute, occurrence, opened, skip_of


def a_task_with(trailing: Skip | None, **policy: object) -> ScheduledTask:
    """A task decided up to 12:30."""
    task = a_task(schedule=EVERY_TEN, policy=ExecutionPolicy(**policy), open_=opened(RUNNING))  # type: ignore[arg-type]
    return replace(task, decided_until=minute(30), next_occurrence=occurrence(40), trailing_skip=trailing)


def test_a_skip_that_goes_on_extends_the_last_one() -> None:
    task = a_task_with(skip_of(SkipReason.OVERLAP, 10, 30, 3))

    firing = fire(task, minute(40))

    assert firing.skips == (skip_of(SkipReason.OVERLAP, 10, 40, 4),)
    assert firing.trailing_skip == firing.skips[0]


def test_a_count_that_stopped_stays_at_least_so_much() -> None:
    firing = fire(a_task_with(skip_of(SkipReason.OVERLAP, 10, 30, 10_000, at_least=True)), minute(40))

    assert firing.skips == (skip_of(SkipReason.OVERLAP, 10, 40, 10_001, at_least=True),)


def test_an_exact_count_is_at_least_so_much_once_counting_stopped() -> None:
    minutely = a_task(schedule=CronSchedule("* * * * *"), open_=opened(RUNNING))
    trailing = skip_of(SkipReason.MISFIRE, 10, 30, 21)

    firing = fire(
        replace(minutely, decided_until=minute(30), next_occurrence=occurrence(31), trailing_skip=trailing),
        minute(20_000),
    )

    assert (firing.skips[0].first_at, firing.skips[0].count, firing.skips[0].at_least) == (minute(10), 10_021, True)
    assert [each.reason for each in firing.skips] == [SkipReason.MISFIRE, SkipReason.OVERLAP]


@pytest.mark.parametrize(
    "trailing", [None, skip_of(SkipReason.MISFIRE, 10, 30, 3), skip_of(SkipReason.PAUSED, 10, 30, 3)]
)
def test_another_reason_begins_another_skip(trailing: Skip | None) -> None:
    assert fire(a_task_with(trailing), minute(40)).skips == (skip_of(SkipReason.OVERLAP, 40, 40, 1),)


def test_only_the_first_skip_of_a_decision_can_extend() -> None:
    task = a_task_with(skip_of(SkipReason.OVERLAP, 10, 30, 3))

    assert fire(task, minute(50)).skips == (
        skip_of(SkipReason.MISFIRE, 40, 40, 1),
        skip_of(SkipReason.OVERLAP, 50, 50, 1),
    )


def test_a_skip_after_a_run_begins_anew() -> None:
    task = a_task_with(skip_of(SkipReason.MISFIRE, 10, 30, 3), misfire=Misfire.EARLIEST, overlap=Overlap.ALLOW)

    firing = fire(task, minute(60))

    assert [each.occurrence for each in firing.run] == [occurrence(40)]
    assert firing.skips == (skip_of(SkipReason.MISFIRE, 50, 60, 2),)
    assert firing.trailing_skip == firing.skips[0]


def test_no_skip_trails_once_something_ran_after_it() -> None:
    firing = fire(a_task_with(skip_of(SkipReason.MISFIRE, 10, 30, 3), overlap=Overlap.ALLOW), minute(60))

    assert firing.skips == (skip_of(SkipReason.MISFIRE, 10, 50, 5),)
    assert firing.run
    assert firing.trailing_skip is None


def test_passing_over_puts_all_that_is_owed_into_one_skip() -> None:
    task, skips = passing_over(a_task_with(None), SkipReason.EDITED, minute(60))

    assert skips == (skip_of(SkipReason.EDITED, 40, 60, 3),)
    assert (task.decided_until, task.trailing_skip) == (minute(60), skips[0])


def test_passing_over_the_same_again_extends_the_skip() -> None:
    trailing = skip_of(SkipReason.PAUSED, 10, 30, 3)

    assert passing_over(a_task_with(trailing), SkipReason.PAUSED, minute(60))[1] == (
        skip_of(SkipReason.PAUSED, 10, 60, 6),
    )


@pytest.mark.parametrize("until", [0, 30, 39])
def test_passing_over_nothing_leaves_no_skip_and_never_takes_the_watermark_back(until: int) -> None:
    before = a_task_with(skip_of(SkipReason.PAUSED, 10, 30, 3))

    task, skips = passing_over(before, SkipReason.PAUSED, minute(until))

    assert (skips, task.trailing_skip) == ((), before.trailing_skip)
    assert task.decided_until == minute(max(until, 30))


def test_passing_over_includes_what_still_waits_for_its_jitter() -> None:
    task = a_task(schedule=EVERY_TEN, policy=ExecutionPolicy(jitter=5 * MINUTE))

    _, skips = passing_over(task, SkipReason.EDITED, minute(20))

    assert skips == (skip_of(SkipReason.EDITED, 10, 20, 2),)


def test_nothing_is_owed_once_max_runs_are_done() -> None:
    task = replace(a_task(schedule=EVERY_TEN, policy=ExecutionPolicy(max_runs=2)), auto_runs=2)

    assert passing_over(task, SkipReason.PAUSED, minute(60))[1] == ()


def test_an_occurrence_that_new_zone_data_took_away_stops_nothing() -> None:
    # The store still says 12:11, but by now the schedule has no such occurrence, so none is passed over either.
    task = a_task(schedule=EVERY_TEN, policy=ExecutionPolicy(grace=5 * MINUTE))

    firing = fire(replace(task, decided_until=minute(10), next_occurrence=occurrence(11)), minute(20))

    assert firing.run == (Start(occurrence(20), PENDING),)
    assert firing.skips == ()
    assert (firing.decided_until, firing.next_occurrence) == (minute(20), occurrence(30))


def test_catching_up_ignores_grace_and_puts_the_rest_down_to_the_idle_time() -> None:
    task = a_task(schedule=EVERY_TEN, policy=ExecutionPolicy(grace=MINUTE), status=TaskStatus.FAILED)

    firing = catching_up(task, Misfire.LATEST, SkipReason.FAILED, minute(35))

    assert firing.run == (Start(occurrence(30), PENDING),)
    assert firing.skips == (skip_of(SkipReason.FAILED, 10, 20, 2),)


@pytest.mark.parametrize(
    ("trailing", "skip"),
    [
        (skip_of(SkipReason.PAUSED, 10, 30, 3), skip_of(SkipReason.PAUSED, 10, 50, 5)),
        (skip_of(SkipReason.MISFIRE, 10, 30, 3), skip_of(SkipReason.PAUSED, 40, 50, 2)),
        (skip_of(SkipReason.FAILED, 10, 30, 3), skip_of(SkipReason.PAUSED, 40, 50, 2)),
        (None, skip_of(SkipReason.PAUSED, 40, 50, 2)),
    ],
)
def test_catching_up_extends_a_skip_of_the_same_idle_time_only(trailing: Skip | None, skip: Skip) -> None:
    task = a_task_with(trailing, overlap=Overlap.ALLOW)

    assert catching_up(task, Misfire.LATEST, SkipReason.PAUSED, minute(60)).skips == (skip,)
