import pytest

from entrypoints.web.words.side_by_side import LINES_MAX, Line, side_by_side


def marks(lines: object) -> str:
    """The lines, those that differ with a mark in front."""
    assert isinstance(lines, list)
    return " ".join(f"{'!' if line.differs else ''}{line.text}" for line in lines)


@pytest.mark.parametrize(
    ("before", "after", "left", "right"),
    [
        ("a\nb\nc", "a\nb\nc", "a b c", "a b c"),
        ("a\nb\nc", "a\nx\nc", "a !b c", "a !x c"),
        ("a\nc", "a\nb\nc", "a c", "a !b c"),
        ("", "a", "", "!a"),
        ("a\na\na", "a", "a !a !a", "a"),
    ],
)
def test_lines_that_differ_are_marked(before: str, after: str, left: str, right: str) -> None:
    found = side_by_side(before, after)

    assert (marks(found[0]), marks(found[1])) == (left, right)


def test_long_texts_are_compared_place_by_place() -> None:
    before = [str(number) for number in range(LINES_MAX + 1)]

    left, right = side_by_side("\n".join(before), "\n".join(["new", *before[1:], "more"]))

    assert [line for line in left if line.differs] == [Line("0", differs=True)]
    assert [line.text for line in right if line.differs] == ["new", "more"]
