"""Our fire sets beside those of croniter 7 and cronsim 2.8: equal, but for the differences named here.

A rule says why a peer differs, when that can happen, and which instants it may then fire more or less. Every rule has a
witness, a literal case in which both answers are asserted; so a peer that changes its mind is noticed too.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cached_property
from itertools import islice, pairwise, takewhile

import pytest
from croniter import croniter
from cronsim import CronSim, CronSimError
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InvalidScheduleError
from domain.scheduling.cron.expression import CronExpression, parse
from domain.scheduling.cron.zone import EPOCH, zone, zone_clock
from domain.scheduling.schedule import CronSchedule
from tests.support.cron_oracle import in_utc
from tests.support.cron_questions import TIMES

SECOND = timedelta(seconds=1)
ANSWERS_MAX = 5_000


class Peer(StrEnum):
    CRONITER = "croniter"
    CRONSIM = "cronsim"


@dataclass(frozen=True)
class Case:
    """One question: the occurrences of an expression in a zone, in (after, until]."""

    text: str
    key: str
    after: datetime
    until: datetime

    @cached_property
    def expression(self) -> CronExpression:
        return parse(self.text)

    @cached_property
    def starred(self) -> bool:
        """Cron's wildcard: the minute or the hour begins with a star."""
        return self.expression.minute.begins_with_star or self.expression.hour.begins_with_star

    def ours(self, at_most: int = ANSWERS_MAX) -> list[datetime]:
        schedule, asked = CronSchedule(self.text, self.key), self.after
        found: list[datetime] = []
        while len(found) < at_most and (asked := schedule.next_after(asked) or self.until + SECOND) <= self.until:
            found.append(asked)
        return found

    def theirs(self, peer: Peer, at_most: int = ANSWERS_MAX) -> list[datetime]:
        start = self.after.astimezone(zone(self.key))
        answers = _croniter(self.text, start) if peer is Peer.CRONITER else CronSim(self.text, start)
        found = takewhile(lambda answer: answer <= self.until, (answer.astimezone(UTC) for answer in answers))
        return list(islice(found, at_most))

    def changes(self) -> Iterator[tuple[datetime, timedelta]]:
        """The offset changes that the window feels, and by how much each moves the wall clock forward."""
        clock = zone_clock(self.key)
        for start, (before, after) in zip(clock.starts[1:-1], pairwise(clock.offsets), strict=True):
            at = EPOCH + start * SECOND
            if self.after - timedelta(days=1) <= at <= self.until:
                yield at, (after - before) * SECOND

    def is_after_a_gap(self, instant: datetime) -> bool:
        return any(at == instant and moved > timedelta(0) for at, moved in self.changes())

    def is_in_a_second_pass(self, instant: datetime) -> bool:
        return any(moved < timedelta(0) and at <= instant < at - moved for at, moved in self.changes())

    def is_within_a_day_of_half_an_hour(self, instant: datetime) -> bool:
        day = timedelta(hours=25)
        return any(moved % timedelta(hours=1) and at - day < instant < at + day for at, moved in self.changes())


def _croniter(text: str, start: datetime) -> Iterator[datetime]:
    answers = croniter(text, start, ret_type=datetime, second_at_beginning=True)
    while True:
        yield answers.get_next()


Explains = Callable[[Case, datetime], bool]


def never(_case: Case, _instant: datetime) -> bool:
    return False


@dataclass(frozen=True)
class Rule:
    """Why a peer differs: `extra` instants are fired by the peer alone, `missing` ones by us alone."""

    name: str
    peer: Peer
    why: str
    witness: Case
    ours: tuple[str, ...]
    theirs: tuple[str, ...]
    extra: Explains = never
    missing: Explains = never


def case(text: str, key: str, after: str, hours: int) -> Case:
    return Case(text, key, in_utc(after), in_utc(after) + timedelta(hours=hours))


RULES = [
    Rule(
        "croniter runs fixed times twice in a fold",
        Peer.CRONITER,
        "It matches the wall clock literally on both passes; ours fires on the first, so that a daily task runs once.",
        case("30 1 * * *", "America/New_York", "2026-11-01T00:00", 24),
        ours=("11-01 05:30",),
        theirs=("11-01 05:30", "11-01 06:30"),
        extra=lambda case, instant: not case.expression.repeats and case.is_in_a_second_pass(instant),
    ),
    Rule(
        "cronsim loses wildcard runs in a gap",
        Peer.CRONSIM,
        "As Debian's cron, it treats any minute or hour that begins with a star as a beat, even `0 */2` and `*/15 2`.",
        case("*/15 2 * * *", "America/New_York", "2026-03-08T00:00", 24),
        ours=("03-08 07:00",),
        theirs=(),
        missing=lambda case, instant: case.starred and case.is_after_a_gap(instant),
    ),
    Rule(
        "cronsim makes up for skipped times of all 24 listed hours",
        Peer.CRONSIM,
        "Only a star makes a beat for it; listing all hours is a fixed time, so a gap's end gets an extra run.",
        case("17 0-23 * * *", "America/New_York", "2026-03-08T05:00", 3),
        ours=("03-08 05:17", "03-08 06:17", "03-08 07:17"),
        theirs=("03-08 05:17", "03-08 06:17", "03-08 07:00", "03-08 07:17"),
        extra=lambda case, instant: case.expression.covers_every_hour and case.is_after_a_gap(instant),
    ),
    Rule(
        "cronsim pauses all 24 listed hours in a fold",
        Peer.CRONSIM,
        "For the same reason the second pass stays silent and an hourly task pauses for two hours.",
        case("0 0-23 * * *", "America/New_York", "2026-11-01T04:30", 3),
        ours=("11-01 05:00", "11-01 06:00", "11-01 07:00"),
        theirs=("11-01 05:00", "11-01 07:00"),
        missing=lambda case, instant: case.expression.covers_every_hour and case.is_in_a_second_pass(instant),
    ),
    Rule(
        "cronsim answers with the past inside a second pass",
        Peer.CRONSIM,
        "It walks naive wall time from where it starts and forgets which pass that was.",
        case("45 1 * * *", "America/New_York", "2026-11-01T06:10", 20),
        ours=(),
        theirs=("11-01 05:45",),
        extra=lambda case, instant: case.is_in_a_second_pass(case.after) and instant <= case.after,
    ),
    Rule(
        "cronsim misses minutes round a change of half an hour",
        Peer.CRONSIM,
        "Looking for the hour it steps 60 minutes of elapsed time, and so lands beside the start of that hour.",
        case("*/10 0 * * *", "Australia/Lord_Howe", "2026-04-04T15:00", 24),
        ours=("04-05 13:30", "04-05 13:40", "04-05 13:50", "04-05 14:00", "04-05 14:10", "04-05 14:20"),
        theirs=("04-05 14:00", "04-05 14:10", "04-05 14:20"),
        missing=lambda case, instant: case.starred and case.is_within_a_day_of_half_an_hour(instant),
    ),
]


def unexplained(case: Case, peer: Peer) -> list[str]:
    ours, theirs = set(case.ours()), set(case.theirs(peer))
    rules = [rule for rule in RULES if rule.peer is peer]
    extra = [one for one in theirs - ours if not any(rule.extra(case, one) for rule in rules)]
    missing = [one for one in ours - theirs if not any(rule.missing(case, one) for rule in rules)]
    return sorted(f"{peer} fires {one}" for one in extra) + sorted(f"{peer} does not fire {one}" for one in missing)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_every_named_difference_is_real(rule: Rule) -> None:
    ours, theirs = rule.witness.ours(), rule.witness.theirs(rule.peer)

    assert tuple(one.strftime("%m-%d %H:%M") for one in ours) == rule.ours
    assert tuple(one.strftime("%m-%d %H:%M") for one in theirs) == rule.theirs
    assert ours != theirs
    assert unexplained(rule.witness, rule.peer) == []
    assert all(rule.extra(rule.witness, one) for one in set(theirs) - set(ours))
    assert all(rule.missing(rule.witness, one) for one in set(ours) - set(theirs))


# What all three read alike; the texts they read differently are below.
DAYS = [
    "* * *", "*/2 * *", "L * *", "1 * MON", "* * SUN", "29-31 * *", "* 3,10,11 *", "* * 0#5", "* * MON-FRI",
    "1,30,31 1-12/2 *", "15 * 1-5", "* */5 *",
]  # fmt: skip
ZONES = [
    "UTC", "America/New_York", "Europe/Berlin", "Europe/London", "Africa/Cairo", "America/Havana", "America/Santiago",
    "Australia/Lord_Howe", "Africa/Casablanca", "Antarctica/Troll", "Asia/Kathmandu", "Asia/Pyongyang",
    "Pacific/Apia", "Pacific/Chatham", "Europe/Dublin",
]  # fmt: skip


@st.composite
def cases(draw: st.DrawFn) -> Case:
    text = f"{draw(st.sampled_from(TIMES))} {draw(st.sampled_from(DAYS))}"
    key = draw(st.sampled_from(ZONES))
    recent = [start for start in zone_clock(key).starts if 1_000_000_000 < start < 2_500_000_000]
    change = draw(st.sampled_from(recent or [1_773_746_640]))
    after = EPOCH + timedelta(seconds=change, minutes=draw(st.integers(-24 * 60, 3 * 60)))
    return Case(text, key, after, after + timedelta(hours=draw(st.integers(1, 30))))


@given(cases())
def test_cronsim_agrees_but_for_the_named_differences(case: Case) -> None:
    assert unexplained(case, Peer.CRONSIM) == []


@given(cases())
def test_croniter_agrees_but_for_the_named_differences(case: Case) -> None:
    assert unexplained(case, Peer.CRONITER) == []


@given(st.sampled_from(TIMES[3:]), st.sampled_from(DAYS), st.integers(0, 60), st.sampled_from(["UTC", "Asia/Tokyo"]))
def test_all_three_agree_over_years_where_no_clock_changes(times: str, days: str, years: int, key: str) -> None:
    after = in_utc("2001-02-03T04:05") + timedelta(days=365) * years
    question = Case(f"{times} {days}", key, after, after + timedelta(days=400))

    assert question.ours(25) == question.theirs(Peer.CRONSIM, 25) == question.theirs(Peer.CRONITER, 25)


def days(text: str, peer: Peer | None) -> list[int] | None:
    """The days of September 2026 on which a nightly text runs, by us (None) or a peer; None if it is refused."""
    question = Case(text, "UTC", in_utc("2026-08-31T23:59"), in_utc("2026-09-30T23:59"))
    try:
        return [one.day for one in (question.ours() if peer is None else question.theirs(peer))]
    except (InvalidScheduleError, CronSimError, ValueError):
        return None


EVERY_DAY = list(range(1, 31))
MONDAYS = [7, 14, 21, 28]
WEEKENDS = [5, 6, 12, 13, 19, 20, 26, 27]
READINGS: list[tuple[str, str, list[int] | None, list[int] | None, list[int] | None]] = [
    # why, text, ours, croniter, cronsim
    ("croniter takes */1 for a restriction", "0 0 */1 * MON", MONDAYS, EVERY_DAY, MONDAYS),
    ("croniter ANDs with #", "0 0 8 * SUN#2", [8, 13], [13], [8, 13]),
    ("cronsim ANDs what begins with a star", "0 0 */10 * MON", [1, 7, 11, 14, 21, 28], [1, 7, 11, 14, 21, 28], [21]),
    ("croniter reads a-a as every value", "0 0 5-5 * *", [5], EVERY_DAY, [5]),
    ("croniter reads a-a as every value", "0 0 * * MON-MON", MONDAYS, EVERY_DAY, MONDAYS),
    ("croniter adds the 1st to L", "0 0 2-31,L * *", EVERY_DAY[1:], EVERY_DAY, EVERY_DAY[1:]),
    ("croniter clamps nW to a short month", "0 0 31W * *", [], [30], None),
    ("cronsim knows no nW", "0 0 15W * *", [15], [15], None),
    ("croniter knows no LW", "0 0 LW * *", [30], None, [30]),
    ("the last Friday is 5L to cronsim and L5 to croniter", "0 0 * * 5L", [25], None, [25]),
    ("the last Friday is 5L to cronsim and L5 to croniter", "0 0 * * L5", [25], [25], None),
    ("only ours reads its name", "0 0 * * FRIL", [25], None, None),
    ("cronsim refuses Sunday as the end of a range", "0 0 * * SAT-SUN", WEEKENDS, WEEKENDS, None),
    (
        "cronsim steps on to Sunday as day 7",
        "0 0 * * FRI/2",
        [4, 11, 18, 25],
        [4, 11, 18, 25],
        [4, 6, 11, 13, 18, 20, 25, 27],
    ),
    ("croniter wraps reversed ranges", "0 0 28-3 * *", None, [1, 2, 3, 28, 29, 30], None),
    ("both take steps larger than the field", "0 0 */40 * *", None, [1], [1]),
    ("all refuse what never fires", "0 0 31 2 *", None, None, None),
]


@pytest.mark.parametrize(("why", "text", "ours", "by_croniter", "by_cronsim"), READINGS)
def test_texts_that_are_read_differently(
    why: str,
    text: str,
    ours: list[int] | None,
    by_croniter: list[int] | None,
    by_cronsim: list[int] | None,
) -> None:
    assert (days(text, None), days(text, Peer.CRONITER), days(text, Peer.CRONSIM)) == (ours, by_croniter, by_cronsim)


def test_croniter_alone_takes_random_values() -> None:
    assert days("0 0 R * *", Peer.CRONITER) is not None
    assert days("0 0 R * *", Peer.CRONSIM) is None
    assert days("0 0 R * *", None) is None


def test_croniter_reads_a_sixth_field_as_seconds_last_unless_told() -> None:
    start = in_utc("2026-06-01T00:00")

    assert croniter("30 5 6 * * *", start, ret_type=datetime).get_next() == in_utc("2026-06-06T05:30")
    assert CronSchedule("30 5 6 * * *").next_after(start) == in_utc("2026-06-01T06:05:30")


def test_croniter_takes_a_year_field_and_ours_does_not() -> None:
    assert croniter.is_valid("0 0 1 1 * 0 2030")
    with pytest.raises(InvalidScheduleError):
        CronSchedule("0 0 1 1 * 0 2030")
