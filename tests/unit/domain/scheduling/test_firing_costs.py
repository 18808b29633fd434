"""What a firing costs, and for how long it holds, against an oracle that lists every occurrence."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.scheduling.execution import ExecutionState
from domain.scheduling.firing import Firing, fire
from domain.scheduling.identifiers import MICROSECOND
from domain.scheduling.policy import ExecutionPolicy, Misfire, Overlap
from domain.scheduling.schedule import IntervalSchedule, Schedule
from domain.scheduling.task import OpenExecution, ScheduledTask
from domain.scheduling.timeline import Occurrence
from tests.support.builders import DAY, HOUR, MINUTE, SECOND, a_task
from tests.support.drawings import EVERY_TEN, OPEN, RUNNING, STATES, WAITING, minute, skips_in, starts_in
from tests.support.manual_clock import NOON


@dataclass(slots=True)
class CountingSchedule:
    """An interval that counts how often it is asked."""

    schedule: IntervalSchedule
    asked: list[str] = field(default_factory=list)

    def next_after(self, instant: datetime) -> datetime | None:
        self.asked.append("next")
        return self.schedule.next_after(instant)

    def previous_before(self, instant: datetime) -> datetime | None:
        self.asked.append("previous")
        return self.schedule.previous_before(instant)

    def count_between(self, after: datetime, until: datetime, *, at_most: int) -> int:
        self.asked.append("count")
        return self.schedule.count_between(after, until, at_most=at_most)


def questions(policy: ExecutionPolicy, outage: timedelta) -> int:
    """How often `fire` asks the schedule after so long an outage."""
    schedule = CountingSchedule(IntervalSchedule(SECOND))
    task = a_task(schedule=schedule.schedule, policy=policy)
    task = replace(task, definition=replace(task.definition, schedule=cast("Schedule", schedule)))
    fire(task, NOON + outage)
    return len(schedule.asked)


@pytest.mark.parametrize("grace", [None, HOUR])
@pytest.mark.parametrize("jitter", [0 * SECOND, SECOND])
@pytest.mark.parametrize("misfire", Misfire)
def test_an_outage_costs_the_same_however_long(misfire: Misfire, jitter: timedelta, grace: timedelta | None) -> None:
    policy = ExecutionPolicy(misfire=misfire, overlap=Overlap.ALLOW, jitter=jitter, grace=grace)

    asked = questions(policy, DAY)

    assert questions(policy, 3_650 * DAY) == asked
    # Of each occurrence looked at, jitter also asks which one follows.
    enumerated = 101 if misfire is Misfire.ALL else 1
    assert asked <= (enumerated + 10) * (2 if jitter else 1)


def test_on_time_a_firing_asks_for_the_following_occurrence_and_little_else() -> None:
    assert questions(ExecutionPolicy(), SECOND) <= 3


POLICIES = st.builds(
    ExecutionPolicy,
    misfire=st.sampled_from(Misfire),
    overlap=st.sampled_from(Overlap),
    grace=st.none() | st.integers(1, 400).map(lambda seconds: seconds * SECOND),
    catch_up_max=st.sampled_from([1, 2, 5, 100]),
    jitter=st.sampled_from([0, 0, 1, 30, 90]).map(lambda seconds: seconds * SECOND),
)
INTERVALS = st.sampled_from([1, 7, 60, 90]).map(lambda seconds: IntervalSchedule(seconds * SECOND))
OPENS = st.sampled_from(list(OPEN.values()))
OUTAGES = st.integers(0, 600_000_000).map(lambda microseconds: microseconds * MICROSECOND) | st.integers(0, 600).map(
    lambda seconds: seconds * SECOND
)


def occurrences_between(task: ScheduledTask, after: datetime, until: datetime) -> list[Occurrence]:
    found = []
    following = task.timeline.after(after)
    while following is not None and following.nominal_at <= until:
        found.append(following)
        following = task.timeline.after(following.nominal_at)
    return found


def oracle(task: ScheduledTask, now: datetime) -> tuple[str, list[Occurrence]]:
    """One letter for every occurrence that is due, by the words of the protocol, one occurrence at a time."""
    policy = task.definition.policy
    due = [each for each in occurrences_between(task, task.decided_until, now) if each.run_at <= now]
    fresh = [each for each in due if policy.grace is None or now - each.run_at <= policy.grace]
    picked = {
        Misfire.LATEST: fresh[-1:],
        Misfire.EARLIEST: fresh[:1],
        Misfire.ALL: fresh[-policy.catch_up_max :],
        Misfire.SKIP: [each for each in fresh[-1:] if now <= each.run_at + timedelta(seconds=60)],
    }[policy.misfire]
    states = [each.state for each in task.open]
    letters = {}
    for each in picked:
        letters[each] = _admitted(policy.overlap, each is picked[-1], states)
    return "".join("g" if each not in fresh else letters.get(each, "m") for each in due), due


def _admitted(overlap: Overlap, is_newest: bool, states: list[ExecutionState]) -> str:
    letter = "o"
    if overlap is Overlap.ALLOW or (overlap in (Overlap.SKIP, Overlap.QUEUE_ONE) and not states):
        letter = "P"
    elif overlap is Overlap.QUEUE_ONE and WAITING not in states:
        letter = "W"
    elif overlap is Overlap.CANCEL_PREVIOUS and is_newest:
        letter = "W" if RUNNING in states else "P"
    if letter in STATES:
        states.append(STATES[letter])
    return letter


@given(POLICIES, INTERVALS, OPENS, OUTAGES)
def test_a_firing_decides_as_the_oracle_does(
    policy: ExecutionPolicy, schedule: IntervalSchedule, open_: tuple[OpenExecution, ...], outage: timedelta
) -> None:
    task, now = a_task(schedule=schedule, policy=policy, open_=open_), NOON + outage

    firing = fire(task, now)

    letters, due = oracle(task, now)
    assert firing.run == starts_in(letters, due)
    assert firing.skips == skips_in(letters, [each.nominal_at for each in due])
    undecided = [each for each in occurrences_between(task, NOON, now) if each not in due]
    assert firing.decided_until == (undecided[0].nominal_at - MICROSECOND if undecided else now)
    assert firing.next_occurrence == task.timeline.after(firing.decided_until)


def decided(firing: Firing) -> tuple[object, ...]:
    return firing.run, firing.cancel, firing.skips


@given(POLICIES, INTERVALS, OPENS, OUTAGES)
def test_a_firing_is_good_up_to_its_last_microsecond_and_no_longer(
    policy: ExecutionPolicy, schedule: IntervalSchedule, open_: tuple[OpenExecution, ...], outage: timedelta
) -> None:
    task, now = a_task(schedule=schedule, policy=policy, open_=open_), NOON + outage
    firing = fire(task, now)
    if firing.good_until is None:
        assert policy.misfire is Misfire.ALL
        return
    assert now < firing.good_until

    last = firing.good_until - MICROSECOND
    if firing.next_occurrence is not None and firing.next_occurrence.run_at <= last:
        # Only `all` may decide what follows by itself, later.
        assert policy.misfire is Misfire.ALL
        return
    assert decided(fire(task, last)) == decided(firing)
    assert decided(fire(task, firing.good_until)) != decided(firing)


@pytest.mark.parametrize(
    ("misfire", "grace", "now", "good_until"),
    [
        (Misfire.LATEST, None, 35, 40),
        (Misfire.EARLIEST, None, 35, 40),
        (Misfire.ALL, None, 35, None),
        (Misfire.SKIP, None, 30.5, 31),
        (Misfire.SKIP, None, 35, 40),
        (Misfire.SKIP, 15, 30.5, 31),
        (Misfire.SKIP, 15, 34, 35),
        (Misfire.LATEST, 8, 35, 38),
        (Misfire.LATEST, 18, 35, 38),
        (Misfire.LATEST, 4, 35, 40),
        (Misfire.EARLIEST, 27, 35, 37),
        (Misfire.EARLIEST, 60, 35, 40),
        (Misfire.ALL, 27, 35, 37),
        (Misfire.ALL, 60, 35, 70),
    ],
)
def test_which_bound_ends_a_decision(misfire: Misfire, grace: int | None, now: float, good_until: int | None) -> None:
    policy = ExecutionPolicy(misfire=misfire, grace=None if grace is None else grace * MINUTE)

    firing = fire(a_task(schedule=EVERY_TEN, policy=policy), minute(now))

    # The following occurrence is due at its instant; the bounds of lateness still hold at theirs.
    is_following = good_until == 40
    expected = None if good_until is None else minute(good_until) + (timedelta(0) if is_following else MICROSECOND)
    assert firing.good_until == expected
