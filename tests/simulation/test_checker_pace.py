"""Runs matched with windows by time alone: as many as can be, like every possible assignment tried."""

from itertools import permutations

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.checker_pace import Window, unmatched

INSTANTS = st.integers(0, 12)
WINDOWS = st.lists(st.tuples(INSTANTS, st.integers(0, 4)).map(lambda each: (each[0], each[0] + each[1])), max_size=5)


def _most_matched(windows: list[Window], runs: list[int]) -> int:
    padded = [*runs, *[-1] * len(windows)]
    return max(
        sum(opens <= run <= closes for (opens, closes), run in zip(windows, order, strict=True))
        for order in permutations(padded, len(windows))
    )


@settings(max_examples=150, deadline=None)
@given(WINDOWS, st.lists(INSTANTS, max_size=4))
def test_as_many_windows_are_matched_as_can_be(windows: list[Window], runs: list[int]) -> None:
    missed = unmatched(windows, runs)

    assert len(windows) - len(missed) == _most_matched(windows, runs)
    assert all(missed.count(each) <= windows.count(each) for each in missed)


def test_a_run_is_given_to_the_window_that_closes_first() -> None:
    assert unmatched([(0, 10), (0, 3)], [2, 8]) == []
    assert unmatched([(0, 10), (0, 3)], [8, 9]) == [(0, 3)]
    assert unmatched([(0, 3)], [4]) == [(0, 3)]
