import pytest

from domain.scheduling.durations import Durations, step_of
from entrypoints.web.pages.statistics_page import time_words
from tests.support.builders import DAY, SECOND


@pytest.mark.parametrize(
    ("durations", "words"),
    [
        (Durations({}), "–"),
        (Durations({step_of(SECOND): 3}), "1 s"),
        (Durations({step_of(SECOND): 1, step_of(400 * DAY): 1}), "1 s"),
        (Durations({step_of(SECOND): 1, step_of(400 * DAY): 2}), "over 57 d 20 h"),
    ],
)
def test_what_took_longer_than_is_counted_is_told_apart_from_what_never_ran(durations: Durations, words: str) -> None:
    assert time_words(durations, 50) == words
