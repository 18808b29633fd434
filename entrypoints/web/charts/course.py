"""The course of an execution, told in pieces: how long it waited, and for what, and how each of its attempts went."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from application.scheduling.explanations.words import span
from application.scheduling.ports.records import AttemptRecord, ExecutionRecord
from domain.scheduling.execution import AttemptOutcome, Execution, ExecutionState
from entrypoints.web.charts.charts import Axis, Span, Tone
from entrypoints.web.words.wording import OUTCOMES

WAITS = {
    AttemptOutcome.FAILED: "to be tried again",
    AttemptOutcome.TIMEOUT: "to be tried again",
    AttemptOutcome.RESCUED: "until another worker took it over",
    AttemptOutcome.HANDED_BACK: "until another worker took it",
    AttemptOutcome.UNKNOWN_HANDLER: "for a worker that has its handler",
}
_OPEN_WAITS = {
    ExecutionState.WAITING: "for its turn",
    ExecutionState.PENDING: "for a worker",
    ExecutionState.RETRY_WAIT: "to be tried again",
}
_TONES = {AttemptOutcome.SUCCEEDED: Tone.GOOD, AttemptOutcome.FAILED: Tone.BAD, AttemptOutcome.TIMEOUT: Tone.BAD}


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of its life, from `begin` to `end` (None: it lasts): a wait, or an attempt."""

    says: str
    begin: datetime
    end: datetime | None
    tone: Tone
    attempt: AttemptRecord | None = None


def course_of(record: ExecutionRecord, now: datetime) -> tuple[Piece, ...]:
    """Everything from the instant it was due on, in order; what took no time at all is left out."""
    execution = record.summary.execution
    pieces = [*_before(execution, record.attempts), *_attempts(record.attempts, now), *_lasting(record, now)]
    return tuple(each for each in pieces if each.attempt is not None or each.end is None or each.end > each.begin)


def drawn(pieces: tuple[Piece, ...], now: datetime) -> tuple[Span, ...]:
    """The pieces as spans of a chart; none if there is nothing to see."""
    if not pieces or (end := max(each.end or now for each in pieces)) <= pieces[0].begin:
        return ()
    axis = Axis(pieces[0].begin, end)
    return tuple(axis.span(each.begin, each.end, each.tone, each.says) for each in pieces)


def _before(execution: Execution, attempts: tuple[AttemptRecord, ...]) -> Iterator[Piece]:
    """What lay before its first attempt."""
    due, recorded = execution.scheduled_at, execution.created_at
    if execution.nominal_at is not None and execution.nominal_at < due <= recorded and not execution.number:
        yield _wait("put off by its jitter for {}", execution.nominal_at, due)
    yield _wait("dispatched {} after it was due", due, recorded, Tone.WARN)
    ready = max(due, recorded)
    if not attempts:
        return
    started = attempts[0].started_at
    # Later attempts have left no trace of when the turn for the first one came.
    turn = execution.available_at if execution.starts == 1 and ready < execution.available_at <= started else ready
    yield _wait("waited {} for its turn", ready, turn)
    yield _wait("waited {} for a worker", turn, started)


def _attempts(attempts: tuple[AttemptRecord, ...], now: datetime) -> Iterator[Piece]:
    for attempt, following in pairwise([*attempts, None]):
        assert attempt is not None, "only the last has none behind it"
        yield _attempt(attempt, now)
        if following is not None and attempt.finished_at is not None and attempt.outcome is not None:
            waited = f"waited {{}} {WAITS.get(attempt.outcome, 'for the next start')}"
            yield _wait(waited, attempt.finished_at, following.started_at)


def _attempt(attempt: AttemptRecord, now: datetime) -> Piece:
    length = span(max((attempt.finished_at or now) - attempt.started_at, timedelta(0)))
    if attempt.outcome is None:
        said = f"start {attempt.start}: running for {length}"
    else:
        said = f"start {attempt.start}: {OUTCOMES[attempt.outcome]}, after {length}"
    tone = Tone.OPEN if attempt.outcome is None else _TONES.get(attempt.outcome, Tone.WARN)
    return Piece(said, attempt.started_at, attempt.finished_at, tone, attempt)


def _lasting(record: ExecutionRecord, now: datetime) -> Iterator[Piece]:
    """What it waits for now."""
    execution = record.summary.execution
    wait = _OPEN_WAITS.get(execution.state)
    if wait is None:
        return
    last = record.attempts[-1].finished_at if record.attempts else None
    begin = last or max(execution.scheduled_at, execution.created_at)
    if begin <= now:
        yield Piece(f"waiting {wait} for {span(now - begin)}", begin, None, Tone.OPEN)


def _wait(says: str, begin: datetime, end: datetime, tone: Tone = Tone.NONE) -> Piece:
    return Piece(says.format(span(max(end - begin, timedelta(0)))), begin, max(begin, end), tone)
