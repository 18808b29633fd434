from datetime import UTC, datetime, timedelta
from xml.etree.ElementTree import Element, fromstring

import pytest
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from entrypoints.web.charts.charts import (
    HEIGHT_LEAST,
    WIDTH_LEAST,
    Axis,
    Bar,
    Cell,
    HeatRow,
    Lane,
    Tone,
    heights,
    level_of,
)
from entrypoints.web.rendering import FOLDER

NOON = datetime(2024, 1, 15, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
AXIS = Axis(NOON, NOON + 2 * HOUR)
CANARY = '"><script>alert(1)</script>'


def drawn(macro: str, *values: object) -> Element:
    """What a macro of charts.html draws; raises unless it is well-formed."""
    environment = Environment(loader=FileSystemLoader(FOLDER), autoescape=True, undefined=StrictUndefined)
    module = environment.get_template("charts.html").module
    return fromstring(f"<page>{getattr(module, macro)(*values)}</page>")


def texts(page: Element, tag: str) -> list[str]:
    return [found.text or "" for found in page.iter(tag)]


@pytest.mark.parametrize(
    ("lengths", "expected"),
    [
        ([], []),
        ([None, None], [HEIGHT_LEAST, HEIGHT_LEAST]),
        ([timedelta(0)], [HEIGHT_LEAST]),
        ([timedelta(seconds=1), timedelta(seconds=4), None], [0.5, 1.0, HEIGHT_LEAST]),
        ([timedelta(milliseconds=1), HOUR], [HEIGHT_LEAST, 1.0]),
    ],
)
def test_the_longest_run_is_highest_and_the_shortest_is_still_seen(
    lengths: list[timedelta | None], expected: list[float]
) -> None:
    assert heights(lengths) == expected


@pytest.mark.parametrize(
    ("count", "most", "expected"),
    [(0, 0, 0), (0, 9, 0), (1, 1_000, 1), (250, 1_000, 1), (251, 1_000, 2), (999, 1_000, 4), (1_000, 1_000, 4)],
)
def test_a_cell_is_as_strong_as_its_share_of_the_largest(count: int, most: int, expected: int) -> None:
    assert level_of(count, most) == expected


@pytest.mark.parametrize(
    ("begin", "end", "left", "width"),
    [
        (NOON, NOON + HOUR, 0.0, 0.5),
        (NOON - HOUR, NOON + HOUR, 0.0, 0.5),
        (NOON + HOUR, None, 0.5, 0.5),
        (NOON + HOUR, NOON + HOUR, 0.5, WIDTH_LEAST),
        (NOON + 3 * HOUR, NOON + 4 * HOUR, 1 - WIDTH_LEAST, WIDTH_LEAST),
    ],
)
def test_a_span_lies_within_its_axis_and_is_never_too_narrow_to_see(
    begin: datetime, end: datetime | None, left: float, width: float
) -> None:
    span = AXIS.span(begin, end, Tone.GOOD, "a run")

    assert (span.left, span.width) == (left, width)


def test_the_ticks_of_an_axis_include_its_two_ends() -> None:
    assert list(AXIS.ticks(3)) == [NOON, NOON + HOUR, NOON + 2 * HOUR]


def test_a_sparkline_tells_every_bar_in_words_and_a_failure_by_shape_too() -> None:
    page = drawn("sparkline", [Bar(1.0, Tone.GOOD, "ran 4 s"), Bar(0.5, Tone.BAD, CANARY)], "2 runs, 1 failed")

    assert texts(page, "title") == ["2 runs, 1 failed", "ran 4 s", CANARY]
    assert [group.get("class") for group in page.iter("g") if group.find("path") is not None] == ["bad"]


def test_a_ribbon_draws_nothing_where_nothing_is_due() -> None:
    page = drawn("ribbon", [Bar(0, Tone.NONE, "12:00"), Bar(1, Tone.WARN, "12:01: 3 runs")], ["now", "+1 min"], "Due")

    assert [len(group.findall("rect")) for group in page.iter("g")] == [1, 2]
    assert texts(page, "span") == ["now", "+1 min"]


def test_what_is_planned_is_hatched_and_every_lane_is_told_in_words() -> None:
    spans = [AXIS.span(NOON, NOON + HOUR, Tone.WARN, "planned for 12:00", is_planned=True)]

    page = drawn("gantt", [Lane(CANARY, spans, "/task")], ["12:00", "14:00"], "Two hours")

    assert [found.get("fill") for found in page.iter("rect") if found.get("fill")] == ["url(#hatch)"]
    assert texts(page, "desc") == ["planned for 12:00"]
    assert [(link.get("href"), link.text) for link in page.iter("a")] == [("/task", CANARY)]


def test_a_timeline_says_below_what_its_spans_are() -> None:
    page = drawn("timeline", [AXIS.span(NOON, None, Tone.OPEN, "running for 2 h")], "One run")

    assert texts(page, "li") == ["running for 2 h"]


def test_a_heat_map_has_a_table_with_the_same_counts() -> None:
    busy = Cell(4, 1_200, "Monday 02:00: 1,200 runs", is_bad=True)
    quiet = Cell(0, 0, "nothing")
    rows = [HeatRow("Monday", [quiet, quiet, busy, *[quiet] * 21]), HeatRow("Tuesday", [quiet] * 24)]

    page = drawn("heat_map", rows, "Runs by hour", "Four weeks.")

    assert not list(page.iter("a"))
    assert [text.strip() for text in texts(page, "td") if text != "–"] == ["1,200"]
    assert [heading.text for heading in page.iter("th") if heading.get("scope") == "col"] == [
        "Hour",
        "Monday",
        "Tuesday",
    ]
    assert texts(page, "caption") == ["Runs by hour"]


def test_charts_carry_no_style_of_their_own() -> None:
    page = drawn("heat_map", [HeatRow("Monday", [Cell(1, 1, "one")] * 24)], "Runs", "Four weeks.")

    assert not [found for found in page.iter() if "style" in found.attrib]
