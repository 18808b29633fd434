"""What a task owes, as tables of literal decisions and against an oracle that lists every occurrence."""

from dataclasses import replace
from datetime import timedelta

import pytest

from domain.scheduling.firing import SKIPS_MAX, Firing, Start, fire
from domain.scheduling.identifiers import MICROSECOND
from domain.scheduling.policy import ExecutionPolicy, Misfire, Overlap
from domain.scheduling.schedule import CronSchedule, IntervalSchedule, OneTimeSchedule
from domain.scheduling.task import Delivery, OpenExecution, ScheduledTask, Skip, SkipReason
from tests.support.builders import DAY, MINUTE, SECOND, a_task
from tests.support.drawings import (
    EVERY_TEN,
    OPEN,
    PENDING,
    RUNNING,
    WAITING,
    minute,
    occurrence,
    opened,
    skips_in,
    starts_in,
)
from tests.support.manual_clock import NOON

# What becomes of 12:10, 12:20 and 12:30 at 12:30:20, in the order of OPEN: P pending, W waiting, m passed over by
# misfire, o by overlap; x in front: every open execution is cancelled or asked to stop.
DECISIONS = {
    ("skip", "skip"): "mmP mmo mmo mmo mmo mmo",
    ("skip", "queue_one"): "mmP mmW mmW mmo mmW mmW",
    ("skip", "cancel_previous"): "mmP xmmP xmmW xmmW xmmP xmmP",
    ("skip", "allow"): "mmP mmP mmP mmP mmP mmP",
    ("latest", "skip"): "mmP mmo mmo mmo mmo mmo",
    ("latest", "queue_one"): "mmP mmW mmW mmo mmW mmW",
    ("latest", "cancel_previous"): "mmP xmmP xmmW xmmW xmmP xmmP",
    ("latest", "allow"): "mmP mmP mmP mmP mmP mmP",
    ("earliest", "skip"): "Pmm omm omm omm omm omm",
    ("earliest", "queue_one"): "Pmm Wmm Wmm omm Wmm Wmm",
    ("earliest", "cancel_previous"): "Pmm xPmm xWmm xWmm xPmm xPmm",
    ("earliest", "allow"): "Pmm Pmm Pmm Pmm Pmm Pmm",
    ("all", "skip"): "Poo ooo ooo ooo ooo ooo",
    ("all", "queue_one"): "PWo Woo Woo ooo Woo Woo",
    ("all", "cancel_previous"): "ooP xooP xooW xooW xooP xooP",
    ("all", "allow"): "PPP PPP PPP PPP PPP PPP",
}
CASES = [
    pytest.param(misfire, overlap, open_, drawn, id=f"{misfire}-{overlap}-{open_}")
    for (misfire, overlap), row in DECISIONS.items()
    for open_, drawn in zip(OPEN, row.split(), strict=True)
]


@pytest.mark.parametrize(("misfire", "overlap", "open_", "drawn"), CASES)
def test_every_misfire_with_every_overlap_beside_everything_open(
    misfire: str, overlap: str, open_: str, drawn: str
) -> None:
    policy = ExecutionPolicy(misfire=Misfire(misfire), overlap=Overlap(overlap))
    task = a_task(schedule=EVERY_TEN, policy=policy, open_=OPEN[open_])

    firing = fire(task, minute(30) + 20 * SECOND)

    letters = drawn.removeprefix("x")
    assert firing.run == starts_in(letters, [occurrence(10), occurrence(20), occurrence(30)])
    assert firing.skips == skips_in(letters, [minute(10), minute(20), minute(30)])
    assert firing.cancel == (tuple(each.id for each in OPEN[open_]) if drawn.startswith("x") else ())
    assert (firing.decided_until, firing.next_occurrence) == (minute(30) + 20 * SECOND, occurrence(40))


def test_one_occurrence_on_time_runs_and_leaves_nothing_behind() -> None:
    firing = fire(a_task(schedule=EVERY_TEN), minute(10))

    assert firing == Firing(
        run=(Start(occurrence(10), PENDING),),
        cancel=(),
        skips=(),
        decided_until=minute(10),
        next_occurrence=occurrence(20),
        decided_at=minute(10),
        good_until=minute(20),
    )


def test_nothing_owed_moves_the_watermark_alone() -> None:
    firing = fire(a_task(schedule=EVERY_TEN), minute(9))

    assert firing == Firing((), (), (), minute(9), occurrence(10), minute(9), minute(10))


def test_a_clock_behind_the_watermark_decides_nothing_and_takes_nothing_back() -> None:
    task = replace(a_task(schedule=EVERY_TEN), decided_until=minute(15), next_occurrence=occurrence(20))

    assert fire(task, minute(5)) == Firing((), (), (), minute(15), occurrence(20), minute(15), minute(20))


@pytest.mark.parametrize(
    ("late", "misfire", "drawn"),
    [
        (60 * SECOND, Misfire.SKIP, "mmP"),
        (60 * SECOND + MICROSECOND, Misfire.SKIP, "mmm"),
        (9 * MINUTE, Misfire.SKIP, "mmm"),
        (9 * MINUTE, Misfire.LATEST, "mmP"),
    ],
)
def test_misfire_skip_runs_the_newest_up_to_sixty_seconds_late(late: timedelta, misfire: Misfire, drawn: str) -> None:
    firing = fire(a_task(schedule=EVERY_TEN, policy=ExecutionPolicy(misfire=misfire)), minute(30) + late)

    assert firing.run == starts_in(drawn, [occurrence(each) for each in (10, 20, 30)])
    assert firing.skips == skips_in(drawn, [minute(each) for each in (10, 20, 30)])


@pytest.mark.parametrize(
    ("misfire", "overlap", "grace", "drawn"),
    [
        (Misfire.LATEST, Overlap.SKIP, 25 * MINUTE, "mmP"),
        (Misfire.LATEST, Overlap.SKIP, 25 * MINUTE - MICROSECOND, "gmP"),
        (Misfire.LATEST, Overlap.SKIP, 15 * MINUTE, "gmP"),
        (Misfire.LATEST, Overlap.SKIP, 14 * MINUTE, "ggP"),
        (Misfire.LATEST, Overlap.SKIP, 4 * MINUTE, "ggg"),
        (Misfire.EARLIEST, Overlap.SKIP, 15 * MINUTE, "gPm"),
        (Misfire.EARLIEST, Overlap.SKIP, 5 * MINUTE, "ggP"),
        (Misfire.SKIP, Overlap.SKIP, 15 * MINUTE, "gmm"),
        (Misfire.ALL, Overlap.SKIP, 15 * MINUTE, "gPo"),
        (Misfire.ALL, Overlap.ALLOW, 15 * MINUTE, "gPP"),
        (Misfire.ALL, Overlap.CANCEL_PREVIOUS, 25 * MINUTE, "ooP"),
    ],
)
def test_grace_is_how_late_an_occurrence_may_run(
    misfire: Misfire, overlap: Overlap, grace: timedelta, drawn: str
) -> None:
    policy = ExecutionPolicy(misfire=misfire, overlap=overlap, grace=grace)

    firing = fire(a_task(schedule=EVERY_TEN, policy=policy), minute(35))

    assert firing.run == starts_in(drawn, [occurrence(each) for each in (10, 20, 30)])
    assert firing.skips == skips_in(drawn, [minute(each) for each in (10, 20, 30)])


def test_three_reasons_in_one_decision_each_have_their_skip() -> None:
    policy = ExecutionPolicy(misfire=Misfire.ALL, overlap=Overlap.QUEUE_ONE, grace=95 * MINUTE, catch_up_max=6)

    firing = fire(a_task(schedule=EVERY_TEN, policy=policy, open_=opened(RUNNING)), minute(120))

    # 12:10 and 12:20 are too late, 12:30 to 13:00 not among the newest six, of which one may wait.
    assert firing.run == (Start(occurrence(70), WAITING),)
    assert firing.skips == (
        Skip(SkipReason.GRACE, minute(10), minute(20), 2),
        Skip(SkipReason.MISFIRE, minute(30), minute(60), 4),
        Skip(SkipReason.OVERLAP, minute(80), minute(120), 5),
    )
    assert len(firing.skips) == SKIPS_MAX


@pytest.mark.parametrize(("most", "first_run"), [(100, 1_000 - 99), (3, 998), (1, 1_000)])
def test_catching_up_all_runs_the_newest_few_and_no_more(most: int, first_run: int) -> None:
    policy = ExecutionPolicy(misfire=Misfire.ALL, overlap=Overlap.ALLOW, catch_up_max=most)

    firing = fire(a_task(schedule=IntervalSchedule(MINUTE), policy=policy), minute(1_000))

    assert [each.occurrence.nominal_at for each in firing.run] == [minute(each) for each in range(first_run, 1_001)]
    assert firing.skips == (Skip(SkipReason.MISFIRE, minute(1), minute(first_run - 1), first_run - 1),)


@pytest.mark.parametrize(
    ("misfire", "done", "runs", "skipped", "goes_on"),
    [
        (Misfire.LATEST, 0, [30], [10, 20], True),
        (Misfire.LATEST, 1, [30], [10, 20], False),
        (Misfire.EARLIEST, 1, [10], [20, 30], False),
        (Misfire.ALL, 0, [20, 30], [10], False),
        (Misfire.ALL, 1, [30], [10, 20], False),
    ],
)
def test_max_runs_ends_the_schedule_with_its_last_run(
    misfire: Misfire, done: int, runs: list[int], skipped: list[int], goes_on: bool
) -> None:
    policy = ExecutionPolicy(misfire=misfire, overlap=Overlap.ALLOW, max_runs=2)
    task = replace(a_task(schedule=EVERY_TEN, policy=policy), auto_runs=done)

    firing = fire(task, minute(35))

    assert [each.occurrence for each in firing.run] == [occurrence(each) for each in runs]
    assert firing.skips == (Skip(SkipReason.MISFIRE, minute(skipped[0]), minute(skipped[-1]), len(skipped)),)
    assert firing.next_occurrence == (occurrence(40) if goes_on else None)


def test_what_overlap_refuses_does_not_count_as_a_run() -> None:
    policy = ExecutionPolicy(max_runs=1)

    firing = fire(a_task(schedule=EVERY_TEN, policy=policy, open_=opened(RUNNING)), minute(10))

    assert (firing.run, firing.next_occurrence) == ((), occurrence(20))


def test_no_runs_left_is_no_occurrence_left() -> None:
    task = replace(a_task(schedule=EVERY_TEN, policy=ExecutionPolicy(max_runs=2)), auto_runs=2)

    assert fire(task, minute(35)) == Firing((), (), (), minute(35), None, minute(35), None)


def test_start_and_end_bound_what_is_owed() -> None:
    policy = ExecutionPolicy(
        misfire=Misfire.ALL, overlap=Overlap.ALLOW, start_at=minute(20), end_at=minute(40) + 9 * SECOND
    )
    task = a_task(schedule=EVERY_TEN, policy=policy)

    assert fire(task, minute(19)) == Firing((), (), (), minute(19), occurrence(20), minute(19), minute(20))
    firing = fire(task, minute(300))
    assert [each.occurrence for each in firing.run] == [occurrence(20), occurrence(30), occurrence(40)]
    assert (firing.skips, firing.next_occurrence, firing.good_until) == ((), None, None)


def test_a_one_time_task_runs_once_however_late() -> None:
    firing = fire(a_task(schedule=OneTimeSchedule(minute(10))), NOON + 400 * DAY)

    assert firing == Firing((Start(occurrence(10), PENDING),), (), (), NOON + 400 * DAY, None, NOON + 400 * DAY, None)


@pytest.mark.parametrize("open_", OPEN.values(), ids=OPEN)
@pytest.mark.parametrize("overlap", Overlap)
def test_external_tasks_know_no_overlap(overlap: Overlap, open_: tuple[OpenExecution, ...]) -> None:
    policy = ExecutionPolicy(misfire=Misfire.ALL, overlap=overlap)
    task = a_task(schedule=EVERY_TEN, policy=policy, open_=open_, delivery=Delivery.EXTERNAL)

    firing = fire(task, minute(30))

    assert firing.run == starts_in("DDD", [occurrence(each) for each in (10, 20, 30)])
    assert (firing.cancel, firing.skips) == ((), ())


def test_ten_years_of_seconds_are_counted_exactly() -> None:
    firing = fire(a_task(schedule=IntervalSchedule(SECOND)), NOON + 3_650 * DAY)

    assert [each.occurrence.nominal_at for each in firing.run] == [NOON + 3_650 * DAY]
    assert firing.skips == (Skip(SkipReason.MISFIRE, NOON + SECOND, NOON + 3_650 * DAY - SECOND, 3_650 * 86_400 - 1),)


@pytest.mark.parametrize(("minutes", "count", "at_least"), [(10_001, 10_000, False), (10_002, 10_000, True)])
def test_ten_thousand_of_a_cron_expression_are_counted_and_then_at_least_so_many(
    minutes: int, count: int, at_least: bool
) -> None:
    firing = fire(a_task(schedule=CronSchedule("* * * * *")), minute(minutes))

    assert firing.skips == (Skip(SkipReason.MISFIRE, minute(1), minute(minutes - 1), count, at_least),)


def jittered(**policy: object) -> ScheduledTask:
    return a_task(schedule=EVERY_TEN, policy=ExecutionPolicy(jitter=5 * MINUTE, **policy))  # type: ignore[arg-type]


def test_an_occurrence_waits_for_its_jitter_undecided() -> None:
    task = jittered()
    first = task.next_occurrence
    assert first is not None
    assert minute(10) + SECOND < first.run_at

    just_before = fire(task, first.run_at - MICROSECOND)
    firing = fire(task, first.run_at)

    assert just_before == Firing((), (), (), minute(10) - MICROSECOND, first, first.run_at - MICROSECOND, first.run_at)
    assert (firing.run, firing.decided_until) == ((Start(first, PENDING),), first.run_at)


def test_late_work_does_not_wait_for_the_jitter_of_the_next() -> None:
    task = jittered()
    second = task.timeline.after(minute(10))
    assert second is not None
    assert minute(20) < second.run_at - SECOND

    firing = fire(task, minute(20) + SECOND)

    assert [each.occurrence for each in firing.run] == [task.next_occurrence]
    assert (firing.decided_until, firing.next_occurrence) == (minute(20) - MICROSECOND, second)
    assert firing.good_until == second.run_at


@pytest.mark.parametrize(("late", "drawn"), [(20 * MINUTE, "P"), (20 * MINUTE + MICROSECOND, "g")])
def test_lateness_counts_from_the_run_instant(late: timedelta, drawn: str) -> None:
    task = jittered(grace=20 * MINUTE, misfire=Misfire.EARLIEST)
    first = task.next_occurrence
    assert first is not None

    firing = fire(task, first.run_at + late)

    assert (firing.run[0].occurrence == first) == (drawn == "P")
