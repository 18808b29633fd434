"""What a name may be written with: anything that can be seen, in one spelling."""

import pytest

from domain.scheduling.names import told, unseen_in


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("nightly report", None),
        ("日本語\u3000レポート", None),
        ("اردو रिपोर्ट", None),
        ("\u2699\ufe0f nightly", None),
        ("\U0001f469\u200d\U0001f4bb", None),
        ("\U0001f469\U0001f3fd\u200d\U0001f4bb", None),
        ("\u2764\ufe0f\u200d\U0001f525", None),
        ("a\u200bb", 1),
        ("a\u200db", 1),
        ("a\ufe0f", 1),
        ("\u2764\ufe0f\ufe0f", 2),
        ("\U0001f469\u200d", 1),
        ("soft\u00adhyphen", 4),
        ("no\u00a0break", 2),
        ("\ufeffname", 0),
        ("a\u202eb", 1),
        ("a\u2066b", 1),
        ("a\u034fb", 1),
        ("\u3164", 0),
        ("a\U000e0041", 1),
        ("line\nline", 4),
        ("half \ud800", 5),
    ],
)
def test_what_cannot_be_seen_is_found_where_it_is(text: str, place: int | None) -> None:
    assert unseen_in(text) == place


def test_a_character_that_cannot_be_seen_is_told_by_its_number_and_its_name() -> None:
    assert [told("\u202e"), told("\x07")] == ["U+202E (right-to-left override)", "U+0007"]
