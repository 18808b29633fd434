"""What a clock change is said to do is what the engine does: literal nights, and every change of many zones."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given

from domain.scheduling.cron.clock_change import AffectedOccurrence, ClockChanges, ClockEffect
from domain.scheduling.cron.zone import zone
from domain.scheduling.schedule import CronSchedule
from tests.support.cron_oracle import in_utc
from tests.support.cron_questions import expressions, near_a_change, walk

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("expression", "timezone", "after", "told"),
    [
        ("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00", "02:30: what is due then runs once, at 03:00"),
        ("*/15 2 * * *", "Europe/Berlin", "2026-03-28T12:00", "02:00: what is due then runs once, at 03:00"),
        ("15 30 2 * * *", "Europe/Berlin", "2026-03-28T12:00", "02:30:15: what is due then runs once, at 03:00"),
        ("0 9 * * *", "Pacific/Apia", "2011-12-29T12:00", "09:00: what is due then runs once, at 00:00 on 2011-12-31"),
        ("15 2 * * *", "Australia/Lord_Howe", "2026-10-03T12:00", "02:15: what is due then runs once, at 02:30"),
    ],
)
def test_skipped_times_are_told_with_the_time_they_move_to(
    expression: str, timezone: str, after: str, told: str
) -> None:
    begin = in_utc(after)
    [affected] = ClockChanges(expression, timezone).ahead(begin, begin + 2 * DAY)

    assert affected.effect is ClockEffect.MOVED
    assert affected.told == f"the clocks skip {told}"


@pytest.mark.parametrize(
    ("expression", "effect", "told"),
    [
        ("30 2 * * *", "dst_first_of_two_only", "the clocks show 02:30 twice: it runs the first time only"),
        ("0 2,14 * * *", "dst_first_of_two_only", "the clocks show 02:00 twice: it runs the first time only"),
        ("*/20 2 * * *", "dst_first_of_two", "the clocks show 02:00 twice: it runs both times"),
        ("0 */2 * * *", "dst_first_of_two", "the clocks show 02:00 twice: it runs both times"),
    ],
)
def test_repeated_times_are_told_with_how_often_they_run(expression: str, effect: str, told: str) -> None:
    begin = in_utc("2026-10-24T12:00")
    [affected] = ClockChanges(expression, "Europe/Berlin").ahead(begin, begin + DAY)

    assert (affected.effect, affected.told) == (effect, told)


@pytest.mark.parametrize("expression", ["*/15 * * * *", "30 * * * *", "30 4 * * *", "30 2 1 * *", "30 2 * * SAT"])
def test_what_no_change_touches_is_not_mentioned(expression: str) -> None:
    begin = in_utc("2026-01-05T12:00")

    assert list(ClockChanges(expression, "Europe/Berlin").ahead(begin, begin + 350 * DAY)) == []
    assert list(ClockChanges("30 2 * * *", "UTC").ahead(begin, begin + 350 * DAY)) == []


def test_only_changes_of_the_span_are_looked_at() -> None:
    changes, change = ClockChanges("30 2 * * *", "Europe/Berlin"), in_utc("2026-03-29T01:00")

    assert list(changes.ahead(change, change + DAY)) == []
    assert list(changes.ahead(change - DAY, change - SECOND)) == []
    assert [each.at for each in changes.ahead(change - SECOND, change)] == [change]


def test_each_occurrence_of_a_night_carries_its_effect() -> None:
    changes = ClockChanges("*/30 1-3 * * *", "Europe/Berlin")
    schedule = CronSchedule("*/30 1-3 * * *", "Europe/Berlin")

    spring = walk(schedule, in_utc("2026-03-29T00:00"), in_utc("2026-03-29T01:30"))
    autumn = walk(schedule, in_utc("2026-10-24T23:00"), in_utc("2026-10-25T02:30"))

    assert [_effect(changes.effect_on(each)) for each in spring] == ["", "dst_moved", ""]
    assert [_effect(changes.effect_on(each)) for each in autumn] == [
        "", "dst_first_of_two", "dst_first_of_two", "dst_second_of_two", "dst_second_of_two", "", "",
    ]  # fmt: skip
    second = changes.effect_on(autumn[3])
    assert second is not None
    assert second.told == "the clocks show 02:00 for the second time: it runs again"


def test_an_expression_of_every_hour_loses_nothing_in_a_gap_and_fires_twice_in_a_fold() -> None:
    changes = ClockChanges("*/30 * * * *", "Europe/Berlin")
    schedule = CronSchedule("*/30 * * * *", "Europe/Berlin")

    spring = walk(schedule, in_utc("2026-03-29T00:00"), in_utc("2026-03-29T01:30"))
    autumn = walk(schedule, in_utc("2026-10-24T23:30"), in_utc("2026-10-25T01:00"))

    assert [_effect(changes.effect_on(each)) for each in spring] == ["", "", ""]
    assert [_effect(changes.effect_on(each)) for each in autumn] == [
        "dst_first_of_two", "dst_first_of_two", "dst_second_of_two",
    ]  # fmt: skip


def _effect(affected: AffectedOccurrence | None) -> str:
    return "" if affected is None else affected.effect


@given(expressions, near_a_change())
def test_what_is_told_of_a_change_is_what_fires(expression: str, where: tuple[str, datetime]) -> None:
    timezone, near = where
    changes, schedule = ClockChanges(expression, timezone), CronSchedule(expression, timezone)
    begin, end = near - DAY, near + DAY
    fired = walk(schedule, begin, end)
    shown = defaultdict[datetime, list[datetime]](list)
    for at in fired:
        shown[_wall(at, timezone)].append(at)

    for affected in changes.ahead(begin, end):
        assert not begin < affected.at <= end or affected.at in fired
        assert changes.effect_on(affected.at) == affected
    for at in fired:
        one = changes.effect_on(at)
        twins = shown[_wall(at, timezone)]
        # Of a pair at the edge of the span, only one was walked.
        edge = min(at - begin, end - at) < DAY / 2
        match one and one.effect:
            case None | ClockEffect.FIRST_OF_TWO_ONLY:
                assert twins == [at]
            case ClockEffect.MOVED:
                assert one is not None
                assert one.wall < one.fires_wall == _wall(at, timezone)
            case ClockEffect.FIRST_OF_TWO:
                assert edge or (len(twins) == 2 and twins[0] == at)
            case ClockEffect.SECOND_OF_TWO:
                assert edge or (len(twins) == 2 and twins[1] == at)


def _wall(at: datetime, timezone: str) -> datetime:
    return at.astimezone(zone(timezone)).replace(tzinfo=UTC)
