import pytest

from application.scheduling.explanations.answer import Code, Finding
from application.scheduling.explanations.tally import TALLIED, tally


def _finding(code: Code, count: int = 1, *, at_least: bool = False) -> Finding:
    return Finding(code, ("",), count=count, at_least=at_least)


@pytest.mark.parametrize("code", [each for each in Code if each is not Code.SEVERAL])
def test_every_code_has_words_of_its_own(code: Code) -> None:
    assert TALLIED[code].partition(":")[0].replace("_", " ") == TALLIED[code].partition(":")[0]
    assert [each for each, words in TALLIED.items() if words == TALLIED[code]] == [code]


def test_occurrences_are_counted_and_not_records() -> None:
    found = [
        _finding(Code.SUCCEEDED),
        _finding(Code.SKIPPED_OVERLAP, 4),
        _finding(Code.SUCCEEDED),
        _finding(Code.SKIPPED_OVERLAP, 2_000, at_least=True),
        _finding(Code.SKIPPED_EDITED, 0, at_least=True),
        _finding(Code.MAX_RUNS),
    ]

    assert tally(found) == (
        "2 succeeded, at least 2,004 passed over: overlap, an unknown number passed over: the schedule was changed, "
        "1 beyond the number of its runs."
    )
