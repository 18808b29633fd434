from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.scheduling.identifiers import MICROSECOND, TaskId
from domain.scheduling.schedule import CronSchedule, IntervalSchedule, OneTimeSchedule, Schedule
from domain.scheduling.timeline import COUNT_MAX, Occurrence, Timeline
from tests.support.manual_clock import NOON

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
TASK = TaskId("t1")
EVERY_TEN = IntervalSchedule(10 * MINUTE)


def a_timeline(
    schedule: Schedule = EVERY_TEN,
    *,
    start_at: datetime | None = None,
    end_at: datetime | None = None,
    jitter: timedelta = timedelta(0),
    task_id: TaskId = TASK,
) -> Timeline:
    return Timeline(task_id, schedule, start_at, end_at, jitter)


def at(minutes: int) -> Occurrence:
    return Occurrence(NOON + minutes * MINUTE, NOON + minutes * MINUTE)


@pytest.mark.parametrize(
    ("start", "end", "asked", "found"),
    [
        (None, None, 0, 10),
        (None, None, 9, 10),
        (None, None, -1, 0),
        (30, None, 0, 30),
        (30, None, 30, 40),
        (31, None, 0, 40),
        (None, 10, 0, 10),
        (None, 9, 0, None),
        (None, 10, 10, None),
        (11, 19, 0, None),
        (20, 20, 0, 20),
    ],
)
def test_the_first_occurrence_after_an_instant_lies_within_both_bounds(
    start: int | None, end: int | None, asked: int, found: int | None
) -> None:
    timeline = a_timeline(
        start_at=None if start is None else NOON + start * MINUTE, end_at=None if end is None else NOON + end * MINUTE
    )

    assert timeline.after(NOON + asked * MINUTE) == (None if found is None else at(found))


@pytest.mark.parametrize(
    ("start", "end", "after", "until", "found"),
    [
        (None, None, 0, 30, 30),
        (None, None, 0, 39, 30),
        (None, None, 30, 39, None),
        (None, None, 29, 30, 30),
        (None, 25, 0, 60, 20),
        (None, 20, 0, 60, 20),
        (30, None, 0, 29, None),
        (30, None, 0, 30, 30),
        (35, None, 0, 39, None),
    ],
)
def test_the_newest_occurrence_lies_within_bounds_and_after_the_watermark(
    start: int | None, end: int | None, after: int, until: int, found: int | None
) -> None:
    timeline = a_timeline(
        start_at=None if start is None else NOON + start * MINUTE, end_at=None if end is None else NOON + end * MINUTE
    )

    newest = timeline.newest(after=NOON + after * MINUTE, until=NOON + until * MINUTE)

    assert newest == (None if found is None else at(found))


@pytest.mark.parametrize(
    ("schedule", "last", "count", "at_least"),
    [
        (IntervalSchedule(SECOND, NOON), NOON, 1, False),
        (IntervalSchedule(SECOND, NOON), NOON + 9_999 * SECOND, 10_000, False),
        (IntervalSchedule(SECOND, NOON), NOON + 10_000 * SECOND, 10_001, False),
        (IntervalSchedule(SECOND, NOON), NOON + 10 * 365 * DAY, 315_360_001, False),
        (CronSchedule("* * * * *"), NOON + 1 * MINUTE, 2, False),
        (CronSchedule("* * * * *"), NOON + 9_998 * MINUTE, 9_999, False),
        (CronSchedule("* * * * *"), NOON + 9_999 * MINUTE, 10_000, False),
        (CronSchedule("* * * * *"), NOON + 10_000 * MINUTE, COUNT_MAX, True),
        (CronSchedule("* * * * *"), NOON + 10 * 365 * DAY, COUNT_MAX, True),
    ],
)
def test_counting_is_exact_for_intervals_and_up_to_ten_thousand(
    schedule: Schedule, last: datetime, count: int, at_least: bool
) -> None:
    first_and_last = Occurrence(NOON, NOON), Occurrence(last, last)

    assert a_timeline(schedule).count(*first_and_last) == (count, at_least)


def test_a_one_time_schedule_has_one_occurrence() -> None:
    timeline = a_timeline(OneTimeSchedule(NOON), jitter=HOUR)
    only = timeline.after(NOON - DAY)

    assert only is not None
    assert only.nominal_at == NOON
    assert NOON <= only.run_at <= NOON + HOUR
    assert timeline.newest(after=NOON - DAY, until=NOON + DAY) == only
    assert timeline.after(NOON) is None
    assert timeline.count(only, only) == (1, False)


@given(
    st.integers(1, 600),
    st.integers(0, 1_200),
    st.integers(0, 10**6),
    st.text(max_size=5).map(TaskId),
)
def test_jitter_is_never_early_never_too_long_and_keeps_the_order(
    every: int, jitter: int, skipped: int, task_id: TaskId
) -> None:
    timeline = a_timeline(IntervalSchedule(every * SECOND), jitter=jitter * SECOND, task_id=task_id)
    first = timeline.after(NOON + skipped * SECOND)
    assert first is not None
    second = timeline.after(first.nominal_at)
    assert second is not None

    assert first.nominal_at <= first.run_at <= first.nominal_at + jitter * SECOND
    assert first.run_at < second.nominal_at


def test_the_longest_jitter_ends_a_microsecond_before_the_following_occurrence() -> None:
    # Of millions of ids one whose draw for this instant is as high as it can be.
    timeline = a_timeline(IntervalSchedule(SECOND), jitter=DAY, task_id=TaskId("t2071440"))

    assert timeline.after(NOON) == Occurrence(NOON + SECOND, NOON + 2 * SECOND - MICROSECOND)


def test_jitter_is_cut_short_by_the_following_occurrence_within_bounds_only() -> None:
    # The same share of one second less a microsecond, and of a whole day.
    bounded = a_timeline(IntervalSchedule(SECOND), jitter=DAY).after(NOON)
    last = a_timeline(IntervalSchedule(SECOND), end_at=NOON + SECOND, jitter=DAY).after(NOON)

    assert bounded is not None
    assert last is not None
    assert bounded.run_at - bounded.nominal_at < SECOND
    assert last.run_at - last.nominal_at > SECOND


def test_the_same_delay_in_every_process() -> None:
    found = a_timeline(jitter=5 * MINUTE).after(NOON)

    # A literal, so that another hash or rounding in another version is noticed.
    assert found == Occurrence(NOON + 10 * MINUTE, NOON + timedelta(minutes=14, seconds=14, microseconds=221_357))


def test_jitter_reaches_over_its_whole_length_and_differs_by_task() -> None:
    timelines = [a_timeline(CronSchedule("0 0 * * *"), jitter=DAY, task_id=TaskId(f"t{i}")) for i in range(200)]
    delays = [found.run_at - found.nominal_at for each in timelines if (found := each.after(NOON))]

    assert len(set(delays)) == 200
    assert min(delays) < HOUR
    assert max(delays) > 23 * HOUR


def test_jitter_does_not_move_what_counts_as_newest_or_next() -> None:
    timeline = a_timeline(jitter=9 * MINUTE)

    newest = timeline.newest(after=NOON, until=NOON + 10 * MINUTE)
    following = timeline.after(NOON + 10 * MINUTE - MICROSECOND)

    assert newest == following
    assert newest is not None
    assert newest.nominal_at == NOON + 10 * MINUTE


def test_bounds_may_be_given_in_another_zone() -> None:
    in_berlin = datetime.fromisoformat("2024-01-15T13:30:00+01:00")

    assert a_timeline(start_at=in_berlin).after(NOON) == at(30)
    assert a_timeline(start_at=in_berlin).after(NOON).nominal_at.tzinfo is UTC  # type: ignore[union-attr]
