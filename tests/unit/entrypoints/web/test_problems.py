"""What an error is told as: the kind of problem and the words of this case."""

import pytest

from application.scheduling.ports.errors import StoreFullError, StoreUnavailableError
from entrypoints.web.problems import problem_of


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (StoreUnavailableError("mutate: redis://:secret@host"), "the store does not answer for now"),
        (StoreFullError("mutate: the server's memory is full"), "the store has no room left for anything new"),
    ],
)
def test_what_the_store_cannot_do_is_told_without_its_address(error: Exception, words: str) -> None:
    problem = problem_of(error)

    assert problem is not None
    assert (problem.kind, problem.detail) == ("store_unavailable", words)
    assert problem.headers == {"Retry-After": "1"}
