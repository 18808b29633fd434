"""The four tabs: what each says, and every way from one to another and back."""

import pytest

from domain.errors import InvalidScheduleError
from domain.scheduling.schedule import ScheduleType
from entrypoints.web.builder.tabs import EMPTY, Switched, Tab, Written, fields_of, switched, tab_of, written_in

CRON, INTERVAL, ONE_TIME = ScheduleType.CRON, ScheduleType.INTERVAL, ScheduleType.ONE_TIME

SCHEDULES = [
    (INTERVAL, "1h30m", Tab.EVERY),
    (INTERVAL, "PT5M", Tab.EVERY),
    (CRON, "0 2 * * *", Tab.TIMES),
    (CRON, "@daily", Tab.TIMES),
    (CRON, "  30  9,17 * * MON-FRI ", Tab.TIMES),
    (CRON, "0 0 1,15,L * *", Tab.TIMES),
    (CRON, "0 */7 * * *", Tab.CRON),
    (CRON, "0 0 1 * MON#1", Tab.CRON),
    (CRON, "*/10 * * * * *", Tab.CRON),
    (ONE_TIME, "2026-12-24T18:00", Tab.ONCE),
    (ONE_TIME, "2026-12-24", Tab.ONCE),
    (ONE_TIME, "2026-10-25 02:30:00.5+01:00", Tab.ONCE),
]


@pytest.mark.parametrize(("kind", "text", "tab"), SCHEDULES)
def test_the_simplest_tab_speaks_and_says_the_text_as_it_was_written(kind: ScheduleType, text: str, tab: Tab) -> None:
    fields = fields_of(text, kind)

    assert tab_of(fields) is tab
    assert written_in(fields) == Written(kind, text)


@pytest.mark.parametrize("by_way_of", list(Tab))
@pytest.mark.parametrize(("kind", "text", "tab"), SCHEDULES)
def test_a_look_at_another_tab_and_back_changes_nothing(
    kind: ScheduleType, text: str, tab: Tab, by_way_of: Tab
) -> None:
    fields = fields_of(text, kind)

    there = switched(fields, by_way_of)
    back = switched(there.fields, tab)

    assert written_in(back.fields) == Written(kind, text)
    shows = by_way_of is tab or (by_way_of is Tab.CRON and kind is CRON)
    assert there.cannot_show == (None if shows else text)
    assert (there.left, back.left) == (None, None)


def test_a_tab_that_can_say_it_is_filled_from_the_one_before() -> None:
    cron = {**EMPTY, "tab": "cron", "cron": "30 9,17 * * 1-5"}

    there = switched(cron, Tab.TIMES)

    assert there.cannot_show is None
    times = there.fields
    assert (times["times"], times["days"], times["on_1"], times["on_0"]) == ("09:30, 17:30", "week", "1", "")


def test_what_is_written_anew_in_one_tab_stands_in_the_next() -> None:
    there = switched({**EMPTY, "tab": "cron", "cron": "0 */7 * * *"}, Tab.TIMES)
    filled_in = {**there.fields, "times": "9:00, 10:00, 11:00", "days": "week", "on_0": "1", "on_6": "1"}

    cron = switched(filled_in, Tab.CRON)

    assert written_in(cron.fields) == Written(CRON, "0 9-11 * * 0,6")


def test_a_tab_that_cannot_show_it_is_empty_and_says_nothing_of_its_own() -> None:
    cron = {**EMPTY, "tab": "cron", "cron": "0 */7 * * *", "times": "09:00"}

    there = switched(cron, Tab.TIMES)

    assert (there.fields["times"], there.cannot_show) == ("", "0 */7 * * *")
    with pytest.raises(InvalidScheduleError):
        written_in(there.fields)


def test_nothing_said_is_nothing_to_take_along() -> None:
    assert switched({**EMPTY, "tab": "cron"}, Tab.TIMES) == Switched({**EMPTY, "tab": "times"})


@pytest.mark.parametrize("typed", ["25:00", "09:00, 10:30"])
def test_what_cannot_be_read_stays_behind_and_the_last_that_could_is_kept(typed: str) -> None:
    times = {**fields_of("30  4 * * *"), "times": typed}

    there = switched(times, Tab.CRON)

    assert (written_in(there.fields), there.left, there.cannot_show) == (Written(CRON, "30  4 * * *"), typed, None)


def test_what_cannot_be_read_stays_behind_also_where_nothing_was_said_before() -> None:
    there = switched({**EMPTY, "tab": "every", "every_count": "x"}, Tab.CRON)

    assert there == Switched({**EMPTY, "tab": "cron"}, left="x")


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"tab": "every", "every_count": "x"}, "/count"),
        ({"tab": "every", "every_count": "5", "every_unit": "y"}, "/unit"),
        ({"tab": "times", "times": ""}, "/times"),
        ({"tab": "times", "times": "9:00", "days": "week"}, "/weekdays"),
        ({"tab": "times", "times": "9:00", "days": "month", "month_days": "32"}, "/month_days"),
        ({"tab": "once", "once_time": "18:00"}, "/date"),
        ({"tab": "once", "once_date": "2026-12-24"}, "/time"),
    ],
)
def test_a_field_that_cannot_be_read_is_named(fields: dict[str, str], pointer: str) -> None:
    with pytest.raises(InvalidScheduleError) as refused:
        written_in({**EMPTY, **fields})

    assert refused.value.pointer == pointer


@pytest.mark.parametrize(
    ("text", "tab", "field"),
    [("5x", Tab.EVERY, "every_count"), ("2026-13-45", Tab.ONCE, "once_date"), ("0 99 * * *", Tab.CRON, "cron")],
)
def test_a_text_that_cannot_be_read_stands_in_the_tab_of_its_kind(text: str, tab: Tab, field: str) -> None:
    fields = fields_of(text)

    assert (tab_of(fields), fields[field]) == (tab, text)
