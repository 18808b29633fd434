"""Two texts beside each other, line by line, each line marked if the other text has another one in its place."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

# Comparing takes time that grows faster than the number of lines; beyond this, lines are compared place by place.
LINES_MAX = 400


@dataclass(frozen=True, slots=True)
class Line:
    """A line, and whether it differs."""

    text: str
    differs: bool


def side_by_side(before: str, after: str) -> tuple[Sequence[Line], Sequence[Line]]:
    """The lines of both texts."""
    left, right = before.splitlines(), after.splitlines()
    if max(len(left), len(right)) > LINES_MAX:
        return _by_place(left, right), _by_place(right, left)
    same = SequenceMatcher(None, left, right, autojunk=False).get_matching_blocks()
    in_left = {block.a + index for block in same for index in range(block.size)}
    in_right = {block.b + index for block in same for index in range(block.size)}
    return _marked(left, in_left), _marked(right, in_right)


def _marked(lines: list[str], same: set[int]) -> list[Line]:
    return [Line(text, index not in same) for index, text in enumerate(lines)]


def _by_place(lines: list[str], others: list[str]) -> list[Line]:
    beside = [*others, *([None] * len(lines))]
    return [Line(text, text != other) for text, other in zip(lines, beside, strict=False)]
