from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from application.scheduling.ports.records import AttemptRecord, ExecutionRecord, ExecutionSummary
from domain.scheduling.execution import AttemptOutcome, Execution, ExecutionState
from domain.scheduling.identifiers import NodeId
from entrypoints.web.charts.charts import Tone
from entrypoints.web.charts.course import course_of, drawn
from tests.support.builders import MINUTE, SECOND, an_execution
from tests.support.manual_clock import NOON


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def an_attempt(start: int, began: float, ended: float | None, outcome: AttemptOutcome | None) -> AttemptRecord:
    finished_at = None if ended is None else at(ended)
    return AttemptRecord(start, NodeId("worker"), at(began), finished_at, outcome, None)


def a_record(execution: Execution, *attempts: AttemptRecord) -> ExecutionRecord:
    return ExecutionRecord(ExecutionSummary(execution, "report", "mail"), attempts, ())


def told(record: ExecutionRecord, now: datetime = NOON + MINUTE) -> Sequence[str]:
    return [each.says for each in course_of(record, now)]


DONE = replace(an_execution(), state=ExecutionState.SUCCEEDED, starts=1)


@pytest.mark.parametrize(
    ("execution", "expected"),
    [
        (DONE, ["waited 2 s for a worker"]),
        (
            replace(DONE, created_at=at(1), available_at=at(1)),
            ["dispatched 1 s after it was due", "waited 1 s for a worker"],
        ),
        (replace(DONE, available_at=at(1.5)), ["waited 1.5 s for its turn", "waited 500 ms for a worker"]),
        (
            replace(DONE, nominal_at=at(-30)),
            ["put off by its jitter for 30 s", "waited 2 s for a worker"],
        ),
        # After several starts nobody knows when the turn for the first one came.
        (replace(DONE, available_at=at(1.5), starts=2), ["waited 2 s for a worker"]),
    ],
    ids=["at once", "decided late", "queued", "jitter", "started again"],
)
def test_what_lay_before_its_first_attempt_is_named(execution: Execution, expected: list[str]) -> None:
    attempt = an_attempt(1, 2, 5, AttemptOutcome.SUCCEEDED)

    assert told(a_record(execution, attempt)) == [*expected, "start 1: succeeded, after 3 s"]


@pytest.mark.parametrize(
    ("outcome", "wait"),
    [
        (AttemptOutcome.FAILED, "waited 10 s to be tried again"),
        (AttemptOutcome.TIMEOUT, "waited 10 s to be tried again"),
        (AttemptOutcome.RESCUED, "waited 10 s until another worker took it over"),
        (AttemptOutcome.HANDED_BACK, "waited 10 s until another worker took it"),
        (AttemptOutcome.UNKNOWN_HANDLER, "waited 10 s for a worker that has its handler"),
    ],
)
def test_what_lay_between_two_attempts_is_named(outcome: AttemptOutcome, wait: str) -> None:
    first, second = an_attempt(1, 0, 5, outcome), an_attempt(2, 15, 16, AttemptOutcome.SUCCEEDED)

    assert told(a_record(replace(DONE, starts=2), first, second))[1] == wait


@pytest.mark.parametrize(
    ("state", "attempts", "last"),
    [
        (ExecutionState.PENDING, [], "waiting for a worker for 1 min"),
        (ExecutionState.WAITING, [], "waiting for its turn for 1 min"),
        (
            ExecutionState.RETRY_WAIT,
            [an_attempt(1, 0, 40, AttemptOutcome.FAILED)],
            "waiting to be tried again for 20 s",
        ),
        (ExecutionState.RUNNING, [an_attempt(1, 0, None, None)], "start 1: running for 1 min"),
    ],
)
def test_what_lasts_is_told_as_lasting(state: ExecutionState, attempts: list[AttemptRecord], last: str) -> None:
    record = a_record(replace(an_execution(), state=state), *attempts)

    (*_, piece) = course_of(record, NOON + MINUTE)

    assert (piece.says, piece.end) == (last, None)


def test_a_clock_that_was_set_back_makes_no_negative_time() -> None:
    record = a_record(replace(DONE, created_at=at(5)), an_attempt(1, 4, 3, AttemptOutcome.SUCCEEDED))

    assert told(record) == ["dispatched 5 s after it was due", "start 1: succeeded, after 0 ms"]


def test_the_drawing_has_a_span_for_each_piece_over_the_whole_width() -> None:
    record = a_record(
        replace(DONE, starts=2),
        an_attempt(1, 0, 5, AttemptOutcome.FAILED),
        an_attempt(2, 15, 20, AttemptOutcome.SUCCEEDED),
    )

    spans = drawn(course_of(record, NOON + MINUTE), NOON + MINUTE)

    assert [(span.left, span.width, span.tone) for span in spans] == [
        (0, 0.25, Tone.BAD),
        (0.25, 0.5, Tone.NONE),
        (0.75, 0.25, Tone.GOOD),
    ]
    assert drawn((), NOON) == ()
    assert drawn(course_of(a_record(an_execution()), NOON), NOON + SECOND) != ()
