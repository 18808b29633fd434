from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import DomainError
from domain.scheduling.asked_time import AskedTime, Shown, Span
from domain.scheduling.cron.zone import zone

BERLIN = "Europe/Berlin"
ZONES = [BERLIN, "UTC", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "Africa/Casablanca"]
WALLS = st.datetimes(datetime(1975, 1, 1), datetime(2150, 1, 1))  # noqa: DTZ001 - what a wall clock shows
MINUTE, SECOND, DAY = timedelta(minutes=1), timedelta(seconds=1), timedelta(days=1)


def utc(*fields: int) -> datetime:
    return datetime(*fields, tzinfo=UTC)  # type: ignore[misc, arg-type]


SPANS: list[tuple[str, str, datetime, timedelta]] = [
    ("2026-03-28T02:30", BERLIN, utc(2026, 3, 28, 1, 30), MINUTE),
    ("2026-03-28 02:30:15", BERLIN, utc(2026, 3, 28, 1, 30, 15), SECOND),
    ("2026-03-28T02:30:15.25", BERLIN, utc(2026, 3, 28, 1, 30, 15, 250_000), timedelta(microseconds=1)),
    ("2026-03-28T02:30Z", BERLIN, utc(2026, 3, 28, 2, 30), MINUTE),
    ("2026-03-28T02:30:00+05:30", BERLIN, utc(2026, 3, 27, 21, 0), SECOND),
    ("2026-03-28T02:30-0200", BERLIN, utc(2026, 3, 28, 4, 30), MINUTE),
    ("2026-03-28", BERLIN, utc(2026, 3, 27, 23), DAY),
    ("2026-03-29", BERLIN, utc(2026, 3, 28, 23), timedelta(hours=23)),
    ("2026-10-25", BERLIN, utc(2026, 10, 24, 22), timedelta(hours=25)),
    ("2026-10-25T02:30Z", BERLIN, utc(2026, 10, 25, 2, 30), MINUTE),
]


@pytest.mark.parametrize(("text", "timezone", "since", "width"), SPANS)
def test_a_time_lasts_for_what_its_text_leaves_open(
    text: str, timezone: str, since: datetime, width: timedelta
) -> None:
    assert AskedTime.parse(text).in_zone(timezone) == ((Span(since, since + width),), Shown.ONCE)


@pytest.mark.parametrize(
    ("text", "timezone", "goes_on_at"),
    [
        ("2026-03-29T02:30", BERLIN, utc(2026, 3, 29, 1)),
        ("2026-03-29T02:59:59", BERLIN, utc(2026, 3, 29, 1)),
        ("2011-12-30", "Pacific/Apia", utc(2011, 12, 30, 10)),
        ("2011-12-30T09:00", "Pacific/Apia", utc(2011, 12, 30, 10)),
    ],
)
def test_a_time_the_clocks_skip_is_the_second_in_which_they_go_on(
    text: str, timezone: str, goes_on_at: datetime
) -> None:
    meant = AskedTime.parse(text).in_zone(timezone)

    assert meant == ((Span(goes_on_at, goes_on_at + SECOND),), Shown.NEVER)


def test_a_time_the_clocks_show_twice_is_both() -> None:
    meant = AskedTime.parse("2026-10-25T02:30").in_zone(BERLIN)

    firsts = [utc(2026, 10, 25, 0, 30), utc(2026, 10, 25, 1, 30)]
    assert meant == (tuple(Span(each, each + MINUTE) for each in firsts), Shown.TWICE)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "bad_instant"),
        ("yesterday", "bad_instant"),
        ("02:30", "bad_instant"),
        ("2026-02-30", "out_of_range"),
        ("2026-03-29T24:00", "out_of_range"),
        ("1969-12-31", "out_of_range"),
        ("2026-03-29T02:30 01:00", "bad_instant"),
        ("2026-W13", "unsupported"),
        ("٢026-03-29", "not_ascii"),
        ("2" * 100, "too_long"),
    ],
)
def test_what_is_no_time_is_refused(text: str, code: str) -> None:
    with pytest.raises(DomainError) as refused:
        AskedTime.parse(text)

    assert (refused.value.reason, refused.value.pointer) == (code, "/at")
    assert refused.value.hint is not None


def test_a_refused_time_is_told_in_these_words() -> None:
    with pytest.raises(DomainError) as refused:
        AskedTime.parse("2026-03-29T24:00")

    assert (refused.value.detail, refused.value.position) == ("hour 24 is out of range", 11)
    assert refused.value.hint == "midnight at the end of a day is 00:00 of the next"


def test_what_is_no_time_at_all_is_told_how_one_is_written() -> None:
    with pytest.raises(DomainError) as refused:
        AskedTime.parse("noon")

    assert refused.value.hint == "write 2026-03-29T02:30, with Z or +02:00 if it is not wall time in the task's zone"


def test_a_span_begins_with_its_first_instant_and_ends_before_its_last() -> None:
    asked = AskedTime.parse("2026-03-28T02:30Z")
    (span,) = asked.in_zone(BERLIN).spans

    assert asked.text == "2026-03-28T02:30Z"
    assert utc(2026, 3, 28, 2, 30) in span
    assert utc(2026, 3, 28, 2, 30, 59, 999_999) in span
    assert utc(2026, 3, 28, 2, 29, 59, 999_999) not in span
    assert utc(2026, 3, 28, 2, 31) not in span


@given(wall=WALLS, timezone=st.sampled_from(ZONES))
def test_the_clocks_show_the_time_in_each_of_its_spans(wall: datetime, timezone: str) -> None:
    shown = wall.replace(second=0, microsecond=0)
    meant = AskedTime.parse(f"{shown:%Y-%m-%dT%H:%M}").in_zone(timezone)

    clocks = [span.since.astimezone(zone(timezone)).replace(tzinfo=None, second=0) for span in meant.spans]
    assert (set(clocks) == {shown}) is (meant.shown is not Shown.NEVER)
    assert all(first.until < second.since for first, second in zip(meant.spans, meant.spans[1:], strict=False))
