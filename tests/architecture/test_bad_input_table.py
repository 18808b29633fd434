"""The table of bad inputs in docs/proof.md: every row of the plan is in it once, and what it names is there."""

import re

from tests.support.bad_input import BAD_BODIES, BAD_TASKS, ODD_TASKS
from tests.support.repository import ROOT

ROWS = 47
SHORT = {"E/": "tests/integration/web/test_bad_", "C": "tests/integration/cli/test_bad_input.py"}
SECTION = (ROOT / "docs" / "proof.md").read_text(encoding="utf-8").partition("## Bad input\n")[2].partition("\n## ")[0]


def lines() -> dict[int, str]:
    """What is said of each row."""
    found: dict[int, str] = {}
    for numbers, _, shown in re.findall(r"^\| ([0-9, –]+) \| (.+?) \| (.+?) \|$", SECTION, re.MULTILINE):
        for part in numbers.split(", "):
            first, _, last = part.partition("–")
            for row in range(int(first), int(last or first) + 1):
                assert row not in found, f"row {row} stands twice"
                found[row] = shown
    return found


def test_every_row_stands_once_with_tests_that_exist_or_says_that_it_does_not_apply_yet() -> None:
    told = lines()

    assert sorted(told) == list(range(1, ROWS + 1))
    for row, shown in told.items():
        paths = [SHORT["E/"] + path[2:] if path.startswith("E/") else path for path in re.findall(r"[\w/]+\.py", shown)]
        paths += [SHORT["C"]] if re.search(r"\bC\b", shown) else []
        assert paths or shown.startswith("not yet: "), f"row {row} names nothing that shows it"
        assert [path for path in paths if not (ROOT / path).is_file()] == []


def test_what_is_tried_at_every_door_is_said_to_be_shown_there() -> None:
    told = lines()

    for row in {bad.row for bad in BAD_TASKS} | {bad.row for bad in BAD_BODIES} | {row for row, _ in ODD_TASKS}:
        assert re.search(r"\bE/input\.py|\bC\b", told[row]), f"row {row} is tried, and the table does not say so"
