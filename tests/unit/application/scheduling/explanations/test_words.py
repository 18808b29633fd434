from datetime import UTC, datetime, timedelta

import pytest

from application.scheduling.explanations.words import ERROR_SHOWN_MAX, Clockface, counted, gist, sentence, span, times
from domain.scheduling.execution import ErrorReport
from tests.support.builders import a_change

GAP_END = datetime(2026, 3, 29, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 ms"),
        (0.0004, "0 ms"),
        (0.25, "250 ms"),
        (1, "1 s"),
        (1.26, "1.3 s"),
        (9.96, "10 s"),
        (41.3, "41 s"),
        (59.7, "1 min"),
        (90, "1 min 30 s"),
        (3_600, "1 h"),
        (3_605, "1 h"),
        (7_500, "2 h 5 min"),
        (86_400, "1 d"),
        (183_600, "2 d 3 h"),
        (86_400 * 400, "400 d"),
        (86_400 * 730 + 3_600, "730 d 1 h"),
        (86_400 * 731, "2 years"),
        (86_400 * 1_461, "4 years"),
        (86_400 * 3_651, "9 years 363 d"),
        (86_400 * 26_694 + 3_600 * 5, "73 years"),
        (86_400 * 365_243 * 8, "8,000 years"),
    ],
)
def test_a_length_of_time_is_told_in_its_two_largest_units(seconds: float, words: str) -> None:
    assert span(timedelta(seconds=seconds)) == words


@pytest.mark.parametrize(
    ("at", "timezone", "shown"),
    [
        (GAP_END, "Europe/Berlin", "Sun 2026-03-29 03:00 CEST"),
        (GAP_END - timedelta(seconds=1), "Europe/Berlin", "Sun 2026-03-29 01:59:59 CET"),
        (GAP_END + timedelta(milliseconds=250), "UTC", "Sun 2026-03-29 01:00 UTC"),
        (GAP_END + timedelta(seconds=5.9), "UTC", "Sun 2026-03-29 01:00:05 UTC"),
        (GAP_END, "Mars/Olympus", "Sun 2026-03-29 01:00 UTC"),
    ],
)
def test_an_instant_is_what_the_clocks_of_the_zone_show(at: datetime, timezone: str, shown: str) -> None:
    assert Clockface(timezone).at(at) == shown


@pytest.mark.parametrize(
    ("reason", "words"),
    [("", "by ana (api) at Mon 2024-01-15 12:00 UTC"), ("why", 'by ana (api) at Mon 2024-01-15 12:00 UTC ("why")')],
)
def test_a_change_is_told_with_who_made_it_how_and_why(reason: str, words: str) -> None:
    assert Clockface("UTC").made(a_change(reason=reason)) == words


@pytest.mark.parametrize(("count", "words"), [(1, "1 time"), (0, "0 times"), (2_000, "2,000 times")])
def test_a_number_goes_with_its_noun(count: int, words: str) -> None:
    assert counted(count, "time") == words


@pytest.mark.parametrize(("count", "words"), [(1, "once"), (2, "twice"), (3, "3 times")])
def test_how_often_is_a_word_or_a_number(count: int, words: str) -> None:
    assert times(count) == words


@pytest.mark.parametrize(
    ("text", "told"), [("it ran", "It ran."), ("Why?", "Why?"), ("", "."), ("a\x1b[2J", "A\ufffd[2J.")]
)
def test_a_sentence_has_a_capital_and_a_stop(text: str, told: str) -> None:
    assert sentence(text) == told


def test_an_error_is_one_line_of_bounded_length() -> None:
    assert gist(ErrorReport("OSError", "Traceback:\n  line 1\nOSError: disk\tfull")) == "OSError: disk full"
    assert gist(None) == "no error on record"
    assert len(gist(ErrorReport("OSError", "x" * 1_000))) == ERROR_SHOWN_MAX
